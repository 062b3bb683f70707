/** Flags of `zeef scan` that have no meaning for the objects of a bucket. */
import { pathBytesOf } from '../core/path-bytes.js';
import { isBucketPath } from '../scan/bucket/bucket-paths.js';
import { bucketPaths } from '../scan/bucket/buckets.js';
import { invalid, type ScanFlags } from './scan-flags.js';

const REFUSED = {
  filesFrom: 'files-from',
  null: 'null',
  oneFileSystem: 'one-file-system',
  follow: 'follow',
  quarantine: 'quarantine',
  quarantineTo: 'quarantine-to',
} as const satisfies Partial<Record<keyof ScanFlags, string>>;

/** Errors REQUEST_INVALID: a flag for files beside a bucket, files beside a bucket, an address that is none. */
export function requireBucketFlags(paths: readonly string[], flags: ScanFlags): void {
  const typed = paths.map(pathBytesOf);
  if (!typed.some(isBucketPath)) return;
  bucketPaths(typed);
  for (const [flag, name] of Object.entries(REFUSED))
    if (flags[flag as keyof ScanFlags] !== undefined) throw invalid(name, '', 'paths of files; it is not for buckets');
}
