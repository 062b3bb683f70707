/**
 * Generations of the lists: each change of them makes one. A reader has what a generation had, and gets what later ones added and
 * removed: for each generation the table has the last key of an entry, and the last removal, that it had.
 */
import { randomInt } from 'node:crypto';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { FeedPosition } from '../../store/lists-contract.js';
import { prepared } from '../statements.js';
import { damaged, isSound, sound } from '../sums.js';
import { GENERATION, metaOf, STORE_ID_SPAN, storeIdOf } from './database.js';

/** Ten changes a second for a day. A reader that is further behind loads everything. */
const GENERATIONS_KEPT_MAX = 1_000_000;

/** The end of the feed at a generation. */
export interface FeedEnd {
  readonly entryKey: number;
  readonly removal: number;
}

interface GenerationRow {
  readonly number: number;
  readonly token: number;
  readonly entry_key: number;
  readonly removal: number;
}

/** Number of the last removal, also where it is forgotten; 0 before the first. */
const lastRemoval = (db: Sqlite): number =>
  prepared<[], { seq: number }>(db, `SELECT seq FROM sqlite_sequence WHERE name = 'removal'`).get()?.seq ?? 0;

/** End a change of the lists in the caller's transaction, after all that it writes. */
export function raiseGeneration(db: Sqlite): void {
  prepared(db, `UPDATE meta SET value = value + 1 WHERE name = 'generation'`).run();
  const number = metaOf(db, 'generation');
  prepared(db, 'INSERT INTO generation (number, token, entry_key, removal) VALUES (?, ?, ?, ?)').run(
    number,
    randomInt(STORE_ID_SPAN),
    metaOf(db, 'last_entry_key'),
    lastRemoval(db),
  );
  prepared(db, 'DELETE FROM generation WHERE number <= ?').run(number - GENERATIONS_KEPT_MAX);
}

/**
 * Make every reader load everything, in the transaction of a change and before its generation: a damaged row may be one that a
 * reader has or misses, and what it was cannot be read from it.
 */
export function forgetPositions(db: Sqlite): void {
  prepared(db, 'DELETE FROM generation').run();
}

const rowAt = (db: Sqlite, number: number): GenerationRow | undefined =>
  prepared<[number], GenerationRow>(db, 'SELECT * FROM generation WHERE number = ?').get(number);

/** Return the position of a reader that has everything. Errors STORE_DAMAGED. */
export function presentPosition(db: Sqlite): { readonly position: FeedPosition; readonly end: FeedEnd } {
  const generation = metaOf(db, 'generation');
  const row = rowAt(db, generation);
  if (!row) throw damaged(GENERATION, generation);
  const { token, entry_key: entryKey, removal } = sound(GENERATION, row);
  return { position: { storeId: storeIdOf(db), generation, token }, end: { entryKey, removal } };
}

/** Return where the feed ended at a position; null where it is of another store, or no longer known. */
export function endAt(db: Sqlite, { storeId, generation, token }: FeedPosition): FeedEnd | null {
  const row = rowAt(db, generation);
  if (storeId !== storeIdOf(db) || !row || !isSound(GENERATION, row) || row.token !== token) return null;
  return { entryKey: row.entry_key, removal: row.removal };
}
