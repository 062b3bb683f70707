/** Objects of a bucket as other programs left them: any key, ranges of keys and of bytes, conditions. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { S3Client } from '../../src/blobs/s3-client.js';
import { s3Place } from '../../src/blobs/s3-place.js';
import { FakeS3 } from '../support/fake-s3.js';

let fake: FakeS3;
let client: S3Client;
beforeEach(async () => {
  fake = await FakeS3.start();
  client = new S3Client(s3Place('zeef-test', fake.env), { retries: 1, firstPauseMs: 1 });
});
afterEach(() => fake.stop());

async function textOf(key: string, options: Parameters<S3Client['get']>[1] = {}): Promise<string> {
  const { pieces } = await client.get(key, options);
  const read: Buffer[] = [];
  for await (const piece of pieces) read.push(piece);
  return Buffer.concat(read).toString();
}

async function keysOf(listing: Parameters<S3Client['list']>[0]): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of client.list(listing)) keys.push(key);
  return keys;
}

const ODD = [
  ...['é/ü.jpg', '100%.jpg', '%41', 'plus+and&.jpg', 'a b  c', ' ', '?x=1', '#', 'a=b', "~!*'();:@$,", '日本/😀'],
  ...[
    'a//b',
    '/a',
    'a/',
    'x/./y',
    'x/../y',
    '../x',
    '.',
    '..',
    '%2e%2e/x',
    'a\\b',
    'a"b<c>&amp;',
    'a\u0001b',
    'a\nb',
    '\u00a0',
  ],
];

test('any key is put, listed, read and deleted', async () => {
  for (const key of ODD) await client.put(key, Buffer.from(`of ${key}`));
  expect([...fake.objects.keys()]).toEqual(ODD);
  const byUtf8 = [...ODD].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(await keysOf({ prefix: '' })).toEqual(byUtf8);
  for (const key of ODD) {
    expect(await textOf(key), key).toBe(`of ${key}`);
    expect(await keysOf({ prefix: key, upTo: key }), key).toEqual([key]);
    await client.delete(key);
  }
  expect(fake.objects.size).toBe(0);
});

test('ranges of keys, over pages, are cut in the order of UTF-8', async () => {
  // In UTF-16 the second is after the third.
  const keys = ['a', 'b/\uff5e', 'b/😀', 'b/😀x', 'c'];
  for (const key of keys) fake.plant(key, Buffer.from(key));
  for (const pageKeys of [1, 2, 1_000]) {
    fake.pageKeysMax = pageKeys;
    for (let from = 0; from < keys.length; from++)
      for (let to = from; to < keys.length; to++)
        expect(await keysOf({ prefix: '', startAfter: keys[from]!, upTo: keys[to]! })).toEqual(
          keys.slice(from + 1, to + 1),
        );
    expect(await keysOf({ prefix: 'b/', startAfter: 'b/😀' })).toEqual(['b/😀x']);
    expect(await keysOf({ prefix: 'd' })).toEqual([]);
  }
});

test('a list has what identifies an object, as its head and its body do', async () => {
  fake.plant('a', Buffer.from('hello'));
  const { etag, modified } = fake.objects.get('a')!;
  for await (const object of client.list({ prefix: '' }))
    expect(object).toEqual({ key: 'a', bytes: 5, etag, modifiedMs: modified.getTime() });
  expect(await client.head('a')).toEqual({
    bytes: 5,
    etag,
    // Responses have no fractions of a second.
    modifiedMs: Math.floor(modified.getTime() / 1_000) * 1_000,
  });
  expect(await client.get('a')).toMatchObject({ bytes: 5, etag });
  expect(etag).toBe('"5d41402abc4b2a76b9719d911017c592"');
});

test('a range ends with the object; beyond it there is none', async () => {
  fake.plant('a', Buffer.from('0123456789'));
  expect(await textOf('a', { range: { from: 0, to: 0 } })).toBe('0');
  expect(await textOf('a', { range: { from: 3, to: 5 } })).toBe('345');
  expect(await textOf('a', { range: { from: 8, to: 65_535 } })).toBe('89');
  const beyond = client.get('a', { range: { from: 10, to: 20 } });
  await expect(beyond).rejects.toMatchObject({ code: 'STORE_FAILED', details: { why: 'InvalidRange' } });
  fake.script.push({ of: 'GetObject', does: 'cut', bytes: 2 });
  expect(await textOf('a', { range: { from: 3, to: 8 } })).toBe('345678');
});

test('a condition that does not hold is a change', async () => {
  fake.plant('a', Buffer.from('old'));
  const { etag } = await client.head('a');
  expect(await textOf('a', { ifMatch: etag })).toBe('old');
  fake.plant('a', Buffer.from('new'));
  await expect(client.get('a', { ifMatch: etag })).rejects.toMatchObject({ code: 'FILE_CHANGED' });
});

test('what is missing is NOT_FOUND; to delete it is no error', async () => {
  await expect(client.head('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.get('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await client.delete('a');
  const missing = { code: 'STORE_FAILED', details: { why: 'NoSuchBucket' } };
  client = new S3Client(s3Place('another', fake.env));
  await expect(client.get('a')).rejects.toMatchObject(missing);
  await expect(client.put('a', Buffer.alloc(1))).rejects.toMatchObject(missing);
  await expect(client.list({ prefix: '' }).next()).rejects.toMatchObject(missing);
});
