/** Crowds are those that a comparison of each with each finds, in a list of any length. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pdqLike } from '../../../bench/pdq-like.js';
import { formatHash256, HASH256_BYTES } from '../../../src/core/hash256.js';
import { hamming256 } from '../../../src/kernels/hamming.js';
import { COMPARED_MAX, CROWD_OTHERS_MAX, HashSample } from '../../../src/lists/import/crowds.js';
import { randomBytes, seeded } from '../../support/random.js';

const RADIUS_BITS = 31;
const hashesOf = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / HASH256_BYTES }, (_, at) =>
    bytes.subarray(at * HASH256_BYTES, (at + 1) * HASH256_BYTES),
  );
const strangers = hashesOf(pdqLike(400, 5));

/** A hash that differs in `bits` bits: each two of these are as far apart as their common bits leave them. */
function near(hash: Uint8Array, random: () => number, bits: number): Uint8Array {
  const bytes = Uint8Array.from(hash);
  for (let n = 0; n < bits; n++) {
    const bit = Math.floor(random() * 256);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  return bytes;
}

function sampleOf(hashes: readonly Uint8Array[]): HashSample {
  const sample = new HashSample();
  for (const [position, hash] of hashes.entries())
    sample.add({ position, line: position + 1, entryId: `e${position}`, value: formatHash256(hash) });
  return sample;
}

test('those that match many, and whom they match, against a comparison of each with each', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ size: fc.integer({ min: 1, max: 45 }), bits: fc.integer({ min: 0, max: 20 }) }), {
        maxLength: 4,
      }),
      fc.integer(),
      fc.integer({ min: 2, max: 9 }),
      (groups, seed, each) => {
        const random = seeded(seed);
        const hashes = groups.flatMap(({ size, bits }, n) => [
          strangers[100 + n]!,
          ...Array.from({ length: size }, () => near(strangers[n]!, random, bits)),
        ]);
        const isNew = (position: number) => position % each !== 0;
        const added = [...hashes.keys()].filter(isNew);
        const matchesOf = (at: number) => added.filter((one) => hamming256(hashes[one]!, hashes[at]!) <= RADIUS_BITS);
        const { compared, lines, rowAt } = sampleOf(hashes).crowded(RADIUS_BITS, isNew);
        expect(compared).toBe(added.length);
        const crowded = new Set(lines.map((line) => line - 1));
        const least = added.filter((at) => matchesOf(at).length > CROWD_OTHERS_MAX + 1);
        const most = new Set(least.flatMap(matchesOf));
        for (const at of least) expect(crowded.has(at)).toBe(true);
        for (const at of crowded) expect(most.has(at)).toBe(true);
        expect(lines).toEqual([...lines].sort((a, b) => a - b));
        for (const [at, line] of lines.entries()) {
          const { near, ...row } = rowAt(at);
          expect(row).toEqual({ line, entryId: `e${line - 1}` });
          // The first of a crowd is near no row before it; the others are near the one that is named.
          if (near === undefined) expect(matchesOf(line - 1).length).toBeGreaterThan(CROWD_OTHERS_MAX + 1);
          else expect(matchesOf(line - 1).map((one) => `e${one}`)).toContain(near.entryId);
          expect(near?.entryId ?? null).toBe(near === undefined ? null : `e${near.line! - 1}`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('of a long list a part is compared, drawn evenly', () => {
  const rows = 5 * COMPARED_MAX;
  const bytes = pdqLike(rows, 6);
  const random = seeded(7);
  // Every eightieth row: a twentieth of a per cent of them would be seventeen of the rows compared.
  for (let at = 0; at < rows; at += 80) bytes.set(near(strangers[0]!, random, 10), at * HASH256_BYTES);
  const sample = sampleOf(hashesOf(bytes));
  const { compared, lines } = sample.crowded(RADIUS_BITS, () => true);
  expect(compared).toBeGreaterThan(COMPARED_MAX / 2 - 100);
  expect(compared).toBeLessThanOrEqual(COMPARED_MAX);
  expect(lines.every((line) => (line - 1) % 80 === 0)).toBe(true);
  expect(lines.length / compared).toBeGreaterThan(0.9 / 80);
  expect(lines.length / compared).toBeLessThan(1.1 / 80);
  // Every second row is an old one.
  const odd = sample.crowded(RADIUS_BITS, (position) => position % 2 === 1);
  expect(odd.lines).toEqual([]);
  expect(odd.compared / compared).toBeCloseTo(0.5, 1);
});

test('a list of variants of one image takes no longer than one of strangers', () => {
  const random = seeded(8);
  const hash = randomBytes(random, HASH256_BYTES);
  const sample = sampleOf(Array.from({ length: COMPARED_MAX }, () => near(hash, random, 14)));
  expect(sample.crowded(RADIUS_BITS, () => true).lines).toHaveLength(COMPARED_MAX);
});
