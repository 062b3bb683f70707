/** Ranges of keys: lists that end early or err, scans that are stopped, and keys of any bytes. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pathBytesOf } from '../../../src/core/path-bytes.js';
import { archiveRow, bucketRoot, bucketRow, rangeRow, shownObject } from '../../../src/scan/bucket/bucket-paths.js';
import { PLACE, ScanBucket } from '../../support/scan-bucket.js';

const PAGE_KEYS = 4;
const bucketLimits = { retries: 1, firstPauseMs: 1, rangeKeys: 8 };
const parts = { bucketLimits };

let bucket: ScanBucket;
beforeEach(async () => {
  bucket = await ScanBucket.create();
  bucket.fake.pageKeysMax = PAGE_KEYS;
});
afterEach(() => bucket.close());

const keysOf = (count: number) => Array.from({ length: count }, (_, at) => `k${String(at).padStart(3, '0')}`);
const matches = (keys: readonly string[]) => keys.map((key) => `${key} match`);
const put = (keys: readonly string[]) => {
  for (const key of keys) bucket.put(key);
};
const lists = () => bucket.fake.operations.filter((one) => one === 'ListObjectsV2').length;

async function rowsOfRoot(prefix = ''): Promise<string[]> {
  const { root } = bucketRoot(`${PLACE}${prefix}`);
  const rows: string[] = [];
  for (let row: string | null = root; row !== null; row = await bucket.inventory.folderBetween(row, `${root}/,`))
    rows.push(bucketRow(row).key);
  return rows.slice(1);
}

describe('ranges', () => {
  test('a list is cut into ranges, which a later scan lists again, all at once', async () => {
    const keys = keysOf(30);
    put(keys);
    expect((await bucket.scan({ parts })).lines).toEqual(matches(keys));
    expect(await rowsOfRoot()).toEqual(['', 'k007', 'k015', 'k023']);
    expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(keys), gets: 0, missing: 0, warnings: [] });
    // Objects between, at the ends, and behind.
    const more = ['a', 'k007x', 'k0071', 'k0231', 'z'];
    put(more);
    bucket.fake.objects.delete('k015');
    const now = [...keys, ...more].filter((key) => key !== 'k015').sort();
    expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(now), decoded: 5, missing: 1 });
  });

  test('a range is not cut before its last known key, and a scan without an inventory is cut as well', async () => {
    put(keysOf(7));
    await bucket.scan({ parts });
    const more = keysOf(7).map((key) => `${key}-`);
    put(more);
    const all = [...keysOf(7), ...more].sort();
    expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(all), decoded: 7, missing: 0 });
    expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(all), decoded: 0, missing: 0 });
    const free = await bucket.scan({ parts: { ...parts, keepsFiles: false } });
    expect(free.lines).toEqual(matches(all));
  });

  test.each([1, 5, 9, 17, 22])('a scan that is stopped after %i images resumes to the same report', async (stopAt) => {
    const keys = keysOf(30);
    put(keys);
    const first = await bucket.scan({ parts, shouldStop: (decoded) => decoded >= stopAt });
    expect(first.end.interrupted).toBe(true);
    expect(first.decoded).toBeLessThan(30);
    await bucket.reopen();
    const before = lists();
    const second = await bucket.scan({ parts });
    expect(second).toMatchObject({ lines: matches(keys), files: 30, missing: 0, end: { resumed: true } });
    expect(first.decoded + second.decoded).toBe(30);
    expect(lists() - before).toBeLessThan(12);
    expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(keys), gets: 0, missing: 0 });
  });

  test('objects that are removed and added before a scan is resumed are missing and read, each once', async () => {
    put(keysOf(30));
    await bucket.scan({ parts, shouldStop: (decoded) => decoded >= 6 });
    bucket.fake.objects.delete('k001');
    put(['k0001', 'k0101']);
    const keys = [...bucket.fake.objects.keys()].sort();
    expect((await bucket.scan({ parts })).lines).toEqual(matches(keys));
    expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(keys), gets: 0 });
  });
});

describe('lists that err', () => {
  const failAt = (page: number) => {
    let pages = 0;
    bucket.fake.onRequest = (operation) => {
      if (operation === 'ListObjectsV2' && ++pages === page)
        bucket.fake.script.push({ of: 'ListObjectsV2', does: 'error', status: 403, code: 'AccessDenied' });
    };
  };

  test.each([1, 2, 3])(
    'one that fails at page %i is a line; what it had is examined, and the rest by the next scan',
    async (page) => {
      const keys = keysOf(16);
      put(keys);
      failAt(page);
      const { lines, failures } = await bucket.scan({ parts: { bucketLimits: { ...bucketLimits, rangeKeys: 100 } } });
      expect(lines).toEqual([...matches(keys.slice(0, (page - 1) * PAGE_KEYS)), 'not_checked FILE_UNREADABLE'].sort());
      expect(failures).toEqual(['AccessDenied']);
      bucket.fake.onRequest = () => {};
      expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(keys), missing: 0, warnings: [] });
    },
  );

  test('what is behind the place where it ended is neither gone nor pruned', async () => {
    const keys = keysOf(30);
    put(keys);
    await bucket.scan({ parts });
    bucket.fake.always.push({ of: 'ListObjectsV2', does: 'error', status: 403, code: 'AccessDenied' });
    const failed = await bucket.scan({ parts, request: { prunes: true } });
    expect(failed.lines).toEqual(
      [
        'not_checked FILE_UNREADABLE',
        ...['k007', 'k015', 'k023'].map((key) => `?start-after=${key} not_checked FILE_UNREADABLE`),
      ].sort(),
    );
    bucket.fake.always.pop();
    expect(await bucket.scan({ parts })).toMatchObject({ lines: matches(keys), gets: 0, missing: 0, warnings: [] });
  });

  test.each([
    ['turns its keys', (keys: string[]) => [...keys].reverse()],
    ['repeats a key', (keys: string[]) => [...keys, keys.at(-1)!]],
    ['sends the first page again and again', () => keysOf(PAGE_KEYS)],
  ])('a service that %s ends the range with a line', async (_name, changePage) => {
    put(keysOf(12));
    bucket.fake.changePage = changePage;
    const { lines, failures } = await bucket.scan({ parts });
    expect(lines.filter((line) => line.includes('not_checked'))).toEqual([
      expect.stringMatching(/not_checked FILE_UNREADABLE$/),
    ]);
    expect(failures).toEqual(['keys that are not in the order of their bytes']);
    bucket.fake.changePage = (keys) => keys;
    expect((await bucket.scan({ parts })).lines).toEqual(matches(keysOf(12)));
  });

  test('a page of another prefix is an error', async () => {
    put(['a/1', 'a/2']);
    bucket.fake.changePage = (keys) => (keys.length > 0 ? [keys[0]!, 'b'] : keys);
    put(['b']);
    expect((await bucket.scan({ parts, paths: [`${PLACE}a/`] })).lines).toEqual(['a/ not_checked FILE_UNREADABLE']);
  });
});

const PART = fc.constantFrom(
  'a',
  '/',
  '//',
  '.',
  './',
  '../',
  '\n',
  '\u0000',
  ' ',
  '+',
  '%41',
  '%',
  'é',
  '😀',
  '\uff5e',
  '!',
  ',',
  '?',
  '=',
  '&',
  '\\',
  'jpg',
);
const KEY = fc.array(PART, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));

test('keys of any characters are each a line of their own, in any number of ranges', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(KEY, { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      async (keys, rangeKeys) => {
        const one = await ScanBucket.create();
        try {
          one.fake.pageKeysMax = 3;
          for (const key of keys) one.put(key);
          const exact = new Map<string, number>();
          const options = {
            bucketLimits: { ...bucketLimits, rangeKeys },
            onResult: ({ pathBytes }: { pathBytes: string }) =>
              void exact.set(pathBytes, (exact.get(pathBytes) ?? 0) + 1),
          };
          const all = new Map(keys.map((key) => [pathBytesOf(`${PLACE}${key}`), 1] as const));
          expect(await one.scan({ parts: options })).toMatchObject({ files: keys.length });
          expect(exact).toEqual(all);
          exact.clear();
          expect(await one.scan({ parts: options })).toMatchObject({ gets: 0, files: keys.length, missing: 0 });
          expect(exact).toEqual(all);
        } finally {
          await one.close();
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('rows of ranges are in the order of their keys, and each row and name stands for one key', () => {
  fc.assert(
    fc.property(fc.uniqueArray(KEY, { minLength: 2, maxLength: 2 }), KEY, (keys, prefix) => {
      const [a, b] = keys.map(pathBytesOf) as [string, string];
      const { root } = bucketRoot(pathBytesOf(`s3://bucket/${prefix}`));
      expect(rangeRow(root, a) < rangeRow(root, b)).toBe(
        Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')) < 0,
      );
      expect(bucketRow(rangeRow(root, a))).toMatchObject({ root, kind: 'range', key: a, prefix: pathBytesOf(prefix) });
      expect(bucketRow(archiveRow(rangeRow(root, b), `/${a}`))).toMatchObject({ root, kind: 'archive', key: a });
      expect(shownObject(rangeRow(root, b), `/${a}`)).toBe(`s3://bucket/${a}`);
    }),
  );
});
