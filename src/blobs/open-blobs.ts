/**
 * The place of blobs: a folder that all processes see, such as a mount, or a bucket.
 *
 *     /mnt/zeef                    an absolute path; the folder is there, and belongs to the user of each process
 *     s3://bucket                  each object of the bucket whose key is a blob's name is a blob
 *     s3://bucket/prefix           those below the prefix
 *
 * `s3-place.ts` has the variables of a bucket. Without permission to list the bucket, S3 says 403 of a missing object, and
 * a missing blob is STORE_FAILED.
 */
import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { asStoreFailure } from '../core/disk-errors.js';
import { AppError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { type BlobStore, isBlobName } from '../store/blob-contract.js';
import { FolderBlobs } from './folder-blobs.js';
import { S3Blobs } from './s3-blobs.js';
import { S3Client } from './s3-client.js';
import { s3Place } from './s3-place.js';
import type { S3Limits } from './s3-request.js';

type Env = Readonly<Record<string, string | undefined>>;

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const invalid = (problems: string): AppError => new AppError('CONFIG_INVALID', { problems });

/**
 * Open a place. Nothing is sent yet. `limits`: of requests to S3, in place of the usual ones.
 * Errors  CONFIG_INVALID: `place` is neither an absolute path of a folder nor s3://bucket/prefix; a variable is missing or invalid.
 */
export function openBlobs(place: string, env: Env, limits: Partial<S3Limits> = {}): BlobStore {
  if (!place.startsWith('s3://')) {
    requireFolder(place);
    return new FolderBlobs(place, { isShared: true });
  }
  const { bucket, prefix } = parseS3Place(place);
  return new S3Blobs(new S3Client(s3Place(bucket, env), limits), prefix === '' ? '' : `${prefix}/`);
}

/** Open a folder of this machine alone, which is made where it is missing. Errors STORE_FAILED: it cannot be made. */
export function openOwnBlobs(folder: string): BlobStore {
  try {
    makeFolder(folder);
    return new FolderBlobs(folder, { isShared: false });
  } catch (error) {
    throw asStoreFailure(error);
  }
}

function requireFolder(place: string): void {
  if (!isAbsolute(place)) throw invalid('the place of blobs is an absolute path or s3://bucket/prefix');
  let isFolder = false;
  try {
    isFolder = statSync(place).isDirectory();
  } catch (error) {
    throw new AppError('CONFIG_INVALID', { problems: `the folder of blobs cannot be read: ${place}` }, error);
  }
  if (!isFolder) throw invalid(`the place of blobs is no folder: ${place}`);
}

function parseS3Place(place: string): { bucket: string; prefix: string } {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]*)(?:\/(?:(.+?)\/?)?)?$/s.exec(place) ?? [];
  if (!BUCKET.test(bucket)) throw invalid('the place of blobs has no valid name of a bucket: s3://bucket/prefix');
  if (prefix !== '' && !isBlobName(prefix)) throw invalid('the prefix of blobs has letters, digits and . _ - / only');
  return { bucket, prefix };
}
