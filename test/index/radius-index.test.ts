import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nearCopy, pdqLike } from '../../bench/pdq-like.js';
import { artefact } from '../../src/core/package-root.js';
import { createIndexBuilder } from '../../src/index/builder.js';
import { createIndexPool } from '../../src/index/index-pool.js';
import { openRing, type RingIndex } from '../../src/index/ring.js';
import {
  BATCH_QUERIES_MIN,
  JOIN_QUERIES,
  JOIN_QUERIES_MIN,
  queriesMin,
  RESULTS,
  SLOTS,
} from '../../src/index/ring-layout.js';
import type { Candidate, IndexKind, RadiusIndex } from '../../src/index/types.js';
import { hasHnsw } from '../support/hnsw.js';
import { randomBytes, seeded } from '../support/random.js';

const RADII = [0, 1, 14, 15, 16, 17, 30, 31, 32, 33, 46, 47, 48, 128, 256];

async function build(kind: IndexKind, hashes: readonly Uint8Array[]): Promise<RadiusIndex> {
  const builder = await createIndexBuilder(kind, hashes.length);
  for (const hash of hashes) builder.add(hash);
  return builder.seal();
}

/** Search bit by bit; shares no code with the indexes. */
function byHand(hashes: readonly Uint8Array[], query: Uint8Array, radiusBits: number): Candidate[] {
  const found: Candidate[] = [];
  hashes.forEach((hash, entryIndex) => {
    let distanceBits = 0;
    for (let bit = 0; bit < 256 && distanceBits <= radiusBits; bit++) {
      if (((hash[bit >> 3]! >> (bit & 7)) & 1) !== ((query[bit >> 3]! >> (bit & 7)) & 1)) distanceBits++;
    }
    if (distanceBits <= radiusBits) found.push({ entryIndex, distanceBits });
  });
  return found.sort((a, b) => a.distanceBits - b.distanceBits || a.entryIndex - b.entryIndex);
}

const cut = (bytes: Uint8Array) =>
  Array.from({ length: bytes.length / 32 }, (_, at) => bytes.subarray(at * 32, at * 32 + 32));
const random = seeded(11);
const base = randomBytes(random, 32);
const zero = new Uint8Array(32);
const ones = new Uint8Array(32).fill(255);

const SETS: Record<string, Uint8Array[]> = {
  empty: [],
  single: [base],
  random: cut(randomBytes(seeded(2), 32 * 2_000)),
  correlated: cut(pdqLike(3_000, 3)),
  'near copies at every distance': Array.from({ length: 260 }, (_, at) => nearCopy(base, Math.min(at, 256), random)),
  duplicates: Array.from({ length: 600 }, (_, at) => (at % 3 === 0 ? base : nearCopy(base, 20, random))),
  'all equal': Array.from({ length: 5_000 }, () => base),
  'all zero and all one': Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? zero : ones)),
  'one bucket in one table': Array.from({ length: 2_000 }, () => {
    const hash = randomBytes(random, 32);
    for (let k = 0; k < 16; k++) hash[2 * k + ((5 * k) % 16 >= 8 ? 1 : 0)]! |= 1 << (((5 * k) % 16) & 7);
    return hash;
  }),
};

