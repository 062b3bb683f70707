import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildDigestTable, openDigestTable } from '../../src/index/digest-table.js';
import { randomBytes, seeded } from '../support/random.js';

test.each([16, 20, 32])('width %i: every digest is found, with its duplicates, and no other is', (width) => {
  const random = seeded(width);
  const digests = randomBytes(random, width * 3_000);
  digests.copyWithin(width * 10, width * 20, width * 21);
  const table = buildDigestTable(digests, width);
  for (let entry = 0; entry < 3_000; entry++) {
    const expected = entry === 10 || entry === 20 ? [10, 20] : [entry];
    expect(table.lookup(digests.subarray(entry * width, (entry + 1) * width))).toEqual(expected);
  }
  for (let i = 0; i < 3_000; i++) {
    const near = digests.slice(i * width, (i + 1) * width);
    near[width - 1]! ^= 1;
    expect(table.lookup(near)).toEqual([]);
  }
  expect(table.lookup(digests.subarray(0, width - 1))).toEqual([]);
  expect(openDigestTable(table.share()).lookup(digests.subarray(0, width))).toEqual([0]);
});

test.each([0, 6, 12])('digests that differ only in the four bytes from %i are found as fast as any', (from) => {
  const count = 200_000;
  const digests = new Uint8Array(count * 16);
  const view = new DataView(digests.buffer);
  for (let entry = 0; entry < count; entry++) view.setUint32(entry * 16 + from, entry);
  const startedMs = performance.now();
  const table = buildDigestTable(digests, 16);
  for (let entry = 0; entry < count; entry++) {
    if (table.lookup(digests.subarray(entry * 16, entry * 16 + 16))[0] !== entry) throw new Error(`lost ${entry}`);
  }
  // About 0.3 s. With one long walk through the slots, building 40,000 took 1.2 s, and four times that per doubling.
  expect(performance.now() - startedMs).toBeLessThan(15_000);
});

test('an empty table finds nothing', () => {
  expect(buildDigestTable(new Uint8Array(), 16).lookup(new Uint8Array(16))).toEqual([]);
});

test('property: a table equals a search through all digests', () => {
  const digest = fc.array(fc.constantFrom(0, 1, 255), { minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(fc.array(digest, { maxLength: 40 }), digest, (digests, wanted) => {
      const table = buildDigestTable(Uint8Array.from(digests.flat()), 16);
      const expected = digests.flatMap((each, entry) => (each.join() === wanted.join() ? [entry] : []));
      expect(table.lookup(Uint8Array.from(wanted))).toEqual(expected);
    }),
  );
});

test('property: a batch returns what single lookups return, also for digests of many entries', () => {
  const digest = fc
    .array(fc.constantFrom(0, 1), { minLength: 4, maxLength: 4 })
    .map((few) => [...few, ...Array(16).fill(7)]);
  fc.assert(
    fc.property(fc.array(digest, { maxLength: 60 }), fc.array(digest, { maxLength: 30 }), (digests, wanted) => {
      const table = buildDigestTable(Uint8Array.from(digests.flat()), 20);
      const rows = table.lookupBatch(Uint8Array.from(wanted.flat()));
      const expected = wanted.flatMap((each, query) =>
        table.lookup(Uint8Array.from(each)).map((entry) => [query, entry]),
      );
      expect(rows.count).toBe(expected.length);
      expect(Array.from(rows.queryIndex, (query, row) => [query, rows.entryIndex[row]])).toEqual(expected);
    }),
  );
});

test('a batch of more than one piece finds its hits among misses', () => {
  const digests = randomBytes(seeded(4), 16 * 50_000);
  const table = buildDigestTable(digests, 16);
  const asked = randomBytes(seeded(5), 16 * 10_000);
  for (let query = 0; query < 10_000; query += 3) asked.set(digests.subarray(query * 64, query * 64 + 16), query * 16);
  const { count, queryIndex, entryIndex } = table.lookupBatch(asked);
  expect(count).toBe(3_334);
  expect([...queryIndex.subarray(0, 3)]).toEqual([0, 3, 6]);
  expect([...entryIndex.subarray(0, 3)]).toEqual([0, 12, 24]);
});

test('a digest of 100,000 entries is returned for each of them, and does not slow down other lookups', () => {
  const digests = randomBytes(seeded(6), 16 * 200_000);
  for (let entry = 0; entry < 200_000; entry += 2) digests.copyWithin(entry * 16, 0, 16);
  const table = buildDigestTable(digests, 16);
  expect(table.lookup(digests.subarray(0, 16))).toHaveLength(100_000);
  expect(table.lookupBatch(digests.subarray(0, 32)).count).toBe(100_001);
  const startedMs = performance.now();
  for (let entry = 1; entry < 200_000; entry += 2) table.lookup(digests.subarray(entry * 16, entry * 16 + 16));
  // About 0.1 s; if that chain were walked for its neighbours, minutes.
  expect(performance.now() - startedMs).toBeLessThan(15_000);
});
