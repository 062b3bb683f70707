/** Count of files in a separate thread while the scan runs. */
import { Worker } from 'node:worker_threads';
import { artefact } from '../../core/package-root.js';
import type { CountNote, CountTask } from './count-worker.js';

export interface Counting {
  /** Number of files, or null while they are being counted. */
  readonly total: number | null;
  stop(): Promise<void>;
}

/** The thread holds one name at a time. */
const YOUNG_MB = 2;

export function countFiles(task: CountTask): Counting {
  let total: number | null = null;
  const worker = new Worker(artefact('src', 'scan', 'walk', 'count-worker.js'), {
    workerData: task,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  worker.on('message', ({ files, isWhole }: CountNote) => {
    if (isWhole) total = files;
  });
  // A failure only costs the estimate.
  worker.on('error', () => {});
  worker.unref();
  return {
    get total() {
      return total;
    },
    stop: async () => void (await worker.terminate()),
  };
}
