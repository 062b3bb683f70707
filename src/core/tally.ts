/**
 * Additive counts: totals, and cells of any dimension. Addition is the only operation, so an hour, a day and ten years have
 * the same shape. Every figure is an exact integer; a sum that would be inexact is refused, not rounded.
 */

export interface Totals {
  readonly checked: number;
  /** Images with a digest on a list; and images that are only near an entry. Together: the matches. */
  readonly exact: number;
  readonly near: number;
  readonly suppressed: number;
  readonly notChecked: number;
}

/** Key of a cell as JSON: `["list",name,category]`, `["category",name]`, `["reason",name]`; and its counts. */
export type Cell = readonly [key: string, counts: readonly number[]];

/** Counts of one tenant in the hour, day, month or year that begins at `startMs`. */
export interface Tally {
  readonly tenant: string;
  readonly startMs: number;
  readonly totals: Totals;
  /** Sorted by key; keys are distinct. */
  readonly cells: readonly Cell[];
}

export const NO_TOTALS: Totals = { checked: 0, exact: 0, near: 0, suppressed: 0, notChecked: 0 };

/** Errors  RangeError: a sum past 2^53 would silently lose its last digits. */
function exactSum(a: number, b: number): number {
  const sum = a + b;
  if (!Number.isSafeInteger(sum)) throw new RangeError(`count exceeds the exact integer range: ${a} + ${b}`);
  return sum;
}

export function addTotals(a: Totals, b: Totals): Totals {
  return {
    checked: exactSum(a.checked, b.checked),
    exact: exactSum(a.exact, b.exact),
    near: exactSum(a.near, b.near),
    suppressed: exactSum(a.suppressed, b.suppressed),
    notChecked: exactSum(a.notChecked, b.notChecked),
  };
}

/** Running sum of tallies. */
export class TallySum {
  totals: Totals = NO_TOTALS;
  readonly #cells = new Map<string, number[]>();

  add({ totals, cells }: Pick<Tally, 'totals' | 'cells'>): void {
    this.totals = addTotals(this.totals, totals);
    for (const [key, counts] of cells) this.addCell(key, counts);
  }

  addCell(key: string, counts: readonly number[]): void {
    const held = this.#cells.get(key);
    if (held === undefined) this.#cells.set(key, [...counts]);
    else
      counts.forEach((count, at) => {
        held[at] = exactSum(held[at] ?? 0, count);
      });
  }

  get cells(): Cell[] {
    return [...this.#cells].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
