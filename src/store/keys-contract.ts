/** API keys, as the rooms above see them. `test/store/keys-contract.ts` is the suite of every implementation. */

export const SCOPES = ['check', 'check:hashes', 'details', 'hits', 'lists', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Whose rows a statement may touch; null, of all tenants, is said by an administrator alone. */
export type TenantFilter = string | null;

export interface KeyInfo {
  readonly id: string;
  /** The first key of its line: a key and those that it was rotated into share it. */
  readonly line: string;
  readonly tenant: string;
  /** What it is for, in its maker's words. */
  readonly name: string | null;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  /** To the minute. */
  readonly lastUsedAt: string | null;
}

export interface NewKey {
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: string | null;
  readonly name?: string | null;
}

/** A key is told here and never again: only its SHA-256 is kept. */
export interface CreatedKey {
  readonly info: KeyInfo;
  readonly key: string;
}

export interface Rotation {
  readonly nowMs: number;
  /** How long the old key still works. */
  readonly graceMs: number;
  /** Of the new key; undefined: it lives as long as the old one was meant to. */
  readonly expiresAt?: string | null;
}

export interface KeyStore {
  /** Errors REQUEST_INVALID: the tenant's name is not one. */
  createKey(about: NewKey): Promise<CreatedKey>;
  /** The one statement without a tenant: it tells whose the key is. Also of revoked and expired keys: the caller decides. */
  findByKey(key: string): Promise<KeyInfo | null>;
  /** In the order of their making. */
  keys(tenant: TenantFilter): Promise<KeyInfo[]>;
  /**
   * A second live key with the same tenant, name and scopes; the old one expires after the grace, if it does not before.
   * Errors NOT_FOUND: there is no such live key; KEYS_LIVE_MAX: its line has two live keys already.
   */
  rotateKey(tenant: TenantFilter, id: string, rotation: Rotation): Promise<CreatedKey & { readonly old: KeyInfo }>;
  /** Result: what it was. Errors NOT_FOUND. */
  revokeKey(tenant: TenantFilter, id: string): Promise<KeyInfo>;
  /** Notes that a key was used; false where the store is too busy to be bothered with it. */
  touchKey(tenant: string, id: string, atMs: number): Promise<boolean>;
}

export function isLive({ expiresAt, revokedAt }: KeyInfo, nowMs: number): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > nowMs);
}
