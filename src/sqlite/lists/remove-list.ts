/**
 * Removal of a list: at once for readers, and then of its rows: in a thread where they are many, since a million take seconds. A
 * removal that was interrupted is continued when the store is opened.
 */

import { artefact } from '../../core/package-root.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { threadPool } from '../../core/thread-pool.js';
import { tryWrite, writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { ENTRY_PART_KEYS, ENTRY_PARTS } from './database.js';
import { partsOf } from './entry-table.js';

/** Rows that are deleted without a thread: some milliseconds, where each is on pages of its own. */
const ROWS_AT_ONCE_MAX = 100;

/** Tables with a few rows of a list. */
const SMALL_TABLES = ['list_version', 'list_source', 'disabled_entry', 'feedback'];
const LARGE_TABLES = ['entry', 'past_entry', 'withdrawal'];

/** Take a list away, inside the caller's transaction: its entries match no more, and are left to a sweep. Result: their number. */
export function takeList(db: Sqlite, listId: number): number {
  const parts = db
    .prepare<[number, number], { first: number | null; last: number | null; rows: number | null }>(
      `SELECT min(part) AS first, max(part) AS last, sum(rows) AS rows FROM total
       WHERE name = 'entry' AND part BETWEEN ? AND ? AND rows > 0`,
    )
    .get(...partsOf(listId))!;
  const firstKey = parts.first === null ? 1 : (parts.first % ENTRY_PARTS) * ENTRY_PART_KEYS;
  const lastKey = parts.last === null ? 0 : ((parts.last % ENTRY_PARTS) + 1) * ENTRY_PART_KEYS - 1;
  db.prepare('INSERT INTO removed_list (list_id, first_key, last_key) VALUES (?, ?, ?)').run(listId, firstKey, lastKey);
  for (const table of SMALL_TABLES) db.prepare(`DELETE FROM ${table} WHERE list_id = ?`).run(listId);
  db.prepare('DELETE FROM list WHERE id = ?').run(listId);
  return parts.rows ?? 0;
}

/** Delete the rows of removed lists. `rows`: their number. Errors STORE_FAILED. */
export async function sweepRemoved(db: Sqlite, dataDir: string, rows: number): Promise<void> {
  if (rows <= ROWS_AT_ONCE_MAX) {
    await writeWithRetry(db, () => sweep(db));
    return;
  }
  const filename = artefact('src', 'sqlite', 'lists', 'sweep-worker.js');
  const pool = threadPool({ filename, minThreads: 1, maxThreads: 1 });
  try {
    await pool.run({ dataDir });
  } catch (error) {
    guarded(() => {
      throw error;
    });
  } finally {
    await pool.destroy();
  }
}

/** Delete what an interrupted removal left, unless another process writes: it may be that one's. */
export function sweepLeftovers(db: Sqlite): void {
  if (unswept(db).length > 0) tryWrite(db, () => sweep(db));
}

/** Delete the rows of removed lists, inside the caller's transaction. */
export function sweep(db: Sqlite): void {
  for (const listId of unswept(db)) {
    for (const table of LARGE_TABLES) db.prepare(`DELETE FROM ${table} WHERE list_id = ?`).run(listId);
    db.prepare(`DELETE FROM total WHERE name = 'entry' AND part BETWEEN ? AND ?`).run(...partsOf(listId));
  }
}

/** Return the removed lists that have rows. */
export function unswept(db: Sqlite): number[] {
  const has = (table: string) => `EXISTS (SELECT 1 FROM ${table} WHERE list_id = removed_list.list_id)`;
  return guarded(() =>
    db
      .prepare<[], number>(`SELECT list_id FROM removed_list WHERE ${LARGE_TABLES.map(has).join(' OR ')}`)
      .pluck()
      .all(),
  );
}