describe.each(Object.entries(SETS))('%s', (_name, hashes) => {
  test('each index returns the hash of an entry', async () => {
    const kinds: IndexKind[] = hasHnsw && hashes.length < 500 ? ['ring', 'linear', 'hnsw'] : ['ring', 'linear'];
    for (const kind of kinds) {
      const index = await build(kind, hashes);
      for (let at = 0; at < hashes.length; at += Math.ceil(hashes.length / 40))
        expect(Buffer.from(index.hashOf(at)), `${kind} ${at}`).toEqual(Buffer.from(hashes[at]!));
    }
  });

  test.each(RADII)('ring and linear equal a bit-by-bit search at radius %i', async (radiusBits) => {
    const [ring, linear] = [await build('ring', hashes), await build('linear', hashes)];
    const queries = [
      base,
      zero,
      ones,
      randomBytes(seeded(radiusBits), 32),
      ...hashes.slice(0, 2),
      nearCopy(base, 31, random),
    ];
    const answers = queries.map((query) => byHand(hashes, query, radiusBits));
    for (const [at, query] of queries.entries()) {
      expect(ring.search(query, radiusBits)).toEqual(answers[at]);
      expect(linear.search(query, radiusBits)).toEqual(answers[at]);
    }
    // Enough queries to go table by table, where the radius allows it.
    const length = radiusBits <= 31 ? BATCH_QUERIES_MIN : queries.length;
    const asked = Array.from({ length }, (_, at) => queries[at % queries.length]!);
    const { count, queryIndex, entryIndex, distanceBits } = ring.searchBatch(Buffer.concat(asked), radiusBits);
    let row = 0;
    for (const [at] of asked.entries()) {
      for (const expected of answers[at % queries.length]!) {
        // Millions of them: an assertion each would take most of the time.
        const isSame =
          queryIndex[row] === at &&
          entryIndex[row] === expected.entryIndex &&
          distanceBits[row] === expected.distanceBits;
        if (!isSame) expect([queryIndex[row], entryIndex[row], distanceBits[row]]).toEqual([at, expected]);
        row++;
      }
    }
    expect(count).toBe(row);
  });
});

/** Errors of two hashes in chunk c, which has one bit of every row: column (c + 5k) mod 16 of row k. */
function errorsOf(a: Uint8Array, b: Uint8Array, c: number): number {
  let errors = 0;
  for (let row = 0; row < 16; row++) {
    const column = (c + 5 * row) % 16;
    const at = 2 * row + (column >> 3);
    errors += ((a[at]! ^ b[at]!) >> (column & 7)) & 1;
  }
  return errors;
}

/** Whether a loose search reaches an entry: somewhere one chunk has at most 1 error, with the next at most 5, with the next two at most 11. */
function isReached(a: Uint8Array, b: Uint8Array): boolean {
  const errors = Array.from({ length: 16 }, (_, c) => errorsOf(a, b, c));
  return errors.some((first, c) => {
    const two = first + errors[(c + 1) % 16]!;
    return first <= 1 && two <= 5 && two + errors[(c + 2) % 16]! <= 11;
  });
}

