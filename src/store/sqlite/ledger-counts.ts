/** Questions for counts: the coarsest periods that fill the range, and what has not been folded yet. */
import { endOf, type Interval, type Range, startOf } from '../../core/period.js';
import { addTotals, type Tally, TallySum } from '../../core/tally.js';
import type { Counts, CountsQuery } from '../ledger-contract.js';
import type { Sqlite } from './database.js';
import { Chains } from './ledger-chain.js';
import { cellsOf, LEVELS, lastFold, openTallies, TALLY_COLUMNS, type TallyRow, totalsOf, YEAR } from './ledger-fold.js';

/** Rows of one level that belong to the range. */
interface Piece extends Range {
  readonly level: number;
}

/** A range as whole periods: years in the middle, months, days and hours at its ends. `coarsest`: a place in LEVELS. */
export function piecesOf({ fromMs, toMs }: Range, coarsest: number): Piece[] {
  const pieces: Piece[] = [];
  for (let atMs = fromMs; atMs < toMs; ) {
    let level = coarsest;
    while (level > 0 && (startOf(LEVELS[level]!, atMs) !== atMs || endOf(LEVELS[level]!, atMs) > toMs)) level--;
    const nextMs = endOf(LEVELS[level]!, atMs);
    const before = pieces.at(-1);
    if (before?.level === level) pieces[pieces.length - 1] = { ...before, toMs: nextMs };
    else pieces.push({ level, fromMs: atMs, toMs: nextMs });
    atMs = nextMs;
  }
  return pieces;
}

const inRange = (startMs: number, { fromMs, toMs }: Range) => startMs >= fromMs && startMs < toMs;

/** Of the folded counts, in order; each step is one look-up. */
export function tenantsOf(db: Sqlite): string[] {
  const next = db.prepare<[string], { tenant: string }>(
    'SELECT tenant FROM tally WHERE tenant > ? ORDER BY tenant LIMIT 1',
  );
  const first = db.prepare<[], { tenant: string }>('SELECT tenant FROM tally ORDER BY tenant LIMIT 1');
  const found: string[] = [];
  for (let row = first.get(); row; row = next.get(row.tenant)) found.push(row.tenant);
  return found;
}

/** The range by whole hours, by whole days where the hours are gone, and no wider than there are counts. */
function countedRange(
  db: Sqlite,
  tenants: readonly string[],
  open: readonly Tally[],
  asked: Range,
  hoursFromMs: number,
): Range {
  const unitAt = (atMs: number): Interval => (atMs < hoursFromMs ? 'day' : 'hour');
  let earliestMs = Math.min(Number.POSITIVE_INFINITY, ...open.map(({ startMs }) => startMs));
  let latestMs = Math.max(Number.NEGATIVE_INFINITY, ...open.map(({ startMs }) => endOf('hour', startMs)));
  const edges = db.prepare<[string, number], { first: number | null; last: number | null }>(
    'SELECT min(start) AS first, max(start) AS last FROM tally WHERE tenant = ? AND level = ?',
  );
  for (const tenant of tenants) {
    const { first, last } = edges.get(tenant, YEAR)!;
    if (first === null || last === null) continue;
    earliestMs = Math.min(earliestMs, first);
    latestMs = Math.max(latestMs, endOf('year', last));
  }
  const fromMs = Math.max(asked.fromMs, earliestMs);
  const toMs = Math.min(asked.toMs, latestMs);
  if (!(fromMs < toMs)) return { fromMs: 0, toMs: 0 };
  const lastMs = toMs - 1;
  return { fromMs: startOf(unitAt(fromMs), fromMs), toMs: endOf(unitAt(lastMs), lastMs) };
}

/** Inside the caller's transaction, so that nothing is folded half way. */
export function counts(db: Sqlite, query: CountsQuery): Counts {
  const { head } = new Chains(db);
  const open = [...openTallies(db, head.foldSeq)].filter(
    ({ tenant }) => query.tenant === null || tenant === query.tenant,
  );
  const tenants = query.tenant === null ? tenantsOf(db) : [query.tenant];
  const range = countedRange(db, tenants, open, query, lastFold(db, head.foldSeq).fold.hoursFromMs);
  const sums = sumByTenant(db, tenants, open, range);
  return {
    ...range,
    tenants: [...sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([tenant, sum]): Tally => ({ tenant, startMs: range.fromMs, totals: sum.totals, cells: sum.cells })),
    series: query.interval === null ? [] : series(db, tenants, open, range, query.interval, query.seriesCells),
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
  range: Range,
  interval: Interval,
  withCells: boolean,
): Counts['series'] {
  const points = new Map<number, TallySum>();
  const add = (atMs: number, tally: Pick<Tally, 'totals' | 'cells'>): void => {
    const startMs = startOf(interval, atMs);
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
  const pieces = piecesOf(range, coarsest);
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
