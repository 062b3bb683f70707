/**
 * The contract of the list store. Asynchronous, so that a database over the network can implement it; without SQL.
 * `test/store/lists-contract.ts` is the suite that every implementation must pass.
 */
import type { ParsedRow, RejectReason } from '../core/parsed-row.js';
import type { Algorithm, Entry, ListInfo, ListTerms, SourceType } from '../core/vocabulary.js';

export interface NewList extends ListChange {
  readonly list: string;
  readonly kind: ListInfo['kind'];
  readonly radiusBits: number;
}

export type ListChange = Partial<Pick<ListInfo, 'enabled' | 'radiusBits' | 'matchLowQuality' | keyof ListTerms>>;

export interface ImportReport {
  readonly list: string;
  readonly version: number;
  readonly accepted: number;
  /** Same algorithm and value as an earlier row of this import: counted, not stored twice. */
  readonly duplicates: number;
  readonly rejected: number;
  /** Existing entries that the rows withdrew. */
  readonly deleted: number;
  readonly rejectedByReason: Readonly<Partial<Record<RejectReason, number>>>;
  /** Entries added or removed. */
  readonly added: number;
  readonly removed: number;
  /** Reasons for holding the version; empty if it is active. */
  readonly held: readonly HoldReason[];
  /** The first rejected rows, for inspection; all are counted. */
  readonly firstRejected: readonly { readonly line: number; readonly reason: RejectReason }[];
}

/** Rules that hold a version until a person approves it. */
export const HOLD_RULES = ['canary', 'shape', 'change', 'repeated_value', 'rejected', 'swallowed'] as const;
export type HoldRule = (typeof HOLD_RULES)[number];

export interface HoldReason {
  readonly rule: HoldRule;
  /** The rule's count, and its limit without a review. */
  readonly count: number;
  readonly limit: number;
  /** The first rows that the rule counted, where it counts rows; an id only where the list gave one. */
  readonly firstRows?: readonly { readonly line: number; readonly entryId: string | null }[];
}

/** Facts for the review of a written, uncommitted import. */
export interface Draft {
  readonly entriesBefore: number;
  readonly entriesAfter: number;
  readonly added: number;
  readonly removed: number;
  readonly rows: number;
  readonly rejectedByReason: ImportReport['rejectedByReason'];
  /** Digests that are also on a suppression list. */
  readonly knownGood: number;
  /** Rows with the most frequent value. */
  readonly mostRowsOfOneValue: number;
}

/** Return the reasons to hold the import; without any it becomes active. */
export type Review = (draft: Draft) => readonly HoldReason[];

export interface VersionInfo {
  readonly list: string;
  readonly version: number;
  /** `active`: the current version. `past`: an earlier one, for a rollback. `held`: waits for approval. */
  readonly state: 'active' | 'past' | 'held';
  readonly importedAt: string;
  /** Its origin: a file's name, a rollback, an approval. */
  readonly origin: string | null;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly rejectedByReason: ImportReport['rejectedByReason'];
  readonly added: number;
  readonly removed: number;
  readonly checksum: string;
  readonly held: readonly HoldReason[];
}

/** A list's source over HTTP. Only the name of the secret's variable is stored, never the secret. */
export interface SourceInfo {
  readonly type: SourceType;
  readonly url: string;
  readonly user: string | null;
  readonly secretEnv: string | null;
  /** The header that carries the secret; null for `Authorization`. */
  readonly header: string | null;
  /** Sync interval of a running service; null: never. */
  readonly everyMinutes: number | null;
  readonly checkpoint: string | null;
  readonly syncedAt: string | null;
}

export interface WriteOptions {
  readonly origin?: string | null;
  /** Apply an import of this origin once: where a version of it exists, nothing is written, and its report is returned. */
  readonly once?: boolean;
  /** Awaited before the commit: an error rolls the import back. */
  readonly confirm?: () => Promise<void>;
  /** Without a review every import becomes active. */
  readonly review?: Review;
}

/** One entry in the form of an index. */
export interface StoredValue {
  /** Rises with every added entry, and is never reused. */
  readonly entryKey: number;
  readonly listKey: number;
  readonly algorithm: Algorithm;
  readonly value: Uint8Array;
}

/** The position of a reader of changes. */
export interface FeedPosition {
  /** The store's id: a position is meaningless in another store. */
  readonly storeId: number;
  readonly generation: number;
  readonly entryKey: number;
  readonly removal: number;
}

export interface StoredList {
  /** Never reused, not even for a list of the same name. */
  readonly listKey: number;
  readonly info: ListInfo;
}

