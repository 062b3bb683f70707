/**
 * Generations of the lists: each change of them makes one. A reader has what a generation had, and gets what later ones added and
 * removed. Keys and the generation are given under the lock of one row that is held to the commit, so keys rise with generations.
 */
import { randomInt } from 'node:crypto';
import type { FeedPosition } from '../../store/lists-contract.js';
import type { Sql } from '../database.js';
import { CHANNEL } from '../listener.js';

/** Of tokens: the widest range of `randomInt`. */
const TOKEN_SPAN = 2 ** 47;

/** A reader that is further behind loads everything. */
const KEPT = `interval '7 days'`;

interface StoreRow {
  readonly store_id: number;
  readonly generation: number;
  readonly last_entry_key: number;
  readonly last_list_key: number;
}

/** Take the lock of all changes of lists, for the rest of the transaction. A list's own lock is taken before it. */
export async function lockStore(sql: Sql): Promise<StoreRow> {
  const [row] = await sql<StoreRow>('SELECT * FROM store FOR UPDATE');
  return row!;
}

/**
 * End a change of the lists, after all that it writes, under the lock of the store. `lastEntryKey`: where entries were added. Its time is
 * that of the statement, so it rises with the number; a clock may be set back all the same. So with an old generation those before it
 * are forgotten whatever their times are: their removals are.
 */
export async function raiseGeneration(sql: Sql, lastEntryKey: number | null = null): Promise<void> {
  await sql(
    `WITH raised AS (
       UPDATE store SET generation = generation + 1, last_entry_key = coalesce($1, last_entry_key)
       RETURNING generation, last_entry_key
     ), made AS (
       INSERT INTO generation (number, token, entry_key, at)
       SELECT generation, $2, last_entry_key, clock_timestamp() FROM raised
     ), aged AS MATERIALIZED (
       SELECT number FROM generation WHERE at < now() - ${KEPT}
     ), old AS (
       DELETE FROM generation
       WHERE number <= (SELECT max(number) FROM aged WHERE number < (SELECT generation FROM raised)) RETURNING number
     ), forgotten AS (
       DELETE FROM removal WHERE generation <= (SELECT max(number) FROM old)
     )
     SELECT pg_notify('${CHANNEL}', 'lists') FROM raised`,
    [lastEntryKey, randomInt(TOKEN_SPAN)],
  );
}

/** The end of the feed at a generation. */
interface FeedEnd {
  readonly position: FeedPosition;
  readonly entryKey: number;
}

/** Return where the feed ends now. */
export async function presentEnd(sql: Sql): Promise<FeedEnd> {
  const [row] = await sql<{ store_id: number; number: number; token: number; entry_key: number }>(
    'SELECT store_id, number, token, entry_key FROM store JOIN generation ON number = generation',
  );
  const { store_id: storeId, number: generation, token, entry_key: entryKey } = row!;
  return { position: { storeId, generation, token }, entryKey };
}

/** Return the last key of an entry at a position; null where it is of another store, or no longer known. */
export async function keyAt(sql: Sql, { storeId, generation, token }: FeedPosition): Promise<number | null> {
  const [row] = await sql<{ entry_key: number }>(
    'SELECT entry_key FROM generation JOIN store ON store_id = $1 WHERE number = $2 AND token = $3',
    [storeId, generation, token],
  );
  return row?.entry_key ?? null;
}
