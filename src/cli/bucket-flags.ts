/** Flags of `zeef scan` that have no meaning for the objects of a bucket. */
import { s3Place } from '../blobs/s3-place.js';
import { pathBytesOf } from '../core/path-bytes.js';
import { bucketRoot, isBucketPath } from '../scan/bucket/bucket-paths.js';
import { bucketPaths } from '../scan/bucket/buckets.js';
import type { CliContext } from './context.js';
import { invalid, type ScanFlags } from './scan-flags.js';

const REFUSED = {
  filesFrom: 'files-from',
  null: 'null',
  oneFileSystem: 'one-file-system',
  follow: 'follow',
  quarantine: 'quarantine',
  quarantineTo: 'quarantine-to',
} as const satisfies Partial<Record<keyof ScanFlags, string>>;

/** An object of which only the ETag was looked up has no row, and no entries. One process lists faster than machines examine. */
const REFUSED_FOR_ETAGS = {
  join: 'join',
  resume: 'resume',
  rematch: 'rematch',
  prune: 'prune',
  retryFailed: 'retry-failed',
  archives: 'archives',
} as const satisfies Partial<Record<keyof ScanFlags, string>>;

/**
 * Errors  REQUEST_INVALID: a flag for files beside a bucket, files beside a bucket, an address that is none. CONFIG_INVALID: a
 * variable of the service or of its key, before lists are loaded and outputs opened.
 */
export function requireBucketFlags(paths: readonly string[], flags: ScanFlags, env: CliContext['env']): void {
  const typed = paths.map(pathBytesOf);
  if (flags.etagsOnly) {
    if (typed.length === 0 || !typed.every(isBucketPath)) throw invalid('etags-only', '', 'paths of buckets');
    refuse(REFUSED_FOR_ETAGS, flags, 'a scan without --etags-only');
  }
  if (!typed.some(isBucketPath)) return;
  const buckets = bucketPaths(typed).map((path) => bucketRoot(path).bucket);
  refuse(REFUSED, flags, 'paths of files; it is not for buckets');
  for (const bucket of buckets) s3Place(bucket, env);
}

function refuse(refused: Partial<Record<keyof ScanFlags, string>>, flags: ScanFlags, expected: string): void {
  for (const [flag, name] of Object.entries(refused))
    if (flags[flag as keyof ScanFlags] !== undefined) throw invalid(name, '', expected);
}
