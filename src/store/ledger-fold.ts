/**
 * Folding a ledger's counts into periods, the same in every store: when a fold is due, the periods, and the closing
 * statement.
 */
import { type Interval, startOf } from '../core/period.js';
import { RowSum } from '../core/row-sum.js';
import { addTotals, type Cell, NO_TOTALS, type Tally, TallySum, type Totals } from '../core/tally.js';
import { sha256 } from './ledger-chain.js';

/** Open groups are read by every query for counts, and held in memory during a fold. */
export const FOLD_GROUPS = 512;
export const FOLD_CHARS = 1_048_576;

/** Levels of the table `tally`, by length. */
export const LEVELS = ['hour', 'day', 'month', 'year'] as const satisfies readonly Interval[];
export const HOUR = LEVELS.indexOf('hour');
export const DAY = LEVELS.indexOf('day');
export const YEAR = LEVELS.indexOf('year');

export interface TallyRow {
  readonly tenant: string;
  readonly level: number;
  readonly start: number;
  readonly checked: number;
  readonly exact: number;
  readonly near: number;
  readonly suppressed: number;
  readonly not_checked: number;
  readonly cells: string;
}

/** The body of a fold. */
export interface Fold {
  /** Hash of the link before it, which is deleted; hex. */
  readonly before: string;
  /** The last kept fold (one an hour), and their number. */
  readonly anchor: string;
  readonly anchors: number;
  /** Checksum and number of all rows of `tally`, and the total of all hours. */
  readonly sum: string;
  readonly rows: number;
  readonly totals: Totals;
  /** Hours before were deleted; their total. */
  readonly hoursFromMs: number;
  readonly dropped: Totals;
  /** Events of erased hits, in the chain or cut from its beginning. */
  readonly events: {
    readonly seq: number;
    readonly hash: string;
    readonly cutSeq: number;
    readonly cutHash: string | null;
    readonly erased: number;
    readonly erasedSum: string;
  };
  /** Of a ledger that was moved here: the heads of the chains that it had, verified before. The first fold follows `counts`. */
  readonly moved?: { readonly counts: string; readonly events: string; readonly eventSeq: number };
}

/** Names of those heads beside a ledger's own: a copy of them from before the move is compared with these. */
export const movedHeads = ({ moved }: Pick<Fold, 'moved'>): Record<string, string> =>
  moved ? { 'moved counts': moved.counts, 'moved events': moved.events } : {};

export const FIRST_FOLD: Fold = {
  before: '',
  anchor: '',
  anchors: 0,
  sum: new RowSum().toHex(),
  rows: 0,
  totals: NO_TOTALS,
  hoursFromMs: 0,
  dropped: NO_TOTALS,
  events: { seq: 0, hash: '', cutSeq: 0, cutHash: null, erased: 0, erasedSum: new RowSum().toHex() },
};

export function totalsOf(row: TallyRow): Totals {
  const { checked, exact, near, suppressed, not_checked: notChecked } = row;
  return { checked, exact, near, suppressed, notChecked };
}

export function cellsOf(row: Pick<TallyRow, 'cells'>): Cell[] {
  return JSON.parse(row.cells) as Cell[];
}

export function rowDigest(row: TallyRow): Buffer {
  const { tenant, level, start, checked, exact, near, suppressed, not_checked, cells } = row;
  return sha256(JSON.stringify([tenant, level, start, checked, exact, near, suppressed, not_checked, cells]));
}

/** Sum tallies by tenant and hour. */
export function sumTallies(tallies: readonly Tally[]): Tally[] {
  const sums = new Map<string, { readonly tenant: string; readonly startMs: number; readonly sum: TallySum }>();
  for (const tally of tallies) {
    const { tenant, startMs } = tally;
    const held = sums.get(`${startMs} ${tenant}`) ?? { tenant, startMs, sum: new TallySum() };
    sums.set(`${startMs} ${tenant}`, held);
    held.sum.add(tally);
  }
  return [...sums.values()].map(({ tenant, startMs, sum: { totals, cells } }) => ({ tenant, startMs, totals, cells }));
}

/** The key of a row of `tally`. */
type PeriodKey = Pick<TallyRow, 'tenant' | 'level' | 'start'>;

/** Sum tallies by the periods of every level. */
export function sumByPeriod(tallies: Iterable<Tally>): (PeriodKey & { readonly sum: TallySum })[] {
  const sums = new Map<string, PeriodKey & { readonly sum: TallySum }>();
  for (const tally of tallies) {
    for (const [level, interval] of LEVELS.entries()) {
      const key = { tenant: tally.tenant, level, start: startOf(interval, tally.startMs) };
      const held = sums.get(JSON.stringify(key)) ?? { ...key, sum: new TallySum() };
      sums.set(JSON.stringify(key), held);
      held.sum.add(tally);
    }
  }
  return [...sums.values()];
}

/**
 * Add sums to their rows. `heldRow`: the row of a period, if there is one. Result: the rows to write, and what the next fold
 * says of the table. Errors RangeError: a count exceeds the exact integers.
 */
export function addPeriods(
  before: Pick<Fold, 'sum' | 'rows' | 'totals'>,
  periods: ReturnType<typeof sumByPeriod>,
  heldRow: (key: PeriodKey) => TallyRow | undefined,
): { readonly facts: Pick<Fold, 'sum' | 'rows' | 'totals'>; readonly written: readonly TallyRow[] } {
  const rowSum = new RowSum(before.sum);
  let { rows, totals } = before;
  const written = periods.map(({ sum, ...key }): TallyRow => {
    if (key.level === HOUR) totals = addTotals(totals, sum.totals);
    const held = heldRow(key);
    if (held) {
      rowSum.change(rowDigest(held), -1);
      sum.add({ totals: totalsOf(held), cells: cellsOf(held) });
    } else rows++;
    const { notChecked: not_checked, ...others } = sum.totals;
    const row: TallyRow = { ...key, ...others, not_checked, cells: JSON.stringify(sum.cells) };
    rowSum.change(rowDigest(row), 1);
    return row;
  });
  return { facts: { sum: rowSum.toHex(), rows, totals }, written };
}
