/** A first look by ETags: what is on a list is read, and all else is counted as not examined. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { QueryBatch } from '../../../src/check/file-queries.js';
import { NOTHING_FOUND } from '../../../src/check/policy.js';
import { ScanBucket } from '../../support/scan-bucket.js';
import { found, matcherOf } from '../../support/scan-parts.js';

let bucket: ScanBucket;
beforeEach(async () => {
  bucket = await ScanBucket.create();
});
afterEach(() => bucket.close());

/** A matcher of one MD5, and of images by their digits. */
function matcherWith(md5: string) {
  const images = matcherOf({ a: found('match') });
  const looked: number[] = [];
  return {
    ...images,
    looked,
    async match(queries: QueryBatch) {
      const files = Array.from({ length: queries.files }, (_, at) => queries.queryOf(at).digests);
      if (files[0]?.sha256 !== undefined) return images.match(queries);
      looked.push(files.length);
      return files.map((digests) => (digests.md5 === md5 ? found('match') : NOTHING_FOUND));
    },
  };
}

const plan = (md5: string) => {
  const matcher = matcherWith(md5);
  const about = { request: { etagsOnly: true, digestsAll: true }, parts: { keepsFiles: false, matcher } };
  return { matcher, about };
};

test('objects whose ETag is on a list are read, the others are counted, and end the scan with a warning', async () => {
  for (let at = 0; at < 2_500; at++) bucket.put(`k${at}`, 'b', 10 + at);
  bucket.put('listed', 'a', 9);
  const { etag } = bucket.fake.objects.get('listed')!;
  const { matcher, about } = plan(etag.replaceAll('"', ''));
  const { lines, gets, files, warnings, tally } = await bucket.scan(about);
  expect({ lines, gets, files, warnings }).toEqual({
    lines: ['listed match'],
    gets: 1,
    files: 1,
    warnings: ['ETAGS_ONLY'],
  });
  expect(tally.warnings.kept).toEqual([{ code: 'ETAGS_ONLY', objects: 2_500 }]);
  expect([tally.warnings.fails, tally.byVerdict.no_match]).toEqual([true, 0]);
  expect(Math.max(...matcher.looked)).toBe(1_000);
  expect(matcher.looked.reduce((sum, one) => sum + one, 0)).toBe(2_501);
});

test('an ETag of parts is not looked up; one that is of other bytes is decided by the object', async () => {
  bucket.put('parts', 'a');
  bucket.put('other', 'b');
  const parts = bucket.fake.objects.get('parts')!;
  bucket.fake.objects.set('parts', { ...parts, etag: parts.etag.replace(/"$/, '-1"') });
  const md5 = createHash('md5').update('a listed image').digest('hex');
  const other = bucket.fake.objects.get('other')!;
  // Of a service that encrypts: it looks like an MD5.
  bucket.fake.objects.set('other', { ...other, etag: `"${md5.toUpperCase()}"` });
  const { matcher, about } = plan(md5);
  const { lines, decoded, tally } = await bucket.scan(about);
  expect({ lines, decoded, looked: matcher.looked }).toEqual({ lines: [], decoded: 1, looked: [1] });
  expect(tally.byVerdict.no_match).toBe(1);
  expect(tally.warnings.kept).toEqual([{ code: 'ETAGS_ONLY', objects: 1 }]);
});
