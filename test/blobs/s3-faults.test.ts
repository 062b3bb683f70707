/** A store of blobs on a service like S3 that fails in each way that S3 and the network do. */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openBlobs } from '../../src/blobs/open-blobs.js';
import type { BlobStore } from '../../src/store/blob-contract.js';
import { FakeS3, type S3Fault, type S3Operation } from '../support/fake-s3.js';

const RETRIES = 2;
const PART_BYTES = 400_000;
const LIMITS = { retries: RETRIES, firstPauseMs: 1, partBytes: PART_BYTES };
/** For servers that are silent. */
const IDLE_MS = 400;
/** Of two parts. */
const LARGE = Buffer.alloc(500_000, 'zeef');
const BODY = Buffer.alloc(300_000, 'a body');
const FAILED = { code: 'STORE_FAILED' };
const failedBy = (why: string) => ({ code: 'STORE_FAILED', details: { why } });

let fake: FakeS3;
let blobs: BlobStore;
beforeEach(async () => {
  fake = await FakeS3.start();
  fake.partBytesMin = PART_BYTES;
  blobs = openBlobs(fake.place, fake.env, LIMITS);
});
afterEach(() => fake.stop());

async function* piecesOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function readAll(name: string): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const piece of await blobs.get(name)) read.push(piece);
  return Buffer.concat(read);
}

async function listAll(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of blobs.list('')) names.push(name);
  return names;
}

const put = (body: Buffer, name = 'a') => blobs.put(name, piecesOf(body));
function fail(of: S3Operation, ...faults: S3Fault[]): void {
  fake.script.push(...faults.map((fault) => ({ ...fault, of })));
  if (faults.some(({ does }) => does === 'hang' || does === 'stop'))
    blobs = openBlobs(fake.place, fake.env, { ...LIMITS, idleMs: IDLE_MS });
}
const count = (of: S3Operation) => fake.operations.filter((one) => one === of).length;

/** Failures after which the same request may succeed. */
const PASSING: [string, S3Fault][] = [
  ['is asked to slow down', { does: 'error', status: 503, code: 'SlowDown' }],
  ['meets an internal error', { does: 'error', status: 500, code: 'InternalError' }],
  ['meets a proxy without its service', { does: 'error', status: 502 }],
  ['took too long for the server', { does: 'error', status: 400, code: 'RequestTimeout' }],
  ['may come again at once', { does: 'error', status: 429, retryAfter: '0' }],
  ['is not answered', { does: 'hang' }],
  ['loses its connection', { does: 'close' }],
];

/** Failures that would be the same again. */
const FINAL: [string, S3Fault, string][] = [
  ['is denied', { does: 'error', status: 403, code: 'AccessDenied' }, 'AccessDenied'],
  ['finds no bucket', { does: 'error', status: 404, code: 'NoSuchBucket' }, 'NoSuchBucket'],
  ['has a token that has expired', { does: 'error', status: 400, code: 'ExpiredToken' }, 'ExpiredToken'],
  ['asks for what the service has not', { does: 'error', status: 501, code: 'NotImplemented' }, 'NotImplemented'],
  ['is refused in strange words', { does: 'error', status: 403, code: 'a b' }, 'HTTP status 403'],
  ['is redirected', { does: 'redirect' }, 'redirected (HTTP status 307): the bucket is in eu-test-2'],
  ['must wait for long', { does: 'error', status: 503, code: 'SlowDown', retryAfter: '3600' }, 'SlowDown'],
];

interface Act {
  readonly of: S3Operation;
  readonly act: () => Promise<unknown>;
}

const ACTS: [string, Act][] = [
  ['a put', { of: 'PutObject', act: () => put(BODY) }],
  ['a get', { of: 'GetObject', act: () => readAll('there') }],
  ['a removal', { of: 'DeleteObject', act: () => blobs.remove('there') }],
  ['a list', { of: 'ListObjectsV2', act: listAll }],
  ['an upload that begins', { of: 'CreateMultipartUpload', act: () => put(LARGE) }],
  ['a part', { of: 'UploadPart', act: () => put(LARGE) }],
  ['an upload that ends', { of: 'CompleteMultipartUpload', act: () => put(LARGE) }],
];
const everyCase = <T extends unknown[]>(faults: T[]) =>
  ACTS.flatMap(([what, one]) => faults.map((rest) => ({ what, one, rest })));

