/** Ledger events, and the hit that they define, the same in every store. */
import type { HitStatus } from '../core/vocabulary.js';
import type { EventLink } from './ledger-chain.js';
import type { HitChange, HitEvent, HitState, SeenHit, Sighting, StoredHit } from './ledger-contract.js';

/** Bodies of events, as stored in their chain. */
interface FirstSeen {
  readonly key: string;
  readonly reference: string | null;
  readonly kind: Sighting['kind'];
  readonly quarantined: boolean;
  readonly list: string;
  readonly category: string | null;
  readonly evidence: string;
}

interface SeenAgain {
  readonly times: number;
  /** Set if only quarantined entries matched before, and now active ones do. */
  readonly counted: Pick<FirstSeen, 'list' | 'category' | 'evidence'> | null;
}

type StatusChanged = Omit<HitChange, 'atMs'>;

/** The actor of a reopening. */
const REOPENED_BY = 'zeef';

/**
 * Return the change of a case whose file was seen again, or null: a removed file that is there again is a new case with its
 * own clock; a false positive stays one. `atMs`: the sighting.
 */
function reopening(status: HitStatus, atMs: number): HitChange | null {
  if (status !== 'removed') return null;
  return { atMs, status: 'open', note: null, by: REOPENED_BY, startedMs: atMs, stoppedMs: null };
}

/** A hit as a row. */
export interface HitRow {
  readonly id: string;
  readonly tenant: string;
  readonly key: Buffer;
  readonly reference: string | null;
  readonly kind: HitState['kind'];
  readonly first_seen: number;
  readonly last_seen: number;
  readonly times_seen: number;
  readonly after_removal: number;
  readonly status: HitStatus;
  readonly quarantined: number;
  readonly list: string;
  readonly category: string | null;
  readonly started: number;
  readonly stopped: number | null;
  readonly evidence_seq: number;
}

/** An event as stored. `seq`: rises within its hit. */
export type StoredEvent = Pick<EventLink, 'seq' | 'at' | 'kind' | 'tenant' | 'body'>;

/** An event that is to be stored. */
export interface NewEvent {
  readonly kind: EventLink['kind'];
  readonly atMs: number;
  readonly body: string;
  /** Its hit is a case now that was none, or is open again. */
  readonly isNews: boolean;
}

export function statusEvent({ atMs, ...change }: HitChange, { isNews }: { readonly isNews: boolean }): NewEvent {
  const body: StatusChanged = change;
  return { kind: 'status', atMs, body: JSON.stringify(body), isNews };
}

/** Return the sightings of each hit of an entry, by a text that names it. */
export function byHit(sightings: readonly Sighting[]): Map<string, Sighting[]> {
  const found = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    const others = found.get(hitName(sighting));
    if (others) others.push(sighting);
    else found.set(hitName(sighting), [sighting]);
  }
  return found;
}

const hitName = ({ tenant, key }: Sighting) => `${key} ${tenant}`;

/** Return one result per sighting, in order: of those of one hit, the first has what happened. */
export function inOrder(sightings: readonly Sighting[], seen: ReadonlyMap<string, SeenHit>): SeenHit[] {
  const left = new Map(seen);
  return sightings.map((sighting) => {
    const found = left.get(hitName(sighting))!;
    left.set(hitName(sighting), { id: found.id, isNew: false });
    return found;
  });
}

/**
 * Return the events of sightings of one hit in one entry: they are recorded together. `held`: null for a new hit.
 * `repeated`: they were counted before, so only a new hit and a new case are recorded.
 */
