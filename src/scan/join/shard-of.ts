/** Which shard a folder or a range of a bucket belongs to, and which of the names of a very large folder: every machine agrees. */
import { hash } from 'node:crypto';
import { type PathBytes, systemPath } from '../../core/path-bytes.js';
import { type JoinedFolder, SCAN_SHARDS } from '../../store/joined-scans-contract.js';
import { rangeRow } from '../bucket/bucket-paths.js';
import { NAMES_TOGETHER_MAX } from '../walk/folder-visit.js';

/**
 * A larger folder is walked in slices. Each of them lists it again, which takes far less time than to read as many images.
 * A quarter of the names that are listed before a file of the folder is passed on, so none of a larger one is.
 */
export const FOLDER_NAMES_MAX = NAMES_TOGETHER_MAX / 4;
/** One in each shard but that of the folder itself, where a slice and the folder would have the same rows. */
const SLICES = SCAN_SHARDS - 1;
/** A quarter of a million objects: some minutes of one process. */
const RANGES_TOGETHER_MAX = 64;

const numberOf = (bytes: PathBytes) => Number.parseInt(hash('sha256', systemPath(bytes), 'hex').slice(0, 8), 16);

const homeOf = (path: PathBytes) => numberOf(path) % SCAN_SHARDS;

/** Return what distinguishes a root from the others of its scan, in the names of duties. */
export const markOfRoot = (root: PathBytes): string => hash('sha256', systemPath(root), 'hex').slice(0, 16);

export const folderOf = (path: PathBytes): JoinedFolder => ({ path, shard: homeOf(path), isSlice: false, upTo: null });

/** Return the slices of a folder: each name belongs to one of them. */
export function slicesOf(path: PathBytes): JoinedFolder[] {
  const home = homeOf(path);
  return Array.from({ length: SLICES }, (_, at) => ({
    path,
    shard: (home + 1 + at) % SCAN_SHARDS,
    isSlice: true,
    upTo: null,
  }));
}

/**
 * Return the range of a root's keys behind `lower`. `number`: of the ranges before it. The first ranges are in a shard each, so that a small
 * bucket is for many processes; later ones follow each other in runs, since a holder fetches and publishes what its shard has.
 */
export function rangeOf(root: PathBytes, lower: PathBytes, number: number): JoinedFolder {
  let run = 1;
  let before = 0;
  while (run < RANGES_TOGETHER_MAX && number >= before + SCAN_SHARDS * run) {
    before += SCAN_SHARDS * run;
    run *= 4;
  }
  const shard = (homeOf(root) + Math.floor((number - before) / run)) % SCAN_SHARDS;
  return { path: rangeRow(root, lower), shard, isSlice: false, upTo: null };
}

/** Return which names of a folder belong to a slice; null for a folder that is no slice. */
export function namesOf({ path, shard, isSlice }: JoinedFolder): ((name: PathBytes) => boolean) | null {
  if (!isSlice) return null;
  const slice = (shard - homeOf(path) - 1 + SCAN_SHARDS) % SCAN_SHARDS;
  return (name) => numberOf(name) % SLICES === slice;
}