describe('a loose search', () => {
  const rows = ({ queryIndex, entryIndex, distanceBits }: ReturnType<RadiusIndex['searchLoosely']>) =>
    Array.from(queryIndex, (query, row) => [query, entryIndex[row], distanceBits[row]]);
  const exactRows = (index: RadiusIndex, queries: readonly Uint8Array[], radiusBits: number) =>
    queries.flatMap((query, at) =>
      index.search(query, radiusBits).map(({ entryIndex, distanceBits }) => [at, entryIndex, distanceBits]),
    );

  test.each([0, 16, 31, 48, 60])('of radius %i is exact', async (radiusBits) => {
    const ring = (await build('ring', SETS.correlated!)) as RingIndex;
    const queries = SETS.correlated!.slice(0, 40).map((hash) => nearCopy(hash, radiusBits % 50, random));
    const found = rows(ring.searchLoosely(Buffer.concat(queries), radiusBits));
    expect(found).toEqual(exactRows(ring, queries, radiusBits));
    expect(found.length).toBeGreaterThan(39);
  });

  test('property: within 31 bits it finds all, and beyond exactly what has few errors in three chunks', async () => {
    const entries = cut(pdqLike(20_000, 9));
    const [ring, linear] = [(await build('ring', entries)) as RingIndex, await build('linear', entries)];
    const asked = fc.record({ entry: fc.nat(19_999), bits: fc.integer({ min: 0, max: 60 }), seed: fc.nat() });
    let missed = 0;
    fc.assert(
      fc.property(asked, fc.integer({ min: 32, max: 47 }), ({ entry, bits, seed }, radiusBits) => {
        const query = nearCopy(entries[entry]!, bits, seeded(seed));
        const all = linear.search(query, radiusBits);
        const reached = all.filter(({ entryIndex }) => isReached(query, entries[entryIndex]!));
        missed += all.length - reached.length;
        expect(all.filter(({ distanceBits }) => distanceBits <= 31).every((one) => reached.includes(one))).toBe(true);
        const found = ring.searchLoosely(query, radiusBits);
        expect(rows(found)).toEqual(reached.map(({ entryIndex, distanceBits }) => [0, entryIndex, distanceBits]));
      }),
      { numRuns: 300, examples: [[{ entry: 5, bits: 47, seed: 1 }, 47]] },
    );
    expect(missed).toBeLessThan(15);
  });

  test.each([
    [32, 1],
    [39, 0.995],
    [43, 0.99],
    [47, 0.95],
  ])('finds at %i bits at least %f of the entries', async (bits, share) => {
    const entries = cut(randomBytes(seeded(4), 32 * 4_000));
    const ring = (await build('ring', entries)) as RingIndex;
    let found = 0;
    for (const [at, hash] of entries.slice(0, 2_000).entries()) {
      const { entryIndex } = ring.searchLoosely(nearCopy(hash, bits, random), 47);
      if (entryIndex.includes(at)) found++;
    }
    expect(found / 2_000).toBeGreaterThanOrEqual(share);
  });

  test('of a list of near copies falls back to a scan, which finds all', async () => {
    const ring = (await build('ring', SETS['all equal']!)) as RingIndex;
    expect(ring.searchLoosely(nearCopy(base, 20, random), 47).count).toBe(5_000);
  });

  test('of another thread gives the same', async () => {
    const entries = cut(pdqLike(2_000, 12));
    const ring = (await build('ring', entries)) as RingIndex;
    const queries = entries.slice(0, 100).map((hash, at) => nearCopy(hash, at % 60, random));
    const pool = createIndexPool({ threads: 1 });
    const [there] = await pool.search([{ id: 1, share: ring.share() }], Buffer.concat(queries), 47, { isLoose: true });
    await pool.close();
    expect(rows(there!)).toEqual(rows(ring.searchLoosely(Buffer.concat(queries), 47)));
    expect(there!.count).toBeGreaterThan(70);
  });
});

