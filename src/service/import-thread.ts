/** The thread that imports lists: parsing is CPU-bound and must not delay requests. */
import type { Piscina } from 'piscina';
import { YOUNG_GENERATION_MB } from '../core/garbage.js';
import { artefact } from '../core/package-root.js';
import { threadPool } from '../core/thread-pool.js';
import type { ImportOutcome, ImportThread } from '../lists/import/import-task.js';
import type { ImportTask } from './import-worker.js';
import type { StorePlace } from './open-stores.js';

/** Single entries come in bursts: loading the code again would take longer than adding one. */
const IDLE_MS = 60_000;

/** Started with the first import. */
export function createImportThread(place: StorePlace): ImportThread {
  let pool: Piscina | null = null;
  return {
    async run(request, port) {
      const filename = artefact('src', 'service', 'import-worker.js');
      const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB };
      pool ??= threadPool({ filename, minThreads: 0, maxThreads: 1, idleTimeout: IDLE_MS, resourceLimits });
      const task: ImportTask = { place, request, port };
      return (await pool.run(task, { transferList: [port] })) as ImportOutcome;
    },
    async close() {
      const ended = pool;
      pool = null;
      // A thread that has run an import has a store open.
      if (ended && ended.threads.length > 0) await ended.run(null).catch(() => {});
      await ended?.destroy();
    },
  };
}
