/** The feed of removed entries, as a reader of changes follows it. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import type { Changes } from '../../store/lists-contract.js';
import { guarded } from '../file.js';
import { isSound } from '../sums.js';
import { REMOVAL } from './database.js';

/** Rows per read batch: a few milliseconds. */
const ROWS_PER_BATCH = 5_000;

interface RemovalRow {
  readonly seq: number;
  readonly entry_key: number;
  readonly algorithm: number;
}

/**
 * Read the removals after one and up to another, in steps between which others run: the removal of a long list is long.
 * Result: null where they are not complete, since one is missing, forgotten or damaged.
 */
export async function removalsBetween(db: Sqlite, since: number, until: number): Promise<Changes['removed'] | null> {
  if (since > until) return null;
  const read = db.prepare<[number, number, number], RemovalRow>(
    'SELECT * FROM removal WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
  );
  const removed: { entryKey: number; algorithm: (typeof ALGORITHMS)[number] }[] = [];
  for (let after = since; after < until; ) {
    const rows = guarded(() => read.all(after, until, ROWS_PER_BATCH));
    for (const row of rows) {
      if (row.seq !== ++after || !isSound(REMOVAL, row)) return null;
      removed.push({ entryKey: row.entry_key, algorithm: ALGORITHMS[row.algorithm]! });
    }
    if (rows.length === 0) return null;
    await new Promise(setImmediate);
  }
  return removed;
}
