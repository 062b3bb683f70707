/** Queries for hits: pages, one hit with its history, and the case figures of a period. */
import { HIT_STATUSES, type HitStatus } from '../../core/vocabulary.js';
import { dueSql, prefixEnd } from '../../store/hit-order.js';
import type { Cases, CasesQuery, HitFilter, StoredHit } from '../../store/ledger-contract.js';
import { type StoredEvent, toStoredHit } from '../../store/ledger-events.js';
import type { Sql } from '../database.js';
import type { SqlValue } from '../values.js';
import type { VersionedHit } from './append.js';

async function withHistory(sql: Sql, rows: readonly VersionedHit[]): Promise<StoredHit[]> {
  const events = await sql<StoredEvent & { hit: string }>(
    `SELECT hit, version AS seq, at, kind, tenant, body FROM hit_event WHERE hit = ANY ($1) ORDER BY hit, version`,
    [rows.map(({ id }) => id)],
  );
  const byHit = new Map<string, StoredEvent[]>(rows.map(({ id }) => [id, []]));
  for (const event of events) byHit.get(event.hit)!.push(event);
  return rows.map((row) => toStoredHit(row, byHit.get(row.id)!));
}

export async function hits(sql: Sql, filter: HitFilter): Promise<StoredHit[]> {
  const { due, referencePrefix, mark } = filter;
  const wanted: readonly (readonly [sql: (at: string) => string, value: SqlValue | undefined])[] = [
    [(at) => `tenant = ${at}`, filter.tenant ?? undefined],
    [(at) => `list = ${at}`, filter.list],
    [(at) => `category = ${at}`, filter.category],
    [(at) => `status = ${at}`, filter.status],
    [(at) => `kind = ${at}`, filter.kind],
    [(at) => `reference = ${at}`, filter.reference],
    [(at) => `reference >= ${at}`, referencePrefix],
    [
      (at) => `reference < ${at}`,
      referencePrefix === undefined ? undefined : (prefixEnd(referencePrefix) ?? undefined),
    ],
    [(at) => `assignee = ${at}`, filter.assignee],
    [(at) => `${mark?.algorithm}_mark = ${at}`, mark && Buffer.from(mark.mark, 'hex')],
    [(at) => `first_seen >= ${at}`, filter.fromMs],
    [(at) => `first_seen < ${at}`, filter.toMs],
    [(at) => `stopped IS NULL AND quarantined = 0 AND started < ${at}`, filter.runningSinceMs],
    [(at) => `id ${filter.oldestFirst ? '>' : '<'} ${at}`, due ? undefined : filter.beforeId],
  ];
  const asked = wanted.flatMap(([condition, value]) => (value === undefined ? [] : [{ condition, value }]));
  const values = asked.map(({ value }) => value);
  const conditions = asked.map(({ condition }, at) => condition(`$${at + 2}`));
  let order = filter.oldestFirst ? 'id ASC' : 'id DESC';
  if (filter.isUnmarked) conditions.push('marked = 0');
  if (filter.isDisputed) conditions.push('disputed = 1');
  if (due) {
    order = `${dueSql(due)}, id`;
    conditions.push('stopped IS NULL');
    if (due.after) {
      conditions.push(`(${dueSql(due)}, id) > ($${values.length + 2}::int8, $${values.length + 3})`);
      values.push(due.after.dueMs, due.after.id);
    }
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const rows = await sql<VersionedHit>(`SELECT * FROM hit ${where} ORDER BY ${order} LIMIT $1`, [
    filter.limit,
    ...values,
  ]);
  return withHistory(sql, rows);
}

export async function hit(sql: Sql, tenant: string | null, id: string): Promise<StoredHit | null> {
  const rows = await sql<VersionedHit>('SELECT * FROM hit WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)', [
    id,
    tenant,
  ]);
  return (await withHistory(sql, rows))[0] ?? null;
}

/** Parameters: the tenant or null, and the range. */
const CASES =
  'FROM hit WHERE ($1::text IS NULL OR tenant = $1) AND first_seen >= $2 AND first_seen < $3 AND quarantined = 0';

export async function cases(sql: Sql, query: CasesQuery): Promise<Cases[]> {
  const args = [query.tenant, query.fromMs, query.toMs];
  const states = await sql<{ tenant: string; status: HitStatus; count: number; again: number; oldest: number | null }>(
    `SELECT tenant, status, count(*) AS count, count(*) FILTER (WHERE after_removal > 0) AS again,
       min(started) FILTER (WHERE stopped IS NULL) AS oldest ${CASES} GROUP BY tenant, status ORDER BY tenant`,
    args,
  );
  const running = await sql<{ tenant: string; since: number; count: number }>(
    `SELECT tenant, since, count(*) AS count
     FROM unnest($4::int8[]) AS since, LATERAL (SELECT tenant, started ${CASES} AND stopped IS NULL) AS open
     WHERE started < since GROUP BY tenant, since`,
    [...args, [...new Set(query.runningSinceMs)]],
  );
  const removedSince = (since: string) =>
    sql<{ tenant: string; ms: number; count: number }>(
      `SELECT tenant, stopped - ${since} AS ms, count(*) AS count ${CASES} AND status = 'removed' AND stopped IS NOT NULL
       GROUP BY tenant, ms ORDER BY tenant, ms`,
      args,
    );
  const removed = await removedSince('started');
  const removedFound = await removedSince('CASE WHEN after_removal = 0 THEN first_seen ELSE started END');
  return [...new Set(states.map(({ tenant }) => tenant))].map((tenant): Cases => {
    const rows = states.filter((row) => row.tenant === tenant);
    const ownOf = (all: typeof removed) =>
      all.filter((row) => row.tenant === tenant).map(({ ms, count }) => [ms, count] as const);
    const oldest = rows.flatMap((row) => row.oldest ?? []);
    const countSince = (ms: number) => running.find((row) => row.tenant === tenant && row.since === ms)?.count ?? 0;
    return {
      tenant,
      byStatus: Object.fromEntries(
        HIT_STATUSES.map((status) => [status, rows.find((row) => row.status === status)?.count ?? 0]),
      ) as Cases['byStatus'],
      seenAgainAfterRemoval: rows.reduce((sum, { again }) => sum + again, 0),
      oldestRunningMs: oldest.length > 0 ? Math.min(...oldest) : null,
      runningSince: query.runningSinceMs.map(countSince),
      removedAfterMs: ownOf(removed),
      removedAfterFoundMs: ownOf(removedFound),
    };
  });
}
