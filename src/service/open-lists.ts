/** Opens the lists of the data folder for commands that search nothing: no list is loaded into an index. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Audit } from '../audit/audit.js';
import type { Config } from '../config/knobs.js';
import { systemClock } from '../core/clock.js';
import { SYNC_FOLDER } from '../lists/import/spool-pages.js';
import { removeIndexBlobs } from '../lists/index-blobs.js';
import type { Logger } from '../telemetry/log.js';
import { NO_METRICS } from '../telemetry/metrics.js';
import { auditStore } from './audited-store.js';
import { type Env, type OpenedStore, storeFrom } from './open-stores.js';

export interface ListsAlone {
  readonly audit: Audit;
  /** Rotate as `Store.rotateKeys`, and remove reproducible files that are sealed by the old key. */
  rotateKeys(newMaster: Uint8Array | null): Promise<{ readonly keyId: number }>;
  close(): Promise<void>;
}

/** Errors  STORE_FAILED, LIST_KEY_WRONG, DATA_VERSION. */
export async function openListsAlone(config: Config, log: Logger, env: Env): Promise<ListsAlone> {
  const store = await storeFrom(config, { log, metrics: NO_METRICS, env });
  return {
    audit: auditStore(store, systemClock),
    rotateKeys: (newMaster) => rotateKeys(store, config.dataDir, newMaster),
    close: () => store.close(),
  };
}

async function rotateKeys(
  store: OpenedStore,
  dataDir: string,
  newMaster: Uint8Array | null,
): Promise<{ readonly keyId: number }> {
  const rotated = await store.rotateKeys(newMaster);
  await removeIndexBlobs(store.blobs);
  await rm(join(dataDir, SYNC_FOLDER), { recursive: true, force: true });
  return rotated;
}
