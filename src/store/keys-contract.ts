/** The contract of API keys. `test/store/keys-contract.ts` is the suite of every implementation. */

export const SCOPES = ['check', 'check:hashes', 'details', 'hits', 'lists', 'curate', 'signals', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** The tenant whose rows a statement may touch; null, for all tenants, is for administrators only. */
export type TenantFilter = string | null;

export interface KeyInfo {
  readonly id: string;
  /** The first key of its line: a key and its rotations share it. */
  readonly line: string;
  readonly tenant: string;
  /** Free text by its creator. */
  readonly name: string | null;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  /** Precise to the minute. */
  readonly lastUsedAt: string | null;
}

export interface NewKey {
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: string | null;
  readonly name?: string | null;
}

/** A created key, shown only once: only its SHA-256 is stored. */
export interface CreatedKey {
  readonly info: KeyInfo;
  readonly key: string;
}

export interface Rotation {
  readonly nowMs: number;
  /** Grace period of the old key. */
  readonly graceMs: number;
  /** Expiry of the new key; undefined: the lifetime of the old one. */
  readonly expiresAt?: string | null;
}

export interface KeyStore {
  /** Errors REQUEST_INVALID: invalid tenant name. */
  createKey(about: NewKey): Promise<CreatedKey>;
  /** Find a key; the only statement without a tenant. Includes revoked and expired keys: the caller decides. */
  findByKey(key: string): Promise<KeyInfo | null>;
  /** In the order of their creation. */
  keys(tenant: TenantFilter): Promise<KeyInfo[]>;
  /**
   * Create a second live key with the same tenant, name and scopes; the old one expires after the grace period, or earlier.
   * Errors NOT_FOUND: there is no such live key; KEYS_LIVE_MAX: its line has two live keys already.
   */
  rotateKey(tenant: TenantFilter, id: string, rotation: Rotation): Promise<CreatedKey & { readonly old: KeyInfo }>;
  /** Result: the key before. Errors NOT_FOUND. */
  revokeKey(tenant: TenantFilter, id: string): Promise<KeyInfo>;
  /** Note a key's use; false if the store is busy. */
  touchKey(tenant: string, id: string, atMs: number): Promise<boolean>;
}

export function isLive({ expiresAt, revokedAt }: KeyInfo, nowMs: number): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > nowMs);
}
