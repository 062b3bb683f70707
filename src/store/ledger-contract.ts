/**
 * The contract of the ledger's store: several processes may append at the same time, and a resolved `append` is synced to
 * the disk. Without SQL; every query names its tenant, or null for all.
 * `test/store/ledger-contract.ts` is the suite that every implementation must pass.
 */

import type { Interval, Range } from '../core/period.js';
import type { Cell, Tally, Totals } from '../core/tally.js';
import type { DigestAlgorithm, HitStatus } from '../core/vocabulary.js';

/**
 * Keyed hashes of a file's digests, by which its cases are found from a digest: 32 hex digits each. Without the key of the vault no digest
 * can be computed from them, nor confirmed.
 */
export type DigestMarks = Readonly<Partial<Record<DigestAlgorithm, string>>>;

/** One sighting of a tenant's matching file. */
export interface Sighting {
  readonly tenant: string;
  /** Identifies a tenant's hit: 64 hex digits, useless for look-ups in a list. */
  readonly key: string;
  /** The hit's id, if this is its first sighting. Rises with time. */
  readonly hitId: string;
  readonly atMs: number;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  /** Only quarantined entries matched: stored, marked, and no case. */
  readonly quarantined: boolean;
  /** Nothing matched, but a window is possibly of an entry: stored as `possible`, and no case until a person says so. Absent: false. */
  readonly isPossible?: boolean;
  /** From the nearest match. */
  readonly list: string;
  readonly category: string | null;
  /** Text that is opaque to the store. */
  readonly evidence: string;
  readonly marks: DigestMarks;
}

/** Marks of a hit that an earlier version recorded without them. */
export interface HitMarks {
  readonly id: string;
  readonly marks: DigestMarks;
}

export interface Idempotency {
  readonly key: string;
  /** Digest of the request: the same key with another digest is a client error. */
  readonly fingerprint: string;
}

/** The record of one or several answers of one tenant, written completely or not at all. */
export interface LedgerEntry {
  readonly tenant: string;
  readonly idempotency: Idempotency | null;
  /** One tally per hour. */
  readonly tallies: readonly Tally[];
  readonly sightings: readonly Sighting[];
}

export interface LedgerGroup {
  readonly atMs: number;
  /** For the lifetime of Idempotency-Keys: a time that does not jump when the clock is set. By default `atMs`. */
  readonly steadyMs?: number;
  readonly entries: readonly LedgerEntry[];
}

export interface SeenHit {
  readonly id: string;
  readonly isNew: boolean;
  /** Set if the sighting reopened a removed case, or matched where one was possible. */
  readonly isReopened?: true;
}

/**
 * `repeated`: the Idempotency-Key is on record with the same request, so nothing was counted, and no sighting was added; but
 * hits that exist only since the lists changed were added, so that every returned hit has a record.
 * `reused`: the key is on record with another request, and nothing was added.
 */
export type Appended =
  | {
      readonly outcome: 'recorded' | 'repeated';
      /** One for each sighting, in order. */
      readonly hits: readonly SeenHit[];
    }
  | { readonly outcome: 'reused' };

/** A key that decided. Its name is that of the decision: the key may be revoked since. */
export interface DecidingKey {
  readonly id: string;
  readonly name: string | null;
}

export interface HitEvent {
  readonly atMs: number;
  readonly status: HitStatus;
  readonly note: string | null;
  /** The actor: a key's tenant, `local`, or `zeef` itself. */
  readonly by: string;
  /** Absent where no key was needed, and in events of earlier versions. */
  readonly key?: DecidingKey | undefined;
}

/** A change of who has a case, or of whether it is disputed. What is absent stays. */
export interface HitHandling {
  readonly atMs: number;
  /** A name that the tenant chose; null takes it away. */
  readonly assignee?: string | null | undefined;
  /** The match, or the last decision, is disputed; the next decision ends it. */
  readonly disputed?: boolean | undefined;
  readonly note: string | null;
  readonly by: string;
  readonly key?: DecidingKey | undefined;
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
  /** The clock's start and stop; null while it runs. */
  readonly startedMs: number;
  readonly stoppedMs: number | null;
  readonly assignee: string | null;
  readonly disputed: boolean;
}

