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
  readonly rejectedByReason: Readonly<Partial<Record<RejectReason, number>>>;
  /** The first of them, for a person to look at; all are counted. */
  readonly firstRejected: readonly { readonly line: number; readonly reason: RejectReason }[];
}

/** One entry as an index wants it. */
export interface StoredValue {
  readonly entryKey: number;
  readonly list: string;
  readonly algorithm: Algorithm;
  readonly value: Uint8Array;
}

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
  /** All entries of enabled lists, in batches, in order of their keys. */
  entries(): AsyncIterable<readonly StoredValue[]>;
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
