/** Public statistics: totals, by list, category, reason and tenant, and over time. Pure. */
import type { Interval } from '../core/period.js';
import { addTotals, type Cell, NO_TOTALS, TallySum, type Totals } from '../core/tally.js';
import type { Counts } from '../store/ledger-contract.js';

export interface PublicTotals {
  readonly checked: number;
  readonly matched: number;
  readonly suppressed: number;
  readonly notChecked: number;
}

export interface Point extends PublicTotals {
  readonly start: string;
}

export interface TenantTotals extends PublicTotals {
  readonly tenant: string;
}

/** `matched` is `exact` plus `near`; `checked` minus `matched`, `suppressed` and `notChecked` is `no_match`. */
export interface Stats extends PublicTotals {
  readonly from: string | null;
  readonly to: string | null;
  readonly exact: number;
  readonly near: number;
  /** Images that matched the list. An image on two lists counts in both, so the sum may exceed `matched`. */
  readonly byList: Readonly<Record<string, number>>;
  readonly byCategory: Readonly<Record<string, number>>;
  readonly byReason: Readonly<Record<string, number>>;
  /** Checked, by tenant. */
  readonly byTenant: Readonly<Record<string, number>>;
  readonly tenants: readonly TenantTotals[];
  /** The step of the series. */
  readonly interval: Interval;
  readonly series: readonly Point[];
}

/** Matches by list, by category, or by both. */
export interface CellFilter {
  readonly list?: string | undefined;
  readonly category?: string | undefined;
}

/** The name for entries without a category. */
const NO_CATEGORY = 'uncategorised';

const categoryName = (category: string | null | undefined) => category ?? NO_CATEGORY;

/** [kind, name, category of a list's cell] and its counts. */
function keyOf(cell: Cell): { what: string; name: string; category: string; counts: readonly number[] } {
  const [what, name, category] = JSON.parse(cell[0]) as [string, string | null, string | null | undefined];
  return { what, name: name ?? NO_CATEGORY, category: categoryName(category), counts: cell[1] };
}

const matchedIn = ([exact = 0, near = 0]: readonly number[]) => exact + near;

/** Filter one tally: keep all of `checked`, and the matches that the filter selects. */
function narrowed(totals: Totals, cells: readonly Cell[], { list, category }: CellFilter): Totals {
  if (list === undefined && category === undefined) return totals;
  let found = { ...totals, exact: 0, near: 0, suppressed: 0 };
  for (const { what, name, category: of, counts } of cells.map(keyOf)) {
    const hasQuery =
      list === undefined
        ? what === 'category' && name === category
        : what === 'list' && name === list && (category === undefined || of === category);
    if (!hasQuery) continue;
    const [exact = 0, near = 0, suppressed = 0] = counts;
    found = addTotals(found, { ...NO_TOTALS, exact, near, suppressed });
  }
  return found;
}

const publicTotals = ({ checked, exact, near, suppressed, notChecked }: Totals): PublicTotals => ({
  checked,
  matched: exact + near,
  suppressed,
  notChecked,
});

/** Return the names with their counts, largest first, without zeros. */
function byName(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(
    [...counts].filter(([, count]) => count > 0).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
  );
}

function add(into: Map<string, number>, name: string, count: number): void {
  into.set(name, (into.get(name) ?? 0) + count);
}

export function toStats(counts: Counts, filter: CellFilter, interval: Interval): Stats {
  const all = new TallySum();
  let totals = NO_TOTALS;
  const tenants = counts.tenants.map((tally): TenantTotals => {
    all.add(tally);
    const own = narrowed(tally.totals, tally.cells, filter);
    totals = addTotals(totals, own);
    return { tenant: tally.tenant, ...publicTotals(own) };
  });
  const byList = new Map<string, number>();
  const byCategory = new Map<string, number>();
  const byReason = new Map<string, number>();
  for (const { what, name, category, counts: held } of all.cells.map(keyOf)) {
    const { list: askedList, category: askedCategory } = filter;
    const isOfCategory = askedCategory === undefined || category === askedCategory;
    if (what === 'list' && (askedList === undefined || name === askedList) && isOfCategory) {
      add(byList, name, matchedIn(held));
      if (askedList !== undefined) add(byCategory, category, matchedIn(held));
    }
    if (what === 'category' && askedList === undefined && (askedCategory === undefined || name === askedCategory)) {
      add(byCategory, name, matchedIn(held));
    }
    if (what === 'reason') add(byReason, name, held[0] ?? 0);
  }
  const isEmpty = counts.fromMs === counts.toMs;
  return {
    from: isEmpty ? null : new Date(counts.fromMs).toISOString(),
    to: isEmpty ? null : new Date(counts.toMs).toISOString(),
    ...publicTotals(totals),
    exact: totals.exact,
    near: totals.near,
    byList: byName(byList),
    byCategory: byName(byCategory),
    byReason: byName(byReason),
    byTenant: Object.fromEntries(tenants.map(({ tenant, checked }) => [tenant, checked])),
    tenants,
    interval,
    series: counts.series.map(({ startMs, totals: point, cells }) => ({
      start: new Date(startMs).toISOString(),
      ...publicTotals(narrowed(point, cells, filter)),
    })),
  };
}
