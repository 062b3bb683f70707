/** List changes under load: one thread sends queries one after another while entries are added and removed. */
import { setImmediate as turn } from 'node:timers/promises';
import { createIndexPool } from '../src/index/index-pool.js';
import { ringMaker } from '../src/index/makers.js';
import { isRemoved } from '../src/index/segment.js';
import { Segmented } from '../src/index/segmented.js';
import type { RadiusIndex } from '../src/index/types.js';
import { hashesBySeed } from './index/data.js';
import { nearCopy, pdqLike, seeded } from './pdq-like.js';
import { microsecondsOf, type Spent, startClock } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';

const RADIUS_BITS = 31;
const ADDED_PER_SECOND = 10_000;
const REMOVED_PER_SECOND = 1_000;
const SETTLE_EVERY_MS = 1_000;
/** Queries between two turns of the event loop, as in a server. */
const QUERIES_PER_TURN = 64;

/** Not the seed of any piece of the base. */
const FRESH_SEED = 1_000_003;

const rssMegabytes = () => process.memoryUsage().rss / 1e6;

export async function live({ smoke, sizes }: BenchOptions): Promise<BenchTable> {
  const entries = smoke ? 5_000 : (sizes?.[0] ?? 3_200_000);
  const seconds = smoke ? 2 : 60;
  const added = ADDED_PER_SECOND * seconds;
  const pool = createIndexPool();
  const index = new Segmented<RadiusIndex>(ringMaker(pool), entries, (error) => {
    throw error;
  });
  const base = await hashesBySeed(entries);
  // Added hashes are generated before, so that generating them is not measured.
  const fresh = pdqLike(Math.min(added, 100_000), FRESH_SEED);
  const freshAt = (n: number) => {
    const at = (n * 32) % fresh.length;
    return fresh.subarray(at, at + 32);
  };
  const columns = {
    keys: Uint32Array.from({ length: entries }, (_, at) => at + 1),
    listKeys: new Uint16Array(entries),
  };
  await index.addMany(columns, base);
  await index.merged();
  const random = seeded(3);
  const queries = Array.from({ length: 4_096 }, () => {
    const at = Math.floor(random() * entries) * 32;
    return nearCopy(base.subarray(at, at + 32), 10, random);
  });
  let asked = 0;
  let answered = 0;
  const search = (query: Uint8Array): number => {
    let found = 0;
    for (const segment of index.segments) {
      for (const { entryIndex } of segment.index.search(query, RADIUS_BITS)) {
        if (!isRemoved(segment, entryIndex)) found++;
      }
    }
    return found;
  };
  /** Send queries for `forMs`; return the time of all, and the 99th percentile and maximum in microseconds. */
  const ask = async (forMs: number): Promise<{ spent: Spent; queries: number; p99: number; worst: number }> => {
    const startedMs = performance.now();
    const stop = startClock();
    const times: number[] = [];
    while (performance.now() - startedMs < forMs) {
      for (let n = 0; n < QUERIES_PER_TURN; n++) {
        const fromMs = performance.now();
        answered += search(queries[asked++ % queries.length]!) > 0 ? 1 : 0;
        times.push((performance.now() - fromMs) * 1000);
      }
      await turn();
    }
    const spent = stop();
    times.sort((a, b) => a - b);
    return { spent, queries: times.length, p99: times[Math.floor(times.length * 0.99)]!, worst: times.at(-1)! };
  };
  await ask(smoke ? 100 : 2_000);
  const quiet = await ask(smoke ? 500 : 15_000);
  const rssBefore = rssMegabytes();

  let next = 0;
  let liveAfterMs = 0;
  let missed = 0;
  const change = async () => {
    const startedMs = performance.now();
    for (let round = 1; next < added; round++) {
      const addedMs = performance.now();
      const until = Math.min(added, round * (ADDED_PER_SECOND * (SETTLE_EVERY_MS / 1000)));
      for (; next < until; next++) index.add(entries + next + 1, 0, freshAt(next));
      await index.settle();
      await index.remove(Array.from({ length: REMOVED_PER_SECOND }, () => 1 + Math.floor(random() * entries)));
      liveAfterMs = Math.max(liveAfterMs, performance.now() - addedMs);
      if (search(freshAt(next - 1)) === 0) missed++;
      await new Promise((resolve) => setTimeout(resolve, startedMs + round * SETTLE_EVERY_MS - performance.now()));
    }
  };
  const [busy] = await Promise.all([ask(seconds * 1000), change()]);
  const changedFor = next / ADDED_PER_SECOND;
  await index.merged();
  const after = await ask(smoke ? 500 : 15_000);
  const rssAfter = rssMegabytes();
  await pool.close();
  const rateOf = ({ spent, queries: count }: typeof quiet) => count / spent.seconds;
  const row = (name: string, part: typeof quiet, rss: number) => [
    name,
    rateOf(part),
    `${((100 * rateOf(part)) / rateOf(quiet)).toFixed(0)}%`,
    microsecondsOf(part.spent, part.queries),
    part.p99,
    part.worst,
    Math.round(rss),
  ];
  return {
    title: `List changes: ${entries.toLocaleString('en')} entries, radius ${RADIUS_BITS}, one thread queries`,
    notes: [
      `for ${changedFor} s, ${ADDED_PER_SECOND.toLocaleString('en')} entries a second are added and ${REMOVED_PER_SECOND.toLocaleString('en')} removed`,
      `an added entry is searchable within ${Math.round(liveAfterMs)} ms; the service adds once a second`,
      'CPU us: processor time of one query, with that of the additions, removals and merges meanwhile',
      `segments afterwards: ${index.segments.map(({ keys }) => keys.length.toLocaleString('en')).join(' + ')}`,
    ],
    columns: ['queries', 'queries/s', 'rate', 'CPU us', 'p99 us', 'worst us', 'RSS MB'],
    rows: [
      row('unchanged lists', quiet, rssBefore),
      row('changing lists', busy, rssMegabytes()),
      row('after the last merge', after, rssAfter),
    ],
    checksum: `${missed} additions missed, ${((100 * answered) / asked).toFixed(0)}% of queries matched`,
  };
}
