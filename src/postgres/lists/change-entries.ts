/** Changes of single entries by a person, under the lock of their list. */
import { ALGORITHMS, type Algorithm } from '../../core/vocabulary.js';
import { isChange, MARKS } from '../../store/lists/entry-row.js';
import { ListChecksum } from '../../store/lists/list-checksum.js';
import { toInfo } from '../../store/lists/list-row.js';
import type { EntryChange, EntryFilter } from '../../store/lists-contract.js';
import type { Sql } from '../database.js';
import { lockStore, raiseGeneration } from './generations.js';
import { type HeldRow, listOf, requireKeys } from './rows.js';

/** The entries that a filter names. */
export async function entriesOf(sql: Sql, listId: number, which: EntryFilter): Promise<HeldRow[]> {
  if ('entryId' in which)
    return sql<HeldRow>('SELECT * FROM entry WHERE list_id = $1 AND entry_id = $2 ORDER BY id', [
      listId,
      which.entryId,
    ]);
  // As the attributes are written; the database reads no JSON whose texts it cannot hold.
  const written = JSON.stringify({ source: which.source }).slice(1, -1);
  const rows = await sql<HeldRow>(
    'SELECT * FROM entry WHERE list_id = $1 AND position($2 IN attributes) > 0 ORDER BY id',
    [listId, written],
  );
  const sourceOf = ({ attributes }: HeldRow) => (JSON.parse(attributes!) as { source?: string }).source;
  return rows.filter((row) => sourceOf(row) === which.source);
}

/** Result: entries that changed. Errors LIST_NOT_FOUND. */
export async function changeEntries(sql: Sql, name: string, which: EntryFilter, change: EntryChange): Promise<number> {
  const list = await listOf(sql, name, 'FOR UPDATE');
  const rows = (await entriesOf(sql, list.id, which)).filter((row) => isChange(row, change));
  if (rows.length === 0) return 0;
  const store = await lockStore(sql);
  const ids = rows.map(({ id }) => id);
  if (change in MARKS) {
    const mark = MARKS[change as keyof typeof MARKS];
    await sql('UPDATE entry SET quarantined = $2 WHERE id = ANY ($1::int8[])', [ids, mark]);
    await sql('UPDATE list SET revision = revision + 1 WHERE id = $1', [list.id]);
    await raiseGeneration(sql);
    return rows.length;
  }
  const enabled = rows.filter(({ disabled }) => disabled === 0);
  await sql(
    `INSERT INTO removal (entry_key, generation, algorithm)
     SELECT removed.id, $3, removed.algorithm FROM unnest($1::int8[], $2::int4[]) AS removed (id, algorithm)`,
    [enabled.map(({ id }) => id), enabled.map(({ algorithm }) => algorithm), store.generation + 1],
  );
  let lastKey: number | null = null;
  if (change === 'disable') {
    await sql('UPDATE entry SET disabled = 1 WHERE id = ANY ($1::int8[])', [ids]);
    await sql(
      `INSERT INTO disabled_entry (list_id, algorithm, value, entry_id)
       SELECT list_id, algorithm, value, entry_id FROM entry WHERE id = ANY ($1::int8[]) ON CONFLICT DO NOTHING`,
      [ids],
    );
  } else {
    await forgetDisabled(sql, list.id, ids, change === 'enable');
    if (change === 'enable') {
      // Enabled again under a new key: readers see an addition.
      lastKey = store.last_entry_key + rows.length;
      requireKeys(lastKey);
      await sql(
        `UPDATE entry SET id = $2 + renamed.at, disabled = 0
         FROM unnest($1::int8[]) WITH ORDINALITY AS renamed (id, at) WHERE entry.id = renamed.id`,
        [ids, store.last_entry_key],
      );
    }
  }
  const { counts, checksum } = afterChange(toInfo(list).entriesByAlgorithm, list.checksum, rows, change);
  await sql(
    `UPDATE list SET revision = revision + 1, counts = $2, checksum = $3, last_key = coalesce($4, last_key) WHERE id = $1`,
    [list.id, JSON.stringify(counts), checksum, lastKey],
  );
  await raiseGeneration(sql, lastKey);
  return rows.length;
}

/** Forget that entries were disabled; that of an entry which is gone was for whatever comes in its place. */
async function forgetDisabled(sql: Sql, listId: number, ids: readonly number[], stay: boolean): Promise<void> {
  const named = await sql<Pick<HeldRow, 'algorithm' | 'value' | 'entry_id'>>(
    stay
      ? 'SELECT algorithm, value, entry_id FROM entry WHERE id = ANY ($1::int8[])'
      : 'DELETE FROM entry WHERE id = ANY ($1::int8[]) RETURNING algorithm, value, entry_id',
    [ids],
  );
  await sql(
    `DELETE FROM disabled_entry AS gone
     USING unnest($2::int4[], $3::bytea[], $4::text[]) AS named (algorithm, value, entry_id)
     WHERE gone.list_id = $1 AND gone.algorithm = named.algorithm AND gone.value = named.value
       AND (gone.entry_id = named.entry_id OR NOT EXISTS (
         SELECT 1 FROM entry AS held WHERE held.list_id = $1 AND held.algorithm = gone.algorithm
           AND held.value = gone.value AND held.entry_id = gone.entry_id))`,
    [
      listId,
      named.map(({ algorithm }) => algorithm),
      named.map(({ value }) => value),
      named.map(({ entry_id }) => entry_id),
    ],
  );
}

function afterChange(
  before: Readonly<Partial<Record<Algorithm, number>>>,
  checksumBefore: string,
  rows: readonly HeldRow[],
  change: EntryChange,
): { counts: Partial<Record<Algorithm, number>>; checksum: string } {
  const checksum = new ListChecksum(checksumBefore);
  const counts = { ...before };
  for (const row of rows) {
    const algorithm = ALGORITHMS[row.algorithm]!;
    const more = change === 'enable' ? 1 : row.disabled === 0 ? -1 : 0;
    counts[algorithm] = (counts[algorithm] ?? 0) + more;
    if (counts[algorithm] === 0) delete counts[algorithm];
    if (change === 'remove') checksum.remove(row);
  }
  return { counts, checksum: checksum.toHex() };
}
