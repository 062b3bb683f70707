import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePhotoDna } from '../../src/core/photodna.js';
import { createIndexPool } from '../../src/index/index-pool.js';
import { vectorMaker } from '../../src/index/makers.js';
import { Segmented } from '../../src/index/segmented.js';
import { buildVectorHnsw } from '../../src/index/vector-hnsw.js';
import { buildVectorScan } from '../../src/index/vector-scan.js';
import type { VectorCandidate } from '../../src/index/vectors.js';
import { squaredL2 } from '../../src/kernels/l2.js';
import { hasHnsw } from '../support/hnsw.js';
import { randomBytes, seeded } from '../support/random.js';

/** Search by the TypeScript twin, one vector after the other. */
function oracle(vectors: readonly Uint8Array[], query: Uint8Array, radius: number): VectorCandidate[] {
  return vectors
    .map((vector, entryIndex) => ({ entryIndex, distance: Math.sqrt(squaredL2(vector, query)) }))
    .filter(({ distance }) => distance <= radius)
    .sort((a, b) => a.distance - b.distance || a.entryIndex - b.entryIndex);
}

const vector = fc.oneof(
  fc.uint8Array({ minLength: 144, maxLength: 144 }),
  fc.array(fc.constantFrom(0, 1, 255), { minLength: 144, maxLength: 144 }).map((numbers) => Uint8Array.from(numbers)),
);

test('property: the scan finds exactly what the twin finds, for any vectors and radius', () => {
  fc.assert(
    fc.property(
      fc.array(vector, { maxLength: 40 }),
      vector,
      fc.double({ min: 0, max: 3_060, noNaN: true }),
      (vectors, query, radius) => {
        expect(buildVectorScan(vectors).search(query, radius)).toEqual(oracle(vectors, query, radius));
      },
    ),
  );
});

test('the radius is inclusive, and the longest distance fits', () => {
  const zero = new Uint8Array(144);
  const five = Uint8Array.from(zero);
  five.set([3, 4]);
  const far = new Uint8Array(144).fill(255);
  const index = buildVectorScan([five, far]);
  expect(index.search(zero, 5)).toEqual([{ entryIndex: 0, distance: 5 }]);
  expect(index.search(zero, 4.999)).toEqual([]);
  expect(index.search(zero, 3_060)).toEqual([
    { entryIndex: 0, distance: 5 },
    { entryIndex: 1, distance: 3_060 },
  ]);
});

test.each([-1, 3_060.1, Number.NaN, Number.POSITIVE_INFINITY])('a radius of %d is refused', (radius) => {
  expect(() => buildVectorScan([]).search(new Uint8Array(144), radius)).toThrow(
    expect.objectContaining({ code: 'RADIUS_INVALID' }),
  );
});

test('a scan of several pieces and parts finds the entries at their edges', () => {
  const random = seeded(3);
  const all = randomBytes(random, 144 * 10_000);
  const index = buildVectorScan([all.subarray(0, 144 * 9_000), all.subarray(144 * 9_000)]);
  for (const entry of [0, 4_095, 4_096, 8_999, 9_000, 9_999]) {
    expect(index.search(all.subarray(entry * 144, entry * 144 + 144), 10)).toEqual([
      { entryIndex: entry, distance: 0 },
    ]);
  }
});

test.runIf(hasHnsw)(
  'hnsw finds only what is within the radius, over 95 % of it, and is marked as approximate',
  async () => {
    const random = seeded(8);
    const centres = Array.from({ length: 40 }, () => randomBytes(random, 144));
    const vectors = Array.from({ length: 2_000 }, (_, at) =>
      centres[at % 40]!.map((number) => Math.max(0, Math.min(255, number + Math.round((random() - 0.5) * 12)))),
    );
    const approximate = await buildVectorHnsw(Buffer.concat(vectors));
    expect(approximate.exact).toBe(false);
    let [all, found] = [0, 0];
    for (const query of centres) {
      const expected = oracle(vectors, query, 60);
      const told = approximate.search(query, 60);
      const known = new Set(expected.map(({ entryIndex }) => entryIndex));
      expect(told.every(({ entryIndex }) => known.has(entryIndex))).toBe(true);
      all += expected.length;
      found += told.length;
    }
    expect(all).toBe(2_000);
    expect(found / all).toBeGreaterThan(0.95);
    expect((await buildVectorHnsw(new Uint8Array())).search(centres[0]!, 60)).toEqual([]);
  },
);

test.each([...(hasHnsw ? (['hnsw'] as const) : []), 'linear'] as const)(
  '%s: entries added later are found beside the earlier ones',
  async (kind) => {
    const random = seeded(9);
    const pool = createIndexPool({ threads: 1 });
    const index = new Segmented(vectorMaker(kind), 0, (error) => {
      throw error;
    });
    const all = randomBytes(random, 144 * 100);
    for (let key = 0; key < 100; key++) {
      index.add(key + 1, 1, all.subarray(key * 144, key * 144 + 144));
      if (key % 40 === 39) await index.settle();
    }
    await index.merged();
    for (const key of [0, 39, 40, 99]) {
      const found = index.segments.flatMap((segment) =>
        segment.index.search(all.subarray(key * 144, key * 144 + 144), 0).map((one) => segment.keys[one.entryIndex]),
      );
      expect(found).toEqual([key + 1]);
    }
    await pool.close();
  },
);

test('a PhotoDNA value is 144 bytes, as base64 or hex', () => {
  const bytes = Buffer.from(randomBytes(seeded(1), 144));
  expect(Buffer.from(parsePhotoDna(bytes.toString('hex'))).equals(bytes)).toBe(true);
  expect(Buffer.from(parsePhotoDna(bytes.toString('hex').toUpperCase())).equals(bytes)).toBe(true);
  expect(Buffer.from(parsePhotoDna(bytes.toString('base64'))).equals(bytes)).toBe(true);
  for (const wrong of [
    '',
    'AA==',
    bytes.toString('hex').slice(2),
    `${bytes.toString('base64')}AAAA`,
    'g'.repeat(288),
  ]) {
    expect(() => parsePhotoDna(wrong)).toThrow(expect.objectContaining({ code: 'VALUE_INVALID' }));
  }
  expect(() => parsePhotoDna('secret')).not.toThrow(/secret/);
});