describe('a join', () => {
  const entries = [...cut(pdqLike(3_000, 3)), base, ...SETS['near copies at every distance']!];
  const many = cut(pdqLike(JOIN_QUERIES + 100, 31)).map((hash, at) =>
    at % 50 === 0 ? nearCopy(entries[at % entries.length]!, at % 34, random) : hash,
  );
  many[7] = base;
  many[JOIN_QUERIES - 1] = base;
  many[JOIN_QUERIES] = base;

  test.each([0, 15, 16, 31])(
    'returns what single queries return, and linear for some of them, at radius %i',
    async (radiusBits) => {
      const [ring, linear] = [await build('ring', entries), await build('linear', entries)];
      for (const count of [JOIN_QUERIES_MIN - 1, JOIN_QUERIES_MIN, JOIN_QUERIES, JOIN_QUERIES + 100]) {
        const asked = many.slice(0, count);
        const { queryIndex, entryIndex, distanceBits } = ring.searchBatch(Buffer.concat(asked), radiusBits);
        const told = Array.from(queryIndex, (query, row) => `${query} ${entryIndex[row]} ${distanceBits[row]}`);
        const one = (index: RadiusIndex, query: number) =>
          index.search(asked[query]!, radiusBits).map((found) => `${query} ${found.entryIndex} ${found.distanceBits}`);
        expect(told).toEqual(asked.flatMap((_, query) => one(ring, query)));
        const some = new Set(asked.flatMap((_, query) => (query % 500 === 0 || query > count - 20 ? [query] : [])));
        const ofSome = told.filter((row) => some.has(Number(row.split(' ')[0])));
        expect(ofSome).toEqual([...some].flatMap((query) => one(linear, query)));
        expect(ofSome.length).toBeGreaterThan(0);
      }
    },
  );

  test.each([0, 31, 32])('finds the nearest entry of each query, at radius %i', async (radiusBits) => {
    const ring = (await build('ring', entries)) as RingIndex;
    for (const count of [0, 20, JOIN_QUERIES_MIN, JOIN_QUERIES + 100]) {
      const asked = many.slice(0, count);
      const expected = asked.flatMap((query, at) => {
        const [first] = ring.search(query, radiusBits);
        return first === undefined ? [] : [[at, first]];
      });
      expect([...ring.nearest(Buffer.concat(asked), radiusBits)]).toEqual(expected);
      expect(expected.length > 0).toBe(count > 0);
    }
    expect(() => ring.nearest(base, 257)).toThrow(expect.objectContaining({ code: 'RADIUS_INVALID' }));
  });

  test('finds the nearest of more matches than its buffer holds', async () => {
    const crowd = Array.from({ length: 500 }, (_, at) => nearCopy(base, 1 + (at % 20), random));
    const ring = (await build('ring', [...crowd, base, base])) as RingIndex;
    const queries = Buffer.concat(Array.from({ length: JOIN_QUERIES_MIN }, () => base));
    const nearest = ring.nearest(queries, 31);
    expect(nearest.size).toBe(JOIN_QUERIES_MIN);
    expect(new Set([...nearest.values()].map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ entryIndex: 500, distanceBits: 0 })]),
    );
  });

  test('returns more matches than its buffer holds', async () => {
    const ring = await build('ring', [base, base, nearCopy(base, 3, random), ...cut(pdqLike(100, 4))]);
    const queries = Buffer.concat(Array.from({ length: JOIN_QUERIES_MIN }, () => base));
    const { count, entryIndex } = ring.searchBatch(queries, 31);
    expect(count).toBe(3 * JOIN_QUERIES_MIN);
    expect([...entryIndex.subarray(-3)]).toEqual([0, 1, 2]);
  });
});

test('batches begin later and joins earlier in long lists', () => {
  const of = (entries: number) => Object.values(queriesMin(entries));
  expect([of(0), of(1), of(1_000_000)]).toEqual(Array(3).fill([1_024, 16_384]));
  expect(of(2 ** 22)).toEqual([1_024, 4_096]);
  expect(of(10_000_000)).toEqual([2_000, 2_048]);
  // A join before a batch: then no batch is searched.
  expect(of(2 ** 24)).toEqual([3_356, 2_048]);
});

test.each(['ring', 'linear'] as const)(
  '%s: the radius is inclusive: 31 is found at radius 31, 32 is not',
  async (kind) => {
    const at31 = nearCopy(base, 31, random);
    const at32 = nearCopy(base, 32, random);
    const index = await build(kind, [at31, at32]);
    expect(index.search(base, 31)).toEqual([{ entryIndex: 0, distanceBits: 31 }]);
    expect(index.search(base, 32)).toHaveLength(2);
    expect(index.search(base, 30)).toEqual([]);
  },
);

test.each([-1, 257, 1.5, Number.NaN])('a radius of %d is refused', async (radiusBits) => {
  const index = await build('ring', [base]);
  expect(() => index.search(base, radiusBits)).toThrow(expect.objectContaining({ code: 'RADIUS_INVALID' }));
});

