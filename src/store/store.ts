/** Everything that a service stores, as one: the contracts together, and what concerns all of them. */
import type { Vault } from '../vault/vault.js';
import type { AuditStore } from './audit-contract.js';
import type { JobStore } from './jobs-contract.js';
import type { KeyStore } from './keys-contract.js';
import type { ListStore } from './lists-contract.js';
import type { TenantStore } from './tenants-contract.js';
import type { WebhookStore } from './webhooks-contract.js';

export interface Store {
  readonly lists: ListStore;
  readonly keys: KeyStore;
  readonly tenants: TenantStore;
  readonly audit: AuditStore;
  readonly webhooks: WebhookStore;
  readonly jobs: JobStore;
  /** Seals what rests outside the store too: index files, pages of sources, exports. */
  readonly vault: Vault;
  /**
   * Everything is sealed anew under a new data key, and the data keys under `newMaster`; without one, under a new key
   * where the store made its own, and under the same otherwise. Errors LIST_KEY_WRONG, SEALED_DAMAGED, STORE_FAILED.
   */
  rotateKeys(newMaster: Uint8Array | null): Promise<{ readonly keyId: number }>;
  close(): Promise<void>;
}
