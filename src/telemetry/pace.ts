/**
 * Pace of the last hour: checks a second and latency, in slots of ten seconds. Kept in memory, in fixed space; a slot is
 * cleared when it is reused, so no timer runs while the service is idle.
 */
import { type Clock, steadyTime } from '../core/clock.js';

export const PACE_SLOT_MS = 10_000;
/** An hour. */
export const PACE_SLOTS = 360;
/** One minute, for figures without a series: long enough to be steady, short enough to be current. */
const NOW_SLOTS = 6;
/** Latency bounds grow by a fifth: from 0.1 ms, 72 of them reach past 40 s, and a percentile is accurate to a tenth. */
const LATENCY_LEAST_S = 0.0001;
const LATENCY_STEP = 1.2;
const LATENCY_BUCKETS = 72;

interface Latency {
  readonly count: number;
  /** Seconds; null without requests. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

interface PacePoint extends Latency {
  /** RFC 3339. */
  readonly start: string;
  readonly checksPerSecond: number;
}

export interface PaceStatus extends Latency {
  /** Average of the last whole minute, like the percentiles. */
  readonly checksPerSecond: number;
  /** Whole slots of the last hour, oldest first. */
  readonly series: readonly PacePoint[];
}

interface Slot {
  number: number;
  checks: number;
  readonly latencies: Uint32Array;
}

function bucketOf(seconds: number): number {
  if (seconds <= LATENCY_LEAST_S) return 0;
  const bucket = Math.ceil(Math.log(seconds / LATENCY_LEAST_S) / Math.log(LATENCY_STEP));
  return Math.min(LATENCY_BUCKETS - 1, bucket);
}

/** Return the middle of the percentile's bucket, in seconds. `share`: 0..1. */
function percentile(latencies: Uint32Array, count: number, share: number): number | null {
  if (count === 0) return null;
  const wanted = Math.ceil(count * share);
  let seen = 0;
  let bucket = 0;
  while (seen + latencies[bucket]! < wanted) seen += latencies[bucket++]!;
  return Number((LATENCY_LEAST_S * LATENCY_STEP ** (bucket - 0.5)).toPrecision(3));
}

function latencyOf(latencies: Uint32Array): Latency {
  const count = latencies.reduce((sum, each) => sum + each, 0);
  return {
    count,
    p50: percentile(latencies, count, 0.5),
    p90: percentile(latencies, count, 0.9),
    p99: percentile(latencies, count, 0.99),
  };
}

export class Pace {
  readonly #clock: Clock;
  /** A clock that is set must not empty the last hour. */
  readonly #steadyMs: () => number;
  readonly #startedSlot: number;
  readonly #slots: Slot[] = Array.from({ length: PACE_SLOTS + 1 }, () => ({
    number: -1,
    checks: 0,
    latencies: new Uint32Array(LATENCY_BUCKETS),
  }));

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#steadyMs = steadyTime(clock);
    this.#startedSlot = this.#numberNow();
  }

  addChecks(count: number): void {
    this.#slotNow().checks += count;
  }

  observe(seconds: number): void {
    this.#slotNow().latencies[bucketOf(seconds)]!++;
  }

  status(): PaceStatus {
    const now = this.#numberNow();
    const first = Math.max(this.#startedSlot, now - PACE_SLOTS);
    // Shown in the time of day of now.
    const shiftMs = Math.round((this.#clock.nowMs() - this.#steadyMs()) / PACE_SLOT_MS) * PACE_SLOT_MS;
    const series: PacePoint[] = [];
    for (let number = first; number < now; number++) {
      const slot = this.#slots[number % this.#slots.length]!;
      const isThere = slot.number === number;
      series.push({
        start: new Date(number * PACE_SLOT_MS + shiftMs).toISOString(),
        checksPerSecond: isThere ? (slot.checks * 1000) / PACE_SLOT_MS : 0,
        ...latencyOf(isThere ? slot.latencies : new Uint32Array(0)),
      });
    }
    const recent = series.slice(-NOW_SLOTS);
    const latencies = new Uint32Array(LATENCY_BUCKETS);
    for (let number = now - recent.length; number < now; number++) {
      const slot = this.#slots[number % this.#slots.length]!;
      if (slot.number !== number) continue;
      for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) latencies[bucket]! += slot.latencies[bucket]!;
    }
    const checks = recent.reduce((sum, point) => sum + point.checksPerSecond, 0);
    return { checksPerSecond: checks / Math.max(1, recent.length), ...latencyOf(latencies), series };
  }

  #numberNow(): number {
    return Math.floor(this.#steadyMs() / PACE_SLOT_MS);
  }

  #slotNow(): Slot {
    const number = this.#numberNow();
    const slot = this.#slots[number % this.#slots.length]!;
    if (slot.number !== number) {
      slot.number = number;
      slot.checks = 0;
      slot.latencies.fill(0);
    }
    return slot;
  }
}