describe('a request', () => {
  beforeEach(async () => {
    await put(BODY, 'there');
    fake.operations.length = 0;
  });

  test.each(everyCase(PASSING))('$what that $rest.0 is repeated', async ({ one: { of, act }, rest: [, fault] }) => {
    await act();
    const before = count(of);
    fail(of, fault, fault);
    await act();
    expect(count(of) - before).toBe(before + RETRIES);
    if (of !== 'GetObject' && of !== 'DeleteObject' && of !== 'ListObjectsV2')
      expect([BODY, LARGE].some((body) => fake.objects.get('blobs/a')!.body.subarray(0, -32).equals(body))).toBe(true);
    expect(fake.uploads.size).toBe(0);
  });

  test.each(everyCase(PASSING))(
    '$what that always $rest.0 fails in the end',
    async ({ one: { of, act }, rest: [, fault] }) => {
      fail(of, ...Array.from({ length: RETRIES + 1 }, () => fault));
      await expect(act()).rejects.toMatchObject(FAILED);
      expect(count(of)).toBe(RETRIES + 1);
      expect(fake.uploads.size).toBe(0);
    },
  );

  test.each(everyCase(FINAL))(
    '$what that $rest.0 fails at once',
    async ({ one: { of, act }, rest: [, fault, why] }) => {
      fail(of, fault);
      await expect(act()).rejects.toMatchObject(failedBy(why));
      expect(count(of)).toBe(1);
      expect(fake.uploads.size).toBe(0);
      expect(fake.objects.has('blobs/a')).toBe(false);
    },
  );
});

describe('a put', () => {
  test('of which the response is lost is repeated', async () => {
    fail('PutObject', { does: 'lose the response' });
    await put(BODY);
    expect((await readAll('a')).equals(BODY)).toBe(true);
  });

  test.each(['InternalError', 'SlowDown'])('that ends with %s in a 200 is ended again', async (code) => {
    fail('CompleteMultipartUpload', { does: 'error in a 200', code });
    await put(LARGE);
    expect(count('CompleteMultipartUpload')).toBe(2);
    expect((await readAll('a')).equals(LARGE)).toBe(true);
  });

  test('that is refused in a 200 fails, and the earlier blob stays', async () => {
    await put(BODY);
    fail('CompleteMultipartUpload', { does: 'error in a 200', code: 'AccessDenied' });
    await expect(put(LARGE)).rejects.toMatchObject(failedBy('AccessDenied'));
    expect((await readAll('a')).equals(BODY)).toBe(true);
    expect(fake.uploads.size).toBe(0);
  });

  test('of which the last response is lost was successful', async () => {
    await put(BODY);
    fail('CompleteMultipartUpload', { does: 'lose the response' });
    await put(LARGE);
    expect(fake.operations.slice(-3)).toEqual(['CompleteMultipartUpload', 'CompleteMultipartUpload', 'HeadObject']);
    expect((await readAll('a')).equals(LARGE)).toBe(true);
  });

  test.each<[string, () => void]>([
    ['replaced', () => fake.plant('blobs/a', BODY)],
    ['removed', () => fake.objects.delete('blobs/a')],
  ])('of which the last response is lost, and whose blob is %s then, fails', async (_what, change) => {
    fail('CompleteMultipartUpload', { does: 'lose the response' });
    fake.onRequest = (operation) => {
      if (operation === 'HeadObject') change();
    };
    await expect(put(LARGE)).rejects.toMatchObject(FAILED);
  });

  test.each([
    ['one byte less than a part', PART_BYTES - 33, 0],
    ['a part and no more', PART_BYTES - 32, 1],
    ['one byte more than a part', PART_BYTES - 31, 2],
  ])('of %s', async (_what, bytes, parts) => {
    await put(LARGE.subarray(0, bytes));
    expect(count('UploadPart')).toBe(parts);
    expect((await readAll('a')).equals(LARGE.subarray(0, bytes))).toBe(true);
  });

  test('that fails does not hide its failure by that of the removal of its parts', async () => {
    fail('UploadPart', { does: 'error', status: 403, code: 'AccessDenied' });
    fail('AbortMultipartUpload', { does: 'error', status: 400, code: 'Other' });
    await expect(put(LARGE)).rejects.toMatchObject(failedBy('AccessDenied'));
    expect(count('AbortMultipartUpload')).toBe(1);
  });
});

