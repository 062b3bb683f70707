/** Counts files in a thread of its own while the scan runs; stopped with it. */
import { Worker } from 'node:worker_threads';
import { artefact } from '../../core/package-root.js';
import type { CountNote, CountTask } from './count-worker.js';

export interface Counting {
  /** Files that there are, or null while they are being counted. */
  readonly total: number | null;
  stop(): Promise<void>;
}

/** It holds one name at a time. */
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
  // It only serves an estimate: without it there is none.
  worker.on('error', () => {});
  worker.unref();
  return {
    get total() {
      return total;
    },
    stop: async () => void (await worker.terminate()),
  };
}
