/** The store as the knobs want it. */
import type { Config } from '../config/knobs.js';
import { openSqliteStore } from '../store/sqlite/sqlite-store.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { masterKeyAt } from './master-key-at.js';

/** Errors STORE_FAILED, LIST_KEY_WRONG. */
export function storeFrom(config: Config, { log, metrics }: { log: Logger; metrics: Metrics }): Promise<Store> {
  return openSqliteStore(config.dataDir, {
    master: masterKeyAt(config.dataDir, config),
    onDamaged: (entryKey) => {
      metrics.add('zeef_entries_damaged_total', {});
      log.error({ entryKey }, 'the value of an entry is damaged and matches nothing: import its list again');
    },
  });
}
