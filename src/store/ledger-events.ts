/** Ledger events, and the hit that they define, the same in every store. */
import { DIGEST_ALGORITHMS, type DigestAlgorithm, type HitStatus } from '../core/vocabulary.js';
import type { EventLink } from './ledger-chain.js';
import type {
  DigestMarks,
  HitChange,
  HitEvent,
  HitHandling,
  HitState,
  LedgerGroup,
  SeenHit,
  Sighting,
  StoredHit,
} from './ledger-contract.js';

/** Bodies of events, as stored in their chain. */
interface FirstSeen {
  readonly key: string;
  readonly reference: string | null;
  readonly kind: Sighting['kind'];
  readonly quarantined: boolean;
  readonly list: string;
  readonly category: string | null;
  readonly evidence: string;
  /** Absent in events of earlier versions. */
  readonly marks?: DigestMarks;
  /** Absent where something matched. */
  readonly isPossible?: true;
}

interface SeenAgain {
  readonly times: number;
  /** Set if only quarantined entries matched before, or one was possible, and now active ones match. */
  readonly counted: Pick<FirstSeen, 'list' | 'category' | 'evidence' | 'marks'> | null;
}

type StatusChanged = Omit<HitChange, 'atMs'>;

type Handled = Omit<HitHandling, 'atMs'>;

/** Of a hit that was recorded without marks. */
interface Marked {
  readonly marks: DigestMarks;
}

/** The actor of a reopening. */
export const REOPENED_BY = 'zeef';

/**
 * Return the change of a case whose file was seen again, or null: a removed file that is there again is a new case with its
 * own clock, and one that was possible is a case once it matches; a false positive stays one. `atMs`: the sighting.
 */
function reopening(status: HitStatus, atMs: number, { isMatch }: { readonly isMatch: boolean }): HitChange | null {
  if (status !== 'removed' && !(status === 'possible' && isMatch)) return null;
  return { atMs, status: 'open', note: null, by: REOPENED_BY, startedMs: atMs, stoppedMs: null };
}

/** The column of the marks of each digest. */
type MarkColumns = { readonly [Name in `${DigestAlgorithm}_mark`]: Buffer | null };

/** Return the marks as columns; those that are not known are as in `before`. */
function markColumns(marks: DigestMarks, before: MarkColumns | null): MarkColumns {
  const columns = DIGEST_ALGORITHMS.map((name) => {
    const column = `${name}_mark` as const;
    return [column, marks[name] === undefined ? (before?.[column] ?? null) : Buffer.from(marks[name], 'hex')];
  });
  return Object.fromEntries(columns) as MarkColumns;
}

/** Values of the column `quarantined`: hits other than `counted` ones are no cases, and no figure counts them. */
const STANDING = { counted: 0, quarantined: 1, possible: 2 } as const;

/** A hit as a row. */
export interface HitRow extends MarkColumns {
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
  readonly assignee: string | null;
  readonly disputed: number;
  /** 0 in hits of earlier versions, until their marks are added. */
  readonly marked: number;
}

/** An event as stored. `seq`: rises within its hit. */
export type StoredEvent = Pick<EventLink, 'seq' | 'at' | 'kind' | 'tenant' | 'body'>;

/** An event that is to be stored. */
export interface NewEvent {
  readonly kind: EventLink['kind'];
  readonly atMs: number;
  readonly body: string;
  /** The body of the first one of a hit, before it was written. */
  readonly first?: FirstSeen;
  /** Its hit is a case now that was none, or is open again. */
  readonly isNews: boolean;
}

export function statusEvent({ atMs, ...change }: HitChange, { isNews }: { readonly isNews: boolean }): NewEvent {
  const body: StatusChanged = change;
  return { kind: 'status', atMs, body: JSON.stringify(body), isNews };
}

export function handledEvent({ atMs, ...handling }: HitHandling): NewEvent {
  const body: Handled = handling;
  return { kind: 'handled', atMs, body: JSON.stringify(body), isNews: false };
}

export function marksEvent(marks: DigestMarks, atMs: number): NewEvent {
  const body: Marked = { marks };
  return { kind: 'marks', atMs, body: JSON.stringify(body), isNews: false };
}