export function seeHit(
  held: HitRow | null,
  same: readonly Sighting[],
  { repeated }: { readonly repeated: boolean },
): { readonly seen: SeenHit; readonly events: readonly NewEvent[] } {
  const first = same[0]!;
  const counting = same.find(({ quarantined }) => !quarantined) ?? null;
  const lastMs = Math.max(...same.map(({ atMs }) => atMs));
  const again = (times: number, counted: Sighting | null): NewEvent => {
    const body: SeenAgain = {
      times,
      counted: counted && { list: counted.list, category: counted.category, evidence: counted.evidence },
    };
    return { kind: 'seen', atMs: lastMs, body: JSON.stringify(body), isNews: counted !== null };
  };
  if (!held) {
    const { key, reference, kind, atMs } = first;
    const { quarantined, list, category, evidence } = counting ?? first;
    const body: FirstSeen = { key, reference, kind, quarantined, list, category, evidence };
    const event: NewEvent = { kind: 'hit', atMs, body: JSON.stringify(body), isNews: !quarantined };
    const events = same.length > 1 ? [event, again(same.length - 1, null)] : [event];
    return { seen: { id: first.hitId, isNew: true }, events };
  }
  const counted = held.quarantined === 1 ? counting : null;
  const times = repeated ? 0 : same.length;
  const events = times > 0 || counted ? [again(times, counted)] : [];
  const reopened = counting && times > 0 ? reopening(held.status, lastMs) : null;
  if (!reopened) return { seen: { id: held.id, isNew: false }, events };
  events.push(statusEvent(reopened, { isNews: true }));
  return { seen: { id: held.id, isNew: false, isReopened: true }, events };
}

/** Return the hit that its first event defines; null if it is of another kind, or erased. */
export function firstRow(id: string, { kind: eventKind, tenant, seq, at, body }: StoredEvent): HitRow | null {
  if (eventKind !== 'hit' || body === null) return null;
  const { key, reference, kind, quarantined, list, category } = JSON.parse(body) as FirstSeen;
  return {
    id,
    tenant,
    key: Buffer.from(key, 'hex'),
    reference,
    kind,
    first_seen: at,
    last_seen: at,
    times_seen: 1,
    after_removal: 0,
    status: 'open',
    quarantined: Number(quarantined),
    list,
    category,
    started: at,
    stopped: null,
    evidence_seq: seq,
  };
}

/** Return the hit after a later event; null if it is none of this hit. */
export function nextRow(row: HitRow, { kind, seq, at, tenant, body }: StoredEvent): HitRow | null {
  if (body === null || tenant !== row.tenant || kind === 'hit') return null;
  if (kind === 'status') {
    const { status, startedMs: started, stoppedMs: stopped } = JSON.parse(body) as StatusChanged;
    return { ...row, status, started, stopped };
  }
  const { times, counted } = JSON.parse(body) as SeenAgain;
  const seen = {
    ...row,
    last_seen: Math.max(row.last_seen, at),
    times_seen: row.times_seen + times,
    after_removal: row.after_removal + (row.status === 'removed' ? times : 0),
  };
  if (counted === null) return seen;
  // The hit becomes a case now: its clock starts with the first match that counts.
  const started = row.status === 'open' ? at : row.started;
  return { ...seen, quarantined: 0, list: counted.list, category: counted.category, evidence_seq: seq, started };
}

/** Replay a hit from its events; null if they are not those of one hit. */
export function replayHit(id: string, [first, ...later]: readonly StoredEvent[]): HitRow | null {
  let row = first ? firstRow(id, first) : null;
  for (const event of later) row = row && nextRow(row, event);
  return row;
}

/** Return a hit with its history. `events`: all of the hit, in order. Errors: SyntaxError if the evidence is missing. */
export function toStoredHit(row: HitRow, events: readonly StoredEvent[]): StoredHit {
  const evidence = events.find(({ seq }) => seq === row.evidence_seq);
  const body = JSON.parse(evidence?.body ?? 'null') as FirstSeen | SeenAgain | null;
  if (body === null) throw new SyntaxError(`evidence of hit ${row.id} not found`);
  const history = events.flatMap(({ at, kind, body: text }): HitEvent[] => {
    if (kind !== 'status') return [];
    const { status, note, by } = JSON.parse(text!) as StatusChanged;
    return [{ atMs: at, status, note, by }];
  });
  return {
    id: row.id,
    tenant: row.tenant,
    reference: row.reference,
    kind: row.kind,
    firstSeenMs: row.first_seen,
    lastSeenMs: row.last_seen,
    timesSeen: row.times_seen,
    seenAfterRemoval: row.after_removal,
    status: row.status,
    quarantined: row.quarantined === 1,
    list: row.list,
    category: row.category,
    startedMs: row.started,
    stoppedMs: row.stopped,
    evidence: 'evidence' in body ? body.evidence : body.counted!.evidence,
    history,
  };
}
