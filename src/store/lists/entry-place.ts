/**
 * The entries of one list, while an import writes them: what each store of lists gives to `ImportWriter`, which has the rules. Rows
 * are found and written at once; what a store has to wait for, it reads ahead and writes behind.
 */
import type { Identity, NewRow, StoredRow, ValueName } from './entry-row.js';
import type { KeySet } from './key-set.js';
import type { SealedRow } from './seal-rows.js';

/** The newest withdrawal of an entry, and the version that noted it. */
export interface Withdrawal {
  /** Milliseconds since 1970, by the source's own time. */
  readonly atMs: number;
  readonly version: number;
}

export interface EntryPlace<Row extends StoredRow = StoredRow> {
  /** Key of the next entry that is added; those of an import rise. */
  readonly nextKey: number;
  /** The list had entries before the import. */
  readonly hadEntries: boolean;
  /** No entry of the list has an id that a source gave. */
  readonly hasMadeUpAlone: boolean;
  /** Entries of the list, present or gone, that an operator disabled. */
  readonly disabled: readonly Identity[];

  /** Read what is looked up for these rows, until the next call. */
  lookAhead(rows: readonly SealedRow[]): Promise<void>;
  /** The same for rows by their values. */
  lookAheadOfValues(values: readonly ValueName[]): Promise<void>;
  /** Write what was changed since the last call. */
  flush(): Promise<void>;

  /** All results are in the order of the rows' keys. Errors STORE_DAMAGED. */
  ofId(entryId: string): readonly Row[];
  ofValue(value: ValueName): readonly Row[];
  ofIdentity(identity: Identity): Row | undefined;
  /** Whether a row that was found before is still there. */
  has(key: number): boolean;
  /** Whether a row is as it was written. */
  isSound(row: Row): boolean;
  /** Errors STORE_DAMAGED. */
  requireSound(row: Row): void;
  /** Rows by keys that the list has, in batches. Nothing else is looked up meanwhile. Errors STORE_DAMAGED: one is not there. */
  byKeys(keys: ReadonlySet<number>): AsyncIterable<readonly Row[]>;
  /** Rows with other keys, in batches, where no row that the import added is without. */
  allBut(keys: KeySet): AsyncIterable<readonly Row[]>;

  /** Errors STORE_DAMAGED; INDEX_FULL: keys are used up. Result: its key. */
  add(row: NewRow): number;
  /** Count a row that stays as it is, where the import names all rows of the list. `digest`: of its checked part, where it is known. */
  keep(row: Row, digest?: Buffer): void;
  /** Write a row again, under its key. `until`: the version that ends its earlier form; null: it has none. */
  rewrite(before: Row, change: Partial<Omit<NewRow, 'algorithm' | 'value'>>, until: number | null): void;
  /** Write a damaged row as it should be. */
  repair(before: Row, row: NewRow): void;
  /** `until`: as in `rewrite`. `wasCounted`: false for a row that was never kept, where the import names all rows. */
  remove(row: Row, until: number, wasCounted: boolean): void;

  withdrawal(entryId: string): Withdrawal | undefined;
  /** Note a withdrawal by the running import. One that is noted with a later time stays. */
  withdraw(entryId: string, atMs: number): void;
  disable(row: Row): void;
  /** Count a value that a suppression list has too. */
  look(value: ValueName): void;
}
