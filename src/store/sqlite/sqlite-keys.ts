/** API keys in SQLite: 256 random bits each, of which only the SHA-256 is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ulid } from 'ulid';
import { AppError } from '../../core/errors.js';
import type { KeyInfo, KeyStore, Scope } from '../contract.js';
import { guarded, type Sqlite } from './database.js';

export const KEY_PREFIX = 'zeef_';
const KEY_BYTES = 32;

interface KeyRow {
  readonly id: string;
  readonly sha256: Buffer;
  readonly tenant: string;
  readonly scopes: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
}

const sha256 = (key: string) => createHash('sha256').update(key).digest();

function toInfo(row: KeyRow): KeyInfo {
  return {
    id: row.id,
    tenant: row.tenant,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}

export class SqliteKeys implements KeyStore {
  readonly #db: Sqlite;

  constructor(db: Sqlite) {
    this.#db = db;
  }

  async createKey({
    tenant,
    scopes,
    expiresAt,
  }: {
    tenant: string;
    scopes: readonly Scope[];
    expiresAt: string | null;
  }) {
    const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
    const info: KeyInfo = {
      id: ulid(),
      tenant,
      scopes,
      createdAt: new Date().toISOString(),
      expiresAt,
      revokedAt: null,
    };
    guarded(() =>
      this.#db
        .prepare('INSERT INTO api_key (id, sha256, tenant, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)')
        .run(info.id, sha256(key), tenant, JSON.stringify(scopes), info.createdAt, expiresAt),
    );
    return { info, key };
  }

  async findByKey(key: string): Promise<KeyInfo | null> {
    const wanted = sha256(key);
    const row = guarded(() => this.#db.prepare<[Buffer], KeyRow>('SELECT * FROM api_key WHERE sha256 = ?').get(wanted));
    return row && timingSafeEqual(row.sha256, wanted) ? toInfo(row) : null;
  }

  async keys(): Promise<KeyInfo[]> {
    return guarded(() => this.#db.prepare<[], KeyRow>('SELECT * FROM api_key ORDER BY id').all().map(toInfo));
  }

  async revokeKey(id: string): Promise<void> {
    const { changes } = guarded(() =>
      this.#db
        .prepare('UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL')
        .run(new Date().toISOString(), id),
    );
    if (changes === 0) throw new AppError('NOT_FOUND', { key: id });
  }
}
