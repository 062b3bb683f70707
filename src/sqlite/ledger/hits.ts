/** Queries for hits: pages, one hit with its history, and the case figures of a period. */

import type { Sqlite } from '../../core/sqlite-binding.js';
import { HIT_STATUSES, type HitStatus } from '../../core/vocabulary.js';
import type { EventLink } from '../../store/ledger-chain.js';
import type { Cases, CasesQuery, HitFilter, StoredHit } from '../../store/ledger-contract.js';
import { type HitRow, toStoredHit } from '../../store/ledger-events.js';

function withHistory(db: Sqlite, row: HitRow): StoredHit {
  const events = db
    .prepare<[string, string], EventLink>('SELECT * FROM event_link WHERE hit = ? AND tenant = ? ORDER BY seq')
    .all(row.id, row.tenant);
  return toStoredHit(row, events);
}

export function hits(db: Sqlite, filter: HitFilter): StoredHit[] {
  const wanted: readonly (readonly [string, string | number | null | undefined])[] = [
    ['tenant = ?', filter.tenant ?? undefined],
    ['list = ?', filter.list],
    ['category = ?', filter.category],
    ['status = ?', filter.status],
    ['reference = ?', filter.reference],
    ['first_seen >= ?', filter.fromMs],
    ['first_seen < ?', filter.toMs],
    ['stopped IS NULL AND quarantined = 0 AND started < ?', filter.runningSinceMs],
    [filter.oldestFirst ? 'id > ?' : 'id < ?', filter.beforeId],
  ];
  const asked = wanted.filter(([, value]) => value !== undefined);
  const where = asked.length > 0 ? `WHERE ${asked.map(([sql]) => sql).join(' AND ')}` : '';
  const rows = db
    .prepare<unknown[], HitRow>(`SELECT * FROM hit ${where} ORDER BY id ${filter.oldestFirst ? 'ASC' : 'DESC'} LIMIT ?`)
    .all(...asked.map(([, value]) => value), filter.limit);
  return rows.map((row) => withHistory(db, row));
}

export function hit(db: Sqlite, tenant: string | null, id: string): StoredHit | null {
  const row = db
    .prepare<[string, string | null, string | null], HitRow>(
      'SELECT * FROM hit WHERE id = ? AND (? IS NULL OR tenant = ?)',
    )
    .get(id, tenant, tenant);
  return row ? withHistory(db, row) : null;
}

/** All queries below read only the index `hit_cases`, one tenant at a time. */
const CASES =
  'FROM hit INDEXED BY hit_cases WHERE tenant = ? AND first_seen >= ? AND first_seen < ? AND quarantined = 0';
type CaseArgs = [string, number, number];

function tenantsWithHits(db: Sqlite): string[] {
  const next = db.prepare<[string], { tenant: string }>(
    'SELECT tenant FROM hit INDEXED BY hit_cases WHERE tenant > ? ORDER BY tenant LIMIT 1',
  );
  const found: string[] = [];
  const first = db.prepare<[], { tenant: string }>(
    'SELECT tenant FROM hit INDEXED BY hit_cases ORDER BY tenant LIMIT 1',
  );
  for (let row = first.get(); row; row = next.get(row.tenant)) found.push(row.tenant);
  return found;
}

export function cases(db: Sqlite, query: CasesQuery): Cases[] {
  const states = db.prepare<CaseArgs, { status: HitStatus; count: number; again: number; oldest: number | null }>(
    `SELECT status, count(*) AS count, sum(after_removal > 0) AS again,
       min(CASE WHEN stopped IS NULL THEN started END) AS oldest ${CASES} GROUP BY status`,
  );
  const running = db.prepare<[...CaseArgs, number], { count: number }>(
    `SELECT count(*) AS count ${CASES} AND stopped IS NULL AND started < ?`,
  );
  const removed = db
    .prepare<CaseArgs, [number, number]>(
      `SELECT stopped - started AS ms, count(*) ${CASES} AND status = 'removed' AND stopped IS NOT NULL
       GROUP BY ms ORDER BY ms`,
    )
    .raw();
  const tenants = query.tenant === null ? tenantsWithHits(db) : [query.tenant];
  return tenants.flatMap((tenant): Cases[] => {
    const args: CaseArgs = [tenant, query.fromMs, query.toMs];
    const rows = states.all(...args);
    if (rows.length === 0) return [];
    const oldest = rows.flatMap((row) => row.oldest ?? []);
    return [
      {
        tenant,
        byStatus: Object.fromEntries(
          HIT_STATUSES.map((status) => [status, rows.find((row) => row.status === status)?.count ?? 0]),
        ) as Cases['byStatus'],
        seenAgainAfterRemoval: rows.reduce((sum, { again }) => sum + again, 0),
        oldestRunningMs: oldest.length > 0 ? Math.min(...oldest) : null,
        runningSince: query.runningSinceMs.map((sinceMs) => running.get(...args, sinceMs)!.count),
        removedAfterMs: removed.all(...args),
      },
    ];
  });
}
