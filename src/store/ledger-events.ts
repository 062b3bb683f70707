/** Ledger events, and the hit that they define, the same in every store. */
import type { HitStatus } from '../core/vocabulary.js';
import type { EventLink } from './ledger-chain.js';
import type { HitChange, HitState, Sighting } from './ledger-contract.js';

/** Bodies of events, as stored in their chain. */
export interface FirstSeen {
  readonly key: string;
  readonly reference: string | null;
  readonly kind: Sighting['kind'];
  readonly quarantined: boolean;
  readonly list: string;
  readonly category: string | null;
  readonly evidence: string;
}

export interface SeenAgain {
  readonly times: number;
  /** Set if only quarantined entries matched before, and now active ones do. */
  readonly counted: Pick<FirstSeen, 'list' | 'category' | 'evidence'> | null;
}

export type StatusChanged = Omit<HitChange, 'atMs'>;

/** The actor of a reopening. */
const REOPENED_BY = 'zeef';

/**
 * Return the change of a case whose file was seen again, or null: a removed file that is there again is a new case with its
 * own clock; a false positive stays one. `atMs`: the sighting.
 */
export function reopening(status: HitStatus, atMs: number): HitChange | null {
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

/** Replay a hit from its events; null if the first is not of kind `hit`. */
export function replayHit(id: string, events: readonly EventLink[]): HitRow | null {
  const [first, ...later] = events;
  if (first?.kind !== 'hit' || first.body === null) return null;
  const { key, reference, kind, quarantined, list, category } = JSON.parse(first.body) as FirstSeen;
  let row: HitRow = {
    id,
    tenant: first.tenant,
    key: Buffer.from(key, 'hex'),
    reference,
    kind,
    first_seen: first.at,
    last_seen: first.at,
    times_seen: 1,
    after_removal: 0,
    status: 'open',
    quarantined: Number(quarantined),
    list,
    category,
    started: first.at,
    stopped: null,
    evidence_seq: first.seq,
  };
  for (const { kind: eventKind, seq, at, tenant, body } of later) {
    if (body === null || tenant !== row.tenant || eventKind === 'hit') return null;
    if (eventKind === 'status') {
      const { status, startedMs: started, stoppedMs: stopped } = JSON.parse(body) as StatusChanged;
      row = { ...row, status, started, stopped };
      continue;
    }
    const { times, counted } = JSON.parse(body) as SeenAgain;
    row = {
      ...row,
      last_seen: Math.max(row.last_seen, at),
      times_seen: row.times_seen + times,
      after_removal: row.after_removal + (row.status === 'removed' ? times : 0),
    };
    if (counted === null) continue;
    const started = row.status === 'open' ? at : row.started;
    row = { ...row, quarantined: 0, list: counted.list, category: counted.category, evidence_seq: seq, started };
  }
  return row;
}
