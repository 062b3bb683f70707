/** Reads statistics from the store, in intervals that suit their range. */
import { AppError } from '../core/errors.js';
import { DAY_MS, HOUR_MS, type Interval } from '../core/period.js';
import type { LedgerStore } from '../store/ledger-contract.js';
import { type CellFilter, type Stats, toStats } from './stats.js';

/** Points of one series: a year of hours. */
const STATS_POINTS_MAX = 8_800;

export interface StatsQuery extends CellFilter {
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Undefined: all tenants. */
  readonly tenant?: string | undefined;
  readonly interval?: Interval | undefined;
}

/** Latest date with an ISO form. */
const LATEST_MS = Date.UTC(9999, 0);
/** Longest ranges of an hourly and of a daily series, if the query names no interval. */
const HOURS_FOR_MS = 4 * DAY_MS;
const DAYS_FOR_MS = 100 * DAY_MS;
const LONGEST_MS: Readonly<Record<Interval, number>> = {
  hour: HOUR_MS,
  day: DAY_MS,
  month: 31 * DAY_MS,
  quarter: 92 * DAY_MS,
  year: 366 * DAY_MS,
};

/** Errors LEDGER_FAILED; REQUEST_INVALID: more than `STATS_POINTS_MAX` points. */
export async function readStats(
  store: LedgerStore,
  { fromMs = 0, toMs = LATEST_MS, tenant, interval, ...filter }: StatsQuery,
): Promise<Stats> {
  const seriesCells = filter.list !== undefined || filter.category !== undefined;
  const query = { tenant: tenant ?? null, fromMs, toMs, seriesCells };
  // The range with counts determines the interval of the series.
  const whole = await store.counts({ ...query, interval: null });
  const spanMs = whole.toMs - whole.fromMs;
  const step = interval ?? (spanMs <= HOURS_FOR_MS ? 'hour' : spanMs <= DAYS_FOR_MS ? 'day' : 'month');
  if (spanMs / LONGEST_MS[step] > STATS_POINTS_MAX) {
    throw new AppError('REQUEST_INVALID', { field: 'interval', got: step, pointsMax: STATS_POINTS_MAX });
  }
  return toStats(await store.counts({ ...query, interval: step }), filter, step);
}
