/** Counting from periods and open tallies, the same in every store: which rows a query reads, and their sums. */
import { endOf, type Interval, type Range, startOf } from '../core/period.js';
import { addTotals, type Tally, TallySum } from '../core/tally.js';
import type { Counts, CountsQuery } from './ledger-contract.js';
import { cellsOf, DAY, HOUR, LEVELS, type TallyRow, totalsOf, YEAR } from './ledger-fold.js';

/** Rows of one level within the range. */
export interface Piece extends Range {
  readonly level: number;
}

/** Split a range into whole periods: years in the middle, months, days and hours at its ends. `coarsest`, `finest`: indexes in LEVELS. */
function piecesOf({ fromMs, toMs }: Range, coarsest: number, finest: number = HOUR): Piece[] {
  const pieces: Piece[] = [];
  for (let atMs = fromMs; atMs < toMs; ) {
    let level = coarsest;
    while (level > finest && (startOf(LEVELS[level]!, atMs) !== atMs || endOf(LEVELS[level]!, atMs) > toMs)) level--;
    const nextMs = endOf(LEVELS[level]!, atMs);
    const before = pieces.at(-1);
    if (before?.level === level) pieces[pieces.length - 1] = { ...before, toMs: nextMs };
    else pieces.push({ level, fromMs: atMs, toMs: nextMs });
    atMs = nextMs;
  }
  return pieces;
}

/** Earlier hours were deleted, so later counts there belong to their day. */
const unitAt = (atMs: number, hoursFromMs: number): Interval => (atMs < hoursFromMs ? 'day' : 'hour');

/** The first and last periods of one tenant; null: it has none. */
export interface TenantEdges {
  readonly firstDay: number | null;
  readonly lastDay: number | null;
  readonly firstHour: number | null;
  readonly lastHour: number | null;
}

/** Return the first and the last hour with counts; days where hours were deleted. */
function edgesOf(tenants: readonly TenantEdges[], open: readonly Tally[], hoursFromMs: number): Range {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  const widen = (startMs: number, endMs: number) => {
    fromMs = Math.min(fromMs, startMs);
    toMs = Math.max(toMs, endMs);
  };
  for (const { startMs } of open) {
    const unit = unitAt(startMs, hoursFromMs);
    widen(startOf(unit, startMs), endOf(unit, startMs));
  }
  for (const { firstDay, lastDay, firstHour, lastHour } of tenants) {
    if (firstDay === null || lastDay === null) continue;
    // An hour counted late, on a day whose hours were deleted, does not bound that day.
    const isOfItsDay = (hour: number | null, day: number): hour is number =>
      hour !== null && hour >= hoursFromMs && startOf('day', hour) === day;
    widen(
      isOfItsDay(firstHour, firstDay) ? firstHour : firstDay,
      isOfItsDay(lastHour, lastDay) ? endOf('hour', lastHour) : endOf('day', lastDay),
    );
  }
  return { fromMs, toMs };
}

/** Round the range to whole hours, or whole days where the hours are deleted, and clip it to the counts. */
function countedRange(asked: Range, edges: Range, hoursFromMs: number): Range {
  const fromMs = Math.max(asked.fromMs, edges.fromMs);
  const toMs = Math.min(asked.toMs, edges.toMs);
  if (!(fromMs < toMs)) return { fromMs: 0, toMs: 0 };
  return {
    fromMs: startOf(unitAt(fromMs, hoursFromMs), fromMs),
    toMs: endOf(unitAt(toMs - 1, hoursFromMs), toMs - 1),
  };
}

/**
 * The answer to one query. The store reads the rows of `tenantPieces` and of `seriesPieces`, of the tenant that the query
 * names or of all, and adds them; open tallies are added from the beginning.
 */
export class CountsSum {
  readonly tenantPieces: readonly Piece[];
  readonly seriesPieces: readonly Piece[];
  /** The rows of the series are read with their cells. */
  readonly withCells: boolean;
  readonly #range: Range;
  readonly #interval: Interval | null;
  readonly #hoursFromMs: number;
  readonly #tenants = new Map<string, TallySum>();
  readonly #points = new Map<number, TallySum>();

  /** `edges`: of each queried tenant. `open`: those of the queried tenants. `hoursFromMs`: earlier hours are deleted. */
  constructor(query: CountsQuery, edges: readonly TenantEdges[], open: readonly Tally[], hoursFromMs: number) {
    const range = countedRange(query, edgesOf(edges, open, hoursFromMs), hoursFromMs);
    this.#range = range;
    this.#interval = query.interval;
    this.#hoursFromMs = hoursFromMs;
    this.withCells = query.seriesCells;
    this.tenantPieces = piecesOf(range, YEAR);
    this.seriesPieces = query.interval === null ? [] : piecesOfSeries(range, query.interval, hoursFromMs);
    for (const tally of open) {
      if (tally.startMs < range.fromMs || tally.startMs >= range.toMs) continue;
      sumIn(this.#tenants, tally.tenant).add(tally);
      this.#addToSeries(tally.startMs, tally);
    }
  }

  addTenantRow(row: TallyRow): void {
    sumIn(this.#tenants, row.tenant).add({ totals: totalsOf(row), cells: cellsOf(row) });
  }

  addSeriesRow(row: TallyRow): void {
    this.#addToSeries(row.start, { totals: totalsOf(row), cells: this.withCells ? cellsOf(row) : [] });
  }

  #addToSeries(atMs: number, tally: Pick<Tally, 'totals' | 'cells'>): void {
    if (this.#interval === null) return;
    // Where the hours are deleted, an hourly series has days.
    const interval = this.#interval === 'hour' ? unitAt(atMs, this.#hoursFromMs) : this.#interval;
    const point = sumIn(this.#points, startOf(interval, atMs));
    if (this.withCells) point.add(tally);
    else point.totals = addTotals(point.totals, tally.totals);
  }

  result(): Counts {
    return {
      ...this.#range,
      tenants: [...this.#tenants]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([tenant, { totals, cells }]): Tally => ({ tenant, startMs: this.#range.fromMs, totals, cells })),
      series: [...this.#points]
        .sort(([a], [b]) => a - b)
        .map(([startMs, { totals, cells }]) => ({ startMs, totals, cells })),
    };
  }
}

function piecesOfSeries(range: Range, interval: Interval, hoursFromMs: number): Piece[] {
  const coarsest = LEVELS.indexOf(interval === 'quarter' ? 'month' : interval);
  const splitMs = Math.min(Math.max(hoursFromMs, range.fromMs), range.toMs);
  return [
    ...piecesOf({ fromMs: range.fromMs, toMs: splitMs }, Math.max(coarsest, DAY), DAY),
    ...piecesOf({ fromMs: splitMs, toMs: range.toMs }, coarsest),
  ];
}

function sumIn<Key>(sums: Map<Key, TallySum>, key: Key): TallySum {
  const sum = sums.get(key) ?? new TallySum();
  sums.set(key, sum);
  return sum;
}
