/** The thread that imports lists: parsing is CPU-bound and must not delay requests. */
import { Piscina } from 'piscina';
import { artefact } from '../core/package-root.js';
import type { ImportOutcome, ImportThread } from '../lists/import/import-task.js';
import type { ImportTask } from './import-worker.js';

/** Started with the first import. */
export function createImportThread(place: Pick<ImportTask, 'dataDir' | 'keyPlace'>): ImportThread {
  let pool: Piscina | null = null;
  return {
    async run(request, port) {
      pool ??= new Piscina({ filename: artefact('src', 'service', 'import-worker.js'), minThreads: 0, maxThreads: 1 });
      const task: ImportTask = { ...place, request, port };
      return (await pool.run(task, { transferList: [port] })) as ImportOutcome;
    },
    async close() {
      const ended = pool;
      pool = null;
      await ended?.destroy();
    },
  };
}
