/** The report of a period: checks, matches and takedown times. Renderers are elsewhere. */
import { HOUR_MS, type Interval, type Period, wholeHours } from '../core/period.js';
import type { HitStatus } from '../core/vocabulary.js';
import type { Cases } from '../store/ledger-contract.js';
import type { Ledger } from './ledger.js';
import type { Point, PublicTotals, TenantTotals } from './stats.js';

export interface Within {
  readonly hours: number;
  /** Removed within the hours (inclusive). */
  readonly count: number;
  /** Cases that were removed or whose deadline is past. False positives are excluded. */
  readonly due: number;
  /** Share of what is due; null without any. */
  readonly share: number | null;
}

export interface TenantTakedown {
  readonly tenant: string;
  readonly cases: number;
  /** Not closed, in any running status. */
  readonly open: number;
  readonly removed: number;
  readonly falsePositives: number;
  /** Until removal, from the clock's start: the notice where one was given in time. */
  readonly medianSeconds: number | null;
  /** Until removal, from the first sighting. */
  readonly medianSecondsFromFinding: number | null;
  /** Still running past the last deadline. */
  readonly overdue: number;
  readonly within: readonly Within[];
}

/** Figures of the cases first seen in the period. */
interface Takedown extends Omit<TenantTakedown, 'tenant'> {
  readonly notified: number;
  readonly confirmed: number;
  readonly p90Seconds: number | null;
  readonly p90SecondsFromFinding: number | null;
  readonly oldestOpenAt: string | null;
  readonly seenAgainAfterRemoval: number;
  readonly byTenant: readonly TenantTakedown[];
}

export interface Report extends PublicTotals {
  readonly period: string;
  /** Rounded outwards to whole hours, or to whole days where the hours are not kept. */
  readonly from: string;
  readonly to: string;
  readonly tenant: string | null;
  readonly generatedAt: string;
  readonly exact: number;
  readonly near: number;
  /** Matched divided by checked, 0..1; null if nothing was checked. */
  readonly hitRate: number | null;
  readonly byTenant: readonly TenantTotals[];
  readonly byList: readonly { readonly list: string; readonly matched: number }[];
  readonly byCategory: readonly { readonly category: string; readonly matched: number }[];
  readonly byReason: readonly { readonly reason: string; readonly count: number }[];
  /** The step of the series. */
  readonly interval: Interval;
  /** In order of time; steps without counts are left out. */
  readonly series: readonly Point[];
  readonly takedown: Takedown;
  /** Decided cases, and the false positives among them. */
  readonly reversals: { readonly decided: number; readonly reversed: number; readonly errorRate: number | null };
}

/** Return the smallest duration that at least `share` of them do not exceed (nearest rank). Shape: rising, with counts. */
export function quantile(durations: readonly (readonly [number, number])[], share: number): number | null {
  const total = durations.reduce((sum, [, count]) => sum + count, 0);
  const rank = Math.ceil(total * share);
  let seen = 0;
  for (const [ms, count] of durations) {
    seen += count;
    if (seen >= rank) return ms;
  }
  return null;
}

const iso = (ms: number) => new Date(ms).toISOString();
const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);
const ratio = (part: number, whole: number) => (whole === 0 ? null : part / whole);

/** Add up counted durations; the result is rising. */
function summed(all: readonly (readonly (readonly [number, number])[])[]): [number, number][] {
  const sums = new Map<number, number>();
  for (const [ms, count] of all.flat()) sums.set(ms, (sums.get(ms) ?? 0) + count);
  return [...sums].sort(([a], [b]) => a - b);
}

