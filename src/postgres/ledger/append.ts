/**
 * Writes one group of answers: without hits and Idempotency-Keys as one statement, else as a transaction of a few
 * statements. Keys and hits are locked in one order, so that writers never wait in a circle.
 */
import { DAY_MS } from '../../core/period.js';
import type { HitStatus } from '../../core/vocabulary.js';
import { LASTING_KEY } from '../../store/joined-scans-contract.js';
import { sha256 } from '../../store/ledger-chain.js';
import type {
  Appended,
  HitChange,
  HitHandling,
  HitMarks,
  LedgerEntry,
  LedgerGroup,
  SeenHit,
  Sighting,
} from '../../store/ledger-contract.js';
import {
  byHit,
  firstRow,
  type HitRow,
  handledEvent,
  hasOnlyCounts,
  inOrder,
  marksEvent,
  type NewEvent,
  nextRow,
  seeHit,
  statusEvent,
} from '../../store/ledger-events.js';
import { sumTallies } from '../../store/ledger-fold.js';
import type { Sql } from '../database.js';
import { arraysOf, type Columns, unnested } from '../rows.js';
import { type EventRow, eventDigest, type Link } from './chain.js';
import { type Changes, FIRST_OF_CHANGES, type LedgerWriter, type LinkPlace } from './writer.js';

/** Lifetime of an Idempotency-Key. */
export const IDEMPOTENCY_MS = DAY_MS;

/** A hit as stored. `version`: of its newest event. */
export interface VersionedHit extends HitRow {
  readonly version: number;
}

const HIT: Columns<VersionedHit> = {
  id: 'text',
  tenant: 'text',
  key: 'bytea',
  version: 'int4',
  reference: 'text',
  kind: 'text',
  first_seen: 'int8',
  last_seen: 'int8',
  times_seen: 'int8',
  after_removal: 'int8',
  status: 'text',
  quarantined: 'int4',
  list: 'text',
  category: 'text',
  started: 'int8',
  stopped: 'int8',
  evidence_seq: 'int4',
  md5_mark: 'bytea',
  sha1_mark: 'bytea',
  sha256_mark: 'bytea',
  marked: 'int4',
  assignee: 'text',
  disputed: 'int4',
};
export const HIT_COLUMNS = Object.keys(HIT);

type OpenEvent = Omit<EventRow, 'number' | 'hash'> & { readonly is_news: boolean };
const EVENT: Columns<OpenEvent> = {
  hit: 'text',
  version: 'int4',
  writer: 'text',
  seq: 'int8',
  place: 'int4',
  at: 'int8',
  kind: 'text',
  tenant: 'text',
  body: 'text',
  body_hash: 'bytea',
  digest: 'bytea',
  is_news: 'bool',
};
const EVENT_COLUMNS = Object.keys(EVENT)
  .filter((name) => name !== 'is_news')
  .join(', ');

const FIRST_OF_HITS = FIRST_OF_CHANGES + Object.keys(EVENT).length;
const RECORD = [
  `event AS (SELECT * FROM ${unnested(EVENT, FIRST_OF_CHANGES)})`,
  'news AS (INSERT INTO hit_news (hit, version) SELECT hit, version FROM event WHERE is_news)',
  `added AS (INSERT INTO hit_event (${EVENT_COLUMNS}) SELECT ${EVENT_COLUMNS} FROM event)`,
  `changed AS (
    UPDATE hit SET ${HIT_COLUMNS.filter((name) => name !== 'id').map((name) => `${name} = given.${name}`)}
    FROM ${unnested(HIT, FIRST_OF_HITS)} WHERE hit.id = given.id
  )`,
];

/** The events of one link and the hits that they change, gathered in memory. */
class Recording {
  readonly #place: LinkPlace;
  readonly #events: OpenEvent[] = [];
  readonly #hits = new Map<string, VersionedHit>();

  constructor(place: LinkPlace) {
    this.#place = place;
  }

