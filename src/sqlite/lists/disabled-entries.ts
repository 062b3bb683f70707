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
  /** By value: ids under which it was disabled. */
  readonly #ids = new Map<string, Set<string>>();
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
      const ids = this.#ids.get(nameOf(row)) ?? new Set();
      this.#ids.set(nameOf(row), ids.add(row.entry_id));
    }
  }

  has(entry: Identity): boolean {
    if (this.#ids.size === 0) return false;
    const ids = this.#ids.get(nameOf(entry));
    if (ids === undefined) return false;
    const isHeld = (entryId: string) => this.#lookup.ofIdentity({ ...entry, entry_id: entryId })?.disabled === 1;
    return ids.has(entry.entry_id) || ![...ids].some(isHeld);
  }

  note({ list_id, algorithm, value, entry_id }: HeldRow): void {
    this.#note.run(list_id, algorithm, value, entry_id);
  }
}

/** The name of a value in memory. */
export const nameOf = ({ algorithm, value }: ValueName) =>
  `${algorithm} ${value.toString('latin1', 0, VALUE_NAME_BYTES)}`;
