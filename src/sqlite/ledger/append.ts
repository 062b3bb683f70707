/** Writes one group of answers in one transaction: counts as a link, hits as rows and links, and the head last. */
import { DAY_MS } from '../../core/period.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { type Tally, TallySum } from '../../core/tally.js';
import type { HitStatus } from '../../core/vocabulary.js';
import type { Appended, HitChange, Idempotency, LedgerGroup, SeenHit, Sighting } from '../../store/ledger-contract.js';
import { type FirstSeen, reopening, type SeenAgain, type StatusChanged } from '../../store/ledger-events.js';
import { FOLD_CHARS } from '../../store/ledger-fold.js';
import { prepared } from '../statements.js';
import { Chains } from './chain.js';
import { fold } from './fold.js';
import { addNews } from './news.js';

/** Lifetime of an Idempotency-Key. */
const IDEMPOTENCY_MS = DAY_MS;

/** Where a group is written. */
interface Into {
  readonly db: Sqlite;
  readonly chains: Chains;
  readonly newsMax: number;
}

interface HitRow {
  readonly id: string;
  readonly status: HitStatus;
  readonly quarantined: number;
}

export interface AppendLimits {
  /** The number of open groups that triggers a fold. */
  readonly foldGroups: number;
  /** News beyond this number are lost, the oldest first. */
  readonly newsMax: number;
}

export function appendGroup(db: Sqlite, group: LedgerGroup, limits: AppendLimits): Appended[] {
  return db
    .transaction(() => {
      const chains = new Chains(db);
      const into = { db, chains, newsMax: limits.newsMax };
      const appended: Appended[] = [];
      const tallies = new Map<string, { tenant: string; startMs: number; sum: TallySum }>();
      for (const { tenant, idempotency, tallies: own, sightings } of group.entries) {
        const known = idempotency && noteKey(db, tenant, idempotency, group.steadyMs ?? group.atMs);
        if (known === 'reused') {
          appended.push({ outcome: known });
          continue;
        }
        if (known === null) for (const tally of own) addTally(tallies, tally);
        appended.push({ outcome: known ?? 'recorded', hits: seeAll(into, sightings, known === 'repeated') });
      }
      if (tallies.size > 0) {
        const body = [...tallies.values()].map(
          ({ tenant, startMs, sum }): Tally => ({ tenant, startMs, totals: sum.totals, cells: sum.cells }),
        );
        chains.appendGroup(group.atMs, 'group', JSON.stringify(body));
      }
      if (chains.head.openGroups >= limits.foldGroups || chains.head.openChars >= FOLD_CHARS) {
        fold(db, chains, group.atMs);
        prepared(db, 'DELETE FROM answered WHERE at <= ?').run((group.steadyMs ?? group.atMs) - IDEMPOTENCY_MS);
      }
      chains.writeHead();
      return appended;
    })
    .immediate();
}

function addTally(into: Map<string, { tenant: string; startMs: number; sum: TallySum }>, tally: Tally): void {
  const key = `${tally.startMs} ${tally.tenant}`;
  let held = into.get(key);
  if (!held) {
    held = { tenant: tally.tenant, startMs: tally.startMs, sum: new TallySum() };
    into.set(key, held);
  }
  held.sum.add(tally);
}

/** Look up the key; null for a new one, which is stored. */
function noteKey(
  db: Sqlite,
  tenant: string,
  { key, fingerprint }: Idempotency,
  atMs: number,
): 'repeated' | 'reused' | null {
  const held = prepared<[string, string, number], { fingerprint: string }>(
    db,
    'SELECT fingerprint FROM answered WHERE tenant = ? AND key = ? AND at > ?',
  ).get(tenant, key, atMs - IDEMPOTENCY_MS);
  if (held) return held.fingerprint === fingerprint ? 'repeated' : 'reused';
  prepared(db, 'INSERT OR REPLACE INTO answered VALUES (?, ?, ?, ?)').run(tenant, key, atMs, fingerprint);
  return null;
}

/**
 * Return one result per sighting, in order. Sightings of one hit in a group are one event. `repeated`: they were counted
 * before, so only new hits and new cases are recorded.
 */
function seeAll(into: Into, sightings: readonly Sighting[], repeated: boolean): SeenHit[] {
  const byKey = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    const mapKey = `${sighting.key} ${sighting.tenant}`;
    const others = byKey.get(mapKey);
    if (others) others.push(sighting);
    else byKey.set(mapKey, [sighting]);
  }
  const seen = new Map<string, SeenHit>();
  for (const [mapKey, same] of byKey) seen.set(mapKey, see(into, same, repeated));
  return sightings.map(({ key, tenant }) => {
    const found = seen.get(`${key} ${tenant}`)!;
    seen.set(`${key} ${tenant}`, { id: found.id, isNew: false });
    return found;
  });
}

