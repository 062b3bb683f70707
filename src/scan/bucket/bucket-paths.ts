/**
 * Paths of scanned buckets. In the inventory they are rows whose order is that of the keys, and none lies under another but
 * those of one root; reports show `s3://BUCKET/KEY`. Keys are bytes: none is normalised, and each has a row of its own.
 *
 *     s3://BUCKET/=PREFIX              root: all keys that begin with a prefix
 *     s3://BUCKET/=PREFIX/+LOWER       range of its keys: those behind a key, up to the key of the next range
 *     s3://BUCKET/=PREFIX/!KEY         archive
 *
 * PREFIX, LOWER and KEY are hex of the bytes. The name of an object in the row of its range is a slash and its key: no name is
 * empty, or that of the folder itself.
 */
import { AppError } from '../../core/errors.js';
import { type PathBytes, systemPath, textOf } from '../../core/path-bytes.js';

const SCHEME = 's3://';
const RANGE = '+';
/** The character after `RANGE`: rows of ranges are before it. */
const AFTER_RANGES = ',';
const ARCHIVE = '!';
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const ROW = /^s3:\/\/([^/]+)\/=([0-9a-f]*)(?:\/([+!])([0-9a-f]*))?$/;

export interface BucketRow {
  readonly bucket: string;
  readonly root: PathBytes;
  readonly prefix: PathBytes;
  readonly kind: 'root' | 'range' | 'archive';
  /** Of a range the key behind which it begins, empty for the first one; of an archive its key. */
  readonly key: PathBytes;
}

const hexOf = (bytes: PathBytes): string => systemPath(bytes).toString('hex');
const bytesOf = (hex: string): PathBytes => Buffer.from(hex, 'hex').toString('latin1');

/** Return whether a path is of a bucket: all others are absolute when they are looked up, or are written `./s3:/NAME`. */
export const isBucketPath = (path: PathBytes): boolean => path.startsWith(SCHEME);

/** Parse `s3://BUCKET/PREFIX`, as typed. Errors REQUEST_INVALID, which does not quote it: it may hold a password. */
export function bucketRoot(typed: PathBytes): BucketRow {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(typed) ?? [];
  if (!BUCKET.test(bucket) || textOf(prefix) === null)
    throw new AppError('REQUEST_INVALID', { field: 'paths', expected: 's3://BUCKET or s3://BUCKET/PREFIX' });
  return { bucket, root: `${SCHEME}${bucket}/=${hexOf(prefix)}`, prefix, kind: 'root', key: '' };
}

/** Parse the path of a row. */
export function bucketRow(path: PathBytes): BucketRow {
  const [, bucket, prefix, mark, key = ''] = ROW.exec(path) ?? [];
  if (bucket === undefined || prefix === undefined) throw new Error('no row of a bucket');
  return {
    bucket,
    root: `${SCHEME}${bucket}/=${prefix}`,
    prefix: bytesOf(prefix),
    kind: mark === undefined ? 'root' : mark === RANGE ? 'range' : 'archive',
    key: bytesOf(key),
  };
}

export const rangeRow = (root: PathBytes, lower: PathBytes): PathBytes => `${root}/${RANGE}${hexOf(lower)}`;
/** Return a path behind all rows of a root's ranges, in the order of bytes. */
export const endOfRanges = (root: PathBytes): PathBytes => `${root}/${AFTER_RANGES}`;

export const nameOfKey = (key: PathBytes): PathBytes => `/${key}`;

/** Return the path of the row of an object that is an archive. */
export const archiveRow = (folder: PathBytes, name: PathBytes): PathBytes =>
  `${bucketRow(folder).root}/${ARCHIVE}${hexOf(name.slice(1))}`;

/** Return the key of a name in a range, or of the last part of an archive's row. */
export const keyOfName = (name: PathBytes): PathBytes =>
  name.startsWith(ARCHIVE) ? bytesOf(name.slice(ARCHIVE.length)) : name.slice(1);

/** Return whether a name is the last part of an archive's row. */
export const isArchiveName = (name: PathBytes): boolean => name.startsWith(ARCHIVE);

export const objectPath = (bucket: string, key: PathBytes): PathBytes => `${SCHEME}${bucket}/${key}`;

/** Return what reports show for a row. Two ranges of one root have two paths. */
export function shownRow(path: PathBytes): PathBytes {
  const { bucket, prefix, kind, key } = bucketRow(path);
  if (kind === 'archive') return objectPath(bucket, key);
  return objectPath(bucket, kind === 'range' && key !== '' ? `${prefix}?start-after=${key}` : prefix);
}

/** Return what reports show for an object of a range. */
export const shownObject = (folder: PathBytes, name: PathBytes): PathBytes =>
  `${SCHEME}${bucketRow(folder).bucket}${name}`;

/** Return the folder at which patterns with a slash begin: that of the prefix, up to its last slash. */
export const patternBase = ({ bucket, prefix }: BucketRow): PathBytes =>
  objectPath(bucket, prefix.slice(0, prefix.lastIndexOf('/') + 1));
