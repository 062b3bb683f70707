/** Which places of blobs are accepted, and where requests to a bucket go. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { openBlobs } from '../../src/blobs/open-blobs.js';
import { s3Place } from '../../src/blobs/s3-place.js';

const KEY = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'a/secret+key' };
const ENV = { ...KEY, AWS_REGION: 'eu-west-1' };

const problemOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as { details: { problems: string } }).details.problems;
  }
  return 'none';
};

test.each([
  ['', /absolute path or s3/],
  ['blobs', /absolute path or s3/],
  ['./blobs', /absolute path or s3/],
  ['file:///mnt', /absolute path or s3/],
  ['https://bucket', /absolute path or s3/],
  ['S3://bucket', /absolute path or s3/],
  ['s3://', /name of a bucket/],
  ['s3:///prefix', /name of a bucket/],
  ['s3://ab', /name of a bucket/],
  ['s3://Bucket', /name of a bucket/],
  ['s3://user@bucket', /name of a bucket/],
  ['s3://bucket?x', /name of a bucket/],
  ['s3://bucket/a//b', /prefix/],
  ['s3://bucket/../b', /prefix/],
  ['s3://bucket/a?b', /prefix/],
  ['s3://bucket//', /prefix/],
  ['/nowhere/at/all', /cannot be read: \/nowhere/],
])('the place %j is refused', (place, why) => {
  expect(problemOf(() => openBlobs(place, ENV))).toMatch(why);
});

test.each(['s3://bucket', 's3://bucket/', 's3://my.bucket-1/a', 's3://bucket/a/b_c.d/'])(
  'the place %j is accepted',
  (place) => {
    expect(problemOf(() => openBlobs(place, ENV))).toBe('none');
  },
);

test('a folder must be there, and is one', () => {
  const folder = tempFolder('place');
  mkdirSync(join(folder, 'real'));
  symlinkSync(join(folder, 'real'), join(folder, 'link'));
  writeFileSync(join(folder, 'file'), '');
  for (const name of ['real', 'link']) expect(problemOf(() => openBlobs(join(folder, name), {}))).toBe('none');
  expect(problemOf(() => openBlobs(join(folder, 'file'), {}))).toMatch('is no folder');
});

test('a folder that goes away is a failure, and is not made again', async () => {
  const folder = tempFolder('place');
  const blobs = openBlobs(folder, {});
  rmSync(folder, { recursive: true });
  const gone = { code: 'STORE_FAILED', details: { why: 'ENOENT' } };
  const none = (async function* (): AsyncGenerator<Uint8Array> {})();
  await expect(blobs.put('a', none)).rejects.toMatchObject(gone);
  await expect(blobs.get('a')).rejects.toMatchObject(gone);
  await expect(blobs.remove('a')).rejects.toMatchObject(gone);
  await expect(blobs.list('')[Symbol.asyncIterator]().next()).rejects.toMatchObject(gone);
});

test.each([
  [{}, /^AWS_ACCESS_KEY_ID is required/],
  [{ ...ENV, AWS_ACCESS_KEY_ID: '' }, /^AWS_ACCESS_KEY_ID is required/],
  [{ AWS_ACCESS_KEY_ID: 'AKID' }, /^AWS_SECRET_ACCESS_KEY is required/],
  [KEY, /^AWS_REGION is required/],
  [{ ...ENV, AWS_REGION: 'eu.west' }, /^AWS_REGION is not/],
  [{ ...ENV, AWS_SECRET_ACCESS_KEY: 'a/secret+key\n' }, /^AWS_SECRET_ACCESS_KEY has spaces/],
  [{ ...ENV, AWS_SESSION_TOKEN: 'tökén' }, /^AWS_SESSION_TOKEN has/],
  [{ ...ENV, AWS_ENDPOINT_URL: 'host:9000' }, /^AWS_ENDPOINT_URL is/],
  [{ ...ENV, AWS_ENDPOINT_URL: 'https://host/path' }, /^AWS_ENDPOINT_URL is/],
  [{ ...ENV, AWS_ENDPOINT_URL: 'https://me:word@host' }, /^AWS_ENDPOINT_URL is/],
  [{ ...ENV, AWS_ENDPOINT_URL_S3: 'ftp://host' }, /^AWS_ENDPOINT_URL_S3 is/],
  [{ ...ENV, AWS_ENDPOINT_URL_S3: 'https://host?a=b', AWS_ENDPOINT_URL: 'https://good' }, /^AWS_ENDPOINT_URL_S3 is/],
])('the variables %j are refused, by name', (env: Record<string, string>, why) => {
  const problem = problemOf(() => openBlobs('s3://bucket', env));
  expect(problem).toMatch(why);
  expect(problem).not.toMatch(/secret\+key|tökén|word/);
});

test.each<[string, Record<string, string>, string, string, string]>([
  ['bucket', ENV, 'https://bucket.s3.eu-west-1.amazonaws.com', '/', 'eu-west-1'],
  ['my.bucket', ENV, 'https://s3.eu-west-1.amazonaws.com', '/my.bucket/', 'eu-west-1'],
  ['bucket', { ...KEY, AWS_REGION: 'cn-north-1' }, 'https://bucket.s3.cn-north-1.amazonaws.com.cn', '/', 'cn-north-1'],
  ['bucket', { ...KEY, AWS_ENDPOINT_URL: 'http://host:9000/' }, 'http://host:9000', '/bucket/', 'us-east-1'],
  ['bucket', { ...ENV, AWS_ENDPOINT_URL: 'https://[::1]:9000' }, 'https://[::1]:9000', '/bucket/', 'eu-west-1'],
  [
    'bucket',
    { ...ENV, AWS_ENDPOINT_URL: 'https://a', AWS_ENDPOINT_URL_S3: 'https://b' },
    'https://b',
    '/bucket/',
    'eu-west-1',
  ],
])('a request for %s with %j goes to %s', (bucket, env, origin, path, region) => {
  const credentials = { accessKeyId: 'AKID', secretAccessKey: 'a/secret+key' };
  expect(s3Place(bucket, env)).toEqual({ origin, path, region, credentials });
});
