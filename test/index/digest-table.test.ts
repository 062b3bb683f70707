import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildDigestTable, openDigestTable } from '../../src/index/digest-table.js';
import { randomBytes, seeded } from '../support/random.js';

test.each([16, 20, 32])('width %i: every digest is found, no other is, duplicates are all told', (width) => {
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

test.each([0, 6, 12])('digests that differ only in the four bytes from %i are as quick as any', (from) => {
  const count = 200_000;
  const digests = new Uint8Array(count * 16);
  const view = new DataView(digests.buffer);
  for (let entry = 0; entry < count; entry++) view.setUint32(entry * 16 + from, entry);
  const startedMs = performance.now();
  const table = buildDigestTable(digests, 16);
  for (let entry = 0; entry < count; entry++) {
    if (table.lookup(digests.subarray(entry * 16, entry * 16 + 16))[0] !== entry) throw new Error(`lost ${entry}`);
  }
  // About 0.3 s. With one long walk through the slots, building 40,000 took 1.2 s, and four times that for each doubling.
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test('an empty table holds nothing', () => {
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