/** Sum over several tenants. */
function together(all: readonly Cases[], deadlines: number): Omit<Cases, 'tenant'> {
  const byStatus = { open: 0, notified: 0, confirmed: 0, removed: 0, false_positive: 0, possible: 0 };
  const runningSince = new Array<number>(deadlines).fill(0);
  const oldest: number[] = [];
  let seenAgainAfterRemoval = 0;
  for (const each of all) {
    for (const [status, count] of Object.entries(each.byStatus)) byStatus[status as HitStatus] += count;
    each.runningSince.forEach((count, at) => {
      runningSince[at]! += count;
    });
    if (each.oldestRunningMs !== null) oldest.push(each.oldestRunningMs);
    seenAgainAfterRemoval += each.seenAgainAfterRemoval;
  }
  return {
    byStatus,
    seenAgainAfterRemoval,
    oldestRunningMs: oldest.length > 0 ? Math.min(...oldest) : null,
    runningSince,
    removedAfterMs: summed(all.map(({ removedAfterMs }) => removedAfterMs)),
    removedAfterFoundMs: summed(all.map(({ removedAfterFoundMs }) => removedAfterFoundMs)),
  };
}

function figures(of: Omit<Cases, 'tenant'>, deadlineHours: readonly number[]): Omit<TenantTakedown, 'tenant'> {
  const { open, notified, confirmed, removed, false_positive: falsePositives } = of.byStatus;
  return {
    cases: open + notified + confirmed + removed + falsePositives,
    open: open + notified + confirmed,
    removed,
    falsePositives,
    medianSeconds: seconds(quantile(of.removedAfterMs, 0.5)),
    medianSecondsFromFinding: seconds(quantile(of.removedAfterFoundMs, 0.5)),
    overdue: of.runningSince.at(-1) ?? 0,
    within: deadlineHours.map((hours, at): Within => {
      const inTime = of.removedAfterMs.reduce((sum, [ms, count]) => (ms <= hours * HOUR_MS ? sum + count : sum), 0);
      const due = removed + (of.runningSince[at] ?? 0);
      return { hours, count: inTime, due, share: ratio(inTime, due) };
    }),
  };
}

/** Errors LEDGER_FAILED. */
export async function buildReport(
  ledger: Ledger,
  { period, tenant, nowMs }: { readonly period: Period; readonly tenant?: string | undefined; readonly nowMs: number },
): Promise<Report> {
  // One range for both: the counts may cover more than the requested one, by whole days where the hours are deleted.
  const hours = wholeHours(period);
  const stats = await ledger.stats({ ...hours, tenant });
  const fromMs = Math.min(hours.fromMs, Date.parse(stats.from ?? iso(hours.fromMs)));
  const toMs = Math.max(hours.toMs, Date.parse(stats.to ?? iso(hours.toMs)));
  const cases = await ledger.cases({ fromMs, toMs, tenant });
  const all = together(cases, ledger.deadlineHours.length);
  const { notified, confirmed, removed, false_positive: reversed } = all.byStatus;
  const decided = confirmed + removed + reversed;
  return {
    period: period.label ?? `${iso(fromMs)}/${iso(toMs)}`,
    from: iso(fromMs),
    to: iso(toMs),
    tenant: tenant ?? null,
    generatedAt: iso(nowMs),
    checked: stats.checked,
    matched: stats.matched,
    exact: stats.exact,
    near: stats.near,
    suppressed: stats.suppressed,
    notChecked: stats.notChecked,
    hitRate: ratio(stats.matched, stats.checked),
    byTenant: stats.tenants,
    byList: Object.entries(stats.byList).map(([list, matched]) => ({ list, matched })),
    byCategory: Object.entries(stats.byCategory).map(([category, matched]) => ({ category, matched })),
    byReason: Object.entries(stats.byReason).map(([reason, count]) => ({ reason, count })),
    interval: stats.interval,
    series: stats.series,
    takedown: {
      ...figures(all, ledger.deadlineHours),
      notified,
      confirmed,
      p90Seconds: seconds(quantile(all.removedAfterMs, 0.9)),
      p90SecondsFromFinding: seconds(quantile(all.removedAfterFoundMs, 0.9)),
      oldestOpenAt: all.oldestRunningMs === null ? null : iso(all.oldestRunningMs),
      seenAgainAfterRemoval: all.seenAgainAfterRemoval,
      byTenant: cases.map((each) => ({ tenant: each.tenant, ...figures(each, ledger.deadlineHours) })),
    },
    reversals: { decided, reversed, errorRate: ratio(reversed, decided) },
  };
}