export interface StoredHit extends HitState {
  /** From the first sighting that counted. */
  readonly evidence: string;
  /** The evidence is of a window that is possibly of an entry, and of no match. */
  readonly isPossible: boolean;
  /** Changes of the status. */
  readonly history: readonly HitEvent[];
  readonly handling: readonly HitHandling[];
}

/** By the next deadline that can still be met, where none can by the last one, and then by id. */
export interface DueOrder {
  readonly nowMs: number;
  /** After the clock's start; rising, at least one. */
  readonly deadlinesMs: readonly number[];
  /** Only hits after this place. */
  readonly after?: { readonly dueMs: number; readonly id: string } | undefined;
}

export interface HitFilter {
  readonly tenant: string | null;
  readonly list?: string | undefined;
  readonly category?: string | undefined;
  readonly status?: HitStatus | undefined;
  readonly reference?: string | undefined;
  /** Beginning of the reference; hits without one have none. */
  readonly referencePrefix?: string | undefined;
  readonly kind?: HitState['kind'] | undefined;
  /** Only files with a digest that has this mark. */
  readonly mark?: { readonly algorithm: DigestAlgorithm; readonly mark: string } | undefined;
  readonly assignee?: string | undefined;
  readonly isDisputed?: true | undefined;
  /** Only hits whose marks are not known. */
  readonly isUnmarked?: true | undefined;
  /** By the first sighting. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Only clocks that still run and started before. */
  readonly runningSinceMs?: number | undefined;
  /** Only hits with a smaller id; with a larger one for oldest first. */
  readonly beforeId?: string | undefined;
  readonly oldestFirst?: boolean | undefined;
  /** Only clocks that run, in this order; `beforeId` and `oldestFirst` then have no meaning. */
  readonly due?: DueOrder | undefined;
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
  /** Include the series' cells, not only its totals. */
  readonly seriesCells: boolean;
}

export interface Counts extends Range {
  /** One tally per tenant for the whole range, ordered by name; only tenants with counts. `startMs` is the range's. */
  readonly tenants: readonly Tally[];
  /** All queried tenants together, in order of time; only intervals with counts. Days where hours are not kept. */
  readonly series: readonly { readonly startMs: number; readonly totals: Totals; readonly cells: readonly Cell[] }[];
}

export interface CasesQuery extends Range {
  readonly tenant: string | null;
  /** For each of these times, clocks that started before and still run are counted. */
  readonly runningSinceMs: readonly number[];
}

/** One tenant's hits first seen in the range, without quarantined and possible ones. */
export interface Cases {
  readonly tenant: string;
  readonly byStatus: Readonly<Record<HitStatus, number>>;
  readonly seenAgainAfterRemoval: number;
  readonly oldestRunningMs: number | null;
  /** One count for each of the query's `runningSinceMs`. */
  readonly runningSince: readonly number[];
  /** Times until removal: milliseconds, rising, each with its count. */
  readonly removedAfterMs: readonly (readonly [ms: number, count: number])[];
  /** Likewise, from the first sighting; from the clock's start where the file was seen after a removal. */
  readonly removedAfterFoundMs: readonly (readonly [ms: number, count: number])[];
}

export interface LedgerCheck {
  readonly ok: boolean;
  /** Descriptions of the first problems. */
  readonly problems: readonly string[];
  readonly hits: number;
  readonly events: number;
  readonly totals: Totals;
  /** The newest links of the chains, by name: a copy stored elsewhere proves later that nothing before was changed. */
  readonly heads: Readonly<Record<string, string>>;
}

