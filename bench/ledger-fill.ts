/** Generated counts, appended like real ones: many hours of many tenants per group, so that years take minutes. */
import { HOUR_MS } from '../src/core/period.js';
import type { Cell, Tally } from '../src/core/tally.js';
import type { LedgerStore } from '../src/store/ledger-contract.js';

export interface Fill {
  readonly fromMs: number;
  readonly toMs: number;
  readonly tenants: number;
  readonly lists: number;
  /** Over the whole range. */
  readonly checked: number;
  readonly matched: number;
}

/** Hours of all tenants per append; each append causes a fold. */
const HOURS_AT_A_TIME = 24;
/** Lists with matches of one tenant in one hour. */
const LISTS_AN_HOUR = 2;
const CATEGORIES = ['A1', 'A2', 'B1', 'B2'];

/** Return the n-th of `parts` integer shares of `total`. */
const share = (total: number, parts: number, n: number) =>
  Math.floor((total / parts) * (n + 1)) - Math.floor((total / parts) * n);

function hourOf(fill: Fill, hour: number, tenant: number): Tally {
  const hours = (fill.toMs - fill.fromMs) / HOUR_MS;
  const n = hour * fill.tenants + tenant;
  const parts = hours * fill.tenants;
  // The last share includes the rounding error, so that the total is exact.
  const isLast = n === parts - 1;
  const sharesBefore = (total: number) => Math.floor((total / parts) * n);
  const checked = isLast ? fill.checked - sharesBefore(fill.checked) : share(fill.checked, parts, n);
  const matched = isLast ? fill.matched - sharesBefore(fill.matched) : share(fill.matched, parts, n);
  const near = Math.floor(matched / 3);
  const category = CATEGORIES[n % CATEGORIES.length]!;
  const cells = new Map<string, number[]>();
  const add = (key: string, counts: readonly number[]) => {
    const held = cells.get(key) ?? counts.map(() => 0);
    cells.set(
      key,
      held.map((count, at) => count + counts[at]!),
    );
  };
  for (let at = 0; at < LISTS_AN_HOUR && matched > 0; at++) {
    const list = `list-${String((n * 7 + at * 3) % fill.lists).padStart(2, '0')}`;
    const [ofList, nearOfList] = [share(matched, LISTS_AN_HOUR, at), share(near, LISTS_AN_HOUR, at)];
    add(JSON.stringify(['list', list, category]), [ofList - nearOfList, nearOfList, 0]);
    add(JSON.stringify(['category', category]), [ofList - nearOfList, nearOfList, 0]);
  }
  return {
    tenant: `host-${String(tenant).padStart(3, '0')}`,
    startMs: fill.fromMs + hour * HOUR_MS,
    totals: { checked, exact: matched - near, near, suppressed: 0, notChecked: 0 },
    cells: [...cells].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, counts]): Cell => [key, counts]),
  };
}

/** Append the counts; return the number of hourly rows. */
export async function fillLedger(store: LedgerStore, fill: Fill): Promise<number> {
  const hours = (fill.toMs - fill.fromMs) / HOUR_MS;
  let rows = 0;
  for (let from = 0; from < hours; from += HOURS_AT_A_TIME) {
    const tallies: Tally[] = [];
    for (let hour = from; hour < Math.min(hours, from + HOURS_AT_A_TIME); hour++) {
      for (let tenant = 0; tenant < fill.tenants; tenant++) tallies.push(hourOf(fill, hour, tenant));
    }
    rows += tallies.length;
    const atMs = fill.fromMs + from * HOUR_MS;
    await store.append({ atMs, entries: [{ tenant: 'all', idempotency: null, tallies, sightings: [] }] });
  }
  return rows;
}
