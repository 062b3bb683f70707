/**
 * What the ledger asks of its store, whatever that is made of: several processes may append at a time, and what `append`
 * has resolved is synced to the disk. Speaks no SQL; every question names its tenant, or null for all of them.
 * `test/store/ledger-contract.ts` is the suite that every implementation must pass.
 */

import type { Interval, Range } from '../core/period.js';
import type { Cell, Tally, Totals } from '../core/tally.js';
import type { HitStatus } from '../core/vocabulary.js';

/** One file of a tenant, seen once, that matched. */
export interface Sighting {
  readonly tenant: string;
  /** Tells hits of a tenant apart: 64 hex digits, by which nothing can be looked up in a list. */
  readonly key: string;
  /** Of the hit, where this is its first sighting. Rises with time. */
  readonly hitId: string;
  readonly atMs: number;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  /** Only entries in quarantine matched: kept, marked, and no case. */
  readonly quarantined: boolean;
  /** Of the nearest match. */
  readonly list: string;
  readonly category: string | null;
  /** Text that the store keeps and does not read. */
  readonly evidence: string;
}

export interface Idempotency {
  readonly key: string;
  /** Of the request: the same key with another one is a mistake of the caller. */
  readonly fingerprint: string;
}

/** What one answer, or several of one tenant, put on record: all of it or nothing. */
export interface LedgerEntry {
  readonly tenant: string;
  readonly idempotency: Idempotency | null;
  /** By the hour. */
  readonly tallies: readonly Tally[];
  readonly sightings: readonly Sighting[];
}

export interface LedgerGroup {
  readonly atMs: number;
  readonly entries: readonly LedgerEntry[];
}

/**
 * `repeated`: that Idempotency-Key is on record with the same request, so nothing was counted, and no hit was seen again; but
 * what is a hit only now, since the lists have changed, was added: it is answered, and no answered hit is without a record.
 * `reused`: it is on record with another one, and nothing was added.
 */
export type Appended =
  | {
      readonly outcome: 'recorded' | 'repeated';
      /** One for each sighting, in order. */
      readonly hits: readonly { readonly id: string; readonly isNew: boolean }[];
    }
  | { readonly outcome: 'reused' };

export interface HitEvent {
  readonly atMs: number;
  readonly status: HitStatus;
  readonly note: string | null;
  /** Who: a tenant's key, or the command line. */
  readonly by: string;
}

export interface HitState {
  readonly id: string;
  readonly tenant: string;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly timesSeen: number;
  readonly seenAfterRemoval: number;
  readonly status: HitStatus;
  readonly quarantined: boolean;
  readonly list: string;
  readonly category: string | null;
  /** When the clock started, and when it stopped; null while it runs. */
  readonly startedMs: number;
  readonly stoppedMs: number | null;
}

export interface StoredHit extends HitState {
  /** Of the first sighting that counted. */
  readonly evidence: string;
  readonly history: readonly HitEvent[];
}

export interface HitFilter {
  readonly tenant: string | null;
  readonly list?: string | undefined;
  readonly category?: string | undefined;
  readonly status?: HitStatus | undefined;
  readonly reference?: string | undefined;
  /** By the first sighting. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Clocks that still run and started before. */
  readonly runningSinceMs?: number | undefined;
  /** Hits with a smaller id; with a larger one, where the oldest come first. */
  readonly beforeId?: string | undefined;
  readonly oldestFirst?: boolean | undefined;
  readonly limit: number;
}

export interface HitChange extends HitEvent {
  readonly startedMs: number;
  readonly stoppedMs: number | null;
}

export interface CountsQuery extends Range {
  readonly tenant: string | null;
  /** Null: no series. */
  readonly interval: Interval | null;
  /** The series' cells too, not only its totals. */
  readonly seriesCells: boolean;
}

export interface Counts extends Range {
  /** Of the whole range, in order of their names; only tenants with any. `startMs` is the range's. */
  readonly tenants: readonly Tally[];
  /** All asked tenants together, in order of time; only intervals with any. Days for hours that are not kept. */
  readonly series: readonly { readonly startMs: number; readonly totals: Totals; readonly cells: readonly Cell[] }[];
}

export interface CasesQuery extends Range {
  readonly tenant: string | null;
  /** Clocks that run since before each of these are counted. */
  readonly runningSinceMs: readonly number[];
}

/** Hits of one tenant that were first seen in the range; those in quarantine are no cases. */
export interface Cases {
  readonly tenant: string;
  readonly byStatus: Readonly<Record<HitStatus, number>>;
  readonly seenAgainAfterRemoval: number;
  readonly oldestRunningMs: number | null;
  /** One count for each of the query's `runningSinceMs`. */
  readonly runningSince: readonly number[];
  /** How long clocks ran until removal: milliseconds, rising, and how many ran as long. */
  readonly removedAfterMs: readonly (readonly [ms: number, count: number])[];
}

export interface LedgerCheck {
  readonly ok: boolean;
  /** What does not fit, in words; the first of them. */
  readonly problems: readonly string[];
  readonly hits: number;
  readonly events: number;
  readonly totals: Totals;
  /** The newest links of the chains: whoever keeps them can show later that nothing before was changed. */
  readonly heads: { readonly counts: string; readonly events: string };
}

export interface Retention {
  /** Hits whose clock stopped before; null keeps all. */
  readonly hitsStoppedBeforeMs: number | null;
  /** Hours before; their days, months and years stay. Null keeps all. */
  readonly hoursBeforeMs: number | null;
  readonly atMs: number;
}

/** Every method: errors LEDGER_FAILED, where the store cannot be read or written now. */
export interface LedgerStore {
  /** Errors DATA_VERSION, LEDGER_INVALID: no later call can succeed. LEDGER_FAILED: not now. */
  open(): Promise<void>;
  /** One transaction. An entry that is repeated or reused does not touch the others. */
  append(group: LedgerGroup): Promise<readonly Appended[]>;
  /** By whole hours, or by whole days where the hours are not kept: the answer's range says which were counted. */
  counts(query: CountsQuery): Promise<Counts>;
  /** Newest first unless told. */
  hits(filter: HitFilter): Promise<readonly StoredHit[]>;
  hit(tenant: string | null, id: string): Promise<StoredHit | null>;
  /** False where the hit is not, or no longer, in the expected state. */
  changeHit(tenant: string | null, id: string, expected: HitStatus, change: HitChange): Promise<boolean>;
  /** In order of the tenants' names; only tenants with any. */
  cases(query: CasesQuery): Promise<readonly Cases[]>;
  /** Reads everything again: the chains, and that hits and counts are what the chains say. */
  verify(): Promise<LedgerCheck>;
  /** A copy as of one moment, while others write. Errors REQUEST_INVALID: the file is there already. */
  backup(path: string): Promise<{ readonly bytes: number }>;
  /** What is too old goes; the chains stay whole. */
  retain(retention: Retention): Promise<{ readonly hits: number; readonly hours: number }>;
  close(): Promise<void>;
}
