/** The embedded store: SQLite files in the data folder, shared safely by several processes on one machine. */
import { join } from 'node:path';
import { removeUnfinished } from '../core/unfinished.js';
import type { Store } from '../store/store.js';
import { KEY_FILE, keyFromOwnFile, type MasterKeySource } from '../vault/master-key.js';
import { guarded } from './file.js';
import { openVault } from './lists/data-keys.js';
import { openListsDatabase, storeIdOf } from './lists/database.js';
import { SqliteLists } from './lists/lists.js';
import { mendIds } from './lists/mend-ids.js';
import { rotateKeys } from './lists/rotate-keys.js';
import { sealPlainValues } from './lists/seal-values.js';
import { HELD_FOLDER } from './lists/versions.js';
import { SqliteAudit } from './service/audit.js';
import { openServiceDatabase } from './service/database.js';
import { SqliteDuties } from './service/duties.js';
import { SqliteJobs } from './service/jobs.js';
import { SqliteKeys } from './service/keys.js';
import { SqliteTenants } from './service/tenants.js';
import { SqliteWebhooks } from './service/webhooks.js';

/** In the data folder: parsed rows of running imports, sealed. */
const STAGING_FOLDER = 'staged';

interface StoreOptions {
  /** By default a file in the data folder, created once. */
  readonly master?: MasterKeySource;
  /** Called with the key of each entry whose value cannot be unsealed. */
  readonly onDamaged?: (entryKey: number) => void;
}

/**
 * Errors STORE_FAILED: the folder cannot be created, or the file is not a store of this version. LIST_KEY_WRONG: the master
 * key is missing, or not the one of this store.
 */
export async function openSqliteStore(
  dataDir: string,
  { master = keyFromOwnFile(join(dataDir, KEY_FILE)), onDamaged = () => {} }: StoreOptions = {},
): Promise<Store> {
  const db = openListsDatabase(dataDir);
  const stagingFolder = join(dataDir, STAGING_FOLDER);
  try {
    for (const folder of [dataDir, join(dataDir, HELD_FOLDER), stagingFolder]) removeUnfinished(folder);
    const vault = openVault(db, master);
    sealPlainValues(db, vault, dataDir);
    mendIds(db, vault);
    const service = openServiceDatabase(dataDir);
    return {
      lists: new SqliteLists(db, vault, dataDir, onDamaged),
      keys: new SqliteKeys(service),
      tenants: new SqliteTenants(service, storeIdOf(db)),
      audit: new SqliteAudit(service),
      webhooks: new SqliteWebhooks(service),
      jobs: new SqliteJobs(service),
      duties: new SqliteDuties(service),
      vault,
      stagingFolder,
      rotateKeys: (newMaster) => rotateKeys(db, { vault, master, dataDir }, newMaster),
      close: async () => {
        guarded(() => {
          service.close();
          db.close();
        });
      },
    };
  } catch (error) {
    db.close();
    throw error;
  }
}
