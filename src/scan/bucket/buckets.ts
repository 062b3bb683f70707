/** A scan of buckets: its roots, and what differs from a scan of files in the parts that both use. */
import { AppError, type ErrorCode } from '../../core/errors.js';
import { FILE_FAULTS } from '../../core/file-identity.js';
import { type PathBytes, pathFields } from '../../core/path-bytes.js';
import type { FolderRow, Inventory } from '../../store/inventory-contract.js';
import type { ScanParts, ScanRequest } from '../scan-request.js';
import {
  type BucketRow,
  bucketRoot,
  bucketRow,
  endOfRanges,
  isBucketPath,
  patternBase,
  rangeRow,
  shownRow,
} from './bucket-paths.js';
import { BUCKET_LIMITS, BucketTree } from './bucket-tree.js';

const FAULTS: ReadonlySet<ErrorCode> = new Set(FILE_FAULTS);
const isFault = (error: unknown): error is AppError => error instanceof AppError && FAULTS.has(error.code);

/** Return the paths as typed, without those whose keys another has. Errors REQUEST_INVALID: paths of files among them. */
export function bucketPaths(typed: readonly PathBytes[]): PathBytes[] {
  if (!typed.every(isBucketPath))
    throw new AppError('REQUEST_INVALID', { field: 'paths', expected: 'either buckets or files, in one scan' });
  const roots = typed.map((path) => ({ path, ...bucketRoot(path) }));
  const isWithin = (one: BucketRow, other: BucketRow) =>
    one.bucket === other.bucket && one.prefix.startsWith(other.prefix);
  return roots
    .filter((one, at) => !roots.some((other, n) => isWithin(one, other) && (one.prefix !== other.prefix || n < at)))
    .map(({ path }) => path);
}

/** Errors REQUEST_INVALID; CONFIG_INVALID: a variable of the service or of its key. */
export function openBuckets(
  {
    env,
    shouldStop,
    bucketLimits = {},
    onStall = () => {},
    onFailure = () => {},
  }: Pick<ScanParts, 'env' | 'shouldStop' | 'bucketLimits' | 'onStall' | 'onFailure'>,
  { paths, stallMs, digestsAll }: ScanRequest,
): BucketTree {
  const roots = bucketPaths(paths).map(bucketRoot);
  return new BucketTree(
    roots,
    { env, stallMs, readsAll: digestsAll, shouldStop, onStall, onFailure },
    { ...BUCKET_LIMITS, ...bucketLimits },
  );
}

/** Return the rows that a scan begins with: folders as they are, and of a bucket all known ranges of its keys. */
export async function rowsOf(inventory: Inventory, roots: readonly PathBytes[]): Promise<PathBytes[]> {
  const rows: PathBytes[] = [];
  for (const root of roots) {
    if (!isBucketPath(root)) {
      rows.push(root);
      continue;
    }
    const end = endOfRanges(root);
    for (let row: PathBytes | null = rangeRow(root, ''); row !== null; row = await inventory.folderBetween(row, end))
      rows.push(row);
  }
  return rows;
}

/** Return the key with which a range ends: that behind which the next one begins; null: it is the last one. */
export async function lastKeyOf(inventory: Inventory, { path }: FolderRow): Promise<PathBytes | null> {
  const next = await inventory.folderBetween(path, endOfRanges(bucketRow(path).root));
  return next === null ? null : bucketRow(next).key;
}

/** A page may be empty, and not be the last one. Errors: the faults of a file; SHUTTING_DOWN. */
async function hasKeys(tree: BucketTree, root: PathBytes): Promise<boolean> {
  for await (const { objects } of tree.objects(root, null)) if (objects.length > 0) return true;
  return false;
}

/** Return the roots that have no key. One that cannot be listed is none of them. Errors SHUTTING_DOWN. */
export async function emptyRoots(tree: BucketTree, roots: readonly PathBytes[]): Promise<PathBytes[]> {
  const empty: PathBytes[] = [];
  for (const root of roots) {
    try {
      if (!(await hasKeys(tree, root))) empty.push(root);
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  }
  return empty;
}

/** Errors FILE_UNREADABLE, FILE_STALLED: this process cannot list a root, which others may; SHUTTING_DOWN. */
export async function requireListed(tree: BucketTree, roots: readonly PathBytes[]): Promise<void> {
  for (const root of roots) {
    try {
      await hasKeys(tree, root);
    } catch (error) {
      if (!isFault(error)) throw error;
      throw new AppError(error.code, { ...pathFields(shownRow(root)), ...error.details }, error);
    }
  }
}

/** Return the paths at which patterns begin. */
export const patternBases = (roots: readonly PathBytes[]): PathBytes[] =>
  roots.map((root) => (isBucketPath(root) ? patternBase(bucketRow(root)) : root));

/** Return the rows below which nothing is known to be gone if a folder could not be listed: the archives of a bucket are below its root. */
export const placesUnread = (folder: PathBytes): PathBytes[] =>
  isBucketPath(folder) ? [folder, bucketRow(folder).root] : [folder];
