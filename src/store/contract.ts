/**
 * What the rooms above ask of a store, whatever it is made of. Asynchronous, so that a database over the network can
 * stand behind it; speaks no SQL. `test/store/contract.ts` is the suite that every implementation must pass.
 */
import type { ParsedRow, RejectReason } from '../core/parsed-row.js';
import type { Algorithm, Entry, ListInfo } from '../core/vocabulary.js';

export interface NewList {
  readonly list: string;
  readonly kind: ListInfo['kind'];
  readonly radiusBits: number;
  readonly matchLowQuality?: boolean;
}

export type ListChange = Partial<Pick<ListInfo, 'enabled' | 'radiusBits' | 'matchLowQuality'>>;

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
  /** The first of them, for a person to look at; all are counted. */
  readonly firstRejected: readonly { readonly line: number; readonly reason: RejectReason }[];
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

/** Some entries of a list: those of one id, or of one source. */
export type EntryFilter = { readonly entryId: string } | { readonly source: string };

export interface ListStore {
  lists(): Promise<ListInfo[]>;
  list(name: string): Promise<ListInfo | null>;
  /** Errors REQUEST_INVALID where the name is taken or not a name. */
  createList(list: NewList): Promise<ListInfo>;
  /** Errors LIST_NOT_FOUND. */
  updateList(name: string, change: ListChange): Promise<ListInfo>;
  /** Errors LIST_NOT_FOUND. */
  removeList(name: string): Promise<void>;
  /** The list holds exactly these rows afterwards, or, on any error, what it held before. Errors LIST_NOT_FOUND. */
  replaceEntries(name: string, rows: AsyncIterable<ParsedRow>): Promise<ImportReport>;
  /** Adds rows to what the list holds; rows that it has already count as duplicates. Errors LIST_NOT_FOUND. */
  addEntries(name: string, rows: AsyncIterable<ParsedRow>): Promise<ImportReport>;
  /**
   * Disabled entries stay in the store, match nothing, and stay disabled when a later import brings them again.
   * Result: entries that changed. Errors LIST_NOT_FOUND.
   */
  changeEntries(name: string, which: EntryFilter, change: 'remove' | 'disable' | 'enable'): Promise<number>;
  /** Everything since a position, from null on; null where that is of another store, or longer ago than this one remembers. */
  changes(since: FeedPosition | null): Promise<Changes | null>;
  entryByKey(entryKey: number): Promise<Entry | null>;
  /** Rises with every change that can change an answer, by whichever process. */
  generation(): Promise<number>;
  /** Reads every entry again and compares the checksum that the import wrote. Errors LIST_NOT_FOUND. */
  verify(name: string): Promise<{ readonly ok: boolean; readonly entryCount: number; readonly checksum: string }>;
}

export const SCOPES = ['check', 'check:hashes', 'details', 'hits', 'lists', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface KeyInfo {
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

export interface KeyStore {
  /** The key is told here and never again: only its SHA-256 is kept. */
  createKey(about: {
    tenant: string;
    scopes: readonly Scope[];
    expiresAt: string | null;
  }): Promise<{ info: KeyInfo; key: string }>;
  /** Also revoked and expired ones: the caller decides. */
  findByKey(key: string): Promise<KeyInfo | null>;
  keys(): Promise<KeyInfo[]>;
  /** Errors NOT_FOUND. */
  revokeKey(id: string): Promise<void>;
}

export interface Store {
  readonly lists: ListStore;
  readonly keys: KeyStore;
  close(): Promise<void>;
}
