/** Entries of a list that an operator disabled, while an import writes the list. */
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { VALUE_NAME_BYTES } from '../../vault/vault.js';
import { wholeTable } from '../sums.js';
import type { HeldRow } from './checksum.js';
import { DISABLED_ENTRY } from './database.js';
import type { EntryLookup, Identity, ValueName } from './entry-lookup.js';

/**
 * Disabled entries stay disabled, also when a list drops them and brings them again, by whatever id: a value whose disabled
 * entries are gone is disabled in the entries that come in their place. Beside a disabled entry another one is on its own.
 */
export class DisabledEntries {
  readonly #identities = new Set<string>();
  readonly #values = new Set<string>();
  /** Values of which the list has a disabled entry, as far as it was asked: many rows may have one value. */
  readonly #held = new Set<string>();
  readonly #lookup: EntryLookup;
  readonly #note: Statement<[number, number, Buffer, string]>;

  constructor(db: Sqlite, listId: number, lookup: EntryLookup) {
    this.#lookup = lookup;
    this.#note = db.prepare(
      'INSERT OR IGNORE INTO disabled_entry (list_id, algorithm, value, entry_id) VALUES (?, ?, ?, ?)',
    );
    const rows = wholeTable<Identity & { readonly list_id: number }>(db, DISABLED_ENTRY);
    for (const row of rows) {
      if (row.list_id !== listId) continue;
      this.#identities.add(`${nameOf(row)} ${row.entry_id}`);
      this.#values.add(nameOf(row));
    }
  }

  /** Whether an entry that the list does not have is added as a disabled one. */
  has(entry: Identity): boolean {
    if (this.#values.size === 0) return false;
    const name = nameOf(entry);
    return this.#identities.has(`${name} ${entry.entry_id}`) || (this.#values.has(name) && !this.#isHeld(name, entry));
  }

  #isHeld(name: string, entry: Identity): boolean {
    const isHeld = this.#held.has(name) || this.#lookup.ofValue(entry).some(({ disabled }) => disabled === 1);
    if (isHeld) this.#held.add(name);
    return isHeld;
  }

  /** A row of the list is removed. */
  forget(row: HeldRow): void {
    this.#held.delete(nameOf(row));
  }

  note({ list_id, algorithm, value, entry_id }: HeldRow): void {
    this.#note.run(list_id, algorithm, value, entry_id);
  }
}

/** The name of a value in memory. */
export const nameOf = ({ algorithm, value }: ValueName) =>
  `${algorithm} ${value.toString('latin1', 0, VALUE_NAME_BYTES)}`;
