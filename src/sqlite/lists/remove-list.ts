/**
 * Removal of a list: at once for readers, and then its rows in steps, so that a list of millions holds up no one. A removal that
 * was interrupted is continued when the store is opened.
 */
import { ROW_SUM_SPAN } from '../../core/row-sum.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { tryWrite, writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { plus } from '../sums.js';
import { partOf } from './entry-table.js';

/** Rows that one step deletes: some ten milliseconds. */
const ROWS_PER_STEP = 1_000;

const SMALL_TABLES = ['list_version', 'list_source', 'disabled_entry', 'withdrawal'];

/** Take a list away, inside the caller's transaction: its entries match no more, and are left to `sweepRemoved`. */
export function takeList(db: Sqlite, listId: number): void {
  db.prepare(
    'INSERT INTO removed_list (list_id, first_key, last_key) SELECT ?, coalesce(min(id), 1), coalesce(max(id), 0) FROM entry WHERE list_id = ?',
  ).run(listId, listId);
  for (const table of SMALL_TABLES) db.prepare(`DELETE FROM ${table} WHERE list_id = ?`).run(listId);
  db.prepare('DELETE FROM list WHERE id = ?').run(listId);
}

/** Delete the rows of removed lists. Errors STORE_FAILED. */
export async function sweepRemoved(db: Sqlite): Promise<void> {
  for (const listId of unswept(db)) {
    for (const step of [entriesStep(db, listId), pastStep(db, listId)]) {
      while ((await writeWithRetry(db, step)) > 0) await new Promise(setImmediate);
    }
  }
}

/** Delete what an interrupted removal left, unless another process writes: it is then left to the next opening. */
export function sweepLeftovers(db: Sqlite): void {
  for (const listId of unswept(db)) {
    for (const step of [entriesStep(db, listId), pastStep(db, listId)]) {
      for (let done = tryWrite(db, step); done !== null && done.result > 0; done = tryWrite(db, step));
    }
  }
}

function unswept(db: Sqlite): number[] {
  const has = (table: string) => `EXISTS (SELECT 1 FROM ${table} WHERE list_id = removed_list.list_id)`;
  const read = db.prepare<[], number>(`SELECT list_id FROM removed_list WHERE ${has('entry')} OR ${has('past_entry')}`);
  return guarded(() => read.pluck().all());
}

/** Return a step that deletes some entries, and takes them out of the totals. Its result: the number of rows. */
function entriesStep(db: Sqlite, listId: number): () => number {
  const some = db.prepare<[number, number], { id: number; list_id: number; sum: number }>(
    'SELECT id, list_id, sum FROM entry WHERE list_id = ? LIMIT ?',
  );
  const remove = db.prepare('DELETE FROM entry WHERE id = ?');
  const take = db.prepare(
    `UPDATE total SET rows = rows - @rows, sum = (sum + @sum) & ${ROW_SUM_SPAN - 1} WHERE name = 'entry' AND part = @part`,
  );
  return () => {
    const rows = some.all(listId, ROWS_PER_STEP);
    const gone = new Map<number, { rows: number; sum: number }>();
    for (const row of rows) {
      remove.run(row.id);
      const part = partOf(row);
      const before = gone.get(part) ?? { rows: 0, sum: 0 };
      gone.set(part, { rows: before.rows + 1, sum: plus(before.sum, ROW_SUM_SPAN - row.sum) });
    }
    for (const [part, total] of gone) take.run({ part, ...total });
    db.prepare(`DELETE FROM total WHERE name = 'entry' AND rows = 0`).run();
    return rows.length;
  };
}

function pastStep(db: Sqlite, listId: number): () => number {
  const remove = db.prepare('DELETE FROM past_entry WHERE id IN (SELECT id FROM past_entry WHERE list_id = ? LIMIT ?)');
  return () => remove.run(listId, ROWS_PER_STEP).changes;
}
