/** The store's data keys: in the database, each sealed by the master key, which all processes are given. */
import { randomBytes } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { DATA_KEY_BYTES, type DataKey, KEY_ID_BYTES, unwrapDataKey, Vault, wrapDataKey } from '../../vault/vault.js';
import type { Database, Sql } from '../database.js';
import { requireWhole } from '../move/mark.js';
import { lockStore } from './generations.js';

interface SealedCells {
  readonly value: Buffer;
  readonly notes?: Buffer | null;
}

interface KeyRow {
  readonly id: number;
  readonly wrapped: Buffer;
}

const rowsOf = (sql: Sql) => sql<KeyRow>('SELECT id, wrapped FROM data_key ORDER BY id');

export class DataKeys {
  readonly vault: Vault;
  readonly #database: Database;
  readonly #master: MasterKeySource;
  #known: readonly DataKey[];

  private constructor(database: Database, master: MasterKeySource, known: readonly DataKey[]) {
    this.#database = database;
    this.#master = master;
    this.#known = known;
    // A database over the network cannot answer in a synchronous call: keys are read before what they seal.
    this.vault = new Vault(() => this.#known);
  }

  /**
   * A new store gets its first data key. `isMoving`: also of one into which a move has not ended.
   * Errors LIST_KEY_WRONG, STORE_FAILED, STORE_UNFINISHED.
   */
  static async open(database: Database, master: MasterKeySource, { isMoving = false } = {}): Promise<DataKeys> {
    if (master.own !== null) {
      const why = 'every process needs the same master key';
      throw new AppError('LIST_KEY_WRONG', { why, action: 'set ZEEF_LIST_KEY_FILE or ZEEF_LIST_KEY' });
    }
    const rows = await database.writeOnce(async (sql) => {
      await lockStore(sql);
      if (!isMoving) await requireWhole(sql);
      const found = await rowsOf(sql);
      if (found.length > 0) return found;
      const made = { id: 1, key: randomBytes(DATA_KEY_BYTES) };
      await sql('INSERT INTO data_key (id, wrapped, created_at) VALUES ($1, $2, $3)', [
        made.id,
        wrapDataKey(master.read(), made),
        new Date().toISOString(),
      ]);
      return rowsOf(sql);
    });
    return new DataKeys(database, master, unwrapped(master, rows));
  }

  get known(): readonly DataKey[] {
    return this.#known;
  }

  /** Number of the key that seals everything from now on. */
  get current(): number {
    return this.vault.current;
  }

  /** Learn the keys that other processes have added. Errors LIST_KEY_WRONG, STORE_FAILED. */
  async refresh(): Promise<void> {
    const rows = await rowsOf((text, values) => this.#database.read(text, values));
    // A slow answer may be older than what is known.
    if (rows.length <= this.#known.length) return;
    this.adopt(unwrapped(this.#master, rows));
  }

  /** Use keys that this process has made. */
  adopt(keys: readonly DataKey[]): void {
    this.#known = keys;
    this.vault.refresh(keys);
  }

  /** Learn the keys of these rows before they are opened. */
  async learn(rows: readonly SealedCells[]): Promise<void> {
    const known = this.current;
    const isUnknown = (sealed: Buffer | null | undefined) =>
      sealed && sealed.length >= KEY_ID_BYTES && sealed.readUInt16BE(0) > known;
    if (rows.some(({ value, notes }) => isUnknown(value) || isUnknown(notes))) await this.refresh();
  }
}

const unwrapped = (master: MasterKeySource, rows: readonly KeyRow[]): DataKey[] => {
  const key = master.read();
  return rows.map(({ id, wrapped }) => unwrapDataKey(key, id, wrapped));
};