/** Changes of entries between two positions, of all lists including disabled ones (see `lists`). */
export interface Changes {
  readonly position: FeedPosition;
  readonly lists: readonly StoredList[];
  readonly removed: readonly { readonly entryKey: number; readonly algorithm: Algorithm }[];
  /** In batches, in the order of their keys. An entry removed during the read may be missing. */
  added(): AsyncIterable<readonly StoredValue[]>;
}

const ENTRY_CHANGES = ['enable', 'disable', 'remove', 'quarantine', 'flood', 'release'] as const;
export type EntryChange = (typeof ENTRY_CHANGES)[number];

export interface QuarantinedEntry {
  readonly list: string;
  readonly entryId: string;
  /** A flood marked it, and no person has decided: its matches count. */
  readonly flooded: boolean;
}

export interface StoredEntry extends Entry {
  /** A person decided that its matches do not count. */
  readonly quarantined: boolean;
  /** It suddenly matched at many places: its matches are marked, and count until a person decides. */
  readonly flooded: boolean;
}

/** Filter for a list's entries: by id, or by source. */
export type EntryFilter = { readonly entryId: string } | { readonly source: string };

/** Read access to lists and entries: for operators, exports and reviews. */
export interface ListReader {
  lists(): Promise<ListInfo[]>;
  list(name: string): Promise<ListInfo | null>;
  /** Newest first, after the held version, if any. Errors LIST_NOT_FOUND. */
  versions(name: string): Promise<readonly VersionInfo[]>;
  /** Return the rows of a past, active or held version. Errors LIST_NOT_FOUND; NOT_FOUND: no longer kept. */
  versionRows(name: string, version: number): Promise<AsyncIterable<ParsedRow>>;
  source(name: string): Promise<SourceInfo | null>;
  /** Return the entries of all lists that are quarantined, or that a flood marked. */
  quarantined(): Promise<readonly QuarantinedEntry[]>;
  /** Compare every entry with the checksum written by the import. Errors LIST_NOT_FOUND. */
  verify(name: string): Promise<{ readonly ok: boolean; readonly entryCount: number; readonly checksum: string }>;
}

/** The feed of an index: changes since its last read, and the entry of a matched value. */
export interface ListFeed {
  /** Rises with every change, by any process, that can change an answer. */
  generation(): Promise<number>;
  /** Return the changes since a position (null: the beginning); null if it is too old, or of another store. */
  changes(since: FeedPosition | null): Promise<Changes | null>;
  /**
   * Return entries by their keys, even those that a later version of their list dropped; an entry that a person removed
   * is left out. The caller bounds the number of keys: all are read at once.
   */
  entriesByKeys(entryKeys: readonly number[]): Promise<ReadonlyMap<number, StoredEntry>>;
  /**
   * Return whether the list has an active entry of the algorithm without a time of its last update, or with one at or
   * after `sinceMs`, milliseconds since 1970.
   */
  hasEntrySince(listKey: number, algorithm: Algorithm, sinceMs: number): Promise<boolean>;
}

/** Changes of lists; each is audited. */
export interface ListAdmin {
  /** Errors REQUEST_INVALID: the name is taken or invalid. */
  createList(list: NewList): Promise<ListInfo>;
  /** Errors LIST_NOT_FOUND. */
  updateList(name: string, change: ListChange): Promise<ListInfo>;
  /** `onlyUnused`: keep a list that an import has filled. Errors LIST_NOT_FOUND. */
  removeList(name: string, options?: { readonly onlyUnused?: boolean }): Promise<void>;
  /**
   * Replace the list's entries by exactly these rows. The list is unchanged on any error, and if a review holds the new
   * version, which replaces an earlier held one. Errors LIST_NOT_FOUND.
   */
  replaceEntries(name: string, rows: AsyncIterable<ParsedRow>, options?: WriteOptions): Promise<ImportReport>;
  /** Add rows to the list; known rows count as duplicates. Errors LIST_NOT_FOUND. */
  addEntries(name: string, rows: AsyncIterable<ParsedRow>, options?: WriteOptions): Promise<ImportReport>;
  /** Set the source; null removes it. Errors LIST_NOT_FOUND. */
  setSource(name: string, source: SourceInfo | null): Promise<void>;
  /** Delete the held version. Errors LIST_NOT_FOUND; NOT_FOUND: none is held. */
  dropHeld(name: string): Promise<void>;
  /**
   * Quarantined entries, and those that a flood marked, are still found, and reported as such, until they are released. Disabled entries stay in the store,
   * match nothing, and stay disabled when a later import brings them again.
   * Result: entries that changed. Errors LIST_NOT_FOUND.
   */
  changeEntries(name: string, which: EntryFilter, change: EntryChange): Promise<number>;
}

export interface ListStore extends ListReader, ListFeed, ListAdmin {}
