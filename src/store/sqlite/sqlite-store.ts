/** The embedded store: one SQLite file in the data folder, shared safely by several processes of one machine. */
import type { Store } from '../contract.js';
import { guarded, openDatabase } from './database.js';
import { SqliteAudit } from './sqlite-audit.js';
import { SqliteKeys } from './sqlite-keys.js';
import { SqliteLists } from './sqlite-lists.js';
import { SqliteTenants } from './sqlite-tenants.js';

/** Errors STORE_FAILED: the folder cannot be made or the file is not a store of this version. */
export async function openSqliteStore(dataDir: string): Promise<Store> {
  const db = openDatabase(dataDir);
  return {
    lists: new SqliteLists(db, dataDir),
    keys: new SqliteKeys(db),
    tenants: new SqliteTenants(db),
    audit: new SqliteAudit(db),
    close: async () => {
      guarded(() => db.close());
    },
  };
}
