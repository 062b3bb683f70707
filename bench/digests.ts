/** Exact look-ups of digests: the shared table one by one and in batches, against a Map of hex strings. */
import { buildDigestTable } from '../src/index/digest-table.js';
import { randomValues } from './list-rows.js';
import { microsecondsOf, type Spent, startClock } from './processor.js';
import type { BenchOptions, BenchTable } from './report.js';

const WIDTH = 16;
/** Every second query is in the table. */
const QUERIES = 1_048_576;
const MAP_ENTRIES_MAX = 1_000_000;

/** Return the run of median length of three runs of `work`, and its last result. */
function timed(work: () => number): [spent: Spent, result: number] {
  const runs: Spent[] = [];
  let result = 0;
  for (let trial = 0; trial < 3; trial++) {
    const stop = startClock();
    result = work();
    runs.push(stop());
  }
  return [runs.sort((a, b) => a.seconds - b.seconds)[1]!, result];
}

export async function digests({ smoke, sizes }: BenchOptions): Promise<BenchTable> {
  const rows: (string | number)[][] = [];
  const sums: number[] = [];
  const queries = smoke ? 2_000 : QUERIES;
  for (const entries of smoke ? [1_000, 5_000] : (sizes ?? [100_000, 1_000_000, 10_000_000])) {
    const known = randomValues(entries, WIDTH, 1);
    const asked = randomValues(queries, WIDTH, 2);
    for (let query = 0; query < queries; query += 2) {
      const entry = (Math.imul(query, 2_654_435_761) >>> 0) % entries;
      asked.set(known.subarray(entry * WIDTH, entry * WIDTH + WIDTH), query * WIDTH);
    }
    const add = (name: string, [spent, found]: [Spent, number], buildSeconds: number, bytes: number | string) => {
      rows.push([
        name,
        entries,
        queries / spent.seconds,
        microsecondsOf(spent, queries),
        buildSeconds,
        bytes,
        `${((200 * found) / queries).toFixed(1)}%`,
      ]);
      sums.push(found);
    };
    let startedMs = performance.now();
    const table = buildDigestTable(known, WIDTH);
    const buildSeconds = (performance.now() - startedMs) / 1000;
    const bytes = Math.round(table.memoryBytes / entries);
    const one = () => {
      let found = 0;
      for (let at = 0; at < asked.length; at += WIDTH) found += table.lookup(asked.subarray(at, at + WIDTH)).length;
      return found;
    };
    add('table, one by one', timed(one), buildSeconds, bytes);
    add(
      'table, in a batch',
      timed(() => table.lookupBatch(asked).count),
      buildSeconds,
      bytes,
    );
    if (entries > MAP_ENTRIES_MAX) continue;
    const hex = (of: Uint8Array, at: number) => Buffer.from(of.buffer, of.byteOffset + at, WIDTH).toString('hex');
    startedMs = performance.now();
    const map = new Map<string, number>();
    for (let at = 0; at < known.length; at += WIDTH) map.set(hex(known, at), at / WIDTH);
    const mapSeconds = (performance.now() - startedMs) / 1000;
    const inMap = () => {
      let found = 0;
      for (let at = 0; at < asked.length; at += WIDTH) found += map.has(hex(asked, at)) ? 1 : 0;
      return found;
    };
    add('Map of hex strings', timed(inMap), mapSeconds, '-');
  }
  return {
    title: 'Digests: MD5, one thread, every second query is in the table',
    notes: ['a hit compares all bytes; only one thread can use the Map'],
    columns: ['index', 'entries', 'look-ups/s', 'CPU us', 'build s', 'B/entry', 'found'],
    rows,
    checksum: sums.join(' '),
  };
}
