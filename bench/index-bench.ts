/** Radius search: ring beside linear beside hnsw, on PDQ-like hashes, recall beside speed. */
import { createIndexBuilder } from '../src/index/builder.js';
import type { IndexKind } from '../src/index/types.js';
import { nearCopy, pdqLike, seeded } from './pdq-like.js';
import type { BenchTable } from './report.js';

const RADIUS_BITS = 31;
/** A planted neighbour of each query, at an even distance up to the radius: recall is the share of them found. */
const PLANTED_BITS_MAX = 30;

interface Plan {
  readonly entryCount: number;
  readonly kinds: readonly IndexKind[];
  readonly queries: Readonly<Record<IndexKind, number>>;
}

const SMOKE: Plan[] = [
  { entryCount: 2_000, kinds: ['linear', 'ring', 'hnsw'], queries: { linear: 20, ring: 200, hnsw: 50 } },
];
const FULL: Plan[] = [
  { entryCount: 20_000, kinds: ['linear', 'ring', 'hnsw'], queries: { linear: 200, ring: 20_000, hnsw: 2_000 } },
  { entryCount: 100_000, kinds: ['linear', 'ring'], queries: { linear: 100, ring: 20_000, hnsw: 0 } },
  { entryCount: 1_000_000, kinds: ['linear', 'ring'], queries: { linear: 10, ring: 20_000, hnsw: 0 } },
];

export async function index({ smoke }: { smoke: boolean }): Promise<BenchTable> {
  const rows: (string | number)[][] = [];
  const sums: number[] = [];
  for (const { entryCount, kinds, queries } of smoke ? SMOKE : FULL) {
    const hashes = pdqLike(entryCount, 1);
    const random = seeded(2);
    let linearPerSecond = 0;
    for (const kind of kinds) {
      const buildStartedMs = performance.now();
      const builder = await createIndexBuilder(kind, entryCount);
      for (let at = 0; at < entryCount; at++) builder.add(hashes.subarray(at * 32, at * 32 + 32));
      const built = builder.seal();
      const buildSeconds = (performance.now() - buildStartedMs) / 1000;
      const asked = Array.from({ length: queries[kind] }, () => {
        const planted = Math.floor(random() * entryCount);
        return {
          planted,
          query: nearCopy(
            hashes.subarray(planted * 32, planted * 32 + 32),
            2 * Math.floor((random() * PLANTED_BITS_MAX) / 2 + 0.5),
            random,
          ),
        };
      });
      for (const { query } of asked.slice(0, 1_000)) built.search(query, RADIUS_BITS);
      const times = new Float64Array(asked.length);
      let found = 0;
      let sum = 0;
      const startedMs = performance.now();
      asked.forEach(({ planted, query }, at) => {
        const from = performance.now();
        const candidates = built.search(query, RADIUS_BITS);
        times[at] = (performance.now() - from) * 1000;
        if (candidates.some(({ entryIndex }) => entryIndex === planted)) found++;
        for (const { entryIndex, distanceBits } of candidates) sum += entryIndex + distanceBits;
      });
      const perSecond = asked.length / ((performance.now() - startedMs) / 1000);
      if (kind === 'linear') linearPerSecond = perSecond;
      times.sort();
      sums.push(sum);
      rows.push([
        kind,
        entryCount,
        perSecond,
        `${(perSecond / linearPerSecond).toFixed(1)}x`,
        times[Math.floor(times.length * 0.5)]!,
        times[Math.floor(times.length * 0.99)]!,
        buildSeconds,
        Math.round(built.memoryBytes / entryCount),
        `${((100 * found) / asked.length).toFixed(1)}%`,
      ]);
    }
  }
  return {
    title: `Index: radius ${RADIUS_BITS}, one thread, one query at a time`,
    notes: [
      'B/entry holds 8 MB of scratch and bucket bounds that do not grow with the list',
      "linear is the TypeScript oracle of the tests, not the kernel's SIMD scan",
    ],
    columns: ['index', 'entries', 'queries/s', 'linear', 'p50 us', 'p99 us', 'build s', 'B/entry', 'recall'],
    rows,
    checksum: sums.join(' '),
  };
}
