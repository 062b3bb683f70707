/** The tree that a scan walks: files below folders, or objects of buckets. */
import type { PathBytes } from '../core/path-bytes.js';
import { isBucketPath } from './bucket/bucket-paths.js';
import { bucketPaths, openBuckets } from './bucket/buckets.js';
import type { ScanParts, ScanRequest } from './scan-request.js';
import type { ScanTree } from './tree.js';
import { absolute } from './walk/roots.js';
import { Walker } from './walk/walker.js';

/** More threads than cores, since a thread mostly waits for the disk; not many more, since a disk has few heads. */
const THREADS_PER_WORKER = 2;

export const walkThreads = ({ workers }: ScanParts['decoder']) => Math.max(2, workers * THREADS_PER_WORKER);

/** Return the tree, and its paths, absolute. Errors REQUEST_INVALID: paths of both kinds; CONFIG_INVALID: a variable of a bucket. */
export function openTree(
  parts: Parameters<typeof openBuckets>[0] & Pick<ScanParts, 'decoder'>,
  request: ScanRequest,
): { readonly tree: ScanTree; readonly paths: readonly PathBytes[] } {
  const { env, onStall = () => {} } = parts;
  const { paths, cwd, followsLinks, stallMs } = request;
  if (paths.some(isBucketPath)) return { tree: openBuckets(parts, request), paths: bucketPaths(paths) };
  const tree = new Walker({ threads: walkThreads(parts.decoder), followsLinks, stallMs, env, onStall });
  return { tree, paths: paths.map((path) => absolute(path, cwd)) };
}
