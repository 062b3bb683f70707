/**
 * What the rooms above ask of a store, whatever it is made of. Asynchronous, so that a database over the network can
 * stand behind it; speaks no SQL. `test/store/lists-contract.ts` is the suite that every implementation must pass.
 */
import type { ParsedRow, RejectReason } from '../core/parsed-row.js';
import type { Algorithm, Entry, ListInfo, ListTerms, SourceType } from '../core/vocabulary.js';

export interface NewList {
  readonly list: string;
  readonly kind: ListInfo['kind'];
  readonly radiusBits: number;
  readonly matchLowQuality?: boolean;
}

export type ListChange = Partial<Pick<ListInfo, 'enabled' | 'radiusBits' | 'matchLowQuality' | keyof ListTerms>>;

export interface ImportReport {
  readonly list: string;
  readonly version: number;
  readonly accepted: number;
  /** Same algorithm and value as an earlier row of this import: counted, not stored twice. */
  readonly duplicates: number;
  readonly rejected: number;
  /** Entries that the rows themselves named as gone, and that were there. */
  readonly deleted: number;
  readonly rejectedByReason: Readonly<Partial<Record<RejectReason, number>>>;
  /** Entries that were not there before, or are not any more. */
  readonly added: number;
  readonly removed: number;
  /** Why the version waits for a person; empty where it is active. */
  readonly held: readonly HoldReason[];
  /** The first of them, for a person to look at; all are counted. */
  readonly firstRejected: readonly { readonly line: number; readonly reason: RejectReason }[];
}

/** Rules that hold a version back until a person has looked at it. */
export const HOLD_RULES = ['canary', 'change', 'repeated_value', 'rejected'] as const;
export type HoldRule = (typeof HOLD_RULES)[number];

export interface HoldReason {
  readonly rule: HoldRule;
  /** Of what the rule counts, and the most of it that passes unseen. */
  readonly count: number;
  readonly limit: number;
}

/** What a review is told of an import that has been written, and not yet committed. */
export interface Draft {
  readonly entriesBefore: number;
  readonly entriesAfter: number;
  readonly added: number;
  readonly removed: number;
  readonly rows: number;
  readonly rejectedByReason: ImportReport['rejectedByReason'];
  /** Digests on it that a suppression list has too. */
  readonly knownGood: number;
  /** Rows that carried the commonest value. */
  readonly mostRowsOfOneValue: number;
}

/** Reasons to hold the import back; none lets it become active. */
export type Review = (draft: Draft) => readonly HoldReason[];

