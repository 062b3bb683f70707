/** The store's data keys: in the database, each sealed by the master key. */
import { randomBytes } from 'node:crypto';
import { AppError } from '../../core/errors.js';
import type { Sqlite } from '../../core/sqlite-binding.js';
import type { MasterKeySource } from '../../vault/master-key.js';
import { DATA_KEY_BYTES, DATA_KEYS_MAX, type DataKey, unwrapDataKey, Vault, wrapDataKey } from '../../vault/vault.js';
import { guarded } from '../file.js';
import { wholeTable } from '../sums.js';
import { DATA_KEY } from './database.js';

interface KeyRow {
  readonly id: number;
  readonly wrapped: Buffer;
}

/** A store that lost its data keys must not get new ones. */
const rowsOf = (db: Sqlite) => wholeTable<KeyRow>(db, DATA_KEY).sort((a, b) => a.id - b.id);

/** Errors  LIST_KEY_WRONG. */
export function readDataKeys(db: Sqlite, master: MasterKeySource): readonly DataKey[] {
  const rows = guarded(() => rowsOf(db));
  const unwrap = (key: Uint8Array) => rows.map(({ id, wrapped }) => unwrapDataKey(key, id, wrapped));
  try {
    return unwrap(master.read());
  } catch (error) {
    // A rotation interrupted between its commit and its last step leaves the new key beside the old one.
    const prepared = master.own?.prepared();
    if (!prepared) throw error;
    const keys = unwrap(prepared);
    master.own!.adopt();
    return keys;
  }
}

function putDataKey(db: Sqlite, master: Uint8Array, key: DataKey): void {
  db.prepare('INSERT OR REPLACE INTO data_key (id, wrapped, created_at) VALUES (?, ?, ?)').run(
    key.id,
    wrapDataKey(master, key),
    new Date().toISOString(),
  );
}

/** Add a data key, which seals everything from now on, and seal all data keys by `master`. */
export function addDataKey(db: Sqlite, known: readonly DataKey[], master: Uint8Array): DataKey {
  const id = Math.max(0, ...known.map((key) => key.id)) + 1;
  if (id > DATA_KEYS_MAX) throw new AppError('STORE_FAILED', { why: 'data keys exhausted', most: DATA_KEYS_MAX });
  const made = { id, key: randomBytes(DATA_KEY_BYTES) };
  for (const key of [...known, made]) putDataKey(db, master, key);
  return made;
}

/** Open the store's vault; a new store gets its first data key. Errors LIST_KEY_WRONG, STORE_FAILED. */
export function openVault(db: Sqlite, master: MasterKeySource): Vault {
  guarded(() => {
    // An existing vault is opened without the lock, which an import holds while it runs.
    if (rowsOf(db).length > 0) return;
    db.transaction(() => {
      // Another process may have created it meanwhile.
      if (rowsOf(db).length > 0) return;
      master.own?.ensure();
      addDataKey(db, [], master.read());
    }).immediate();
  });
  return new Vault(() => readDataKeys(db, master));
}
