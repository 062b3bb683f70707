/**
 * API keys in SQLite. A key is looked up by its SHA-256, so the time of a look-up depends on bits of a hash that no client
 * can choose; the row is then compared in constant time.
 */
import { AppError } from '../../core/errors.js';
import type { Sqlite, Statement } from '../../core/sqlite-binding.js';
import { type KeyRow, toKeyInfo } from '../../store/key-rows.js';
import { isSameKey, makeKey, requireKeyName, rotationOf, sha256OfKey } from '../../store/key-rules.js';
import type { CreatedKey, KeyInfo, KeyStore, NewKey, Rotation, TenantFilter } from '../../store/keys-contract.js';
import { tryWrite, writeWithRetry } from '../busy.js';
import { guarded } from '../file.js';
import { sound, wholeTable } from '../sums.js';
import { API_KEY } from './database.js';
import { makeTenant } from './tenants.js';

const timeOf = (ms: number) => new Date(ms).toISOString();

export class SqliteKeys implements KeyStore {
  readonly #db: Sqlite;
  readonly #find: Statement<[Buffer], KeyRow>;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#find = db.prepare('SELECT * FROM api_key WHERE sha256 = ?');
  }

  async createKey({ tenant, scopes, expiresAt, name = null }: NewKey): Promise<CreatedKey> {
    requireKeyName(name);
    const createdAt = timeOf(Date.now());
    return writeWithRetry(this.#db, () => this.#insert({ tenant, scopes, expiresAt, name, createdAt }));
  }

  async findByKey(key: string): Promise<KeyInfo | null> {
    const wanted = sha256OfKey(key);
    const row = guarded(() => this.#find.get(wanted));
    const isSame = isSameKey(row?.sha256, wanted);
    return row && isSame ? toKeyInfo(sound(API_KEY, row)) : null;
  }

  async keys(tenant: TenantFilter): Promise<KeyInfo[]> {
    return guarded(() =>
      wholeTable<KeyRow>(this.#db, API_KEY)
        .filter((row) => tenant === null || row.tenant === tenant)
        .map(toKeyInfo),
    );
  }

  rotateKey(tenant: TenantFilter, id: string, rotation: Rotation) {
    return writeWithRetry(this.#db, () => {
      const before = this.#byId(tenant, id);
      const ofLine = this.#db
        .prepare<[string, string], KeyRow>('SELECT * FROM api_key WHERE tenant = ? AND line = ?')
        .all(before.tenant, before.line)
        .map((row) => toKeyInfo(sound(API_KEY, row)));
      const { createdAt, expiresAt, oldExpiresAt } = rotationOf(before, ofLine, rotation);
      const inserted = this.#insert({ ...before, expiresAt, createdAt });
      this.#db
        .prepare('UPDATE api_key SET expires_at = ? WHERE tenant = ? AND id = ?')
        .run(oldExpiresAt, before.tenant, id);
      return { ...inserted, old: this.#byId(tenant, id) };
    });
  }

  revokeKey(tenant: TenantFilter, id: string): Promise<KeyInfo> {
    return writeWithRetry(this.#db, () => {
      const before = this.#byId(tenant, id);
      if (before.revokedAt !== null) throw new AppError('NOT_FOUND', { key: id });
      this.#db
        .prepare('UPDATE api_key SET revoked_at = ? WHERE tenant = ? AND id = ?')
        .run(timeOf(Date.now()), before.tenant, id);
      return before;
    });
  }

  async touchKey(tenant: string, id: string, atMs: number): Promise<boolean> {
    const touch = this.#db.prepare('UPDATE api_key SET last_used_at = ? WHERE tenant = ? AND id = ?');
    return tryWrite(this.#db, () => touch.run(timeOf(atMs), tenant, id)) !== null;
  }

  #byId(tenant: TenantFilter, id: string): KeyInfo {
    const read = this.#db.prepare<[TenantFilter, string], KeyRow>(
      'SELECT * FROM api_key WHERE tenant = ifnull(?, tenant) AND id = ?',
    );
    const row = read.get(tenant, id);
    if (!row) throw new AppError('NOT_FOUND', { key: id });
    return toKeyInfo(sound(API_KEY, row));
  }

  #insert(about: Required<NewKey> & { createdAt: string; line?: string }): CreatedKey {
    const { tenant, scopes, expiresAt, name, createdAt } = about;
    makeTenant(this.#db, tenant, createdAt);
    const { id, key } = makeKey();
    const line = about.line ?? id;
    this.#db
      .prepare(
        `INSERT INTO api_key (id, line, sha256, tenant, name, scopes, created_at, expires_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, line, sha256OfKey(key), tenant, name, JSON.stringify(scopes), createdAt, expiresAt);
    return { info: this.#byId(tenant, id), key };
  }
}
