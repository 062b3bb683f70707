/**
 * Counts of questions and answers, per hour and tenant, since this process started.
 * Every count is an exact integer, and each image or hash adds one to `checked` and to exactly one verdict.
 */
import type { Clock } from '../core/clock.js';
import type { NotCheckedReason, Verdict } from '../core/vocabulary.js';

export interface Outcome {
  readonly tenant: string;
  readonly verdict: Verdict;
  readonly reason: NotCheckedReason | null;
  /** Names of the lists that matched, each once. */
  readonly lists: readonly string[];
}

export interface StatsQuery {
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly tenant?: string | undefined;
  readonly list?: string | undefined;
  readonly interval?: 'hour' | 'day' | undefined;
}

export interface Totals {
  checked: number;
  matched: number;
  suppressed: number;
  notChecked: number;
}

export interface Stats extends Totals {
  readonly since: string;
  readonly byList: Record<string, number>;
  readonly byReason: Record<string, number>;
  readonly series: (Totals & { start: string })[];
}

interface Bucket {
  readonly startMs: number;
  readonly tenant: string;
  readonly totals: Totals;
  readonly byList: Map<string, number>;
  readonly byReason: Map<string, number>;
}

const HOUR_MS = 3_600_000;
const INTERVAL_MS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;
/** A year of hours for one tenant; the oldest go first, so that memory stays bounded. */
export const COUNT_BUCKETS_MAX = 8_784;

const emptyTotals = (): Totals => ({ checked: 0, matched: 0, suppressed: 0, notChecked: 0 });

function addTotals(into: Totals, from: Totals): void {
  into.checked += from.checked;
  into.matched += from.matched;
  into.suppressed += from.suppressed;
  into.notChecked += from.notChecked;
}

function addTo(into: Map<string, number>, key: string, count: number): void {
  into.set(key, (into.get(key) ?? 0) + count);
}

export class Counts {
  readonly #clock: Clock;
  readonly #startedMs: number;
  /** In order of time; a key is `startMs tenant`. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
  }

  /** `count` answers of the same outcome. */
  record(outcome: Outcome, count = 1): void {
    const bucket = this.#bucketNow(outcome.tenant);
    bucket.totals.checked += count;
    if (outcome.verdict === 'match') bucket.totals.matched += count;
    if (outcome.verdict === 'suppressed') bucket.totals.suppressed += count;
    if (outcome.verdict === 'not_checked') bucket.totals.notChecked += count;
    for (const list of outcome.lists) addTo(bucket.byList, list, count);
    if (outcome.reason !== null) addTo(bucket.byReason, outcome.reason, count);
  }

  /** Unit: images and hashes. `fromMs` is inclusive, `toMs` exclusive, both by the hour that holds them. */
  stats(query: StatsQuery): Stats {
    const intervalMs = INTERVAL_MS[query.interval ?? 'hour'];
    const total = emptyTotals();
    const byList = new Map<string, number>();
    const byReason = new Map<string, number>();
    const series = new Map<number, Totals>();
    for (const bucket of this.#buckets.values()) {
      if (query.tenant !== undefined && bucket.tenant !== query.tenant) continue;
      if (query.fromMs !== undefined && bucket.startMs + HOUR_MS <= query.fromMs) continue;
      if (query.toMs !== undefined && bucket.startMs >= query.toMs) continue;
      const counted = { ...bucket.totals };
      if (query.list !== undefined) counted.matched = bucket.byList.get(query.list) ?? 0;
      addTotals(total, counted);
      const start = bucket.startMs - (bucket.startMs % intervalMs);
      const point = series.get(start) ?? emptyTotals();
      addTotals(point, counted);
      series.set(start, point);
      for (const [list, count] of bucket.byList) {
        if (query.list === undefined || query.list === list) addTo(byList, list, count);
      }
      for (const [reason, count] of bucket.byReason) addTo(byReason, reason, count);
    }
    return {
      ...total,
      since: new Date(this.#startedMs).toISOString(),
      byList: Object.fromEntries(byList),
      byReason: Object.fromEntries(byReason),
      series: [...series]
        .sort(([a], [b]) => a - b)
        .map(([start, totals]) => ({ start: new Date(start).toISOString(), ...totals })),
    };
  }

  #bucketNow(tenant: string): Bucket {
    const nowMs = this.#clock.nowMs();
    const startMs = nowMs - (nowMs % HOUR_MS);
    const key = `${startMs} ${tenant}`;
    const found = this.#buckets.get(key);
    if (found) return found;
    const oldest = this.#buckets.keys().next().value;
    if (this.#buckets.size >= COUNT_BUCKETS_MAX && oldest !== undefined) this.#buckets.delete(oldest);
    const made = { startMs, tenant, totals: emptyTotals(), byList: new Map(), byReason: new Map() };
    this.#buckets.set(key, made);
    return made;
  }
}
