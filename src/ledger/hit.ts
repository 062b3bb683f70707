/** Hits as returned by the ledger: a stored hit with its evidence unsealed and its takedown clock. */
import type { Match } from '../core/match-types.js';
import type { Digests, HitStatus, ViewName } from '../core/vocabulary.js';
import type { DecidingKey, HitHandling, StoredHit } from '../store/ledger-contract.js';
import { REOPENED_BY } from '../store/ledger-events.js';
import { openEvidence } from './outcome.js';
import type { Seal } from './seal.js';
import { clockOf, type TakedownClock } from './takedown.js';

/** A file that matched, at one place of one tenant, and its case. Fields of the match are those of the nearest one. */
export interface Hit extends Omit<Match, 'suppressed' | 'window' | 'derived' | keyof ViewName> {
  readonly id: string;
  readonly tenant: string;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly timesSeen: number;
  readonly seenAfterRemoval: number;
  readonly digests: Digests;
  readonly matches: readonly Match[];
  /** `matches` are no matches: a window is possibly of their entries. */
  readonly possible: boolean;
  readonly generation: number;
  readonly checkId: string | null;
  readonly status: HitStatus;
  readonly history: readonly {
    readonly at: string;
    readonly status: HitStatus;
    readonly note: string | null;
    readonly by: string;
    /** Null where no key was needed, in decisions of earlier versions, and where the reader may not see it. */
    readonly key: DecidingKey | null;
  }[];
  /** A name that the tenant chose, or null. */
  readonly assignee: string | null;
  /** Until the next decision. */
  readonly disputed: boolean;
  /** Changes of those two, oldest first; what did not change is absent. */
  readonly handling: readonly (Omit<HitHandling, 'atMs' | 'key'> & {
    readonly at: string;
    readonly key: DecidingKey | null;
  })[];
  readonly clock: TakedownClock;
}

/** Return the time of the sighting that began the case, or reopened it last; of a possible one, when a person said what it is. */
export function foundMsOf({ history, firstSeenMs, isPossible }: StoredHit): number {
  const reopened = history.findLast(({ status, by }) => status === 'open' && by === REOPENED_BY);
  return reopened?.atMs ?? (isPossible ? (history[0]?.atMs ?? firstSeenMs) : firstSeenMs);
}

const iso = (ms: number) => new Date(ms).toISOString();

/** Convert a stored hit. `deadlineHours`: rising. `nowMs`: the time of the takedown clock. Errors SEALED_DAMAGED. */
export function toHit(
  stored: StoredHit,
  { seal, deadlineHours, nowMs }: { seal: Seal; deadlineHours: readonly number[]; nowMs: number },
): Hit {
  const { digests, matches, generation, checkId } = openEvidence(stored.evidence, seal);
  const isShown = (match: Match) => (stored.quarantined ? match.quarantined : !match.suppressed);
  const nearest = matches.find(isShown) ?? matches[0]!;
  const { suppressed: _s, frame: _f, background: _b, part: _p, window: _w, derived: _d, ...facts } = nearest;
  return {
    id: stored.id,
    tenant: stored.tenant,
    reference: stored.reference,
    kind: stored.kind,
    firstSeenAt: iso(stored.firstSeenMs),
    lastSeenAt: iso(stored.lastSeenMs),
    timesSeen: stored.timesSeen,
    seenAfterRemoval: stored.seenAfterRemoval,
    digests,
    ...facts,
    matches,
    possible: stored.isPossible,
    generation,
    checkId,
    quarantined: stored.quarantined,
    status: stored.status,
    history: stored.history.map(({ atMs, status, note, by, key = null }) => ({ at: iso(atMs), status, note, by, key })),
    assignee: stored.assignee,
    disputed: stored.disputed,
    handling: stored.handling.map(({ atMs, key = null, ...event }) => ({ at: iso(atMs), ...event, key })),
    clock: clockOf({ ...stored, foundMs: foundMsOf(stored) }, stored.status === 'possible' ? [] : deadlineHours, nowMs),
  };
}
