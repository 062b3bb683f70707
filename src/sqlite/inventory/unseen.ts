/** Rows of files that a scan did not see: those of folders that it has not finished, and how they are forgotten. */
import { type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { KEYS_PER_FOLDER } from '../../store/inventory-contract.js';
import { prepared } from '../statements.js';
import { sound } from '../sums.js';
import { FOLDER } from './database.js';

/** A folder, and the paths between which those under it are. */
interface Under {
  readonly path: Buffer;
  readonly from: Buffer;
  readonly to: Buffer;
}

/** Folders under a path, and itself: an archive's entries are under it too. */
const UNDER = '(path = @path OR (path >= @from AND path < @to))';
/** Folders that an earlier scan has finished, and this one has not. */
const UNSEEN = 'done > 0 AND done <> @scan';
/** Rows of files: neither tombstones nor the line of the folder itself. */
const IN_FOLDER = `spot >= visit * ${KEYS_PER_FOLDER} AND spot < (visit + 1) * ${KEYS_PER_FOLDER} AND name NOT IN (x'', x'2e')`;
/** Folders per read. */
const BATCH_ROWS = 2_000;

function under(path: PathBytes): Under {
  const from = path.endsWith('/') ? path : `${path}/`;
  // The first path behind all those that begin with it.
  const to = `${from.slice(0, -1)}0`;
  return { path: systemPath(path), from: systemPath(from), to: systemPath(to) };
}

export function hasFilesUnder(db: Sqlite, path: PathBytes): boolean {
  // The order of a CROSS JOIN is kept: folders are few, and a folder's files are a range.
  const sql = `SELECT 1 FROM folder CROSS JOIN file WHERE ${UNDER} AND ${IN_FOLDER} LIMIT 1`;
  return prepared<[Under]>(db, sql).get(under(path)) !== undefined;
}

/** Return whether all rows are of folders that this scan has finished. */
export function isWhole(db: Sqlite, scan: number): boolean {
  const sql = `SELECT 1 FROM folder CROSS JOIN file WHERE done <> ? AND ${IN_FOLDER} LIMIT 1`;
  return prepared<[number]>(db, sql).get(scan) === undefined;
}

export function unseenUnder(db: Sqlite, path: PathBytes, scan: number): number {
  const sql = `SELECT coalesce(sum((SELECT count(*) FROM file WHERE ${IN_FOLDER})), 0) AS rows FROM folder
    WHERE ${UNDER} AND ${UNSEEN}`;
  return prepared<[Under & { scan: number }], { rows: number }>(db, sql).get({ ...under(path), scan })!.rows;
}

interface Pruning {
  readonly scan: number;
  readonly isKept: (folder: PathBytes) => boolean;
}

/** Remove unseen folders and their rows, within a transaction of the caller. Errors STORE_DAMAGED. */
export function pruneUnder(db: Sqlite, path: PathBytes, { scan, isKept }: Pruning): void {
  const page = prepared<[Under & { scan: number; after: number }], { id: number; path: Buffer; visit: number | null }>(
    db,
    `SELECT * FROM folder WHERE id > @after AND ${UNSEEN} AND ${UNDER} ORDER BY id LIMIT ${BATCH_ROWS}`,
  );
  for (let after = 0; ; ) {
    const rows = page.all({ ...under(path), scan, after });
    if (rows.length === 0) return;
    for (const row of rows) {
      const { id, visit, path: folder } = sound(FOLDER, row);
      if (!isKept(pathBytesOf(folder))) forgetFolder(db, id, visit);
    }
    after = rows.at(-1)!.id;
  }
}

function forgetFolder(db: Sqlite, id: number, visit: number | null): void {
  if (visit !== null) {
    const files = prepared<[number, number]>(db, 'DELETE FROM file WHERE spot >= ? AND spot < ?');
    files.run(visit * KEYS_PER_FOLDER, (visit + 1) * KEYS_PER_FOLDER);
  }
  for (const table of ['hand', 'todo']) prepared<[number]>(db, `DELETE FROM ${table} WHERE folder = ?`).run(id);
  prepared<[number]>(db, 'DELETE FROM folder WHERE id = ?').run(id);
}
