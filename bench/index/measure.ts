/** Timing of queries one by one, and the pairs that they find. */
import type { Candidate } from '../../src/index/types.js';
import { microsecondsOf, startClock } from '../processor.js';

export interface Measured {
  readonly queries: number;
  readonly perSecond: number;
  /** Processor time of one query. Unit: microseconds. */
  readonly processorUs: number | '-';
  /** Microseconds of one query; null for batches. */
  readonly p50: number | null;
  readonly p99: number | null;
  /** Every pair found, as query × PAIR_SPAN + entry, to compute recall. */
  readonly pairs: Float64Array;
}

export const PAIR_SPAN = 2 ** 32;
const WARM_UP_SHARE = 0.1;
const WARM_UP_MAX = 1_000;

/** Run and time each query. Shape: `queries` count × 32 bytes. */
export function measure(queries: Uint8Array, search: (hash256: Uint8Array) => readonly Candidate[]): Measured {
  const count = queries.length / 32;
  const query = (at: number) => queries.subarray(at * 32, at * 32 + 32);
  for (let at = 0; at < Math.min(WARM_UP_MAX, count * WARM_UP_SHARE); at++) search(query(at));
  const times = new Float64Array(count);
  const pairs: number[] = [];
  const stop = startClock();
  for (let at = 0; at < count; at++) {
    const fromMs = performance.now();
    const found = search(query(at));
    times[at] = (performance.now() - fromMs) * 1000;
    for (const { entryIndex } of found) pairs.push(at * PAIR_SPAN + entryIndex);
  }
  const spent = stop();
  times.sort();
  return {
    queries: count,
    perSecond: count / spent.seconds,
    processorUs: microsecondsOf(spent, count),
    p50: times[Math.floor(count * 0.5)]!,
    p99: times[Math.floor(count * 0.99)]!,
    pairs: Float64Array.from(pairs),
  };
}

/** Return the share found of the true pairs, for queries below `judged`. Errors: a false pair. */
export function recallOf(measured: Measured, truth: Float64Array, judged: number): number {
  const known = new Set(truth);
  let found = 0;
  let all = 0;
  for (const pair of measured.pairs) {
    if (pair >= Math.min(judged, measured.queries) * PAIR_SPAN) continue;
    if (!known.has(pair)) throw new Error(`a pair that is not within the radius: ${pair}`);
    found++;
  }
  for (const pair of truth) if (pair < Math.min(judged, measured.queries) * PAIR_SPAN) all++;
  return all === 0 ? 1 : found / all;
}