/** A case that is new or reopened; a quarantined hit is new once it becomes a case. Its row in the outbox of the ledger. */
export interface News {
  /** Opaque: it says nothing of the order. */
  readonly id: string;
  readonly kind: 'new' | 'reopened';
  readonly tenant: string;
  readonly hitId: string;
  /** Time of the sighting, by the clock of its process: to be shown, never to be compared. */
  readonly atMs: number;
}

export interface NewsPage {
  readonly news: readonly News[];
  /** News that were given up since the last report, as more waited than the store holds. */
  readonly lost: number;
}

export interface Retention {
  /** Erase hits whose clock stopped before; null keeps all. */
  readonly hitsStoppedBeforeMs: number | null;
  /** Delete hours before; their days, months and years stay. Null keeps all. */
  readonly hoursBeforeMs: number | null;
  readonly atMs: number;
}

/** What a commit waits for: `answers`, each for its sync; `hits`, groups of counts alone (`hasOnlyCounts`) for none, and they are synced soon after. */
export type LedgerSync = 'answers' | 'hits';

export interface LedgerStoreOptions {
  readonly sync?: LedgerSync;
  /** Called after each sync for which no answer waited. */
  readonly onSync?: ((ok: boolean) => void) | undefined;
}

/**
 * Every method: errors LEDGER_FAILED: the store cannot be read or written now. LEDGER_INVALID: what is stored is damaged, or
 * no longer has what this process was promised.
 */
export interface LedgerStore {
  /** Errors DATA_VERSION, LEDGER_INVALID: no later call can succeed. LEDGER_FAILED: not now. */
  open(): Promise<void>;
  /** Append in one transaction. A repeated or reused entry does not affect other entries. */
  append(group: LedgerGroup): Promise<readonly Appended[]>;
  /** Commit without a change: it succeeds where a group would be written. */
  probe(): Promise<void>;
  /** Count by whole hours, or by whole days where the hours are not kept; the result has the counted range. */
  counts(query: CountsQuery): Promise<Counts>;
  /** Newest first by default. */
  hits(filter: HitFilter): Promise<readonly StoredHit[]>;
  hit(tenant: string | null, id: string): Promise<StoredHit | null>;
  /** Change a hit; false if it is not, or no longer, in the expected state. */
  changeHit(tenant: string | null, id: string, expected: HitStatus, change: HitChange): Promise<boolean>;
  /** Change who has a case, or whether it is disputed; false if there is no such hit. */
  handleHit(tenant: string | null, id: string, handling: HitHandling): Promise<boolean>;
  /** Add the marks of hits that have none; of others, and of those that another process changes at the moment, nothing. */
  markHits(hits: readonly HitMarks[], atMs: number): Promise<void>;
  /** Ordered by tenant name; only tenants with cases. */
  cases(query: CasesQuery): Promise<readonly Cases[]>;
  /**
   * Return the news that no process has forgotten. They are written with their sighting, or not at all. Those of one process
   * are in the order of their commits; those of several may be out of order within a second or two.
   */
  news(limit: number): Promise<NewsPage>;
  /** Return a mark: what is on record now. */
  newsMark(): Promise<string>;
  /** Return those of the news that were recorded after the mark, whatever the clocks of their processes said. */
  newsAfter(mark: string, ids: readonly string[]): Promise<readonly string[]>;
  /** Forget news once nothing needs them, and as many lost ones as were reported. Those already forgotten are passed over. */
  forgetNews(ids: readonly string[], lost: number): Promise<void>;
  /** Verify the chains, and that hits, news and counts equal them. */
  verify(): Promise<LedgerCheck>;
  /**
   * Write a consistent copy during writes. Errors REQUEST_INVALID: the file exists already, or the ledger is in a database
   * that is backed up by its own tools.
   */
  backup(path: string): Promise<{ readonly bytes: number }>;
  /** Erase old rows, with their news; the chains stay intact. */
  retain(retention: Retention): Promise<{ readonly hits: number; readonly hours: number }>;
  close(): Promise<void>;
}
