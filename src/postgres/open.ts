/**
 * The store of several machines: PostgreSQL, version 15 or newer. Under construction: lists and feedback are
 * missing, so it cannot be chosen yet.
 */
import type { Store } from '../store/store.js';
import { Database } from './database.js';
import { migrate } from './migrate.js';
import { MIGRATIONS } from './schema.js';
import { PostgresAudit } from './service/audit.js';
import { PostgresDuties } from './service/duties.js';
import { PostgresJobs } from './service/jobs.js';
import { PostgresKeys } from './service/keys.js';
import { PostgresTenants } from './service/tenants.js';
import { PostgresWebhooks } from './service/webhooks.js';

type PostgresStore = Pick<Store, 'audit' | 'duties' | 'jobs' | 'keys' | 'tenants' | 'webhooks' | 'close'>;

/**
 * Open the database at `url`, with one or several hosts of which one is the primary, and bring its schema to this version.
 * Errors  CONFIG_INVALID: the URL is malformed. DATA_VERSION: written by a newer version. STORE_FAILED: no host can be
 * reached, is a primary, and keeps what it has committed.
 */
export async function openPostgresStore(url: string): Promise<PostgresStore> {
  const database = new Database(url);
  try {
    await migrate(database, MIGRATIONS);
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    audit: new PostgresAudit(database),
    duties: new PostgresDuties(database),
    jobs: new PostgresJobs(database),
    keys: new PostgresKeys(database),
    tenants: new PostgresTenants(database),
    webhooks: new PostgresWebhooks(database),
    close: () => database.close(),
  };
}
