/** Queries for counts: the coarsest periods that fill the range, and the open groups. */
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { Counts, CountsQuery } from '../../store/ledger-contract.js';
import { CountsSum, type Piece, type TenantEdges } from '../../store/ledger-counts.js';
import { DAY, HOUR, type TallyRow } from '../../store/ledger-fold.js';
import { Chains } from './chain.js';
import { lastFold, openTallies, TALLY_COLUMNS } from './fold.js';

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

function edgesOf(db: Sqlite, tenants: readonly string[]): TenantEdges[] {
  // Look-ups, one each: for both ends in one query SQLite reads every row of the level.
  const edge = (end: 'min' | 'max', level: number) =>
    `(SELECT ${end}(start) FROM tally WHERE tenant = @tenant AND level = ${level})`;
  const find = db.prepare<[{ tenant: string }], TenantEdges>(
    `SELECT ${edge('min', DAY)} AS firstDay, ${edge('max', DAY)} AS lastDay,
       ${edge('min', HOUR)} AS firstHour, ${edge('max', HOUR)} AS lastHour`,
  );
  return tenants.map((tenant) => find.get({ tenant })!);
}

/** Runs inside the caller's transaction, so that no fold comes in between. */
export function counts(db: Sqlite, query: CountsQuery): Counts {
  const { head } = new Chains(db);
  const open = [...openTallies(db, head.foldSeq)].filter(
    ({ tenant }) => query.tenant === null || tenant === query.tenant,
  );
  const tenants = query.tenant === null ? tenantsOf(db) : [query.tenant];
  const { hoursFromMs } = lastFold(db, head.foldSeq).fold;
  const sum = new CountsSum(query, edgesOf(db, tenants), open, hoursFromMs);
  const read = (columns: string, pieces: readonly Piece[], add: (row: TallyRow) => void) => {
    const rows = db.prepare<[string, number, number, number], TallyRow>(
      `SELECT ${columns} FROM tally WHERE tenant = ? AND level = ? AND start >= ? AND start < ?`,
    );
    for (const tenant of tenants)
      for (const { level, fromMs, toMs } of pieces)
        for (const row of rows.iterate(tenant, level, fromMs, toMs)) add(row);
  };
  read(TALLY_COLUMNS, sum.tenantPieces, (row) => sum.addTenantRow(row));
  // The cells come last in a row: left out, they are not read.
  const columns = sum.withCells ? TALLY_COLUMNS : TALLY_COLUMNS.replace(', cells', `, '[]' AS cells`);
  read(columns, sum.seriesPieces, (row) => sum.addSeriesRow(row));
  return sum.result();
}