describe('a get', () => {
  beforeEach(() => put(BODY));

  test.each<[string, S3Fault[]]>([
    ['before its first byte', [{ does: 'cut', bytes: 0 }]],
    ['after a byte', [{ does: 'cut', bytes: 1 }]],
    [
      'in its middle, twice',
      [
        { does: 'cut', bytes: 150_000 },
        { does: 'cut', bytes: 10 },
      ],
    ],
    ['before its last byte', [{ does: 'cut', bytes: BODY.length + 31 }]],
    ['by silence', [{ does: 'stop', bytes: 200_000 }]],
  ])('whose body is cut %s is continued', async (_where, faults) => {
    fail('GetObject', ...faults);
    expect((await readAll('a')).equals(BODY)).toBe(true);
    expect(count('GetObject')).toBe(faults.length + 1);
  });

  test('whose body is always cut fails', async () => {
    fail('GetObject', ...Array.from({ length: 100 }, (): S3Fault => ({ does: 'cut', bytes: 5 })));
    await expect(readAll('a')).rejects.toMatchObject(failedBy('ECONNRESET'));
    expect(count('GetObject')).toBe(17);
  });

  test.each<[string, () => void]>([
    ['replaced', () => fake.plant('blobs/a', LARGE)],
    ['removed', () => fake.objects.delete('blobs/a')],
    ['replaced, where conditions are not known', () => fail('GetObject', { does: 'change the ETag' })],
  ])('whose blob is %s before it is continued fails', async (_what, change) => {
    fail('GetObject', { does: 'cut', bytes: 1_000 });
    fake.onRequest = () => {
      fake.onRequest = () => {};
      setTimeout(change, 0);
    };
    await expect(readAll('a')).rejects.toMatchObject(failedBy('the blob was replaced while it was read'));
  });

  test('that is continued by a service without ranges fails', async () => {
    fail('GetObject', { does: 'cut', bytes: 1_000 }, { does: 'ignore the range' });
    await expect(readAll('a')).rejects.toMatchObject(failedBy('the response of S3 is invalid: another range'));
  });

  test.each<[string, S3Fault]>([
    ['shorter by a byte', { does: 'shorten', bytes: BODY.length + 31 }],
    ['shorter than the sum', { does: 'shorten', bytes: 31 }],
    ['empty', { does: 'shorten', bytes: 0 }],
    ['changed in its first bit', { does: 'flip', at: 0 }],
    ['changed in its sum', { does: 'flip', at: BODY.length + 31 }],
  ])('whose response is whole but %s fails', async (_what, fault) => {
    fail('GetObject', fault);
    await expect(readAll('a')).rejects.toMatchObject(failedBy('the blob is damaged or cut'));
  });

  test('without a length fails', async () => {
    fail('GetObject', { does: 'say no length' });
    await expect(readAll('a')).rejects.toMatchObject(failedBy('the response of S3 is invalid: no Content-Length'));
  });

  test('of a slow reader is not cut', async () => {
    let bytes = 0;
    const sum = createHash('sha256');
    blobs = openBlobs(fake.place, fake.env, { ...LIMITS, idleMs: IDLE_MS });
    for await (const piece of await blobs.get('a')) {
      if (bytes === 0) await delay(3 * IDLE_MS);
      bytes += piece.length;
      sum.update(piece);
    }
    expect(count('GetObject')).toBe(1);
    expect(sum.digest('hex')).toBe(createHash('sha256').update(BODY).digest('hex'));
  });

  test('of an object that is no blob fails, and a list passes over a short one', async () => {
    fake.plant('blobs/short', Buffer.alloc(31));
    fake.plant('blobs/no name of a blob', Buffer.alloc(100));
    fake.plant('elsewhere', Buffer.alloc(100));
    expect(await listAll()).toEqual(['a']);
    await expect(readAll('short')).rejects.toMatchObject(FAILED);
  });
});