/** `same`: one or more sightings of one hit. */
function see({ db, chains, newsMax }: Into, same: readonly Sighting[], repeated: boolean): SeenHit {
  const first = same[0]!;
  const { tenant } = first;
  const key = Buffer.from(first.key, 'hex');
  const held = prepared<[string, Buffer], HitRow>(
    db,
    'SELECT id, status, quarantined FROM hit WHERE tenant = ? AND key = ?',
  ).get(tenant, key);
  const isCounted = same.find((sighting) => !sighting.quarantined);
  const lastMs = Math.max(...same.map(({ atMs }) => atMs));
  if (!held) {
    const { hitId, atMs, reference, kind } = first;
    const { quarantined, list, category, evidence } = isCounted ?? first;
    const body: FirstSeen = { key: first.key, reference, kind, quarantined, list, category, evidence };
    const seq = chains.appendEvent(atMs, 'hit', tenant, hitId, JSON.stringify(body));
    if (!quarantined) addNews(db, chains, newsMax);
    prepared(
      db,
      `INSERT INTO hit (id, tenant, key, reference, kind, first_seen, last_seen, times_seen, after_removal, status,
         quarantined, list, category, started, stopped, evidence_seq)
       VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0, 'open', ?, ?, ?, ?, NULL, ?)`,
    ).run(hitId, tenant, key, reference, kind, atMs, atMs, Number(quarantined), list, category, atMs, seq);
    if (same.length > 1)
      seeAgain(
        db,
        chains,
        first,
        { id: hitId, status: 'open', quarantined: 0 },
        { lastMs, times: same.length - 1, counted: null },
      );
    return { id: hitId, isNew: true };
  }
  const counted = held.quarantined === 1 && isCounted ? isCounted : null;
  const times = repeated ? 0 : same.length;
  if (times > 0 || counted) seeAgain(db, chains, first, held, { lastMs, times, counted });
  if (counted) addNews(db, chains, newsMax);
  const reopened = isCounted && times > 0 ? reopening(held.status, lastMs) : null;
  if (!reopened) return { id: held.id, isNew: false };
  writeStatus(db, chains, { tenant, id: held.id }, reopened);
  addNews(db, chains, newsMax);
  return { id: held.id, isNew: false, isReopened: true };
}

function seeAgain(
  db: Sqlite,
  chains: Chains,
  { tenant }: Sighting,
  { id, status }: HitRow,
  { lastMs, times, counted }: { readonly lastMs: number; readonly times: number; readonly counted: Sighting | null },
): void {
  const { list, category, evidence } = counted ?? {};
  const body: SeenAgain = { times, counted: counted && { list: list!, category: category!, evidence: evidence! } };
  const seq = chains.appendEvent(lastMs, 'seen', tenant, id, JSON.stringify(body));
  prepared(
    db,
    `UPDATE hit SET last_seen = max(last_seen, ?), times_seen = times_seen + ?, after_removal = after_removal + ?
     WHERE tenant = ? AND id = ?`,
  ).run(lastMs, times, status === 'removed' ? times : 0, tenant, id);
  if (!counted) return;
  // The hit becomes a case now: its clock starts with the first match that counts.
  prepared(
    db,
    `UPDATE hit SET quarantined = 0, list = ?, category = ?, evidence_seq = ?,
       started = CASE WHEN status = 'open' THEN ? ELSE started END
     WHERE tenant = ? AND id = ?`,
  ).run(counted.list, counted.category, seq, lastMs, tenant, id);
}

/** Change a hit; return false if it is not in the expected state. `tenant` null: all tenants. */
export function changeHit(
  db: Sqlite,
  tenant: string | null,
  id: string,
  expected: HitStatus,
  change: HitChange,
): boolean {
  return db
    .transaction(() => {
      const held = prepared<[string, string | null, string | null, string], { tenant: string }>(
        db,
        'SELECT tenant FROM hit WHERE id = ? AND (? IS NULL OR tenant = ?) AND status = ?',
      ).get(id, tenant, tenant, expected);
      if (!held) return false;
      const chains = new Chains(db);
      writeStatus(db, chains, { tenant: held.tenant, id }, change);
      chains.writeHead();
      return true;
    })
    .immediate();
}

function writeStatus(
  db: Sqlite,
  chains: Chains,
  { tenant, id }: { readonly tenant: string; readonly id: string },
  { atMs, ...change }: HitChange,
): void {
  const body: StatusChanged = change;
  chains.appendEvent(atMs, 'status', tenant, id, JSON.stringify(body));
  prepared(db, 'UPDATE hit SET status = ?, started = ?, stopped = ? WHERE tenant = ? AND id = ?').run(
    change.status,
    change.startedMs,
    change.stoppedMs,
    tenant,
    id,
  );
}