  /** Add events of one hit. Result: the hit after them. `held`: null for a new one. */
  add(held: VersionedHit | null, id: string, tenant: string, events: readonly NewEvent[]): VersionedHit {
    let row = held;
    for (const { kind, atMs: at, body, isNews } of events) {
      const version: number = (row?.version ?? 0) + 1;
      const stored = { seq: version, at, kind, tenant, body };
      const next = row ? nextRow(row, stored) : firstRow(id, stored);
      row = { ...next!, version };
      const place = this.#events.length;
      const bound = { hit: id, version, ...this.#place, place, at, kind, tenant, body_hash: sha256(body) };
      this.#events.push({ ...bound, body, digest: eventDigest(bound), is_news: isNews });
    }
    if (row !== held) this.#hits.set(id, row!);
    return row!;
  }

  get hasEvents(): boolean {
    return this.#events.length > 0;
  }

  get link(): Pick<Link, 'events' | 'news'> {
    return {
      events: this.#events.map(({ digest }) => digest.toString('hex')),
      news: this.#events.filter(({ is_news }) => is_news).map(({ place }) => place),
    };
  }

  /** The events as rows, and the hits, which are there and locked, as they are after them. */
  get changes(): Changes {
    if (!this.hasEvents) return { parts: [], values: [] };
    return {
      parts: RECORD,
      values: [...arraysOf(EVENT, this.#events), ...arraysOf(HIT, [...this.#hits.values()])],
    };
  }
}

export async function appendGroup(
  writer: LedgerWriter,
  { atMs, steadyMs = atMs, entries }: LedgerGroup,
): Promise<readonly Appended[]> {
  if (hasOnlyCounts({ entries })) {
    const tallies = sumTallies(entries.flatMap((entry) => entry.tallies));
    if (tallies.length > 0) await writer.append({ at: atMs, tallies, events: [], news: [] });
    return entries.map(() => ({ outcome: 'recorded', hits: [] }));
  }
  // A group has answers of many tenants.
  return writer.transact(null, async (sql, place) => {
    const known = await noteKeys(sql, entries, steadyMs);
    const recording = new Recording(place);
    const seen = await seeAll(sql, recording, entries, known);
    const counted = entries.filter((_, at) => known[at] === null);
    const result = entries.map(({ sightings }, at): Appended => {
      const outcome = known[at]!;
      if (outcome === 'reused') return { outcome };
      return { outcome: outcome ?? 'recorded', hits: inOrder(sightings, seen[at]!) };
    });
    // A key that is new makes a link too, by which a try whose connection is lost is found.
    const isEmpty = counted.length === 0 && !recording.hasEvents;
    const tallies = sumTallies(counted.flatMap((entry) => entry.tallies));
    const link = isEmpty ? null : { at: atMs, tallies, ...recording.link };
    return { result, link, changes: recording.changes };
  });
}

type Known = 'repeated' | 'reused' | null;

interface AnsweredRow {
  readonly tenant: string;
  readonly key: string;
  readonly fingerprint: string;
}
const ANSWERED: Columns<AnsweredRow> = { tenant: 'text', key: 'text', fingerprint: 'text' };

/** Look up the keys of all entries; null for a new one, which is stored, and for none. */
async function noteKeys(sql: Sql, entries: readonly LedgerEntry[], atMs: number): Promise<Known[]> {
  const nameOf = ({ tenant, key }: Omit<AnsweredRow, 'fingerprint'>) => JSON.stringify([tenant, key]);
  /** By the first entry of the group that has the key. */
  const asked = new Map<string, AnsweredRow>();
  for (const { tenant, idempotency } of entries) {
    if (!idempotency) continue;
    const row = { tenant, ...idempotency };
    if (!asked.has(nameOf(row))) asked.set(nameOf(row), row);
  }
  if (asked.size === 0) return entries.map(() => null);
  const rows = [...asked.values()];
  // Waits for another process that is recording the same key.
  const added = await sql<AnsweredRow>(
    `INSERT INTO answered AS held (tenant, key, at, fingerprint)
     SELECT tenant, key, $4::int8, fingerprint FROM ${unnested(ANSWERED)} ORDER BY tenant COLLATE "C", key COLLATE "C"
     ON CONFLICT (tenant, key) DO UPDATE SET at = excluded.at, fingerprint = excluded.fingerprint WHERE held.at <= $5 AND NOT starts_with(held.key, '${LASTING_KEY}')
     RETURNING tenant, key, fingerprint`,
    [...arraysOf(ANSWERED, rows), atMs, atMs - IDEMPOTENCY_MS],
  );
  const isNew = new Set(added.map(nameOf));
  const old = rows.filter((row) => !isNew.has(nameOf(row)));
  const held = new Map(added.map((row) => [nameOf(row), row.fingerprint]));
  if (old.length > 0) {
    const found = await sql<AnsweredRow>(
      `SELECT tenant, key, held.fingerprint FROM ${unnested(ANSWERED)} JOIN answered AS held USING (tenant, key)`,
      arraysOf(ANSWERED, old),
    );
    for (const row of found) held.set(nameOf(row), row.fingerprint);
  }
  return entries.map(({ tenant, idempotency }): Known => {
    if (!idempotency) return null;
    const name = nameOf({ tenant, key: idempotency.key });
    // Only the first entry of a group is the new one.
    if (isNew.delete(name)) return null;
    return held.get(name) === idempotency.fingerprint ? 'repeated' : 'reused';
  });
}

/** Record the sightings of all entries. Result: for each entry, what was seen of its hits. */
async function seeAll(
  sql: Sql,
  recording: Recording,
  entries: readonly LedgerEntry[],
  known: readonly Known[],
): Promise<Map<string, SeenHit>[]> {
  const seen = entries.map(() => new Map<string, SeenHit>());
  const asked = entries.map(({ sightings }, at) => (known[at] === 'reused' ? new Map() : byHit(sightings)));
  const firsts = new Map<string, VersionedHit>();
  for (const one of asked) for (const [name, same] of one) if (!firsts.has(name)) firsts.set(name, asNew(same));
  if (firsts.size === 0) return seen;
  const held = await lockHits(sql, [...firsts.values()]);
  for (const [at, one] of asked.entries()) {
    for (const [name, same] of one) {
      const { tenant, key, hitId } = same[0]!;
      const hit = held.get(`${key} ${tenant}`) ?? null;
      const found = seeHit(hit, same, { repeated: known[at] === 'repeated' });
      held.set(`${key} ${tenant}`, recording.add(hit, hit?.id ?? hitId, tenant, found.events));
      seen[at]!.set(name, found.seen);
    }
  }
  return seen;
}

/** Return a hit as its first event makes it, but before its first version. */
function asNew(same: readonly Sighting[]): VersionedHit {
  const { hitId, tenant } = same[0]!;
  const { kind, atMs: at, body } = seeHit(null, same, { repeated: false }).events[0]!;
  return { ...firstRow(hitId, { seq: 1, at, kind, tenant, body })!, version: 0 };
}

/**
 * Lock hits, and add those that are not there, in one order and one statement: another process that adds the same hit is
 * waited for. Result: those that were there, by key and tenant.
 */
async function lockHits(sql: Sql, hits: readonly VersionedHit[]): Promise<Map<string, VersionedHit>> {
  const rows = await sql<VersionedHit>(
    `INSERT INTO hit (${HIT_COLUMNS.join(', ')}) SELECT * FROM ${unnested(HIT)} ORDER BY tenant COLLATE "C", key
     ON CONFLICT (tenant, key) DO UPDATE SET version = hit.version RETURNING *`,
    arraysOf(HIT, hits),
  );
  const held = rows.filter(({ version }) => version > 0);
  return new Map(held.map((row) => [`${row.key.toString('hex')} ${row.tenant}`, row]));
}

/** Change a hit; return false if it is not in the expected state. `tenant` null: all tenants. */
export function changeHit(
  writer: LedgerWriter,
  tenant: string | null,
  id: string,
  { expected, change }: { readonly expected: HitStatus; readonly change: HitChange },
): Promise<boolean> {
  return addEvent(writer, { tenant, id, expected }, statusEvent(change, { isNews: false }));
}

/** Change who has a case, or whether it is disputed; return false if there is no such hit. `tenant` null: all tenants. */
export function handleHit(
  writer: LedgerWriter,
  tenant: string | null,
  id: string,
  handling: HitHandling,
): Promise<boolean> {
  return addEvent(writer, { tenant, id, expected: null }, handledEvent(handling));
}

/** Add an event of a hit; return false if there is none in the expected state. Without `expected`, every state will do. */
function addEvent(
  writer: LedgerWriter,
  { tenant, id, expected }: { tenant: string | null; id: string; expected: HitStatus | null },
  event: NewEvent,
): Promise<boolean> {
  return writer.transact(tenant, async (sql, place) => {
    const [held] = await sql<VersionedHit>(
      `SELECT * FROM hit
       WHERE id = $1 AND ($2::text IS NULL OR tenant = $2) AND ($3::text IS NULL OR status = $3) FOR UPDATE`,
      [id, tenant, expected],
    );
    if (!held) return { result: false, link: null };
    const recording = new Recording(place);
    recording.add(held, id, held.tenant, [event]);
    const link = { at: event.atMs, tallies: [], ...recording.link };
    return { result: true, link, changes: recording.changes };
  });
}

/** Add the marks of hits that have none; a hit that another process changes at the moment is passed over. */
export function markHits(writer: LedgerWriter, hits: readonly HitMarks[], atMs: number): Promise<void> {
  return writer.transact(null, async (sql, place) => {
    const held = await sql<VersionedHit>(
      'SELECT * FROM hit WHERE id = ANY ($1) AND marked = 0 FOR UPDATE SKIP LOCKED',
      [hits.map(({ id }) => id)],
    );
    if (held.length === 0) return { result: undefined, link: null };
    const marksOf = new Map(hits.map(({ id, marks }) => [id, marks]));
    const recording = new Recording(place);
    for (const hit of held) recording.add(hit, hit.id, hit.tenant, [marksEvent(marksOf.get(hit.id)!, atMs)]);
    return { result: undefined, link: { at: atMs, tallies: [], ...recording.link }, changes: recording.changes };
  });
}
