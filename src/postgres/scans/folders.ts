/** Rows of folders that a joined scan is still to walk, or has not published. */
import { createHash } from 'node:crypto';
import { type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import type { JoinedFolder } from '../../store/joined-scans-contract.js';
import type { Sql } from '../database.js';
import { arraysOf, type Columns, unnested } from '../rows.js';

export interface FolderRow {
  readonly shard: number;
  readonly id: Uint8Array;
  readonly path: Uint8Array;
  readonly is_slice: boolean;
  readonly up_to: Uint8Array | null;
}
const FOLDER: Columns<FolderRow> = { shard: 'int4', id: 'bytea', path: 'bytea', is_slice: 'bool', up_to: 'bytea' };

/** A path may be longer than a key of an index: this is its key. */
export const idOf = (path: PathBytes) => createHash('sha256').update(systemPath(path)).digest();
// A unit that a process of the version before has prepared knows no ends.
export const bytesOf = (key: PathBytes | null | undefined) => (key == null ? null : systemPath(key));
const rowOf = ({ shard, path, isSlice, upTo }: JoinedFolder): FolderRow => ({
  shard,
  id: idOf(path),
  path: systemPath(path),
  is_slice: isSlice,
  up_to: bytesOf(upTo),
});
export const folderOf = ({ shard, path, is_slice, up_to }: FolderRow): JoinedFolder => ({
  shard,
  path: pathBytesOf(path),
  isSlice: is_slice,
  upTo: up_to === null ? null : pathBytesOf(up_to),
});

/** Add folders that are not there yet. */
export const addFolders = (sql: Sql, scan: string, folders: readonly JoinedFolder[]) =>
  sql(
    `INSERT INTO scan_folder (scan, shard, id, path, is_slice, up_to)
     SELECT $${Object.keys(FOLDER).length + 1}, shard, id, path, is_slice, up_to FROM ${unnested(FOLDER)}
     ON CONFLICT DO NOTHING`,
    [...arraysOf(FOLDER, folders.map(rowOf)), scan],
  );
