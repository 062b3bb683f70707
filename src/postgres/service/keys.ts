/**
 * API keys in PostgreSQL. A key is looked up by its SHA-256, so the time of a look-up depends on bits of a hash that no
 * client can choose; the row is then compared in constant time.
 */
import { AppError } from '../../core/errors.js';
import { type KeyRow, toKeyInfo } from '../../store/key-rows.js';
import { isSameKey, makeKey, requireKeyName, rotationOf, sha256OfKey } from '../../store/key-rules.js';
import type { CreatedKey, KeyInfo, KeyStore, NewKey, Rotation, TenantFilter } from '../../store/keys-contract.js';
import type { Database, Sql } from '../database.js';
import { makeTenant } from './tenants.js';

const timeOf = (ms: number) => new Date(ms).toISOString();

export class PostgresKeys implements KeyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async createKey({ tenant, scopes, expiresAt, name = null }: NewKey): Promise<CreatedKey> {
    requireKeyName(name);
    const createdAt = timeOf(Date.now());
    return this.#database.forTenant(tenant).write((sql) => insert(sql, { tenant, scopes, expiresAt, name, createdAt }));
  }

  /** With each request: one statement, so that it is one round trip (`fence.ts`). */
  async findByKey(key: string): Promise<KeyInfo | null> {
    const wanted = sha256OfKey(key);
    const [row] = await this.#database.read<KeyRow>('SELECT * FROM key_of_any_tenant($1)', [wanted]);
    return isSameKey(row?.sha256, wanted) ? toKeyInfo(row!) : null;
  }

  async keys(tenant: TenantFilter): Promise<KeyInfo[]> {
    const rows = await this.#database
      .forFilter(tenant)
      .read<KeyRow>('SELECT * FROM api_key WHERE $1::text IS NULL OR tenant = $1 ORDER BY number', [tenant]);
    return rows.map(toKeyInfo);
  }

  rotateKey(tenant: TenantFilter, id: string, rotation: Rotation) {
    return this.#database.forFilter(tenant).write(async (sql) => {
      const { line } = await keyOf(sql, tenant, id);
      // Read again once all are locked: a rotation or revocation that was first has changed them, or added one.
      await sql('SELECT 1 FROM api_key WHERE line = $1 ORDER BY id FOR NO KEY UPDATE', [line]);
      const ofLine = (await sql<KeyRow>('SELECT * FROM api_key WHERE line = $1', [line])).map(toKeyInfo);
      const before = ofLine.find((key) => key.id === id)!;
      const { createdAt, expiresAt, oldExpiresAt } = rotationOf(before, ofLine, rotation);
      const inserted = await insert(sql, { ...before, expiresAt, createdAt });
      await sql('UPDATE api_key SET expires_at = $2 WHERE id = $1', [id, oldExpiresAt]);
      return { ...inserted, old: { ...before, expiresAt: oldExpiresAt } };
    });
  }

  async revokeKey(tenant: TenantFilter, id: string): Promise<KeyInfo> {
    const [row] = await this.#database.forFilter(tenant).write((sql) =>
      sql<KeyRow>(
        `UPDATE api_key SET revoked_at = $3
         WHERE id = $1 AND ($2::text IS NULL OR tenant = $2) AND revoked_at IS NULL RETURNING *`,
        [id, tenant, timeOf(Date.now())],
      ),
    );
    if (!row) throw new AppError('NOT_FOUND', { key: id });
    return { ...toKeyInfo(row), revokedAt: null };
  }

  /** Never false: another process holds a row for some milliseconds. */
  async touchKey(tenant: string, id: string, atMs: number): Promise<boolean> {
    await this.#database
      .forTenant(tenant)
      .write((sql) =>
        sql('UPDATE api_key SET last_used_at = $3 WHERE tenant = $1 AND id = $2', [tenant, id, timeOf(atMs)]),
      );
    return true;
  }
}

/** Return a key of the tenant. Errors NOT_FOUND. */
async function keyOf(sql: Sql, tenant: TenantFilter, id: string): Promise<KeyInfo> {
  const [row] = await sql<KeyRow>('SELECT * FROM api_key WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)', [
    id,
    tenant,
  ]);
  if (!row) throw new AppError('NOT_FOUND', { key: id });
  return toKeyInfo(row);
}

async function insert(sql: Sql, about: Required<NewKey> & { createdAt: string; line?: string }): Promise<CreatedKey> {
  const { tenant, scopes, expiresAt, name, createdAt } = about;
  await makeTenant(sql, tenant, createdAt);
  const { id, key } = makeKey();
  const [row] = await sql<KeyRow>(
    `INSERT INTO api_key (id, line, sha256, tenant, name, scopes, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *`,
    [id, about.line ?? id, sha256OfKey(key), tenant, name, JSON.stringify(scopes), createdAt, expiresAt],
  );
  return { info: toKeyInfo(row!), key };
}
