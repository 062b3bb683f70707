/** Entries of a list that an operator disabled, while an import writes the list. */
import type { EntryPlace } from './entry-place.js';
import { type Identity, nameOf, type ValueName } from './entry-row.js';

/**
 * Disabled entries stay disabled, also when a list drops them and brings them again, by whatever id: a value whose disabled
 * entries are gone is disabled in the entries that come in their place. Beside a disabled entry another one is on its own.
 */
export class DisabledEntries {
  readonly #identities = new Set<string>();
  readonly #values = new Set<string>();
  /** Values of which the list has a disabled entry, as far as it was asked: many rows may have one value. */
  readonly #held = new Set<string>();
  readonly #place: Pick<EntryPlace, 'ofValue'>;

  constructor(place: Pick<EntryPlace, 'ofValue' | 'disabled'>) {
    this.#place = place;
    for (const identity of place.disabled) {
      this.#identities.add(`${nameOf(identity)} ${identity.entry_id}`);
      this.#values.add(nameOf(identity));
    }
  }

  /** Whether an entry that the list does not have is added as a disabled one. */
  has(entry: Identity): boolean {
    if (this.#values.size === 0) return false;
    const name = nameOf(entry);
    return this.#identities.has(`${name} ${entry.entry_id}`) || (this.#values.has(name) && !this.#isHeld(name, entry));
  }

  #isHeld(name: string, entry: Identity): boolean {
    const isHeld = this.#held.has(name) || this.#place.ofValue(entry).some(({ disabled }) => disabled === 1);
    if (isHeld) this.#held.add(name);
    return isHeld;
  }

  /** A row of the list is removed. */
  forget(row: ValueName): void {
    this.#held.delete(nameOf(row));
  }
}
