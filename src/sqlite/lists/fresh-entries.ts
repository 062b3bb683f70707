/** Whether a list has an entry that has not expired: read in steps, since the times of entries are in no index. */
import { Breath } from '../../core/breath.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { updatedAtOf } from '../../store/lists/entry-row.js';
import { guarded } from '../file.js';
import { type HeldRow, sumOfEntry } from './checksum.js';

/** Keys of one step: some ten milliseconds where none of them is of the list. */
const KEYS_PER_STEP = 20_000;

/** Return whether an active entry has no time of its last update, or one at or after `sinceMs`. Errors STORE_FAILED. */
export async function hasEntrySince(db: Sqlite, listKey: number, algorithm: number, sinceMs: number): Promise<boolean> {
  const steps = db.prepare<{ listKey: number; algorithm: number; from: number; to: number }, HeldRow>(
    `SELECT * FROM entry
     WHERE id > @from AND id <= @to AND +list_id = @listKey AND +algorithm = @algorithm AND disabled = 0`,
  );
  // A damaged entry is left out of the index, and counts for nothing here.
  const counts = (row: HeldRow): boolean => {
    if (sumOfEntry(row) !== row.sum) return false;
    const updatedAt = updatedAtOf(row);
    return updatedAt === null || Date.parse(updatedAt) >= sinceMs;
  };
  const last = guarded(() => db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM entry').get()!.id ?? 0);
  const breath = new Breath();
  for (let from = 0; from < last; from += KEYS_PER_STEP) {
    const rows = guarded(() => steps.all({ listKey, algorithm, from, to: from + KEYS_PER_STEP }));
    if (rows.some(counts)) return true;
    if (breath.isDue) await breath.take();
  }
  return false;
}
