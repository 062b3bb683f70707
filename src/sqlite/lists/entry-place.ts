/** The entries of one list in SQLite, while an import writes them inside the caller's transaction: nothing is read ahead. */
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import type { EntryPlace, Withdrawal } from '../../store/lists/entry-place.js';
import type { Identity, NewRow, ValueName } from '../../store/lists/entry-row.js';
import type { KeySet } from '../../store/lists/key-set.js';
import type { ImportMode } from '../../store/lists-contract.js';
import { MADE_ID } from '../../vault/vault.js';
import { damaged, isSound, wholeTable } from '../sums.js';
import { type HeldRow, sumOfEntry } from './checksum.js';
import { DISABLED_ENTRY, ENTRY } from './database.js';
import type { EntryLookup } from './entry-lookup.js';
import type { EntryTable } from './entry-table.js';
import type { KnownGood } from './known-good.js';
import { Withdrawals } from './withdrawals.js';

/** Rows of one batch that are read by their keys. */
const ROWS_PER_BATCH = 1_024;

interface Parts {
  readonly table: EntryTable;
  readonly lookup: EntryLookup;
  /** The list had entries before the import. */
  readonly hadEntries: boolean;
  readonly knownGood: KnownGood;
}

interface Target {
  readonly listId: number;
  readonly version: number;
  readonly mode: ImportMode;
  /** The version whose withdrawals stay where the list is replaced; 0: none. */
  readonly restores: number;
}

export class SqlitePlace implements EntryPlace<HeldRow> {
  readonly nextKey: number;
  readonly hadEntries: boolean;
  readonly hasMadeUpAlone: boolean;
  readonly disabled: readonly Identity[];
  readonly #listId: number;
  readonly #table: EntryTable;
  readonly #lookup: EntryLookup;
  readonly #knownGood: KnownGood;
  readonly #withdrawals: Withdrawals;
  readonly #keys: Statement<[number], number>;
  readonly #byKey: Statement<[number], HeldRow>;
  readonly #disable: Statement<[number, number, Buffer, string]>;

  constructor(db: Sqlite, target: Target, { table, lookup, hadEntries, knownGood }: Parts) {
    const { listId, mode, restores } = target;
    this.nextKey = table.nextKey;
    this.hadEntries = hadEntries;
    this.hasMadeUpAlone = isMadeUpAlone(db, listId);
    this.disabled = wholeTable<Identity & { readonly list_id: number }>(db, DISABLED_ENTRY).filter(
      (row) => row.list_id === listId,
    );
    this.#listId = listId;
    this.#table = table;
    this.#lookup = lookup;
    this.#knownGood = knownGood;
    if (mode === 'replace')
      db.prepare('DELETE FROM withdrawal WHERE list_id = ? AND version > ?').run(listId, restores);
    this.#withdrawals = new Withdrawals(db, target);
    this.#keys = db.prepare<[number], number>('SELECT id FROM entry WHERE list_id = ?').pluck();
    this.#byKey = db.prepare('SELECT * FROM entry WHERE id = ?');
    this.#disable = db.prepare(
      'INSERT OR IGNORE INTO disabled_entry (list_id, algorithm, value, entry_id) VALUES (?, ?, ?, ?)',
    );
  }

  async lookAhead(): Promise<void> {}
  async lookAheadOfValues(): Promise<void> {}
  async flush(): Promise<void> {}

  ofId(entryId: string): readonly HeldRow[] {
    return this.#lookup.ofId(entryId);
  }

  ofValue(value: ValueName): readonly HeldRow[] {
    return this.#lookup.ofValue(value);
  }

  ofIdentity(identity: Identity): HeldRow | undefined {
    return this.#lookup.ofIdentity(identity);
  }

  has(key: number): boolean {
    return this.#byKey.get(key) !== undefined;
  }

  isSound(row: HeldRow): boolean {
    return sumOfEntry(row) === row.sum;
  }

  requireSound(row: HeldRow): void {
    if (!isSound(ENTRY, row)) throw damaged(ENTRY, row.id);
  }

  async *byKeys(keys: Iterable<number>): AsyncGenerator<readonly HeldRow[]> {
    let rows: HeldRow[] = [];
    for (const key of keys) {
      const row = this.#byKey.get(key);
      if (!row) throw damaged(ENTRY, key);
      rows.push(row);
      if (rows.length < ROWS_PER_BATCH) continue;
      yield rows;
      rows = [];
    }
    yield rows;
  }

  async *allBut(keys: KeySet): AsyncGenerator<readonly HeldRow[]> {
    const left: number[] = [];
    // Nothing is written while they are read.
    for (const key of this.#keys.iterate(this.#listId)) if (!keys.has(key)) left.push(key);
    yield* this.byKeys(left);
  }

  add(row: NewRow): number {
    const key = this.#table.add(row);
    // The table has it, and finds it neither by its id nor by its value.
    if (key === null) throw damaged(ENTRY, 'index');
    this.#lookup.note(key, row);
    return key;
  }

  keep(row: HeldRow, digest?: Buffer): void {
    this.#table.keep(row, digest);
  }

  rewrite(before: HeldRow, change: Partial<Omit<NewRow, 'algorithm' | 'value'>>, until: number | null): void {
    this.#table.rewrite(before, change, until);
    const { entry_id } = change;
    if (entry_id !== undefined && entry_id !== before.entry_id)
      this.#lookup.note(before.id, { algorithm: before.algorithm, value: before.value, entry_id });
  }

  repair(before: HeldRow, row: NewRow): void {
    this.#table.repair(before, row);
    this.#lookup.note(before.id, row);
  }

  remove(row: HeldRow, until: number, wasCounted: boolean): void {
    this.#table.remove(row, until, wasCounted);
  }

  withdrawal(entryId: string): Withdrawal | undefined {
    return this.#withdrawals.find(entryId);
  }

  withdraw(entryId: string, atMs: number): void {
    this.#withdrawals.note(entryId, atMs);
  }

  disable({ list_id, algorithm, value, entry_id }: HeldRow): void {
    this.#disable.run(list_id, algorithm, value, entry_id);
  }

  look(value: ValueName): void {
    this.#knownGood.look(value);
  }
}

/** After all ids that the vault makes. */
const AFTER_MADE_UP = 'made.';

function isMadeUpAlone(db: Sqlite, listId: number): boolean {
  const other = db.prepare(
    `SELECT 1 FROM entry WHERE list_id = @listId AND entry_id < '${MADE_ID}'
     UNION ALL SELECT 1 FROM entry WHERE list_id = @listId AND entry_id >= '${AFTER_MADE_UP}' LIMIT 1`,
  );
  return other.get({ listId }) === undefined;
}
