/** Queries for hits: pages, one hit with its history, and the case figures of a period. */

import type { Sqlite } from '../../core/sqlite-binding.js';
import { HIT_STATUSES, type HitStatus } from '../../core/vocabulary.js';
import { dueSql, prefixEnd } from '../../store/hit-order.js';
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
  const { due, referencePrefix, mark } = filter;
  const wanted: readonly (readonly [string, string | number | Buffer | undefined])[] = [
    ['tenant = ?', filter.tenant ?? undefined],
    ['list = ?', filter.list],
    ['category = ?', filter.category],
    ['status = ?', filter.status],
    ['kind = ?', filter.kind],
    ['reference = ?', filter.reference],
    ['reference >= ?', referencePrefix],
    ['reference < ?', referencePrefix === undefined ? undefined : (prefixEnd(referencePrefix) ?? undefined)],
    [`${mark?.algorithm}_mark = ?`, mark && Buffer.from(mark.mark, 'hex')],
    ['assignee = ?', filter.assignee],
    ['first_seen >= ?', filter.fromMs],
    ['first_seen < ?', filter.toMs],
    ['stopped IS NULL AND quarantined = 0 AND started < ?', filter.runningSinceMs],
    [filter.oldestFirst ? 'id > ?' : 'id < ?', due ? undefined : filter.beforeId],
  ];
  const asked = wanted.filter(([, value]) => value !== undefined);
  const values = asked.map(([, value]) => value);
  const conditions = asked.map(([sql]) => sql);
  let order = filter.oldestFirst ? 'id ASC' : 'id DESC';
  // As text of the statement, so that the partial indexes serve it.
  if (filter.isUnmarked) conditions.push('marked = 0');
  if (filter.isDisputed) conditions.push('disputed = 1');
  if (due) {
    order = `${dueSql(due)}, id`;
    conditions.push('stopped IS NULL');
    if (due.after) {
      conditions.push(`(${dueSql(due)}, id) > (?, ?)`);
      values.push(due.after.dueMs, due.after.id);
    }
  }
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  const rows = db
    .prepare<unknown[], HitRow>(`SELECT * FROM hit ${where} ORDER BY ${order} LIMIT ?`)
    .all(...values, filter.limit);
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
  const removedSince = (since: string) =>
    db
      .prepare<CaseArgs, [number, number]>(
        `SELECT stopped - ${since} AS ms, count(*) ${CASES} AND status = 'removed' AND stopped IS NOT NULL
         GROUP BY ms ORDER BY ms`,
      )
      .raw();
  const removed = removedSince('started');
  const removedFound = removedSince('CASE WHEN after_removal = 0 THEN first_seen ELSE started END');
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
        removedAfterFoundMs: removedFound.all(...args),
      },
    ];
  });
}
