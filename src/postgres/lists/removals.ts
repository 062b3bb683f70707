/** The feed of removed entries, as a reader of changes follows it. */
import { ALGORITHMS } from '../../core/vocabulary.js';
import type { Changes } from '../../store/lists-contract.js';
import type { Sql } from '../database.js';
import { cursorRows } from '../rows.js';
import { ROWS_PER_BATCH } from './rows.js';

/**
 * Removals that a lagging reader is given: as many as the embedded store keeps, and some hundreds of megabytes. To load everything
 * takes less memory than more of them, and less time than to look each one up in the index.
 */
const REMOVALS_READ_MAX = 4_000_000;

/** Read the removals of later generations, in any order. Result: null where they are more than `most`. */
export async function removalsSince(
  sql: Sql,
  generation: number,
  most = REMOVALS_READ_MAX,
): Promise<Changes['removed'] | null> {
  const more = 'SELECT 1 FROM removal WHERE generation > $1 OFFSET $2 LIMIT 1';
  if ((await sql(more, [generation, most])).length > 0) return null;
  const removed: Changes['removed'][number][] = [];
  const rows = cursorRows<{ entry_key: number; algorithm: number }>(
    sql,
    { text: 'SELECT entry_key, algorithm FROM removal WHERE generation > $1', values: [generation] },
    ROWS_PER_BATCH,
  );
  for await (const { entry_key, algorithm } of rows)
    removed.push({ entryKey: entry_key, algorithm: ALGORITHMS[algorithm]! });
  return removed;
}
