/**
 * What a source withdrew, with its own times: an older statement about the same entry is refused whenever it arrives. A value is
 * withdrawn under the id that is made of it, so that no value is stored for it.
 */
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import type { Withdrawal } from '../../store/lists/entry-place.js';
import { requireSound, sound } from '../sums.js';
import { WITHDRAWAL } from './database.js';

interface WithdrawalRow {
  readonly list_id: number;
  readonly entry_id: string;
  readonly at_ms: number;
  readonly version: number;
}

export class Withdrawals {
  readonly #listId: number;
  readonly #version: number;
  readonly #find: Statement<[number, string], WithdrawalRow>;
  readonly #put: Statement<[number, string, number, number]>;
  #hasSome: boolean;

  /** `version`: of the running import. Errors STORE_DAMAGED: a lost withdrawal would let an older statement win. */
  constructor(db: Sqlite, { listId, version }: { readonly listId: number; readonly version: number }) {
    this.#listId = listId;
    this.#version = version;
    this.#find = db.prepare('SELECT * FROM withdrawal WHERE list_id = ? AND entry_id = ?');
    this.#put = db.prepare(
      `INSERT INTO withdrawal (list_id, entry_id, at_ms, version) VALUES (?, ?, ?, ?)
       ON CONFLICT (list_id, entry_id) DO UPDATE SET at_ms = max(at_ms, excluded.at_ms), version = excluded.version`,
    );
    // Of any list: the damage may be in the name of the list.
    this.#hasSome = db.prepare('SELECT 1 FROM withdrawal LIMIT 1').get() !== undefined;
    if (this.#hasSome) requireSound(db, WITHDRAWAL);
  }

  note(entryId: string, atMs: number): void {
    this.#put.run(this.#listId, entryId, atMs, this.#version);
    this.#hasSome = true;
  }

  find(entryId: string): Withdrawal | undefined {
    // Most lists have none.
    if (!this.#hasSome) return undefined;
    const row = this.#find.get(this.#listId, entryId);
    if (row === undefined) return undefined;
    const { at_ms: atMs, version } = sound(WITHDRAWAL, row);
    return { atMs, version };
  }
}
