/**
 * The contract of the list store. Asynchronous, so that a database over the network can implement it; without SQL.
 * `test/store/lists-contract.ts` is the suite that every implementation must pass.
 */
import type { ParsedRow, RejectReason } from '../core/parsed-row.js';
import type { Algorithm, Entry, ListInfo, ListTerms, SecretRole, SourceType } from '../core/vocabulary.js';

export interface NewList extends ListChange {
  readonly list: string;
  readonly kind: ListInfo['kind'];
  readonly radiusBits: number;
}

export type ListChange = Partial<
  Pick<ListInfo, 'enabled' | 'radiusBits' | 'matchLowQuality' | 'detail' | keyof ListTerms>
>;

/** `replace`: the list holds exactly the rows afterwards. `add`: entries that they do not name stay. */
export type ImportMode = 'replace' | 'add';

export interface ImportReport {
  readonly list: string;
  readonly version: number;
  readonly accepted: number;
  /** Rows that say what the list says already: counted, not stored twice. */
  readonly duplicates: number;
  readonly rejected: number;
  /** Existing entries that the rows withdrew. */
  readonly deleted: number;
  readonly rejectedByReason: Readonly<Partial<Record<RejectReason, number>>>;
  /** Entries added or removed. */
  readonly added: number;
  readonly removed: number;
  /** Entries that the import gave another category, date or note. */
  readonly updated: number;
  /** Reasons for holding the version; empty if it is active. */
  readonly held: readonly HoldReason[];
  /** What separates the columns of the file, where it is no comma. */
  readonly separators?: readonly string[];
  /** The first rejected rows, for inspection; all are counted. */
  readonly firstRejected: readonly { readonly line: number; readonly reason: RejectReason }[];
}

/** Rules that hold a version until a person approves it. */
export const HOLD_RULES = ['canary', 'shape', 'crowded', 'change', 'repeated_value', 'rejected', 'swallowed'] as const;
export type HoldRule = (typeof HOLD_RULES)[number];

/** What is near a row that a rule counted: never a value, nor how near. */
export const NEAR_KINDS = ['canary', 'entry', 'row'] as const;

export interface NearRow {
  /** `canary`: an image that ships; `entry`: one of a suppression list; `row`: another of the same import. */
  readonly kind: (typeof NEAR_KINDS)[number];
  /** Of `hashlists/canary.txt`, or of the import. */
  readonly line: number | null;
  /** What a canary shows. */
  readonly shows: string | null;
  readonly list: string | null;
  readonly entryId: string | null;
}

export interface HeldRow {
  readonly line: number;
  /** Null where the list gave none, or one that may be a value. */
  readonly entryId: string | null;
  /** For `canary` and `crowded`; not of a version that an earlier release held, nor of the first row of a crowd. */
  readonly near?: NearRow;
}

export interface HoldReason {
  readonly rule: HoldRule;
  /** The rule's count, and its limit without a review. */
  readonly count: number;
  readonly limit: number;
  /** The first rows that the rule counted, where it counts rows. */
  readonly firstRows?: readonly HeldRow[];
}

/** Facts for the review of a written, uncommitted import. */
export interface Draft {
  readonly mode: ImportMode;
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
  /** Return whether the row at this position of the import, from 0 on, added an entry. */
  isNew(position: number): boolean;
}

/** Return the reasons to hold the import; without any it becomes active. */
export type Review = (draft: Draft) => readonly HoldReason[];

export interface VersionInfo {
  readonly list: string;
  readonly version: number;
  /** `active`: the current version. `past`: an earlier one, for a rollback. `held`: waits for approval. */
  readonly state: 'active' | 'past' | 'held';
  /** How its rows change the list, where it is held. */
  readonly mode: ImportMode;
  readonly importedAt: string;
  /** Its origin: a file's name, a rollback, an approval. */
  readonly origin: string | null;
  readonly accepted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly rejectedByReason: ImportReport['rejectedByReason'];
  readonly added: number;
  readonly removed: number;
  readonly updated: number;
  readonly checksum: string;
  readonly held: readonly HoldReason[];
}

/** A secret of a source: the name of the environment variable that holds it, or itself, sealed by the vault (base64). */
export type SourceSecret = { readonly env: string } | { readonly sealed: string };

/** The last sync of a source that ended. */
export interface SourceTry {
  /** RFC 3339, as `endedAt`. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** `held`: its version waits for approval, and the checkpoint stayed. */
  readonly outcome: 'synced' | 'held' | 'failed';
  /** The error of a failed sync; contains nothing of a page. */
  readonly why: string | null;
}

/** A list's source over HTTP. No secret is stored unsealed. */
export interface SourceInfo {
  readonly type: SourceType;
  /** The base of the service, or its first page. */
  readonly url: string;
  readonly user: string | null;
  readonly secrets: Readonly<Partial<Record<SecretRole, SourceSecret>>>;
  /** NCMEC: ids of the members whose entries are taken; empty: all members. */
  readonly members: readonly string[];
  /** ThreatExchange: id of the privacy group. */
  readonly privacyGroup: string | null;
  /** Sync interval of a running service; null: only on request. */
  readonly everyMinutes: number | null;
  readonly checkpoint: string | null;
  readonly syncedAt: string | null;
  /** Time of the last request for a sync; it waits until a sync began later. */
  readonly requestedAt: string | null;
  readonly lastTry: SourceTry | null;
}

