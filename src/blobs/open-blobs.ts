/**
 * The place of blobs: a folder that all processes see, such as a mount, or a bucket.
 *
 *     /mnt/zeef                    an absolute path; the folder is there, and belongs to the user of each process
 *     s3://bucket                  each object of the bucket whose key is a blob's name is a blob
 *     s3://bucket/prefix           those below the prefix
 *
 * Variables of a bucket, as other clients of S3 read them:
 *
 *     AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    a key that may list the bucket, and get, put and delete below the prefix
 *     AWS_SESSION_TOKEN                           of a temporary key; it is not renewed
 *     AWS_REGION                                  with an endpoint of one's own `us-east-1` if not set
 *     AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL       scheme, host and port of another service than AWS; the bucket is then in
 *                                                 the path, else in the name of the host
 *
 * Without permission to list the bucket, S3 says 403 of a missing object, and a missing blob is STORE_FAILED.
 */
import { mkdirSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { asStoreFailure } from '../core/disk-errors.js';
import { AppError } from '../core/errors.js';
import { type BlobStore, isBlobName } from '../store/blob-contract.js';
import { FolderBlobs } from './folder-blobs.js';
import { S3Blobs } from './s3-blobs.js';
import { S3Client } from './s3-client.js';
import type { S3Limits, S3Place } from './s3-request.js';

type Env = Readonly<Record<string, string | undefined>>;

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const REGION = /^[a-z0-9-]{1,32}$/;

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
    mkdirSync(folder, { recursive: true, mode: 0o700 });
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

/** Return where a bucket is, and the key for it. Errors CONFIG_INVALID, which names the variable and never its value. */
export function s3Place(bucket: string, env: Env): S3Place {
  const required = (name: string): string => {
    const value = env[name];
    if (!value) throw invalid(`${name} is required for a bucket`);
    return value;
  };
  const credentials = {
    accessKeyId: required('AWS_ACCESS_KEY_ID'),
    secretAccessKey: required('AWS_SECRET_ACCESS_KEY'),
    ...(env.AWS_SESSION_TOKEN ? { sessionToken: env.AWS_SESSION_TOKEN } : {}),
  };
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
    if (/[^\x21-\x7e]/.test(env[name] ?? '')) throw invalid(`${name} has spaces or other characters than ASCII`);
  const variable = env.AWS_ENDPOINT_URL_S3 ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
  const endpoint = env[variable];
  const region = endpoint && !env.AWS_REGION ? 'us-east-1' : required('AWS_REGION');
  if (!REGION.test(region)) throw invalid('AWS_REGION is not the name of a region');
  const inPath = `/${bucket}/`;
  if (endpoint) return { origin: originOf(variable, endpoint), path: inPath, region, credentials };
  const host = `s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  // The certificate is for one name before the host, so not for a bucket with a dot.
  return bucket.includes('.')
    ? { origin: `https://${host}`, path: inPath, region, credentials }
    : { origin: `https://${bucket}.${host}`, path: '/', region, credentials };
}

function originOf(variable: string, endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) && `${url.origin}/` === url.href;
  if (!isOrigin) throw invalid(`${variable} is http or https, a host and a port`);
  return url.origin;
}