export interface VersionInfo {
  readonly list: string;
  readonly version: number;
  /** `active`: in force. `past`: was, and can be again. `held`: waits for a person. */
  readonly state: 'active' | 'past' | 'held';
  readonly importedAt: string;
  /** What made it: a file's name, a rollback, an approval. */
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

/** Where a list comes from over HTTP. The secret itself is never stored: only the name of its variable is. */
export interface SourceInfo {
  readonly type: SourceType;
  readonly url: string;
  readonly user: string | null;
  readonly secretEnv: string | null;
  /** The header that carries the secret; null for `Authorization`. */
  readonly header: string | null;
  /** How often a running service asks; null for never. */
  readonly everyMinutes: number | null;
  readonly checkpoint: string | null;
  readonly syncedAt: string | null;
}

export interface WriteOptions {
  readonly origin?: string | null;
  /** Without one every import becomes active. */
  readonly review?: Review;
}

/** One entry as an index wants it. */
export interface StoredValue {
  /** Rises with every entry that is added, and is never used again. */
  readonly entryKey: number;
  readonly listKey: number;
  readonly algorithm: Algorithm;
  readonly value: Uint8Array;
}

/** How far a reader of changes has come. */
export interface FeedPosition {
  /** Of the store itself: a position in one says nothing about another. */
  readonly storeId: number;
  readonly generation: number;
  readonly entryKey: number;
  readonly removal: number;
}

export interface StoredList {
  /** Never used again for another list, also not for one of the same name. */
  readonly listKey: number;
  readonly info: ListInfo;
}

/** What became of the entries between two positions; of all lists, also disabled ones, which their lists tell apart. */
export interface Changes {
  readonly position: FeedPosition;
  readonly lists: readonly StoredList[];
  readonly removed: readonly { readonly entryKey: number; readonly algorithm: Algorithm }[];
  /** In batches, in order of their keys. An entry that is removed while this is read may be missing. */
  added(): AsyncIterable<readonly StoredValue[]>;
}

const ENTRY_CHANGES = ['enable', 'disable', 'remove', 'quarantine', 'release'] as const;
export type EntryChange = (typeof ENTRY_CHANGES)[number];

export interface QuarantinedEntry {
  readonly list: string;
  readonly entryId: string;
}

export interface StoredEntry extends Entry {
  /** It suddenly matched many different files; until a person has looked, its matches do not count. */
  readonly quarantined: boolean;
}

/** Some entries of a list: those of one id, or of one source. */
export type EntryFilter = { readonly entryId: string } | { readonly source: string };

/** What lists there are, and what they hold: for people, exports and reviews. */
export interface ListReader {
  lists(): Promise<ListInfo[]>;
  list(name: string): Promise<ListInfo | null>;
  /** Newest first; the held one, where there is one, before them. Errors LIST_NOT_FOUND. */
  versions(name: string): Promise<readonly VersionInfo[]>;
  /** What the list held as that version, or would hold as the held one. Errors LIST_NOT_FOUND; NOT_FOUND: no longer kept. */
  versionRows(name: string, version: number): Promise<AsyncIterable<ParsedRow>>;
  source(name: string): Promise<SourceInfo | null>;
  /** Entries in quarantine, of all lists. */
  quarantined(): Promise<readonly QuarantinedEntry[]>;
  /** Reads every entry again and compares the checksum that the import wrote. Errors LIST_NOT_FOUND. */
  verify(name: string): Promise<{ readonly ok: boolean; readonly entryCount: number; readonly checksum: string }>;
}

/** What an index follows: what has changed since it last read, and the entry behind a value that it found. */
export interface ListFeed {
  /** Rises with every change that can change an answer, by whichever process. */
  generation(): Promise<number>;
  /** Everything since a position, from null on; null where that is of another store, or longer ago than this one remembers. */
  changes(since: FeedPosition | null): Promise<Changes | null>;
  /** Also of an entry that a later version of its list no longer holds; null where a person removed it. */
  entryByKey(entryKey: number): Promise<StoredEntry | null>;
}

/** Changes of lists; each goes through the audit log. */
export interface ListAdmin {
  /** Errors REQUEST_INVALID where the name is taken or not a name. */
  createList(list: NewList): Promise<ListInfo>;
  /** Errors LIST_NOT_FOUND. */
  updateList(name: string, change: ListChange): Promise<ListInfo>;
  /** Errors LIST_NOT_FOUND. */
  removeList(name: string): Promise<void>;
  /**
   * The list holds exactly these rows afterwards, or, on any error, what it held before; also where a review holds the
   * new version back, which replaces one that was held. Errors LIST_NOT_FOUND.
   */
  replaceEntries(name: string, rows: AsyncIterable<ParsedRow>, options?: WriteOptions): Promise<ImportReport>;
  /** Adds rows to what the list holds; rows that it has already count as duplicates. Errors LIST_NOT_FOUND. */
  addEntries(name: string, rows: AsyncIterable<ParsedRow>, options?: WriteOptions): Promise<ImportReport>;
  /** Null forgets it. Errors LIST_NOT_FOUND. */
  setSource(name: string, source: SourceInfo | null): Promise<void>;
  /** Forgets the held version. Errors LIST_NOT_FOUND; NOT_FOUND: none is held. */
  dropHeld(name: string): Promise<void>;
  /**
   * Quarantined entries are still found, and reported as such, until they are released. Disabled entries stay in the store,
   * match nothing, and stay disabled when a later import brings them again.
   * Result: entries that changed. Errors LIST_NOT_FOUND.
   */
  changeEntries(name: string, which: EntryFilter, change: EntryChange): Promise<number>;
}

export interface ListStore extends ListReader, ListFeed, ListAdmin {}
