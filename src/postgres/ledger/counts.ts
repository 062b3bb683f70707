/** Queries for counts: the folded periods and the open links, on one state of the database. */
import type { Counts, CountsQuery } from '../../store/ledger-contract.js';
import { CountsSum, type Piece, type TenantEdges } from '../../store/ledger-counts.js';
import { DAY, HOUR, type TallyRow } from '../../store/ledger-fold.js';
import type { Sql } from '../database.js';
import { narrow } from '../fence.js';
import { arraysOf, type Columns, unnested } from '../rows.js';
import { type Link, parsed } from './chain.js';
import { lastCheckpoint, openLinks, TALLY_COLUMNS } from './fold.js';

const edge = (end: 'min' | 'max', level: number) =>
  `(SELECT ${end}(start) FROM tally WHERE tally.tenant = asked.tenant AND level = ${level})`;
/** Of the tenant `$1`; null: of each, found by one look-up a tenant. */
const EDGES = `WITH RECURSIVE asked AS (
    SELECT coalesce($1::text, (SELECT min(tenant) FROM tally)) AS tenant
    UNION ALL
    SELECT (SELECT min(tenant) FROM tally WHERE tenant > asked.tenant) FROM asked
    WHERE $1::text IS NULL AND asked.tenant IS NOT NULL
  )
  SELECT ${edge('min', DAY)} AS "firstDay", ${edge('max', DAY)} AS "lastDay",
    ${edge('min', HOUR)} AS "firstHour", ${edge('max', HOUR)} AS "lastHour"
  FROM asked WHERE tenant IS NOT NULL`;

interface PieceRow {
  readonly level: number;
  readonly from_ms: number;
  readonly to_ms: number;
}
const PIECE: Columns<PieceRow> = { level: 'int4', from_ms: 'int8', to_ms: 'int8' };

function readPieces(sql: Sql, tenant: string | null, pieces: readonly Piece[], columns: string): Promise<TallyRow[]> {
  const rows = pieces.map(({ level, fromMs, toMs }): PieceRow => ({ level, from_ms: fromMs, to_ms: toMs }));
  return sql<TallyRow>(
    `SELECT ${columns} FROM ${unnested(PIECE, 2)}
     JOIN tally ON tally.level = given.level AND start >= from_ms AND start < to_ms
     WHERE $1::text IS NULL OR tenant = $1`,
    [tenant, ...arraysOf(PIECE, rows)],
  );
}

/** Runs inside the caller's snapshot of all tenants, so that no fold comes in between: a link has counts of many of them. */
export async function counts(sql: Sql, query: CountsQuery): Promise<Counts> {
  const { tenant } = query;
  const { last } = await lastCheckpoint(sql);
  const open = (await openLinks(sql))
    .flatMap(({ body }) => parsed<Link>(body).tallies)
    .filter((tally) => tenant === null || tally.tenant === tenant);
  if (tenant !== null) await narrow(sql, tenant);
  const sum = new CountsSum(query, await sql<TenantEdges>(EDGES, [tenant]), open, last.hoursFromMs);
  for (const row of await readPieces(sql, tenant, sum.tenantPieces, TALLY_COLUMNS)) sum.addTenantRow(row);
  if (sum.seriesPieces.length === 0) return sum.result();
  const columns = sum.withCells ? TALLY_COLUMNS : TALLY_COLUMNS.replace('tally.cells', `'[]' AS cells`);
  for (const row of await readPieces(sql, tenant, sum.seriesPieces, columns)) sum.addSeriesRow(row);
  return sum.result();
}
