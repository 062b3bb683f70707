/** The stores that implement the contracts of `src/store/`, each in a fresh place. */
import { join } from 'node:path';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { openPostgresStore } from '../../src/postgres/open.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { openServiceDatabase, SERVICE_FILE } from '../../src/sqlite/service/database.js';
import type { LedgerStore, LedgerStoreOptions } from '../../src/store/ledger-contract.js';
import type { Store } from '../../src/store/store.js';
import { keyFromText } from '../../src/vault/master-key.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';

/** A place of one store, which several processes open: each `open()` is as one of them. `Part`: what a suite needs of it. */
export interface Place<Part> {
  /** Make an empty place; the one before is not opened again. */
  fresh(): void | Promise<void>;
  open(): Promise<Part>;
}

interface Backend extends Place<Store> {
  readonly name: string;
  /** Open the ledger of the place, as one more process does. */
  openLedger(options?: LedgerStoreOptions & { readonly foldGroups?: number }): LedgerStore;
  /** Change what is stored, past the store. */
  damage(sql: string): Promise<void>;
  /** Change it as the store does: its rows are sound. */
  change(sql: string): Promise<void>;
}

function sqlite(): Backend {
  let dataDir = '';
  return {
    name: 'SQLite',
    fresh: () => {
      dataDir = tempFolder('store');
    },
    open: () => openSqliteStore(dataDir),
    openLedger: (options) => openSqliteLedger(dataDir, options),
    damage: async (sql) => {
      const db = new Database(join(dataDir, SERVICE_FILE));
      db.exec(sql);
      db.close();
    },
    change: async (sql) => {
      const db = openServiceDatabase(dataDir);
      db.exec(sql);
      db.close();
    },
  };
}

const master = keyFromText('1'.repeat(64));

/** Open the store at `url`, as one more process does. */
export const openPostgres = (url: string) => openPostgresStore(url, { master, stagingFolder: tempFolder('staged') });

function postgres(): Backend {
  let database: Promise<string> | undefined;
  let url = '';
  const run = async (sql: string) => {
    await (await sharedServer()).run(sql, url);
  };
  return {
    name: 'PostgreSQL',
    fresh: async () => {
      const server = await sharedServer();
      database ??= server.createDatabase();
      url = await server.createSchema(await database);
    },
    open: () => openPostgres(url),
    openLedger: (options) => openPostgresLedger(url, options),
    damage: run,
    change: run,
  };
}

export const backends: readonly Backend[] = [sqlite(), ...(hasPostgres ? [postgres()] : [])];
