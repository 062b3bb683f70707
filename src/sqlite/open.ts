/** The embedded store: SQLite files in the data folder, shared safely by several processes on one machine. */
import { join } from 'node:path';
import type { Sqlite } from '../core/sqlite-binding.js';
import { removeUnfinished } from '../core/unfinished.js';
import { STAGING_FOLDER, type Store } from '../store/store.js';
import { KEY_FILE, keyFromOwnFile, type MasterKeySource } from '../vault/master-key.js';
import { guarded } from './file.js';
import { openVault } from './lists/data-keys.js';
import { openListsDatabase, usageSeedOf } from './lists/database.js';
import { SqliteFeedback } from './lists/feedback.js';
import { type OnDamaged, SqliteLists } from './lists/lists.js';
import { mendIds, type OnCleared } from './lists/mend-ids.js';
import { sweepLeftovers } from './lists/remove-list.js';
import { rotateKeys } from './lists/rotate-keys.js';
import { sealPlainValues } from './lists/seal-values.js';
import { HELD_FOLDER } from './lists/versions.js';
import { SqliteAudit } from './service/audit.js';
import { API_KEY, openServiceDatabase, WEBHOOK_EVENT } from './service/database.js';
import { SqliteDuties } from './service/duties.js';
import { SqliteJobs } from './service/jobs.js';
import { SqliteKeys } from './service/keys.js';
import { SqliteNotes } from './service/notes.js';
import { SqliteReplicas } from './service/replicas.js';
import { SqliteShares } from './service/shares.js';
import { SqliteTenants } from './service/tenants.js';
import { SqliteWebhooks } from './service/webhooks.js';
import { problemsOf } from './sums.js';
import { watchCommits } from './watch-commits.js';

/** Tables that are searched by index and condition: damage hides a row from a search. Keys and events are few. */
const SEARCHED = [API_KEY, WEBHOOK_EVENT];

const damageIn = (service: Sqlite) =>
  SEARCHED.flatMap((table) => guarded(() => problemsOf(service, table)).map((row) => ({ table: table.name, row })));

interface StoreOptions {
  /** By default a file in the data folder, created once. */
  readonly master?: MasterKeySource;
  /** Called with each damaged row that is left out. */
  readonly onDamaged?: OnDamaged;
  /** Called with marks that were cleared since it is unknown which entry was meant. */
  readonly onCleared?: OnCleared;
}

/**
 * Errors STORE_FAILED: the folder cannot be created, or the file is not a store of this version. LIST_KEY_WRONG: the master
 * key is missing, or not the one of this store.
 */
export async function openSqliteStore(
  dataDir: string,
  { master = keyFromOwnFile(join(dataDir, KEY_FILE)), onDamaged = () => {}, onCleared = () => {} }: StoreOptions = {},
): Promise<Store> {
  const db = openListsDatabase(dataDir);
  let service: Sqlite | null = null;
  const stagingFolder = join(dataDir, STAGING_FOLDER);
  try {
    for (const folder of [dataDir, join(dataDir, HELD_FOLDER), stagingFolder]) removeUnfinished(folder);
    const vault = openVault(db, master);
    sealPlainValues(db, vault, dataDir);
    const opened = openServiceDatabase(dataDir);
    service = opened;
    const audit = new SqliteAudit(opened);
    await mendIds(db, vault, audit, onCleared);
    sweepLeftovers(db);
    for (const damage of damageIn(opened)) onDamaged(damage);
    return {
      lists: new SqliteLists(db, vault, dataDir, onDamaged),
      feedback: new SqliteFeedback(db),
      keys: new SqliteKeys(opened),
      tenants: new SqliteTenants(
        opened,
        guarded(() => usageSeedOf(db)),
      ),
      audit,
      webhooks: new SqliteWebhooks(opened),
      jobs: new SqliteJobs(opened),
      duties: new SqliteDuties(opened),
      shares: new SqliteShares(opened),
      notes: new SqliteNotes(opened),
      replicas: new SqliteReplicas(opened),
      scans: null,
      vault,
      // To open something the vault reads keys when it meets them; what it seals names none.
      learnKeys: async () => vault.refresh(),
      stagingFolder,
      onNews: (listener) => watchCommits(db, listener),
      rotateKeys: (newMaster) => rotateKeys(db, { vault, master, dataDir }, newMaster),
      close: async () => {
        guarded(() => {
          opened.close();
          db.close();
        });
      },
    };
  } catch (error) {
    service?.close();
    db.close();
    throw error;
  }
}