describe('a list', () => {
  const page = (more: string) => `<ListBucketResult>${more}</ListBucketResult>`;
  const contents = (key: string, size = '40', at = '2026-11-28T00:00:00.000Z') =>
    `<EncodingType>url</EncodingType><Contents><Key>${key}</Key><Size>${size}</Size><LastModified>${at}</LastModified></Contents>`;

  test.each([
    ['empty', ''],
    ['cut', page('<Contents>').slice(0, 30)],
    ['a page of a proxy', '<html><body>Welcome</body></html>'],
    ['no XML', '{"keys":[]}'],
    ['deep', `${'<a>'.repeat(1_000)}${'</a>'.repeat(1_000)}`],
    ['longer than 8 MiB', page('<a></a>'.repeat(1_300_000))],
    ['of entities of its own', `<!DOCTYPE a [<!ENTITY b "bbbb">]>${page('<Name>&b;</Name>')}`],
    ['without a size', page(contents('blobs/a', ''))],
    ['of a negative size', page(contents('blobs/a', '-1'))],
    ['without a time', page(contents('blobs/a', '40', ''))],
    ['of a key that is not encoded', page(contents('blobs/%zz'))],
    ['truncated without a token', page('<IsTruncated>true</IsTruncated>')],
  ])('that is %s fails', async (_what, body) => {
    fail('ListObjectsV2', { does: 'answer', body });
    await expect(listAll()).rejects.toMatchObject({ code: 'STORE_FAILED', details: { why: /invalid|too long/ } });
    expect(count('ListObjectsV2')).toBe(1);
  });

  test('without an end fails', async () => {
    const body = page('<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>');
    fail('ListObjectsV2', ...Array.from({ length: 10 }, (): S3Fault => ({ does: 'answer', body })));
    await expect(listAll()).rejects.toMatchObject(FAILED);
    expect(count('ListObjectsV2')).toBe(2);
  });

  test.each([
    ['no IsTruncated', () => ''],
    ['IsTruncated in another case', (is: boolean) => `<IsTruncated>${is ? 'True' : 'False'}</IsTruncated>`],
    ['a number', (is: boolean) => (is ? '<IsTruncated>1</IsTruncated>' : '')],
    ['blanks', (is: boolean) => `<IsTruncated> ${is} </IsTruncated>`],
  ])('of many pages with %s is read to its end', async (_what, text) => {
    const names = Array.from({ length: 25 }, (_, n) => `shard/${n}`);
    for (const name of names) fake.plant(`blobs/${name}`, Buffer.alloc(32));
    fake.pageKeysMax = 3;
    fake.truncatedText = text;
    expect((await listAll()).sort()).toEqual(names.sort());
  });

  test('that is truncated by a word that is none fails', async () => {
    fail('ListObjectsV2', { does: 'answer', body: page('<IsTruncated>perhaps</IsTruncated>') });
    await expect(listAll()).rejects.toMatchObject(FAILED);
  });

  test('of many pages has each blob once', async () => {
    const names = Array.from({ length: 2_500 }, (_, n) => `shard/${n}`);
    for (const name of names) fake.plant(`blobs/${name}`, Buffer.alloc(32));
    expect((await listAll()).sort()).toEqual(names.sort());
    expect(count('ListObjectsV2')).toBe(3);
    fake.pageKeysMax = 7;
    fail('ListObjectsV2', { does: 'close' });
    expect((await listAll()).sort()).toEqual(names);
  });
});

test.each([
  ['AWS_SECRET_ACCESS_KEY', 'SignatureDoesNotMatch'],
  ['AWS_ACCESS_KEY_ID', 'InvalidAccessKeyId'],
  ['AWS_SESSION_TOKEN', 'InvalidToken'],
  ['AWS_REGION', 'AuthorizationHeaderMalformed'],
])('with another %s each request is refused, and no secret is quoted', async (name, why) => {
  const env = { ...fake.env, [name]: 'another' };
  blobs = openBlobs(fake.place, env, LIMITS);
  const error = await put(BODY).catch((refused) => refused);
  expect(error).toMatchObject(failedBy(why));
  for (const secret of Object.values(env)) expect(JSON.stringify([error, String(error)])).not.toContain(secret);
  expect(fake.operations).toEqual(['PutObject']);
});

test('a server that is away is a failure of the store', async () => {
  const { place, env } = fake;
  await fake.stop();
  await expect(openBlobs(place, env, LIMITS).get('a')).rejects.toMatchObject(failedBy('ECONNREFUSED'));
  fake = await FakeS3.start();
});
