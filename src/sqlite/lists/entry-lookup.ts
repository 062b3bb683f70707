/**
 * Finds the entries of one list while an import writes them: a few by the indexes of the table, many by tables in memory, which
 * cost a third as much for each row, and need no indexes while rows are added.
 */
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { type Identity, isSameValue, type ValueName } from '../../store/lists/entry-row.js';
import { VALUE_NAME_BYTES } from '../../vault/vault.js';
import { type HeldRow, isSoundEntry, type RawEntry } from './checksum.js';
import { KeyTable } from './key-table.js';
import { BY_VALUE } from './seal-values.js';

/** All results are in the order of the rows' keys. */
export interface EntryLookup {
  ofId(entryId: string): HeldRow[];
  ofValue(value: ValueName): HeldRow[];
  ofIdentity(identity: Identity): HeldRow | undefined;
  /** Take note of a row that was added, or has another identity now. */
  note(key: number, identity: Identity): void;
}

/** By the indexes of the table. */
export class IndexLookup implements EntryLookup {
  readonly #listId: number;
  readonly #ofId: Statement<[number, string], HeldRow>;
  readonly #ofValue: Statement<[number, number, Buffer], HeldRow>;
  readonly #ofIdentity: Statement<[number, number, Buffer, string], HeldRow>;

  constructor(db: Sqlite, listId: number) {
    this.#listId = listId;
    const ofValue = `SELECT * FROM entry WHERE list_id = ? AND algorithm = ? AND ${BY_VALUE}`;
    this.#ofId = db.prepare('SELECT * FROM entry WHERE list_id = ? AND entry_id = ? ORDER BY id');
    this.#ofValue = db.prepare(`${ofValue} ORDER BY id`);
    this.#ofIdentity = db.prepare(`${ofValue} AND entry_id = ?`);
  }

  ofId(entryId: string): HeldRow[] {
    return this.#ofId.all(this.#listId, entryId);
  }

  ofValue({ algorithm, value }: ValueName): HeldRow[] {
    return this.#ofValue.all(this.#listId, algorithm, value);
  }

  ofIdentity({ algorithm, value, entry_id }: Identity): HeldRow | undefined {
    return this.#ofIdentity.get(this.#listId, algorithm, value, entry_id);
  }

  note(): void {}
}

type HeldIdentity = [key: number, algorithm: number, name: Buffer, entryId: string];

/**
 * By hashes in memory: about twenty bytes an entry for each way to find it, of which most imports need one. Rows are read by their keys
 * and compared, so that equal hashes, and rows that are gone, do no harm.
 */
export class MemoryLookup implements EntryLookup {
  readonly #listId: number;
  readonly #expected: number;
  readonly #byIdentity: KeyTable;
  /** Made with the first entry that is looked for so. */
  #byId: KeyTable | null = null;
  #byValue: KeyTable | null = null;
  readonly #row: Statement<[number], RawEntry>;
  readonly #held: Statement<[number], HeldIdentity>;

  /** `expected`: rows that the list will have. */
  constructor(db: Sqlite, listId: number, expected: number) {
    this.#listId = listId;
    this.#expected = expected;
    this.#row = db.prepare<[number], RawEntry>('SELECT * FROM entry WHERE id = ?').raw();
    // The index of identities has all that is asked for: no row is read.
    this.#held = db
      .prepare<[number], HeldIdentity>(
        `SELECT id, algorithm, substr(value, 1, ${VALUE_NAME_BYTES}), entry_id FROM entry WHERE list_id = ?`,
      )
      .raw();
    this.#byIdentity = this.#tableBy(hashOfIdentity);
  }

  /** Return the present rows of the list, by a hash of them. */
  #tableBy(hashOf: (identity: Identity) => number): KeyTable {
    const table = new KeyTable(this.#expected);
    for (const [key, algorithm, value, entry_id] of this.#held.iterate(this.#listId))
      table.add(hashOf({ algorithm, value, entry_id }), key);
    return table;
  }

  ofId(entryId: string): HeldRow[] {
    this.#byId ??= this.#tableBy(({ entry_id }) => hashOfId(entry_id));
    return this.#rows(this.#byId.find(hashOfId(entryId)), (row) => row.entry_id === entryId);
  }

  ofValue(value: ValueName): HeldRow[] {
    this.#byValue ??= this.#tableBy(hashOfValue);
    return this.#rows(this.#byValue.find(hashOfValue(value)), (row) => isSameValue(row, value));
  }

  ofIdentity(identity: Identity): HeldRow | undefined {
    const keys = this.#byIdentity.find(hashOfIdentity(identity));
    return this.#rows(keys, (row) => row.entry_id === identity.entry_id && isSameValue(row, identity))[0];
  }

  note(key: number, identity: Identity): void {
    this.#byIdentity.add(hashOfIdentity(identity), key);
    this.#byId?.add(hashOfId(identity.entry_id), key);
    this.#byValue?.add(hashOfValue(identity), key);
  }

  /** A damaged row is what its hash says, as it is what an index says. */
  #rows(keys: readonly number[], isMeant: (row: HeldRow) => boolean): HeldRow[] {
    const rows: HeldRow[] = [];
    for (const key of keys) {
      const raw = this.#row.get(key);
      if (raw === undefined) continue;
      const row = heldRow(raw);
      if ((row.list_id === this.#listId && isMeant(row)) || !isSoundEntry(raw)) rows.push(row);
    }
    return rows;
  }
}

function heldRow([id, list_id, algorithm, value, entry_id, attributes, notes, disabled, ...marks]: RawEntry): HeldRow {
  const [quarantined, since, sum] = marks;
  return { id, list_id, algorithm, value, entry_id, attributes, notes, disabled, quarantined, since, sum };
}

/** Where the random part of a seal's name begins: after the number of the key. */
const NAME_AT = 2;

const hashOfValue = ({ algorithm, value }: ValueName) => (value.readUInt32LE(NAME_AT) ^ algorithm) >>> 0;

/** FNV-1a of the UTF-16 units. */
function hashOfId(entryId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < entryId.length; at++) hash = Math.imul(hash ^ entryId.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

const hashOfIdentity = (identity: Identity) => Math.imul(hashOfId(identity.entry_id), 31) ^ hashOfValue(identity);
