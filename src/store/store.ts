/** The whole store of a service: all contracts, and operations that concern all of them. */
import type { Vault } from '../vault/vault.js';
import type { AuditStore } from './audit-contract.js';
import type { DutyStore } from './duties-contract.js';
import type { FeedbackStore } from './feedback-contract.js';
import type { JobStore } from './jobs-contract.js';
import type { JoinedScanStore } from './joined-scans-contract.js';
import type { KeyStore } from './keys-contract.js';
import type { ListStore } from './lists-contract.js';
import type { NoteStore } from './notes-contract.js';
import type { ReplicaStore } from './replicas-contract.js';
import type { ShareStore } from './shares-contract.js';
import type { TenantStore } from './tenants-contract.js';
import type { WebhookStore } from './webhooks-contract.js';

/** In the data folder: parsed rows of running imports, sealed. */
export const STAGING_FOLDER = 'staged';

export interface Store {
  readonly lists: ListStore;
  /** Sent as a whole under one action of the audit log: it is not audited by itself. */
  readonly feedback: FeedbackStore;
  readonly keys: KeyStore;
  readonly tenants: TenantStore;
  readonly audit: AuditStore;
  readonly webhooks: WebhookStore;
  readonly jobs: JobStore;
  readonly duties: DutyStore;
  readonly shares: ShareStore;
  readonly notes: NoteStore;
  readonly replicas: ReplicaStore;
  /** Null: a store of one machine. */
  readonly scans: JoinedScanStore | null;
  /** Also seals files outside the store: index files, pages of sources, exports. */
  readonly vault: Vault;
  /**
   * Learn the data keys that other processes have made, before something is opened that they may have sealed, or a file is sealed that
   * stays. Errors STORE_FAILED, LIST_KEY_WRONG.
   */
  learnKeys(): Promise<void>;
  /** Folder of rows that wait to be written; what killed processes left there is removed when a store is opened. */
  readonly stagingFolder: string;
  /**
   * Reseal everything by a new data key, and the data keys by `newMaster`; without one, by a new master key if the store
   * made its own, otherwise by the same. Errors LIST_KEY_WRONG, SEALED_DAMAGED, STORE_FAILED.
   */
  rotateKeys(newMaster: Uint8Array | null): Promise<{ readonly keyId: number }>;
  /**
   * Call `listener` soon after another process may have changed lists. Calls may be missed, and may be for nothing: poll too.
   * Result: ends it.
   */
  onNews(listener: () => void): () => void;
  close(): Promise<void>;
}
