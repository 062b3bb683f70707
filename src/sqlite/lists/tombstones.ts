/**
 * Withdrawals by a list itself. A value carried by several of its entries is stored once and stays until the last of
 * them is withdrawn, so the other entries are kept beside it.
 */
import type { Tombstone } from '../../core/parsed-row.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import { type ImportMode, Withdrawals } from '../../store/import-rules.js';
import type { Vault } from '../../vault/vault.js';
import { requireSound, sound } from '../sums.js';
import { type Checked, type HeldRow, type ListChecksum, sumOfEntry } from './checksum.js';
import { ALSO_LISTED, ENTRY } from './database.js';
import { BY_VALUE } from './seal-values.js';
import { keepPast } from './versions.js';

/** Return the time of the last update that the list gave, RFC 3339; null without one. */
export const updatedAtOf = ({ attributes }: Checked): string | null =>
  attributes === null ? null : ((JSON.parse(attributes) as { updatedAt?: string }).updatedAt ?? null);

export class Tombstones {
  readonly #db: Sqlite;
  readonly #vault: Vault;
  readonly #listId: number;
  readonly #version: number;
  readonly #checksum: ListChecksum;
  readonly #mode: ImportMode;
  #hasIndex = false;
  #areCarriersRead = false;
  readonly #withdrawals = new Withdrawals();

  /** `version`: of the running import; the checksum is updated with every removal. */
  constructor(
    db: Sqlite,
    vault: Vault,
    { listId, version, mode }: { listId: number; version: number; mode: ImportMode },
    checksum: ListChecksum,
  ) {
    this.#db = db;
    this.#vault = vault;
    this.#listId = listId;
    this.#version = version;
    this.#mode = mode;
    this.#checksum = checksum;
  }

  /** Reset the carriers of a list that is replaced. */
  resetCarriers(): void {
    this.#db.prepare('DELETE FROM also_listed WHERE list_id = ?').run(this.#listId);
  }

  /** As `Withdrawals`. */
  isWithdrawn(entryId: string, updatedAt: string | null): boolean {
    return this.#withdrawals.isWithdrawn(entryId, updatedAt);
  }

  /** Add another entry that carries a stored value. */
  alsoListed({ algorithm, value, entry_id, attributes }: Checked): void {
    this.#db
      .prepare(
        'INSERT OR IGNORE INTO also_listed (list_id, algorithm, value, entry_id, attributes) VALUES (?, ?, ?, ?, ?)',
      )
      .run(this.#listId, algorithm, value, entry_id, attributes);
  }

  /** Result: the number of deleted entries. Errors STORE_DAMAGED: a lost carrier would take its value with another. */
  withdraw(gone: Tombstone): number {
    // Those of a list that is replaced are from this import.
    if (this.#mode === 'add' && !this.#areCarriersRead) requireSound(this.#db, ALSO_LISTED);
    this.#areCarriersRead = true;
    const rows = 'entryId' in gone ? this.#withdrawEntry(gone) : this.#withdrawValue(gone);
    for (const row of rows) this.#remove(row);
    return rows.length;
  }

  #withdrawEntry({ entryId, at }: Extract<Tombstone, { entryId: string }>): HeldRow[] {
    const withdrawal = this.#withdrawals.withdraw(entryId, at);
    // Created at a list's first withdrawal: most have none, and their imports need not maintain it.
    if (!this.#hasIndex) this.#db.exec('CREATE INDEX IF NOT EXISTS entry_of_list ON entry (list_id, entry_id)');
    this.#hasIndex = true;
    this.#db.prepare('DELETE FROM also_listed WHERE list_id = ? AND entry_id = ?').run(this.#listId, entryId);
    const rows = this.#db
      .prepare<[number, string], HeldRow>('SELECT * FROM entry WHERE list_id = ? AND entry_id = ?')
      .all(this.#listId, entryId);
    for (const row of rows) sound(ENTRY, row);
    return rows.filter((row) => withdrawal.covers(updatedAtOf(row))).filter((row) => !this.#passOn(row));
  }

  #withdrawValue({ algorithm, value }: Extract<Tombstone, { value: string }>): HeldRow[] {
    const label = ALGORITHMS.indexOf(algorithm);
    const at = [this.#listId, label, this.#vault.seal(label, Buffer.from(value, 'hex'))] as const;
    this.#db.prepare('DELETE FROM also_listed WHERE list_id = ? AND algorithm = ? AND value = ?').run(...at);
    return this.#db
      .prepare<[number, number, Buffer], HeldRow>(
        `SELECT * FROM entry WHERE list_id = ? AND algorithm = ? AND ${BY_VALUE}`,
      )
      .all(...at);
  }

  /** Hand the value to the next entry that carries it; false without one. */
  #passOn(row: HeldRow): boolean {
    const heir = this.#db
      .prepare<[number, number, Buffer], Pick<Checked, 'entry_id' | 'attributes'>>(
        'SELECT * FROM also_listed WHERE list_id = ? AND algorithm = ? AND value = ? LIMIT 1',
      )
      .get(this.#listId, row.algorithm, row.value);
    if (!heir) return false;
    sound(ALSO_LISTED, heir);
    this.#db
      .prepare('DELETE FROM also_listed WHERE list_id = ? AND algorithm = ? AND value = ? AND entry_id = ?')
      .run(this.#listId, row.algorithm, row.value, heir.entry_id);
    if (row.since < this.#version) keepPast(this.#db, this.#version, 'id = ?', [row.id]);
    const { entry_id, attributes } = heir;
    const sum = sumOfEntry({ ...row, entry_id, attributes, since: this.#version });
    this.#db
      .prepare('UPDATE entry SET entry_id = ?, attributes = ?, since = ?, sum = ? WHERE id = ?')
      .run(entry_id, attributes, this.#version, sum, row.id);
    if (this.#isCounted(row)) {
      this.#checksum.remove(row);
      this.#checksum.add({ ...row, entry_id, attributes });
    }
    return true;
  }

  #remove(row: HeldRow): void {
    if (row.disabled === 0) {
      this.#db.prepare('INSERT INTO removal (entry_key, algorithm) VALUES (?, ?)').run(row.id, row.algorithm);
    }
    if (row.since < this.#version) keepPast(this.#db, this.#version, 'id = ?', [row.id]);
    this.#db.prepare('DELETE FROM entry WHERE id = ?').run(row.id);
    if (this.#isCounted(row)) this.#checksum.remove(row);
  }

  /** The checksum of a list being replaced covers only this import's rows so far. */
  #isCounted(row: HeldRow): boolean {
    return this.#mode === 'add' || row.version === this.#version;
  }
}
