/**
 * Rows of one import, written to a list's entries inside the caller's transaction. A row that the list had before keeps
 * its key; checksum, counts and withdrawals are updated with every row.
 */
import type { ParsedRow } from '../../core/parsed-row.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import { ImportCounts, type ImportMode, isDuplicate } from '../../store/import-rules.js';
import { VALUE_NAME_BYTES, type Vault } from '../../vault/vault.js';
import { damaged, wholeTable } from '../sums.js';
import { type Checked, type HeldRow, type ListChecksum, sumOfEntry } from './checksum.js';
import { DISABLED_VALUE, ENTRY } from './database.js';
import { nextEntryKey, toAttributes } from './list-rows.js';
import { BY_VALUE } from './seal-values.js';
import type { Tombstones } from './tombstones.js';
import { keepPast } from './versions.js';

type AcceptedRow = Extract<ParsedRow, { ok: true }>;

export class RowWriter {
  readonly counts = new ImportCounts();
  readonly #db: Sqlite;
  readonly #vault: Vault;
  readonly #listId: number;
  readonly #version: number;
  readonly #mode: ImportMode;
  readonly #checksum: ListChecksum;
  readonly #tombstones: Tombstones;
  readonly #disabled: ReadonlySet<string>;
  readonly #insert: Statement<[number, number, number, Buffer, string, string | null, number, number, number, number]>;
  readonly #findHeld: Statement<[number, number, Buffer], HeldRow>;
  readonly #markSeen: Statement<[number, number, number]>;
  readonly #rewrite: Statement<[number, Buffer, string, string | null, number, number, number, number, number, number]>;
  /** Key of the next new entry: part of its sum, so it is chosen here. */
  #nextKey: number;

  /** `version`: the version that the import makes. `checksum`: each accepted row is added to it. */
  constructor(
    db: Sqlite,
    vault: Vault,
    { listId, version, mode }: { listId: number; version: number; mode: ImportMode },
    { checksum, tombstones }: { checksum: ListChecksum; tombstones: Tombstones },
  ) {
    this.#db = db;
    this.#vault = vault;
    this.#listId = listId;
    this.#version = version;
    this.#mode = mode;
    this.#checksum = checksum;
    this.#tombstones = tombstones;
    this.#disabled = disabledValues(db, listId);
    this.#insert = db.prepare(
      `INSERT OR IGNORE INTO entry (id, list_id, algorithm, value, entry_id, attributes, version, since, disabled, sum)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#nextKey = nextEntryKey(db);
    this.#findHeld = db.prepare(`SELECT * FROM entry WHERE list_id = ? AND algorithm = ? AND ${BY_VALUE}`);
    this.#markSeen = db.prepare('UPDATE entry SET version = ?, sum = ? WHERE id = ?');
    this.#rewrite = db.prepare(
      `UPDATE entry SET list_id = ?, value = ?, entry_id = ?, attributes = ?, version = ?, since = ?, disabled = ?,
         quarantined = ?, sum = ? WHERE id = ?`,
    );
  }

  write(row: ParsedRow): void {
    if (!row.ok) {
      if (row.gone) this.counts.deleted += this.#tombstones.withdraw(row.gone);
      this.counts.reject(row);
      return;
    }
    if (row.hasOwnId && this.#tombstones.isWithdrawn(row.entry.entryId, row.entry.updatedAt)) {
      this.counts.reject({ line: row.line, reason: 'not_active' });
      return;
    }
    let entry = this.#seal(row);
    if (this.#tryInsert(entry)) this.counts.added++;
    else {
      const held = this.#findHeld.get(this.#listId, entry.algorithm, entry.value);
      // The unique index names a row that the table does not have.
      if (!held) throw damaged(ENTRY, 'index');
      const isDamaged = sumOfEntry(held) !== held.sum;
      if (!isDamaged && isDuplicate(this.#mode, held.version, this.#version)) {
        if (row.hasOwnId && held.entry_id !== entry.entry_id) this.#tombstones.alsoListed(entry);
        this.counts.duplicate(`${entry.algorithm} ${entry.value.toString('latin1')}`);
        return;
      }
      // A value whose list gives no id keeps the one that it has.
      if (!isDamaged && row.entry.entryId === '') entry = { ...entry, entry_id: held.entry_id };
      if (isDamaged) this.#repair(held, entry);
      else this.#bring(held, entry);
    }
    this.counts.accepted++;
    // Computed from the given rows, not read back: `verify` reports damage on the disk.
    this.#checksum.add(entry);
  }

  #seal({ entry }: AcceptedRow): Checked {
    const { algorithm, value, entryId } = entry;
    const label = ALGORITHMS.indexOf(algorithm);
    const bytes = Buffer.from(value, 'hex');
    return {
      algorithm: label,
      value: this.#vault.seal(label, bytes),
      // The disk stores half a surrogate pair as U+FFFD; convert it before the checksum.
      entry_id: entryId === '' ? this.#vault.madeUpId(label, bytes) : Buffer.from(entryId).toString(),
      attributes: toAttributes(entry),
    };
  }

  /** Return false if the list already holds the value. */
  #tryInsert(entry: Checked): boolean {
    const row = this.#rowOf(this.#nextKey, entry);
    const { changes } = this.#insert.run(
      row.id,
      row.list_id,
      row.algorithm,
      row.value,
      row.entry_id,
      row.attributes,
      row.version,
      row.since,
      row.disabled,
      sumOfEntry(row),
    );
    if (changes > 0) this.#nextKey++;
    return changes > 0;
  }

  /** The row of an entry that this version brings. */
  #rowOf(id: number, entry: Checked): Omit<HeldRow, 'sum'> {
    const disabled = this.#disabled.has(nameOf(entry)) ? 1 : 0;
    const about = { version: this.#version, since: this.#version, disabled, quarantined: 0 };
    return { id, list_id: this.#listId, ...entry, ...about };
  }

  /** Write a damaged row again: of its marks only those are known that are stored elsewhere too. */
  #repair({ id }: HeldRow, entry: Checked): void {
    this.#write(this.#rowOf(id, entry));
  }

  #write(row: Omit<HeldRow, 'sum'>): void {
    const { id, list_id, value, entry_id, attributes, version, since, disabled, quarantined } = row;
    const sum = sumOfEntry(row);
    this.#rewrite.run(list_id, value, entry_id, attributes, version, since, disabled, quarantined, sum, id);
  }

  /** Carry an entry of an earlier version into this one, updated from the row. */
  #bring(held: HeldRow, entry: Checked): void {
    if (held.entry_id === entry.entry_id && held.attributes === entry.attributes) {
      this.#markSeen.run(this.#version, sumOfEntry({ ...held, version: this.#version }), held.id);
      return;
    }
    keepPast(this.#db, this.#version, 'id = ?', [held.id]);
    // A disabled entry is not kept as past, so it stays in every version that had it, and stays disabled there.
    const since = held.disabled === 1 ? held.since : this.#version;
    const { entry_id, attributes } = entry;
    this.#write({ ...held, entry_id, attributes, version: this.#version, since });
  }
}

const nameOf = ({ algorithm, value }: Pick<Checked, 'algorithm' | 'value'>) =>
  `${algorithm} ${value.toString('latin1', 0, VALUE_NAME_BYTES)}`;

/** Disabled values stay disabled, also when a list drops them and brings them again. */
function disabledValues(db: Sqlite, listId: number): ReadonlySet<string> {
  const rows = wholeTable<Pick<Checked, 'algorithm' | 'value'> & { list_id: number }>(db, DISABLED_VALUE);
  return new Set(rows.filter(({ list_id }) => list_id === listId).map(nameOf));
}