export interface WriteOptions {
  readonly origin?: string | null;
  /**
   * Make a missing list in the same transaction. Errors REQUEST_INVALID: the name is invalid, or another process has made the
   * list meanwhile with another kind or radius.
   */
  readonly create?: Omit<NewList, 'list'>;
  /** Apply an import of this origin once: where a version of it exists, nothing is written, and its report is returned. */
  readonly once?: boolean;
  /** Awaited before the commit: an error rolls the import back. */
  readonly confirm?: () => Promise<void>;
  /** About how many rows come; 0, where it is unknown, means few: only the speed depends on it. */
  readonly expectedRows?: number;
  /** Without a review every import becomes active. */
  readonly review?: Review;
  /** The rows are those of this earlier version: what was withdrawn in it and before stays withdrawn. */
  readonly restores?: number;
  /** The rows are those of the version that is held, which a person has approved. */
  readonly approves?: boolean;
}

/** One entry in the form of an index. */
export interface StoredValue {
  /** Of 32 bits. Rises with every added entry, and is never reused. */
  readonly entryKey: number;
  readonly listKey: number;
  readonly algorithm: Algorithm;
  readonly value: Uint8Array;
}

/**
 * The position of a reader of changes: it has what the store had at this generation. Keys of entries are no position: a store may
 * have writers that commit in another order than they took keys.
 */
export interface FeedPosition {
  /** The store's id: a position is meaningless in another store. */
  readonly storeId: number;
  readonly generation: number;
  /** Drawn with each generation: a store that was restored from a copy has other ones after its next change. */
  readonly token: number;
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

/** A value that an entry holds, enabled or not. */
export interface HeldEntry extends StoredEntry {
  readonly disabled: boolean;
}

/** An entry as a page of its list has it, without its values. Marks are those of its first values. */
export interface EntryLine {
  readonly entryId: string;
  readonly algorithms: readonly Algorithm[];
  /** No value of it is enabled. */
  readonly disabled: boolean;
  readonly quarantined: boolean;
  readonly flooded: boolean;
}

/** Which entries a page has: the first so many whose ids come after `after`; null: from the beginning. At least one. */
export interface EntryPage {
  readonly after: string | null;
  readonly limit: number;
}

/** Filter for a list's entries: by id, or by source. */
export type EntryFilter = { readonly entryId: string } | { readonly source: string };

/** Read access to lists and entries: for operators, exports and reviews. */
export interface ListReader {
  lists(): Promise<ListInfo[]>;
  list(name: string): Promise<ListInfo | null>;
  /** Newest first, after the held version, if any. Errors LIST_NOT_FOUND. */
  versions(name: string): Promise<readonly VersionInfo[]>;
  /** Return the entries of a past or active version, or the rows of a held one. Errors LIST_NOT_FOUND; NOT_FOUND: no longer kept. */
  versionRows(name: string, version: number): Promise<AsyncIterable<ParsedRow>>;
  source(name: string): Promise<SourceInfo | null>;
  /** Return the values of one entry, disabled ones too; none where the list does not have it. Errors LIST_NOT_FOUND. */
  entry(name: string, entryId: string): Promise<readonly HeldEntry[]>;
  /**
   * Return the lowest key of the values of each entry that the list has, by the entry's id: a number for it that no other entry gets.
   * Errors LIST_NOT_FOUND.
   */
  entryKeys(name: string, entryIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Return a page of the list's entries, disabled ones too, in the order of the bytes of their ids in UTF-8. Errors LIST_NOT_FOUND. */
  entryPage(name: string, page: EntryPage): Promise<readonly EntryLine[]>;
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
  /**
   * Give a list another name. What the store has of it is by its key, and stays; its former name is free. To the name that it has, nothing is done. `sourceAs`: the source for the
   * new name, since its sealed secrets name the list. Errors LIST_NOT_FOUND; REQUEST_INVALID: the name is taken or invalid.
   */
  renameList(name: string, to: string, sourceAs?: (source: SourceInfo) => SourceInfo): Promise<ListInfo>;
  /** Errors LIST_NOT_FOUND. */
  removeList(name: string): Promise<void>;
  /**
   * Replace the list's entries by exactly these rows. The list is unchanged on any error, and if a review holds the new
   * version, which replaces an earlier held one: its rows are then read once more.
   * Errors LIST_NOT_FOUND: it is missing, and not to be made.
   */
  replaceEntries(name: string, rows: AsyncIterable<ParsedRow>, options?: WriteOptions): Promise<ImportReport>;
  /**
   * Add rows to the list. An entry that comes again replaces what it held, unless the list has a newer statement of the source, or
   * withdrew it later; rows that say nothing new count as duplicates. Errors LIST_NOT_FOUND.
   */
  addEntries(name: string, rows: AsyncIterable<ParsedRow>, options?: WriteOptions): Promise<ImportReport>;
  /**
   * Set the source; null removes it. `ifIs`: only if the source is still as it was read.
   * Result: whether it was set. Errors LIST_NOT_FOUND.
   */
  setSource(name: string, source: SourceInfo | null, options?: { readonly ifIs?: SourceInfo }): Promise<boolean>;
  /** Delete the held version. `importedAt`: only that of this time. Errors LIST_NOT_FOUND; NOT_FOUND: none, or another one, is held. */
  dropHeld(name: string, importedAt?: string): Promise<void>;
  /**
   * Quarantined entries, and those that a flood marked, are still found, and reported as such, until they are released. Disabled entries stay in the store,
   * match nothing, and stay disabled when a later import brings them again.
   * Result: entries that changed. Errors LIST_NOT_FOUND.
   */
  changeEntries(name: string, which: EntryFilter, change: EntryChange): Promise<number>;
}

export interface ListStore extends ListReader, ListFeed, ListAdmin {}
