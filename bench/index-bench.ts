/** Radius search of all indexes in one run, on the same hashes and queries: speed and recall. */
import { createWriteStream, renameSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../src/core/errors.js';
import { artefact } from '../src/core/package-root.js';
import { isHnswAvailable } from '../src/index/hnsw.js';
import { createIndexPool } from '../src/index/index-pool.js';
import type { RingIndex } from '../src/index/ring.js';
import { JOIN_QUERIES, JOIN_QUERIES_MIN, SEGMENT_ENTRIES_MAX } from '../src/index/ring-layout.js';
import type { Candidate } from '../src/index/types.js';
import { type Baseline, linear, multiIndexHashing } from './index/baselines.js';
import { hashesBySeed, hashesFromFile, plantedQueries } from './index/data.js';
import { isUsearchAvailable, NEAREST, runGraph } from './index/graph.js';
import { type Measured, measure, PAIR_SPAN, recallOf } from './index/measure.js';
import { microsecondsOf, startClock } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';

const RADIUS_BITS = 31;
const BATCH = 8_192;
const ORIENTATIONS = 8;
const GRAPH_EFS = [64, 200, 400];
const GRAPH_ENTRIES_MAX = 100_000;
/** An entry takes 16 ids, its hash and a stamp in mih; more entries do not fit into 4 GiB. */
const MIH_ENTRIES_MAX = 40_000_000;

/** Number of queries for each index; slow ones get a prefix. */
interface Budget {
  readonly entries: number;
  readonly linear: number;
  readonly mih: number;
  readonly ring: number;
  readonly joined: number;
}

function budgetFor(entries: number, smoke: boolean): Budget {
  if (smoke) return { entries, linear: 50, mih: 50, ring: 200, joined: JOIN_QUERIES_MIN };
  const linearQueries = Math.max(20, Math.min(2_000, Math.round(4e8 / entries)));
  const mihQueries = Math.max(100, Math.min(5_000, Math.round(2e9 / entries)));
  return { entries, linear: linearQueries, mih: mihQueries, ring: 4 * BATCH, joined: 2 * JOIN_QUERIES };
}

/** Time of a query: of the processor, since other work on the machine changes it less. Unit: microseconds. */
const usOf = ({ processorUs, perSecond }: Measured) => (processorUs === '-' ? 1e6 / perSecond : processorUs);

interface Row {
  readonly name: string;
  readonly measured: Measured;
  readonly buildSeconds: number;
  readonly bytes: number;
}

const seconds = async <T>(work: () => T | Promise<T>): Promise<[T, number]> => {
  const startedMs = performance.now();
  const result = await work();
  return [result, (performance.now() - startedMs) / 1000];
};

/** One ring per segment; entries that exceed one memory are searched segment by segment. */
interface Rings {
  readonly rings: readonly RingIndex[];
  search(hash256: Uint8Array): Candidate[];
  pairsOfBatch(queries: Uint8Array): { query: number; entry: number; distance: number }[];
}

async function buildRings(hashes: Uint8Array): Promise<Rings> {
  const pool = createIndexPool();
  const rings: RingIndex[] = [];
  for (let from = 0; from < hashes.length; from += SEGMENT_ENTRIES_MAX * 32) {
    rings.push(await pool.buildRing(hashes.subarray(from, from + SEGMENT_ENTRIES_MAX * 32)));
  }
  await pool.close();
  return {
    rings,
    search: (hash256) =>
      rings.length === 1
        ? rings[0]!.search(hash256, RADIUS_BITS)
        : rings.flatMap((ring, segment) =>
            ring
              .search(hash256, RADIUS_BITS)
              .map((one) => ({ ...one, entryIndex: one.entryIndex + segment * SEGMENT_ENTRIES_MAX })),
          ),
    pairsOfBatch: (queries) =>
      rings.flatMap((ring, segment) => {
        const { count, queryIndex, entryIndex, distanceBits } = ring.searchBatch(queries, RADIUS_BITS);
        return Array.from({ length: count }, (_, at) => ({
          query: queryIndex[at]!,
          entry: entryIndex[at]! + segment * SEGMENT_ENTRIES_MAX,
          distance: distanceBits[at]!,
        }));
      }),
  };
}

function measureBatches(rings: Rings, queries: Uint8Array, batch: number): Measured {
  const pairs: number[] = [];
  const count = queries.length / 32;
  rings.pairsOfBatch(queries.subarray(0, batch * 32));
  const stop = startClock();
  for (let from = 0; from < count; from += batch) {
    for (const { query, entry } of rings.pairsOfBatch(queries.subarray(from * 32, (from + batch) * 32))) {
      pairs.push((from + query) * PAIR_SPAN + entry);
    }
  }
  const spent = stop();
  return {
    queries: count,
    perSecond: count / spent.seconds,
    processorUs: microsecondsOf(spent, count),
    p50: null,
    p99: null,
    pairs: Float64Array.from(pairs),
  };
}

async function rowsFor(
  hashes: Uint8Array,
  queries: Uint8Array,
  budget: Budget,
  { hnswMax = GRAPH_ENTRIES_MAX, pairs }: BenchOptions,
): Promise<{ rows: Row[]; truth: Measured }> {
  const { entries } = budget;
  const some = (count: number) => queries.subarray(0, count * 32);
  const rows: Row[] = [];
  const add = (name: string, measured: Measured, buildSeconds: number, bytes: number) =>
    rows.push({ name, measured, buildSeconds, bytes });
  const baseline = async (name: string, make: () => Baseline, count: number): Promise<Measured> => {
    const [built, buildSeconds] = await seconds(make);
    const measured = measure(some(count), (hash256) => built.search(hash256, RADIUS_BITS));
    add(name, measured, buildSeconds, built.bytes);
    return measured;
  };
  const scalar = await baseline('linear, 64 bits', () => linear(hashes, 'scanScalar'), budget.linear);
  const simd = await baseline('linear, SIMD', () => linear(hashes, 'scanSimd'), budget.linear);
  const truth = usOf(scalar) < usOf(simd) ? scalar : simd;
  if (entries <= MIH_ENTRIES_MAX) await baseline('mih 16x16', () => multiIndexHashing(hashes), budget.mih);

  const [rings, ringSeconds] = await seconds(() => buildRings(hashes));
  const ringBytes = rings.rings.reduce((sum, ring) => sum + ring.memoryBytes, 0);
  const asked = some(budget.ring);
  add('ring', measure(asked, rings.search), ringSeconds, ringBytes);
  const pictures = measureBatches(rings, asked, ORIENTATIONS);
  add('ring, 8 at once', pictures, ringSeconds, ringBytes);
  add(`ring, ${BATCH} at once`, measureBatches(rings, asked, BATCH), ringSeconds, ringBytes);
  const together = Math.min(JOIN_QUERIES, budget.joined);
  // A file may hold too few queries for a join.
  if (queries.length >= budget.joined * 32)
    add(`ring, ${together} at once`, measureBatches(rings, some(budget.joined), together), ringSeconds, ringBytes);
  if (pairs !== undefined) await writePairs(pairs, rings, queries);

  const graphs = [
    { name: 'hnswlib', worker: artefact('bench', 'index', 'hnsw-worker.js'), isThere: isHnswAvailable },
    { name: 'usearch', worker: artefact('bench', 'index', 'usearch-worker.js'), isThere: isUsearchAvailable },
  ] as const;
  for (const { name, worker, isThere } of graphs) {
    if (entries > hnswMax || !(await isThere())) continue;
    const graphQueries = some(Math.min(budget.linear, 2_000));
    const plan = { hashes, queries: graphQueries, radiusBits: RADIUS_BITS, efs: GRAPH_EFS };
    const { buildSeconds, bytes, byEf } = await runGraph(worker, plan);
    for (const { ef, measured } of byEf) add(`${name}, ef ${ef}`, measured, buildSeconds, bytes);
  }
  return { rows, truth };
}

/** Write every pair that the ring finds, as CSV; the file gets its name when it is complete. */
async function writePairs(path: string, rings: Rings, queries: Uint8Array): Promise<void> {
  const beside = `${path}.${process.pid}.tmp`;
  async function* lines() {
    yield 'query,entry,distance\n';
    for (let from = 0; from * 32 < queries.length; from += BATCH) {
      const found = rings.pairsOfBatch(queries.subarray(from * 32, (from + BATCH) * 32));
      found.sort((a, b) => a.query - b.query || a.distance - b.distance || a.entry - b.entry);
      yield found.map(({ query, entry, distance }) => `${from + query},${entry},${distance}\n`).join('');
    }
  }
  await pipeline(lines, createWriteStream(beside));
  renameSync(beside, path);
}

/** Errors REQUEST_INVALID, FILE_UNREADABLE: invalid input files. */
export async function index(options: BenchOptions): Promise<BenchTable> {
  const { smoke, sizes = smoke ? [2_000] : [20_000, 100_000, 1_000_000] } = options;
  if ((options.hashes === undefined) !== (options.queries === undefined)) {
    throw new AppError('REQUEST_INVALID', { expected: '--hashes and --queries together' });
  }
  const table: (string | number)[][] = [];
  const sums: string[] = [];
  const given = options.hashes === undefined ? null : hashesFromFile(options.hashes);
  for (const entries of given ? [given.length / 32] : sizes) {
    const budget = budgetFor(entries, smoke);
    const hashes = given ?? (await hashesBySeed(entries));
    const queries = options.queries ? hashesFromFile(options.queries) : plantedQueries(hashes, budget.joined);
    const { rows, truth } = await rowsFor(hashes, queries, budget, options);
    for (const { name, measured, buildSeconds, bytes } of rows) {
      table.push([
        name,
        entries,
        measured.perSecond,
        `${Number((usOf(truth) / usOf(measured)).toPrecision(3))}x`,
        measured.processorUs,
        measured.p50 ?? '-',
        measured.p99 ?? '-',
        buildSeconds,
        Math.round(bytes / entries),
        `${(100 * recallOf(measured, truth.pairs, truth.queries)).toFixed(1)}%`,
      ]);
    }
    sums.push(String(truth.pairs.reduce((sum, pair) => sum + (pair % PAIR_SPAN), 0)));
  }
  return {
    title: `Index: radius ${RADIUS_BITS}, one thread, the same hashes for all`,
    notes: [
      'recall: share found of all pairs within the radius (a linear scan, a prefix of the same queries)',
      'CPU: processor time of a query; linear: that of the faster linear scan relative to it',
      'ring is built by all cores, the others by one; linear and mih are in WASM like the ring',
      `hnswlib, usearch: M 16, build width 200; of the ${NEAREST} nearest, those within the radius`,
      ...((await isHnswAvailable()) ? [] : ['no hnswlib: hnswlib-node is not installed']),
      ...((await isUsearchAvailable()) ? [] : ['no usearch: it is not installed (bench/README.md)']),
      'p50, p99: of one query; "8 at once" are the orientations of one image',
      `rss of the process at the end: ${Math.round(process.memoryUsage().rss / 1e6).toLocaleString('en')} MB`,
    ],
    columns: ['index', 'entries', 'queries/s', 'linear', 'CPU us', 'p50 us', 'p99 us', 'build s', 'B/entry', 'recall'],
    rows: table,
    checksum: sums.join(' '),
  };
}
