/** The store of several machines: PostgreSQL, version 15 or newer. */
import { makeFolder } from '../core/make-folder.js';
import { removeUnfinished } from '../core/unfinished.js';
import type { BlobStore } from '../store/blob-contract.js';
import type { Store } from '../store/store.js';
import type { MasterKeySource } from '../vault/master-key.js';
import { blobsOf } from './blobs/place.js';
import { Database } from './database.js';
import { isFenced } from './fence.js';
import { Listener } from './listener.js';
import { DataKeys } from './lists/data-keys.js';
import { PostgresFeedback } from './lists/feedback.js';
import { type OnDamaged, PostgresLists } from './lists/lists.js';
import { rotateKeys } from './lists/rotate-keys.js';
import { migrate } from './migrate.js';
import { PostgresScans } from './scans/scans.js';
import { MIGRATIONS } from './schema.js';
import { PostgresAudit } from './service/audit.js';
import { PostgresDuties } from './service/duties.js';
import { PostgresJobs } from './service/jobs.js';
import { PostgresKeys } from './service/keys.js';
import { PostgresNotes } from './service/notes.js';
import { PostgresReplicas } from './service/replicas.js';
import { PostgresShares } from './service/shares.js';
import { PostgresTenants } from './service/tenants.js';
import { PostgresWebhooks } from './service/webhooks.js';

interface StoreOptions {
  /** The same for all processes of the store. */
  readonly master: MasterKeySource;
  /** Of this process alone: rows that wait to be written; what killed processes left there is removed. */
  readonly stagingFolder: string;
  /** Where blobs are; null: in the database. */
  readonly blobs?: BlobStore | null;
  /** Called with each damaged row that is left out. */
  readonly onDamaged?: OnDamaged;
  /** Called if the user of the database passes over row-level security. */
  readonly onUnfenced?: () => void;
}

/**
 * Open the database at `url`, with one or several hosts of which one is the primary, and bring its schema to this version.
 * Errors  CONFIG_INVALID: the URL is malformed. DATA_VERSION: written by a newer version. STORE_FAILED: no host can be
 * reached, is a primary, and keeps what it has committed. LIST_KEY_WRONG: the master key is not the one of this store.
 */
export async function openPostgresStore(
  url: string,
  { master, stagingFolder, blobs: outside = null, onDamaged = () => {}, onUnfenced = () => {} }: StoreOptions,
): Promise<Store & { readonly blobs: BlobStore }> {
  const database = new Database(url);
  const listener = new Listener(url);
  let dataKeys: DataKeys;
  let blobs: BlobStore;
  try {
    makeFolder(stagingFolder);
    removeUnfinished(stagingFolder);
    await migrate(database, MIGRATIONS);
    if (!(await database.snapshot(isFenced))) onUnfenced();
    dataKeys = await DataKeys.open(database, master);
    blobs = await blobsOf(database, outside);
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    lists: new PostgresLists(database, dataKeys, onDamaged),
    blobs,
    feedback: new PostgresFeedback(database),
    vault: dataKeys.vault,
    learnKeys: () => dataKeys.refresh(),
    stagingFolder,
    rotateKeys: (newMaster) => rotateKeys(database, dataKeys, master, newMaster),
    audit: new PostgresAudit(database),
    duties: new PostgresDuties(database),
    shares: new PostgresShares(database),
    notes: new PostgresNotes(database),
    replicas: new PostgresReplicas(database),
    scans: new PostgresScans(database),
    jobs: new PostgresJobs(database),
    keys: new PostgresKeys(database),
    tenants: new PostgresTenants(database),
    webhooks: new PostgresWebhooks(database),
    onNews: (subscriber) => listener.on(subscriber),
    close: async () => {
      await Promise.all([listener.close(), database.close()]);
    },
  };
}
