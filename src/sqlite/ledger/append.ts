/** Writes one group of answers in one transaction: counts as a link, hits as rows and links, and the head last. */
import { DAY_MS } from '../../core/period.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { Tally } from '../../core/tally.js';
import type { HitStatus } from '../../core/vocabulary.js';
import type {
  Appended,
  HitChange,
  HitHandling,
  HitMarks,
  Idempotency,
  LedgerGroup,
  SeenHit,
  Sighting,
} from '../../store/ledger-contract.js';
import {
  byHit,
  firstRow,
  type HitRow,
  handledEvent,
  inOrder,
  marksEvent,
  type NewEvent,
  nextRow,
  seeHit,
  statusEvent,
} from '../../store/ledger-events.js';
import { FOLD_CHARS, sumTallies } from '../../store/ledger-fold.js';
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
      const tallies: Tally[] = [];
      for (const { tenant, idempotency, tallies: own, sightings } of group.entries) {
        const known = idempotency && noteKey(db, tenant, idempotency, group.steadyMs ?? group.atMs);
        if (known === 'reused') {
          appended.push({ outcome: known });
          continue;
        }
        if (known === null) tallies.push(...own);
        appended.push({ outcome: known ?? 'recorded', hits: seeAll(into, sightings, known === 'repeated') });
      }
      if (tallies.length > 0) chains.appendGroup(group.atMs, 'group', JSON.stringify(sumTallies(tallies)));
      if (chains.head.openGroups >= limits.foldGroups || chains.head.openChars >= FOLD_CHARS) {
        fold(db, chains, group.atMs);
        prepared(db, 'DELETE FROM answered WHERE at <= ?').run((group.steadyMs ?? group.atMs) - IDEMPOTENCY_MS);
      }
      chains.writeHead();
      return appended;
    })
    .immediate();
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

function seeAll(into: Into, sightings: readonly Sighting[], repeated: boolean): SeenHit[] {
  const seen = new Map<string, SeenHit>();
  for (const [name, same] of byHit(sightings)) {
    const { tenant, key } = same[0]!;
    const held = prepared<[string, Buffer], HitRow>(into.db, 'SELECT * FROM hit WHERE tenant = ? AND key = ?').get(
      tenant,
      Buffer.from(key, 'hex'),
    );
    const found = seeHit(held ?? null, same, { repeated });
    seen.set(name, found.seen);
    record(into, held ?? null, { id: found.seen.id, tenant }, found.events);
  }
  return inOrder(sightings, seen);
}

const COLUMNS = [
  'id',
  'tenant',
  'key',
  'reference',
  'kind',
  'first_seen',
  'last_seen',
  'times_seen',
  'after_removal',
  'status',
  'quarantined',
  'list',
  'category',
  'started',
  'stopped',
  'evidence_seq',
  'md5_mark',
  'sha1_mark',
  'sha256_mark',
  'marked',
  'assignee',
  'disputed',
] as const satisfies readonly (keyof HitRow)[];
const INSERT = `INSERT INTO hit (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;

/** Write what has changed of a row: SQLite writes an entry of each index that has a column which is named, changed or not. */
function update(db: Sqlite, held: HitRow, row: HitRow): void {
  const changed = COLUMNS.filter((name) => row[name] !== held[name]);
  if (changed.length === 0) return;
  const sets = changed.map((name) => `${name} = ?`).join(', ');
  prepared(db, `UPDATE hit SET ${sets} WHERE id = ?`).run(...changed.map((name) => row[name]), held.id);
}

/** Append events of one hit, and write the hit that they define. */
function record(
  { db, chains, newsMax }: Into,
  held: HitRow | null,
  { id, tenant }: { readonly id: string; readonly tenant: string },
  events: readonly NewEvent[],
): void {
  let row = held;
  for (const { kind, atMs: at, body, first, isNews } of events) {
    const seq = chains.appendEvent(at, kind, tenant, id, body);
    if (isNews) addNews(db, chains, newsMax);
    const event = { seq, at, kind, tenant, body };
    row = row ? nextRow(row, event) : firstRow(id, event, first);
  }
  if (row === null || row === held) return;
  if (held) update(db, held, row);
  else prepared(db, INSERT).run(...COLUMNS.map((name) => row[name]));
}

/** Change a hit; return false if it is not in the expected state. `tenant` null: all tenants. */
export function changeHit(
  db: Sqlite,
  tenant: string | null,
  id: string,
  expected: HitStatus,
  change: HitChange,
): boolean {
  return addEvent(db, { tenant, id, expected }, statusEvent(change, { isNews: false }));
}

/** Change who has a case, or whether it is disputed; return false if there is no such hit. `tenant` null: all tenants. */
export function handleHit(db: Sqlite, tenant: string | null, id: string, handling: HitHandling): boolean {
  return addEvent(db, { tenant, id, expected: null }, handledEvent(handling));
}

/** Add an event of a hit; return false if there is none in the expected state. Without `expected`, every state will do. */
function addEvent(
  db: Sqlite,
  { tenant, id, expected }: { tenant: string | null; id: string; expected: HitStatus | null },
  event: NewEvent,
): boolean {
  return db
    .transaction(() => {
      const held = prepared<[object], HitRow>(
        db,
        `SELECT * FROM hit
         WHERE id = @id AND (@tenant IS NULL OR tenant = @tenant) AND (@expected IS NULL OR status = @expected)`,
      ).get({ id, tenant, expected });
      if (!held) return false;
      const chains = new Chains(db);
      record({ db, chains, newsMax: 0 }, held, held, [event]);
      chains.writeHead();
      return true;
    })
    .immediate();
}

/** Add the marks of hits that have none. */
export function markHits(db: Sqlite, hits: readonly HitMarks[], atMs: number): void {
  db.transaction(() => {
    const chains = new Chains(db);
    const find = prepared<[string], HitRow>(db, 'SELECT * FROM hit WHERE id = ? AND marked = 0');
    for (const { id, marks } of hits) {
      const held = find.get(id);
      if (held) record({ db, chains, newsMax: 0 }, held, held, [marksEvent(marks, atMs)]);
    }
    chains.writeHead();
  }).immediate();
}
