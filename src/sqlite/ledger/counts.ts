/** Queries for counts: the coarsest periods that fill the range, and the open groups. */
import { endOf, type Interval, type Range, startOf } from '../../core/period.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { addTotals, type Tally, TallySum } from '../../core/tally.js';
import type { Counts, CountsQuery } from '../../store/ledger-contract.js';
import { cellsOf, DAY, HOUR, LEVELS, type TallyRow, totalsOf, YEAR } from '../../store/ledger-fold.js';
import { Chains } from './chain.js';
import { lastFold, openTallies, TALLY_COLUMNS } from './fold.js';

/** Rows of one level within the range. */
interface Piece extends Range {
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

const inRange = (startMs: number, { fromMs, toMs }: Range) => startMs >= fromMs && startMs < toMs;

/** Return the tenants of the folded counts, in order; each step is one look-up. */
function tenantsOf(db: Sqlite): string[] {
  const next = db.prepare<[string], { tenant: string }>(
    'SELECT tenant FROM tally WHERE tenant > ? ORDER BY tenant LIMIT 1',
  );
  const first = db.prepare<[], { tenant: string }>('SELECT tenant FROM tally ORDER BY tenant LIMIT 1');
  const found: string[] = [];
  for (let row = first.get(); row; row = next.get(row.tenant)) found.push(row.tenant);
  return found;
}

/** Earlier hours were deleted, so later counts there belong to their day. */
const unitAt = (atMs: number, hoursFromMs: number): Interval => (atMs < hoursFromMs ? 'day' : 'hour');

/** Return the first and the last hour with counts; days where hours were deleted. */
function edgesOf(db: Sqlite, tenants: readonly string[], open: readonly Tally[], hoursFromMs: number): Range {
  // Two look-ups: for both in one query SQLite reads every row of the level.
  const edges = db.prepare<[string, number, string, number], { first: number | null; last: number | null }>(
    `SELECT (SELECT min(start) FROM tally WHERE tenant = ? AND level = ?) AS first,
       (SELECT max(start) FROM tally WHERE tenant = ? AND level = ?) AS last`,
  );
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
  for (const tenant of tenants) {
    const days = edges.get(tenant, DAY, tenant, DAY)!;
    if (days.first === null || days.last === null) continue;
    const hours = edges.get(tenant, HOUR, tenant, HOUR)!;
    // An hour counted late, on a day whose hours were deleted, does not bound that day.
    const isOfItsDay = (hour: number | null, day: number): hour is number =>
      hour !== null && hour >= hoursFromMs && startOf('day', hour) === day;
    widen(
      isOfItsDay(hours.first, days.first) ? hours.first : days.first,
      isOfItsDay(hours.last, days.last) ? endOf('hour', hours.last) : endOf('day', days.last),
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

/** Runs inside the caller's transaction, so that no fold comes in between. */
export function counts(db: Sqlite, query: CountsQuery): Counts {
  const { head } = new Chains(db);
  const open = [...openTallies(db, head.foldSeq)].filter(
    ({ tenant }) => query.tenant === null || tenant === query.tenant,
  );
  const tenants = query.tenant === null ? tenantsOf(db) : [query.tenant];
  const { hoursFromMs } = lastFold(db, head.foldSeq).fold;
  const range = countedRange(query, edgesOf(db, tenants, open, hoursFromMs), hoursFromMs);
  const sums = sumByTenant(db, tenants, open, range);
  return {
    ...range,
    tenants: [...sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([tenant, sum]): Tally => ({ tenant, startMs: range.fromMs, totals: sum.totals, cells: sum.cells })),
    series:
      query.interval === null
        ? []
        : series(db, tenants, open, { range, interval: query.interval, withCells: query.seriesCells, hoursFromMs }),
  };
}

function sumByTenant(
  db: Sqlite,
  tenants: readonly string[],
  open: readonly Tally[],
  range: Range,
): Map<string, TallySum> {
  const sums = new Map<string, TallySum>();
  const sumOf = (tenant: string): TallySum => {
    const held = sums.get(tenant) ?? new TallySum();
    sums.set(tenant, held);
    return held;
  };
  const rows = db.prepare<[string, number, number, number], TallyRow>(
    `SELECT ${TALLY_COLUMNS} FROM tally WHERE tenant = ? AND level = ? AND start >= ? AND start < ?`,
  );
  const pieces = piecesOf(range, YEAR);
  for (const tenant of tenants) {
    for (const { level, fromMs, toMs } of pieces) {
      for (const row of rows.iterate(tenant, level, fromMs, toMs)) {
        sumOf(tenant).add({ totals: totalsOf(row), cells: cellsOf(row) });
      }
    }
  }
  for (const tally of open) if (inRange(tally.startMs, range)) sumOf(tally.tenant).add(tally);
  return sums;
}

function series(
  db: Sqlite,
  tenants: readonly string[],
  open: readonly Tally[],
  {
    range,
    interval,
    withCells,
    hoursFromMs,
  }: { readonly range: Range; readonly interval: Interval; readonly withCells: boolean; readonly hoursFromMs: number },
): Counts['series'] {
  const points = new Map<number, TallySum>();
  const add = (atMs: number, tally: Pick<Tally, 'totals' | 'cells'>): void => {
    // Where the hours are deleted, an hourly series has days.
    const startMs = startOf(interval === 'hour' ? unitAt(atMs, hoursFromMs) : interval, atMs);
    let point = points.get(startMs);
    if (!point) {
      point = new TallySum();
      points.set(startMs, point);
    }
    if (withCells) point.add(tally);
    else point.totals = addTotals(point.totals, tally.totals);
  };
  // The cells come last in a row: left out, they are not read.
  const columns = withCells ? TALLY_COLUMNS : TALLY_COLUMNS.replace(', cells', `, '[]' AS cells`);
  const rows = db.prepare<[string, number, number, number], TallyRow>(
    `SELECT ${columns} FROM tally WHERE tenant = ? AND level = ? AND start >= ? AND start < ?`,
  );
  const coarsest = LEVELS.indexOf(interval === 'quarter' ? 'month' : interval);
  const splitMs = Math.min(Math.max(hoursFromMs, range.fromMs), range.toMs);
  const pieces = [
    ...piecesOf({ fromMs: range.fromMs, toMs: splitMs }, Math.max(coarsest, DAY), DAY),
    ...piecesOf({ fromMs: splitMs, toMs: range.toMs }, coarsest),
  ];
  for (const tenant of tenants) {
    for (const { level, fromMs, toMs } of pieces) {
      for (const row of rows.iterate(tenant, level, fromMs, toMs)) {
        add(row.start, { totals: totalsOf(row), cells: withCells ? cellsOf(row) : [] });
      }
    }
  }
  for (const tally of open) if (inRange(tally.startMs, range)) add(tally.startMs, tally);
  return [...points].sort(([a], [b]) => a - b).map(([startMs, { totals, cells }]) => ({ startMs, totals, cells }));
}
