/**
 * Opens the stores as configured: SQLite in the data folder, or PostgreSQL. The only place that chooses; the driver of the
 * other one is not loaded.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openBlobs, openOwnBlobs } from '../blobs/open-blobs.js';
import type { Config } from '../config/knobs.js';
import { AppError } from '../core/errors.js';
import { LISTS_FILE } from '../sqlite/lists/file-name.js';
import type { BlobStore } from '../store/blob-contract.js';
import type { Inventory } from '../store/inventory-contract.js';
import type { LedgerStore, LedgerStoreOptions } from '../store/ledger-contract.js';
import { STAGING_FOLDER, type Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { KEY_FILE, keyFromFile, keyFromOwnFile, keyFromText, type MasterKeySource } from '../vault/master-key.js';

export { INVENTORY_FILE } from '../sqlite/inventory/file-name.js';

/** Variables of this process. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Where the store and its blobs are, and the keys: all that another thread needs to open it. */
export interface StorePlace extends Pick<Config, 'dataDir' | 'databaseUrl' | 'blobs' | 'listKey' | 'listKeyFile'> {
  /** Variables of a bucket. */
  readonly bucketEnv: Env;
}

/** The store, and the blobs that its processes share. */
export interface OpenedStore extends Store {
  readonly blobs: BlobStore;
  /** Whether a damaged row was found since it was opened: what was read of it is not all. */
  hasDamage(): boolean;
}

/** In the data folder: blobs of an embedded store. */
const BLOB_FOLDER = 'blobs';

/** Called with what was left out or cleared while the store was read. */
interface Observers {
  readonly onDamaged?: (damage: { readonly table: string; readonly row: string | number }) => void;
  readonly onCleared?: (marks: object) => void;
  /** Called if the user of the database passes over the fence between tenants. */
  readonly onUnfenced?: () => void;
}

const isShared = ({ databaseUrl }: Pick<StorePlace, 'databaseUrl'>) => databaseUrl !== '';

export const storePlaceOf = ({ dataDir, databaseUrl, blobs, listKey, listKeyFile }: Config, env: Env): StorePlace => ({
  dataDir,
  databaseUrl,
  blobs,
  listKey,
  listKeyFile,
  bucketEnv: Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('AWS_'))),
});

/** Errors LIST_KEY_WRONG: `listKey` is malformed. */
export function masterKeyOf({ dataDir, listKey, listKeyFile }: StorePlace): MasterKeySource {
  if (listKey !== '') return keyFromText(listKey);
  return listKeyFile === '' ? keyFromOwnFile(join(dataDir, KEY_FILE)) : keyFromFile(listKeyFile);
}

/**
 * Open the store of this place. Errors  STORE_FAILED, LIST_KEY_WRONG, DATA_VERSION, STORE_MOVED; CONFIG_INVALID: the URL of the database
 * or the place of blobs is malformed, or is not the one of the other processes.
 */
export async function openStoreAt(
  place: StorePlace,
  { onDamaged = () => {}, onCleared, onUnfenced = () => {} }: Observers = {},
): Promise<OpenedStore> {
  const master = masterKeyOf(place);
  let isDamaged = false;
  const hasDamage = () => isDamaged;
  const damaged: Pick<Required<Observers>, 'onDamaged'> = {
    onDamaged: (damage) => {
      isDamaged = true;
      onDamaged(damage);
    },
  };
  if (!isShared(place)) {
    // Two embedded stores with one place would each remove the bodies of the other.
    if (place.blobs !== '') throw new AppError('CONFIG_INVALID', { problems: 'ZEEF_BLOBS needs ZEEF_DATABASE_URL' });
    const { openSqliteStore } = await import('../sqlite/open.js');
    // First the store: in the folder of one that was moved, nothing is made.
    const store = await openSqliteStore(place.dataDir, { master, ...damaged, ...(onCleared ? { onCleared } : {}) });
    try {
      return { ...store, blobs: openOwnBlobs(join(place.dataDir, BLOB_FOLDER)), hasDamage };
    } catch (error) {
      await store.close();
      throw error;
    }
  }
  const { openPostgresStore } = await import('../postgres/open.js');
  const stagingFolder = join(place.dataDir, STAGING_FOLDER);
  const outside = place.blobs === '' ? null : openBlobs(place.blobs, place.bucketEnv);
  const observers = { ...damaged, onUnfenced };
  const store = await openPostgresStore(place.databaseUrl, { master, stagingFolder, blobs: outside, ...observers });
  return { ...store, hasDamage };
}

