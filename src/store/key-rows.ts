/** Rows of API keys, the same in every database. */
import type { KeyInfo, Scope } from './keys-contract.js';

export interface KeyRow {
  readonly id: string;
  readonly line: string;
  readonly sha256: Buffer;
  readonly tenant: string;
  readonly name: string | null;
  readonly scopes: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly last_used_at: string | null;
}

export function toKeyInfo(row: KeyRow): KeyInfo {
  return {
    id: row.id,
    line: row.line,
    tenant: row.tenant,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  };
}