/** Return whether a group has counts alone: no hit, and no Idempotency-Key. */
export const hasOnlyCounts = ({ entries }: Pick<LedgerGroup, 'entries'>): boolean =>
  entries.every(({ idempotency, sightings }) => idempotency === null && sightings.length === 0);

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
  const counting = same.find(({ quarantined, isPossible }) => !quarantined && !isPossible) ?? null;
  const lastMs = Math.max(...same.map(({ atMs }) => atMs));
  const again = (times: number, counted: Sighting | null): NewEvent => {
    const body: SeenAgain = {
      times,
      counted: counted && {
        list: counted.list,
        category: counted.category,
        evidence: counted.evidence,
        marks: counted.marks,
      },
    };
    return { kind: 'seen', atMs: lastMs, body: JSON.stringify(body), isNews: counted !== null };
  };
  if (!held) {
    const { key, reference, kind, atMs } = first;
    const { quarantined, isPossible, list, category, evidence, marks } = counting ?? first;
    const body: FirstSeen = {
      key,
      reference,
      kind,
      quarantined,
      list,
      category,
      evidence,
      marks,
      ...(isPossible && { isPossible }),
    };
    const event: NewEvent = { kind: 'hit', atMs, body: JSON.stringify(body), first: body, isNews: counting !== null };
    const events = same.length > 1 ? [event, again(same.length - 1, null)] : [event];
    return { seen: { id: first.hitId, isNew: true }, events };
  }
  const counted = held.quarantined === STANDING.counted ? null : counting;
  const times = repeated ? 0 : same.length;
  const events = times > 0 || counted ? [again(times, counted)] : [];
  // What a person said of a possible one holds when it is there again.
  const isThere = counting !== null || same.some(({ isPossible }) => isPossible);
  const mayReopen = isThere && (times > 0 || held.status === 'possible');
  const reopened = mayReopen ? reopening(held.status, lastMs, { isMatch: counting !== null }) : null;
  if (!reopened) return { seen: { id: held.id, isNew: false }, events };
  // A possible one that matches is news already.
  events.push(statusEvent(reopened, { isNews: counted === null }));
  return { seen: { id: held.id, isNew: false, isReopened: true }, events };
}

/** Return the hit that its first event defines; null if it is of another kind, or erased. `first`: its body, if it need not be read. */
export function firstRow(
  id: string,
  { kind: eventKind, tenant, seq, at, body }: StoredEvent,
  first?: FirstSeen,
): HitRow | null {
  if (eventKind !== 'hit' || body === null) return null;
  const { key, reference, kind, quarantined, list, category, marks, isPossible } =
    first ?? (JSON.parse(body) as FirstSeen);
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
    status: isPossible ? 'possible' : 'open',
    quarantined: isPossible ? STANDING.possible : quarantined ? STANDING.quarantined : STANDING.counted,
    list,
    category,
    started: at,
    // No clock runs for what may be nothing.
    stopped: isPossible ? at : null,
    evidence_seq: seq,
    assignee: null,
    disputed: 0,
    ...markColumns(marks ?? {}, null),
    marked: Number(marks !== undefined),
  };
}

/** Return the hit after a later event; null if it is none of this hit. */
export function nextRow(row: HitRow, { kind, seq, at, tenant, body }: StoredEvent): HitRow | null {
  if (body === null || tenant !== row.tenant || kind === 'hit') return null;
  if (kind === 'status') {
    const { status, startedMs: started, stoppedMs: stopped } = JSON.parse(body) as StatusChanged;
    // A person says that it is one; a false positive of what did not match is none of the list's.
    const isCase = row.quarantined === STANDING.possible && status !== 'false_positive';
    const quarantined = isCase ? STANDING.counted : row.quarantined;
    return { ...row, status, started, stopped, quarantined, disputed: 0 };
  }
  if (kind === 'handled') {
    const { assignee = row.assignee, disputed } = JSON.parse(body) as Handled;
    return { ...row, assignee, disputed: disputed === undefined ? row.disputed : Number(disputed) };
  }
  if (kind === 'marks') return { ...row, ...markColumns((JSON.parse(body) as Marked).marks, row), marked: 1 };
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
  const { list, category, marks } = counted;
  // Digests of another request are of the same file.
  const known = marks === undefined ? {} : { ...markColumns(marks, row), marked: 1 };
  return { ...seen, quarantined: STANDING.counted, list, category, evidence_seq: seq, started, ...known };
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
    const { status, note, by, key } = JSON.parse(text!) as StatusChanged;
    return [{ atMs: at, status, note, by, ...(key ? { key } : {}) }];
  });
  const handling = events.flatMap(({ at, kind, body: text }): HitHandling[] =>
    kind === 'handled' ? [{ atMs: at, ...(JSON.parse(text!) as Handled) }] : [],
  );
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
    quarantined: row.quarantined === STANDING.quarantined,
    list: row.list,
    category: row.category,
    startedMs: row.started,
    stoppedMs: row.stopped,
    assignee: row.assignee,
    disputed: row.disputed === 1,
    evidence: 'evidence' in body ? body.evidence : body.counted!.evidence,
    isPossible: 'evidence' in body && body.isPossible === true,
    history,
    handling,
  };
}
