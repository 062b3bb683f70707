/**
 * Folding a ledger's counts into periods, the same in every store: when a fold is due, the periods, and the closing
 * statement.
 */
import type { Interval } from '../core/period.js';
import { RowSum } from '../core/row-sum.js';
import { type Cell, NO_TOTALS, type Totals } from '../core/tally.js';
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
}

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