/** Open the store as configured, and report damage. Errors as `openStoreAt`. */
export async function storeFrom(
  config: Config,
  { log, metrics, env }: { log: Logger; metrics: Metrics; env: Env },
): Promise<OpenedStore> {
  if (isShared(config)) warnOfEmbedded(config.dataDir, log);
  return openStoreAt(storePlaceOf(config, env), {
    onDamaged: (damage) => {
      metrics.add('zeef_entries_damaged_total', {});
      log.error(damage, 'a stored row is damaged and matches nothing: run zeef verify, and import its list again');
    },
    onUnfenced: () =>
      log.warn('the database user is a superuser or has BYPASSRLS: row-level security does not guard tenants'),
    onCleared: (marks) =>
      log.warn(
        marks,
        'marks were cleared: several entries had one id, so whom they were meant for is unknown; decide again',
      ),
  });
}

/** An operator who sets the URL of a database beside an embedded store may miss its lists. */
function warnOfEmbedded(dataDir: string, log: Logger): void {
  const file = join(dataDir, LISTS_FILE);
  if (existsSync(file))
    log.warn({ file }, 'the data folder holds an embedded store, which is not used: ZEEF_DATABASE_URL is set');
}

/** Nothing is opened before the first query. */
export async function openLedgerStore(
  place: Pick<StorePlace, 'dataDir' | 'databaseUrl'>,
  options: LedgerStoreOptions,
): Promise<LedgerStore> {
  if (!isShared(place)) {
    const { openSqliteLedger } = await import('../sqlite/ledger/ledger.js');
    return openSqliteLedger(place.dataDir, options);
  }
  const { openPostgresLedger } = await import('../postgres/ledger/ledger.js');
  return openPostgresLedger(place.databaseUrl, options);
}

/** Open the inventory in a folder, or a temporary one: of one process, whatever the store. Errors DATA_VERSION, STORE_FAILED. */
export async function openInventory(folder: string | null): Promise<Inventory> {
  const { openSqliteInventory } = await import('../sqlite/inventory/inventory.js');
  return openSqliteInventory(folder);
}

/**
 * Return what is damaged in an inventory, one line each.
 * Errors  FILE_UNREADABLE: the inventory does not exist. DATA_VERSION.
 */
export async function verifyInventory(folder: string): Promise<string[]> {
  const { verifySqliteInventory } = await import('../sqlite/inventory/database.js');
  return verifySqliteInventory(folder);
}

/** Return what is damaged in the store, one line each. No list is loaded. Errors of PostgreSQL: as `openStoreAt`. */
export async function verifyStore(place: StorePlace): Promise<string[]> {
  if (!isShared(place)) {
    const { verifyDataFolder } = await import('../sqlite/verify.js');
    return verifyDataFolder(place.dataDir);
  }
  const problems: string[] = [];
  const store = await openStoreAt(place, {
    onDamaged: ({ table, row }) => problems.push(`${table}: row ${row} is damaged`),
  });
  try {
    for (const { list } of await store.lists.lists()) {
      const { ok } = await store.lists.verify(list);
      if (!ok) problems.push(`list: ${JSON.stringify(list)} is not as imported: import it again`);
    }
    const { ok, brokenAt } = await store.audit.verify();
    if (!ok) problems.push(`audit: the log is broken at row ${brokenAt}`);
    return problems;
  } finally {
    await store.close();
  }
}
