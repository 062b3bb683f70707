/** Scans of a bucket: what is requested, what a second scan reads, what is missing, and every failure of a service. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PLACE, ScanBucket } from '../../support/scan-bucket.js';
import { zipOf } from '../../support/zip.js';

let bucket: ScanBucket;
beforeEach(async () => {
  bucket = await ScanBucket.create();
});
afterEach(() => bucket.close());

const denied = { does: 'error', status: 403, code: 'AccessDenied' } as const;
const matches = (...keys: string[]) => keys.map((key) => `${key} match`);
const range = (count: number, digit?: string) => {
  const keys = Array.from({ length: count }, (_, at) => `k${String(at).padStart(4, '0')}`);
  for (const key of keys) bucket.put(key, digit);
  return keys;
};

describe('what is requested', () => {
  test('an image is requested once, and nothing of an unchanged one in the second scan', async () => {
    bucket.put('a/small.jpg');
    bucket.put('a/large.jpg', 'a', 90_000);
    bucket.fake.plant('b.txt', Buffer.from('text'));
    bucket.fake.plant('empty', Buffer.alloc(0));
    const first = await bucket.scan();
    // The rest of the large one is a request of its own.
    expect([first.lines, first.gets, first.heads]).toEqual([matches('a/large.jpg', 'a/small.jpg'), 4, 0]);
    const second = await bucket.scan();
    expect([second.lines, second.gets, second.heads]).toEqual([first.lines, 0, 0]);
    expect(second).toMatchObject({ files: 4, fromInventory: 4, missing: 0, decoded: 0, warnings: [] });
  });

  test('a changed object is read again, a new one is read, a removed one is missing until it is pruned', async () => {
    range(4);
    await bucket.scan();
    bucket.put('k0001', 'b');
    bucket.put('k0009');
    bucket.fake.objects.delete('k0002');
    const next = await bucket.scan();
    expect(next.lines).toEqual(['k0000 match', 'k0001 suppressed', 'k0003 match', 'k0009 match']);
    expect(next).toMatchObject({ decoded: 2, gets: 2, missing: 1, warnings: ['FILES_MISSING'] });
    expect(await bucket.scan({ request: { prunes: true } })).toMatchObject({ missing: 1, gets: 0, warnings: [] });
    expect(await bucket.scan()).toMatchObject({ missing: 0, files: 4, warnings: [] });
  });

  test('the same bytes written again are the same object only with the same date', async () => {
    bucket.put('a');
    await bucket.scan();
    const { body, etag, metadata } = bucket.fake.objects.get('a')!;
    bucket.fake.objects.set('a', { body, etag, metadata, modified: new Date(Date.now() + 5_000) });
    expect(await bucket.scan()).toMatchObject({ decoded: 1 });
  });

  test('an object over the image limit is too large, and its digests are looked up', async () => {
    bucket.put('large', 'a', 200_000);
    const { tally, decoded } = await bucket.scan();
    expect([tally.byVerdict.not_checked, decoded]).toEqual([1, 0]);
    expect(await bucket.scan()).toMatchObject({ gets: 0 });
  });
});

describe('roots', () => {
  test('a prefix is the start of a key; prefixes within another are walked once', async () => {
    for (const key of ['a/1', 'a/2', 'ab', 'b']) bucket.put(key);
    expect((await bucket.scan({ paths: [`${PLACE}a`] })).lines).toEqual(matches('a/1', 'a/2', 'ab'));
    expect((await bucket.scan({ paths: [`${PLACE}a/`, `${PLACE}b`] })).lines).toEqual(matches('a/1', 'a/2', 'b'));
    const paths = [`${PLACE}a/2`, `${PLACE}a`, `${PLACE}a/`, `${PLACE}a`];
    expect((await bucket.scan({ paths })).lines).toEqual(matches('a/1', 'a/2', 'ab'));
  });

  test('files and buckets in one scan, and what is no address of a bucket, are refused', async () => {
    for (const paths of [[PLACE, '/tmp'], ['s3://'], ['s3://UPPER/x'], ['s3://key:secret@bucket/x']])
      await expect(bucket.scan({ paths })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    const error = await bucket.scan({ paths: ['s3://key:secret@bucket/x'] }).catch((one: unknown) => one);
    expect(JSON.stringify((error as { details: object }).details)).not.toContain('secret');
  });

  test('a bucket that is not there, and one that may not be listed, are lines, and nothing is forgotten', async () => {
    expect(await bucket.scan({ paths: ['s3://not-there/x'] })).toMatchObject({
      lines: ['s3://not-there/x not_checked FILE_UNREADABLE'],
      failures: ['NoSuchBucket'],
    });
    const keys = range(3);
    await bucket.scan();
    bucket.fake.always.push({ of: 'ListObjectsV2', does: 'error', status: 403, code: 'AccessDenied' });
    const denied = await bucket.scan({ request: { prunes: true } });
    expect([denied.lines, denied.failures]).toEqual([['not_checked FILE_UNREADABLE'], ['AccessDenied']]);
    bucket.fake.always.pop();
    expect(await bucket.scan()).toMatchObject({ lines: matches(...keys), gets: 0, missing: 0 });
  });

  test('an empty prefix that held files is a warning', async () => {
    range(2);
    await bucket.scan();
    bucket.fake.objects.clear();
    expect((await bucket.scan()).warnings).toEqual(['ROOT_EMPTY', 'FILES_MISSING']);
  });

  test('patterns begin at the folder of the prefix; a folder that is excluded is not entered', async () => {
    for (const key of ['p/cache/1.jpg', 'p/a/cache/2.jpg', 'p/a/3.jpg', 'p/cached.jpg', 'p/x/cache.jpg'])
      bucket.put(key);
    const request = { exclude: [{ glob: 'cache/', anyCase: false }] };
    const lines = matches('p/a/3.jpg', 'p/cached.jpg', 'p/x/cache.jpg');
    expect((await bucket.scan({ paths: [`${PLACE}p/`], request })).lines).toEqual(lines);
    expect((await bucket.scan({ paths: [`${PLACE}p/cache/`], request })).lines).toEqual(matches('p/cache/1.jpg'));
    const anchored = { include: [{ glob: '/a/**', anyCase: false }] };
    expect((await bucket.scan({ paths: [`${PLACE}p/`], request: anchored })).lines).toEqual(
      matches('p/a/3.jpg', 'p/a/cache/2.jpg'),
    );
  });
});

describe('archives', () => {
  const zip = (digit: string) =>
    zipOf([
      {
        name: Buffer.from('in.jpg'),
        content: Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from(digit)]),
      },
    ]);
  const request = { archives: true };

  test('of a bucket are opened, known while they are unchanged, and kept where their range cannot be listed', async () => {
    bucket.fake.plant('a/b!.zip', zip('a'));
    bucket.fake.plant('a//./c.zip', zip('b'));
    const lines = ['a//./c.zip!/in.jpg suppressed', 'a/b!.zip!/in.jpg match'];
    expect(await bucket.scan({ request })).toMatchObject({ lines, decoded: 2 });
    // Only the head of each says whether it is unchanged.
    expect(await bucket.scan({ request })).toMatchObject({ lines, decoded: 0, gets: 0, heads: 2 });
    bucket.fake.always.push({ of: 'ListObjectsV2', ...denied });
    await bucket.scan({ request: { ...request, prunes: true } });
    bucket.fake.always.pop();
    expect(await bucket.scan({ request })).toMatchObject({ lines, decoded: 0, gets: 0 });
    bucket.fake.plant('a/b!.zip', zip('b'));
    bucket.fake.objects.delete('a//./c.zip');
    const changed = await bucket.scan({ request: { ...request, prunes: true } });
    expect(changed).toMatchObject({ lines: ['a/b!.zip!/in.jpg suppressed'], decoded: 1 });
    expect(await bucket.scan({ request })).toMatchObject({ missing: 0 });
  });
});

describe('a service that fails', () => {
  const slow = { does: 'error', status: 503, code: 'SlowDown' } as const;

  test.each([
    ['asks to slow down', [slow, slow]],
    ['cuts a body', [{ does: 'cut', bytes: 2 }, { does: 'close' }]],
  ] as const)('%s: the object is read', async (_name, faults) => {
    const keys = range(3);
    for (const fault of faults) bucket.fake.script.push({ of: 'GetObject', ...fault });
    bucket.fake.script.push({ of: 'ListObjectsV2', ...slow });
    expect((await bucket.scan()).lines).toEqual(matches(...keys));
  });

  test.each([
    ['denies', denied, 'FILE_UNREADABLE'],
    ['asks to slow down for', slow, 'FILE_UNREADABLE'],
    ['sends a short body of', { does: 'shorten', bytes: 2 }, 'FILE_UNREADABLE'],
    ['sends too much of', { does: 'ignore the range' }, 'FILE_UNREADABLE'],
    ['has another ETag of', { does: 'change the ETag' }, 'FILE_CHANGED'],
    ['is silent about', { does: 'hang' }, 'FILE_STALLED'],
    ['stops before the body of', { does: 'stop', bytes: 0 }, 'FILE_STALLED'],
  ] as const)(
    '%s one object: that is not_checked, the others are read, and the next scan reads it',
    async (_name, fault, code) => {
      const keys = range(3);
      bucket.fake.always.push({ of: 'GetObject', key: 'k0001', ...fault });
      const scanned = await bucket.scan({ request: { stallMs: 300 } });
      expect(scanned.lines).toEqual(['k0000 match', `k0001 not_checked ${code}`, 'k0002 match']);
      bucket.fake.always.pop();
      expect(await bucket.scan()).toMatchObject({ lines: matches(...keys), decoded: 1 });
    },
  );

  test('a service that asks to slow down gets half of the concurrent requests', async () => {
    const keys = range(150);
    bucket.fake.delayMs = 20;
    bucket.fake.script.push({ of: 'GetObject', ...slow });
    const running: number[] = [];
    bucket.fake.onRequest = (operation) => void (operation === 'GetObject' && running.push(bucket.fake.running));
    expect((await bucket.scan()).lines).toEqual(matches(...keys));
    // They begin with 16, and rise by one for each round that is answered.
    expect(Math.max(...running.slice(0, 20))).toBeGreaterThan(12);
    expect(Math.max(...running.slice(30, 60))).toBeLessThan(15);
  });

  test('a scan that is stopped does not wait for a service that asks to slow down', async () => {
    range(3);
    bucket.fake.always.push({ of: 'GetObject', ...slow });
    const startedMs = performance.now();
    const parts = { bucketLimits: { retries: 100, firstPauseMs: 2_000 } };
    const shouldStop = () => performance.now() - startedMs > 1_000;
    expect(await bucket.scan({ parts, shouldStop })).toMatchObject({ lines: [], end: { interrupted: true } });
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    bucket.fake.always.pop();
    expect((await bucket.scan()).lines).toHaveLength(3);
  });

  test('an object that is known keeps its hashes where it cannot be read, and they are used again', async () => {
    range(2);
    await bucket.scan();
    bucket.put('k0001', 'b');
    bucket.fake.always.push({ of: 'GetObject', ...denied });
    const unread = await bucket.scan({ request: { prunes: true } });
    expect(unread).toMatchObject({ lines: ['k0000 match', 'k0001 not_checked FILE_UNREADABLE'], missing: 1 });
    bucket.fake.always.pop();
    expect((await bucket.scan()).lines).toEqual(['k0000 match', 'k0001 suppressed']);
  });

  test('an object that is written after the list is read as it is then; one that is gone has vanished', async () => {
    range(3);
    let isOver = false;
    bucket.fake.onRequest = (operation) => {
      if (operation !== 'GetObject' || isOver) return;
      isOver = true;
      bucket.put('k0000', 'b');
      bucket.put('k0001', 'b', 9);
      bucket.fake.objects.delete('k0002');
    };
    const scanned = await bucket.scan();
    expect(scanned.lines).toEqual(['k0000 suppressed', 'k0001 suppressed', 'k0002 not_checked FILE_VANISHED']);
    expect(await bucket.scan()).toMatchObject({ gets: 0, files: 2 });
  });

  test('an object that is written between its first bytes and the rest is read once more', async () => {
    bucket.put('k', 'a', 90_000);
    let gets = 0;
    bucket.fake.onRequest = (operation) => {
      if (operation === 'GetObject' && ++gets === 2) bucket.put('k', 'b', 80_000);
    };
    expect((await bucket.scan()).lines).toEqual(['k suppressed']);
    bucket.put('k', 'a', 60_000);
    bucket.fake.onRequest = (operation) => {
      if (operation === 'GetObject') bucket.put('k', 'a', 70_000 + Math.floor(Math.random() * 9_000));
    };
    expect((await bucket.scan()).lines).toEqual(['k not_checked FILE_CHANGED']);
  });

  test('a size that is not the listed one is not read as a part of the object', async () => {
    bucket.put('k', 'a', 50);
    const { body, ...rest } = bucket.fake.objects.get('k')!;
    // The ETag is the same: an object of a service that errs.
    bucket.fake.onRequest = (operation) => {
      if (operation === 'GetObject') bucket.fake.objects.set('k', { ...rest, body: Buffer.concat([body, body]) });
      else if (operation === 'HeadObject') bucket.fake.objects.set('k', { ...rest, body });
    };
    expect(await bucket.scan()).toMatchObject({ lines: ['k not_checked FILE_CHANGED'], decoded: 0 });
  });

  test('where all requests time out the rest is stalled without a wait, and the next scan reads it', async () => {
    const keys = range(300);
    bucket.fake.always.push({ of: 'GetObject', does: 'hang' });
    const scanned = await bucket.scan({ request: { stallMs: 200 } });
    expect(scanned.lines).toEqual(keys.map((key) => `${key} not_checked FILE_STALLED`));
    expect(scanned.gets).toBeLessThan(100);
    bucket.fake.always.pop();
    expect((await bucket.scan()).lines).toEqual(matches(...keys));
  });
});
