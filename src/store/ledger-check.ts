/** Parts of the verification of a ledger, the same in every store. */
import { RowSum } from '../core/row-sum.js';
import { addTotals, NO_TOTALS, type Totals } from '../core/tally.js';
import { type HitRow, replayHit, type StoredEvent } from './ledger-events.js';
import { type Fold, LEVELS, rowDigest, type TallyRow, totalsOf } from './ledger-fold.js';

/** Reported problems; a badly damaged ledger has thousands. */
const PROBLEMS_MAX = 20;

export type Report = (problem: string) => void;

export class Problems {
  readonly all: string[] = [];

  readonly report: Report = (problem) => {
    if (this.all.length < PROBLEMS_MAX) this.all.push(problem);
  };
}

/** Compares the rows of `tally` with the last fold. */
export class TallyCheck {
  readonly #fold: Fold;
  readonly #sum = new RowSum();
  readonly #byLevel: Totals[];
  #rows = 0;

  constructor(fold: Fold) {
    this.#fold = fold;
    this.#byLevel = LEVELS.map((interval) => (interval === 'hour' ? fold.dropped : NO_TOTALS));
  }

  add(row: TallyRow): void {
    this.#rows++;
    this.#sum.change(rowDigest(row), 1);
    this.#byLevel[row.level] = addTotals(this.#byLevel[row.level] ?? NO_TOTALS, totalsOf(row));
  }

  /** After the last row. */
  end(report: Report): void {
    const { rows, sum, totals: expected } = this.#fold;
    if (this.#rows !== rows) report(`counts: ${this.#rows} rows, expected ${rows}`);
    if (this.#sum.toHex() !== sum) report('counts: a row was changed since the last fold');
    for (const [level, totals] of this.#byLevel.entries()) {
      if (JSON.stringify(totals) !== JSON.stringify(expected))
        report(`counts: the ${LEVELS[level]}s do not add up to the total`);
    }
  }
}

const asText = (row: HitRow) =>
  JSON.stringify(
    Object.entries(row)
      .map(([name, cell]) => [name, cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : cell])
      .sort(),
  );

/** Return whether a hit is as its events define it. */
export function isOfEvents(row: HitRow, events: readonly StoredEvent[]): boolean {
  const made = replayHit(row.id, events);
  return made !== null && asText(made) === asText(row);
}
