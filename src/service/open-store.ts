/** Opens the store as configured, and inventories of scans. */
import { join } from 'node:path';
import type { Config } from '../config/knobs.js';
import { verifySqliteInventory } from '../sqlite/inventory/database.js';
import { openSqliteInventory } from '../sqlite/inventory/inventory.js';
import { openSqliteStore } from '../sqlite/open.js';
import { verifyDataFolder } from '../sqlite/verify.js';
import type { Inventory } from '../store/inventory-contract.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { KEY_FILE, keyFromFile, keyFromOwnFile, keyFromText, type MasterKeySource } from '../vault/master-key.js';

/** The configured place of the master key. */
export type KeyPlace = Pick<Config, 'listKey' | 'listKeyFile'>;

/** Errors LIST_KEY_WRONG: `listKey` is malformed. */
export function masterKeyAt(dataDir: string, { listKey, listKeyFile }: KeyPlace): MasterKeySource {
  if (listKey !== '') return keyFromText(listKey);
  return listKeyFile === '' ? keyFromOwnFile(join(dataDir, KEY_FILE)) : keyFromFile(listKeyFile);
}

/** Errors STORE_FAILED, LIST_KEY_WRONG. */
export function storeFrom(config: Config, { log, metrics }: { log: Logger; metrics: Metrics }): Promise<Store> {
  return openSqliteStore(config.dataDir, {
    master: masterKeyAt(config.dataDir, config),
    onDamaged: (damage) => {
      metrics.add('zeef_entries_damaged_total', {});
      log.error(damage, 'a stored row is damaged and matches nothing: run zeef verify, and import its list again');
    },
    onCleared: (marks) =>
      log.warn(
        marks,
        'marks were cleared: several entries had one id, so whom they were meant for is unknown; decide again',
      ),
  });
}

/** Open the inventory in a folder, or a temporary one. Errors DATA_VERSION, STORE_FAILED. */
export const openInventory: (folder: string | null) => Promise<Inventory> = openSqliteInventory;

/**
 * Return what is damaged in the data folder, or in an inventory, one line each. No list is loaded.
 * Errors  FILE_UNREADABLE: the inventory does not exist. DATA_VERSION.
 */
export const verifyFolder = (dataDir: string, inventory: string | null): string[] =>
  inventory === null ? verifyDataFolder(dataDir) : verifySqliteInventory(inventory);
