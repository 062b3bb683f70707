/** The answer fields about lists that this page reads; compared with the service's as those of `types.ts`. Never a value. */
import type { List } from './types.js';

export interface ListFacts extends List {
  readonly entriesByAlgorithm: Readonly<Record<string, number>>;
  readonly expiresAt: string | null;
  readonly tenant: string | null;
  readonly bank: string | null;
  readonly sampleRatio: number;
}

export interface NearRow {
  readonly kind: 'canary' | 'entry' | 'row';
  readonly line: number | null;
  readonly shows: string | null;
  readonly list: string | null;
  readonly entryId: string | null;
}
export interface HeldRow {
  readonly line: number;
  readonly entryId: string | null;
  readonly near?: NearRow;
}
export interface HoldReason {
  readonly rule: string;
  readonly count: number;
  readonly limit: number;
  readonly firstRows?: readonly HeldRow[];
}

export interface Version {
  readonly version: number;
  readonly state: 'active' | 'past' | 'held';
  readonly mode: 'replace' | 'add';
  readonly importedAt: string;
  readonly origin: string | null;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly rejectedByReason: Readonly<Record<string, number>>;
  readonly added: number;
  readonly removed: number;
  readonly updated: number;
  readonly held: readonly HoldReason[];
}

export interface Source {
  readonly type: string;
  readonly url: string;
  readonly everyMinutes: number | null;
  readonly syncedAt: string | null;
  readonly requestedAt: string | null;
  readonly lastTry: {
    readonly startedAt: string;
    readonly endedAt: string;
    readonly outcome: 'synced' | 'held' | 'failed';
    readonly why: string | null;
  } | null;
  readonly state: 'idle' | 'waiting' | 'running';
  readonly pages: number;
  readonly dueAt: string | null;
}

/** An import. */
export interface Job {
  readonly id: string;
  readonly state: 'queued' | 'running' | 'done' | 'held' | 'failed';
  readonly bytes: number;
  readonly bytesDone: number | null;
  readonly rowsRead: number | null;
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly report: Readonly<Record<string, unknown>> | null;
  readonly error: {
    readonly code: string;
    readonly says: string;
    readonly details: Readonly<Record<string, unknown>>;
  } | null;
}
/** The report of an import that ended. */
export interface JobReport
  extends Pick<Version, 'version' | 'accepted' | 'duplicates' | 'rejected' | 'added' | 'removed'> {
  readonly rejectedByReason: Version['rejectedByReason'];
  readonly firstRejected: readonly { readonly line: number; readonly reason: string }[];
}

/** Entries with a mark: quarantined by a person, or marked by a flood. */
export interface Marked {
  readonly total: number;
  readonly entries: readonly { readonly entryId: string; readonly flooded: boolean }[];
}

/** One entry: its values by their algorithms, without the values. */
export interface OneEntry {
  readonly values: readonly {
    readonly algorithm: string;
    readonly enabled: boolean;
    readonly quarantined: boolean;
    readonly flooded: boolean;
    readonly derived: string | null;
    /** This and the next need the scope `details`. */
    readonly category?: string | null;
    readonly severity?: string | null;
    readonly source?: string | null;
    readonly updatedAt?: string | null;
    readonly tags?: readonly string[];
    readonly notes?: Readonly<Record<string, string>>;
  }[];
}

/** An entry in a page of its list. */
export interface EntryLine {
  /** Null where it may be a value. */
  readonly entryId: string | null;
  readonly algorithms: readonly string[];
  readonly enabled: boolean;
  readonly quarantined: boolean;
  readonly flooded: boolean;
}
export interface EntryLines {
  readonly entries: readonly EntryLine[];
  readonly cursor: string | null;
}

/** A row of the audit log. */
export interface Audited {
  readonly actor: string;
  readonly action: string;
  readonly target: string | null;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
  readonly outcome: 'begun' | 'done' | 'failed' | null;
}
