/** Which shard a folder belongs to, and which of the names of a very large one: by digests, so every machine agrees. */
import { hash } from 'node:crypto';
import { type PathBytes, systemPath } from '../../core/path-bytes.js';
import { type JoinedFolder, SCAN_SHARDS } from '../../store/joined-scans-contract.js';
import { NAMES_TOGETHER_MAX } from '../walk/folder-visit.js';

/**
 * A larger folder is walked in slices. Each of them lists it again, which takes far less time than to read as many images.
 * A quarter of the names that are listed before a file of the folder is passed on, so none of a larger one is.
 */
export const FOLDER_NAMES_MAX = NAMES_TOGETHER_MAX / 4;
/** One in each shard but that of the folder itself, where a slice and the folder would have the same rows. */
const SLICES = SCAN_SHARDS - 1;

const numberOf = (bytes: PathBytes) => Number.parseInt(hash('sha256', systemPath(bytes), 'hex').slice(0, 8), 16);

const homeOf = (path: PathBytes) => numberOf(path) % SCAN_SHARDS;

export const folderOf = (path: PathBytes): JoinedFolder => ({ path, shard: homeOf(path), isSlice: false });

/** Return the slices of a folder: each name belongs to one of them. */
export function slicesOf(path: PathBytes): JoinedFolder[] {
  const home = homeOf(path);
  return Array.from({ length: SLICES }, (_, at) => ({ path, shard: (home + 1 + at) % SCAN_SHARDS, isSlice: true }));
}

/** Return which names of a folder belong to a slice; null for a folder that is no slice. */
export function namesOf({ path, shard, isSlice }: JoinedFolder): ((name: PathBytes) => boolean) | null {
  if (!isSlice) return null;
  const slice = (shard - homeOf(path) - 1 + SCAN_SHARDS) % SCAN_SHARDS;
  return (name) => numberOf(name) % SLICES === slice;
}