test('property: ring equals linear for any hashes, query and radius', async () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  // Few values per byte, so that distances are small and radii matter.
  const sparse = fc
    .array(fc.constantFrom(0, 1, 3, 128), { minLength: 32, maxLength: 32 })
    .map((bytes) => Uint8Array.from(bytes));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(hash, sparse), { maxLength: 60 }),
      fc.oneof(hash, sparse),
      fc.integer({ min: 0, max: 256 }),
      async (hashes, query, radiusBits) => {
        const [ring, linear] = [await build('ring', hashes), await build('linear', hashes)];
        expect(ring.search(query, radiusBits)).toEqual(linear.search(query, radiusBits));
      },
    ),
    { numRuns: 150 },
  );
});

test('ring uses its tables at radius 31, and scans at radius 48 and in crowds', async () => {
  const ring = (await build('ring', cut(pdqLike(20_000, 5)))) as RingIndex;
  ring.search(base, 31);
  expect(ring.scanned).toBe(false);
  ring.search(base, 48);
  expect(ring.scanned).toBe(true);
  const crowd = (await build('ring', SETS['all equal']!)) as RingIndex;
  expect(crowd.search(base, 31)).toHaveLength(5_000);
  expect(crowd.scanned).toBe(true);
});

test('more matches than the scratch holds are all returned', async () => {
  const spread = cut(randomBytes(seeded(9), 32 * 60_000));
  const crowd = Array.from({ length: RESULTS + 10 }, (_, at) => nearCopy(base, at % 3, random));
  const ring = await build('ring', [...spread, ...crowd]);
  expect(ring.search(base, 4)).toHaveLength(RESULTS + 10);
});

test('threads that read one memory at once get the results of one thread', async () => {
  const hashes = cut(pdqLike(20_000, 21));
  const ring = (await build('ring', hashes)) as RingIndex;
  const queries = hashes.slice(0, 200).map((hash) => nearCopy(hash, 25, random));
  const expected = queries.map((query) => ring.search(query, 31));
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { openRing } from ${JSON.stringify(new URL(`file://${artefact('src', 'index', 'ring.js')}`).href)};
    const ring = openRing(workerData.share);
    const answers = [];
    for (let round = 0; round < 5; round++) answers.push(workerData.queries.map((query) => ring.search(query, 31)));
    ring.close();
    parentPort.postMessage(answers);`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const answers = await Promise.all(
    [1, 2, 3, 4].map(
      () =>
        new Promise<Candidate[][][]>((resolve, reject) => {
          new Worker(url, { workerData: { share: ring.share(), queries } })
            .once('message', resolve)
            .once('error', reject);
        }),
    ),
  );
  for (const rounds of answers) for (const round of rounds) expect(round).toEqual(expected);
  expect(expected.every((found) => found.length > 0)).toBe(true);
});

test('a reader that closes frees its scratch; one reader too many gets INDEX_FULL', async () => {
  const ring = (await build('ring', [base])) as RingIndex;
  const readers = Array.from({ length: SLOTS - 1 }, () => openRing(ring.share()));
  expect(() => openRing(ring.share())).toThrow(expect.objectContaining({ code: 'INDEX_FULL' }));
  readers[0]!.close();
  expect(openRing(ring.share()).search(base, 0)).toHaveLength(1);
  // Another reader has the scratch now: closing again must not free it.
  readers[0]!.close();
  expect(() => openRing(ring.share())).toThrow(expect.objectContaining({ code: 'INDEX_FULL' }));
});

test('a pool has at most SLOTS - 1 threads', () => {
  expect(createIndexPool({ threads: 128 }).threads).toBe(SLOTS - 1);
  expect(createIndexPool({ threads: 2 }).threads).toBe(2);
});

test.runIf(hasHnsw)('hnsw finds an entry, and is marked as approximate', async () => {
  const hashes = cut(pdqLike(500, 8));
  const index = await build('hnsw', hashes);
  expect(index.exact).toBe(false);
  expect(index.search(hashes[7]!, 0)).toContainEqual({ entryIndex: 7, distanceBits: 0 });
  expect((await build('hnsw', [])).search(base, 31)).toEqual([]);
});
