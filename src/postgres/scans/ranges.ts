/**
 * Rows of the ranges of buckets: they stay as long as their scan, since inventories have their objects by range. The last one of a root is
 * open while what is behind it is listed; an ended one is a folder to walk in each run.
 */
import { type PathBytes, systemPath } from '../../core/path-bytes.js';
import type { JoinedFolder, OpenRange, ScanRoots } from '../../store/joined-scans-contract.js';
import type { Sql } from '../database.js';
import { bytesOf, type FolderRow, folderOf, idOf } from './folders.js';

export interface RangeRow extends Omit<FolderRow, 'is_slice'> {
  readonly number: number;
}

export const openRangeOf = ({ number, ...row }: RangeRow): OpenRange => ({
  number,
  range: folderOf({ ...row, is_slice: false }),
});

/** Finds whether a scan, the first parameter, has an open range. */
export const OPEN_RANGE = 'SELECT 1 FROM scan_range WHERE scan = $1 AND is_open';

const INSERT_OPEN =
  'INSERT INTO scan_range (scan, root, number, shard, id, path, is_open) VALUES ($1, $2, $3, $4, $5, $6, true)';
const openRow = (scan: string, { path, shard }: JoinedFolder, root: Uint8Array, number: number) => [
  scan,
  root,
  number,
  shard,
  idOf(path),
  systemPath(path),
];

/** Open the last range of each root, or its first, and add the ended ones as folders. */
export async function beginRanges(sql: Sql, scan: string, buckets: ScanRoots['buckets']): Promise<void> {
  for (const { root, first } of buckets) {
    const mark = idOf(root);
    await sql(`${INSERT_OPEN} ON CONFLICT DO NOTHING`, openRow(scan, first, mark, 0));
    await sql(
      `UPDATE scan_range SET is_open = true, tries = 0 WHERE scan = $1 AND root = $2
         AND number = (SELECT max(number) FROM scan_range WHERE scan = $1 AND root = $2)`,
      [scan, mark],
    );
    await sql(
      `INSERT INTO scan_folder (scan, shard, id, path, is_slice, up_to)
       SELECT scan, shard, id, path, false, up_to FROM scan_range WHERE scan = $1 AND root = $2 AND NOT is_open
       ON CONFLICT DO NOTHING`,
      [scan, mark],
    );
  }
}

/** End an open range, which becomes a folder to walk; see the contract. */
export async function endOpenRange(
  sql: Sql,
  scan: string,
  { path, shard }: JoinedFolder,
  { upTo, next }: { readonly upTo: PathBytes | null; readonly next: JoinedFolder | null },
): Promise<void> {
  // Where the list could not be read, the next run has the end of the last one.
  const [ended] = await sql<{ root: Buffer; number: number }>(
    `UPDATE scan_range SET is_open = false, up_to = coalesce($3, up_to) WHERE scan = $1 AND id = $2 AND is_open
     RETURNING root, number`,
    [scan, idOf(path), bytesOf(upTo)],
  );
  // An earlier try was committed, and its answer lost.
  if (ended === undefined) return;
  const { root, number } = ended;
  await sql('UPDATE scan_shard SET found = found + 1 WHERE scan = $1 AND shard = $2', [scan, shard]);
  await sql(
    `INSERT INTO scan_folder (scan, shard, id, path, is_slice, up_to)
     SELECT scan, shard, id, path, false, $4 FROM scan_range WHERE scan = $1 AND root = $2 AND number = $3`,
    [scan, root, number, bytesOf(upTo)],
  );
  if (next !== null) await sql(INSERT_OPEN, openRow(scan, next, root, number + 1));
}

/** Count a try of the list behind an open range. Result: all tries of this run; 0: it is not open any more. */
export async function failOpenRange(sql: Sql, scan: string, { path }: JoinedFolder): Promise<number> {
  const [row] = await sql<{ tries: number }>(
    'UPDATE scan_range SET tries = tries + 1 WHERE scan = $1 AND id = $2 AND is_open RETURNING tries',
    [scan, idOf(path)],
  );
  return row?.tries ?? 0;
}
