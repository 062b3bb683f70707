/** Threads that seal values: batches in, batches out, in order, some of them ahead of the one that is written. */
import { availableParallelism } from 'node:os';
import { AppError } from '../../core/errors.js';
import { artefact } from '../../core/package-root.js';
import { threadPool } from '../../core/thread-pool.js';
import type { SealedBatch, SealOutcome, SealTask } from '../../vault/seal-worker.js';

/** Values of one batch: some fifteen milliseconds of a thread. */
export const VALUES_PER_BATCH = 1_024;
/** More threads than that wait for the one that writes. */
const THREADS_MAX = 4;
/** Batches for each thread that wait for it, or to be written: a megabyte each. */
const BATCHES_PER_THREAD = 2;

type Seal = (task: SealTask) => Promise<SealedBatch>;

/** Yield the result of `seal` for each batch. The threads end with it. Errors  those of the batches and of `seal`. */
export async function* sealedAhead<In, Out>(
  batches: AsyncIterable<In> | Iterable<In>,
  seal: (batch: In, run: Seal) => Promise<Out>,
): AsyncGenerator<Out> {
  const threads = Math.min(THREADS_MAX, availableParallelism());
  const filename = artefact('src', 'vault', 'seal-worker.js');
  const pool = threadPool({ filename, minThreads: threads, maxThreads: threads });
  const run: Seal = async (task) => {
    const outcome = (await pool.run(task)) as SealOutcome;
    if (!outcome.ok) throw new AppError('SEALED_DAMAGED', outcome.details);
    return outcome.batch;
  };
  const ahead: Promise<Out>[] = [];
  try {
    for await (const batch of batches) {
      const sealed = seal(batch, run);
      // Its error is thrown where it is awaited, in its turn.
      sealed.catch(() => {});
      ahead.push(sealed);
      if (ahead.length > threads * BATCHES_PER_THREAD) yield await ahead.shift()!;
    }
    while (ahead.length > 0) yield await ahead.shift()!;
  } finally {
    // Threads that are ended at their work can end the process.
    await Promise.allSettled(ahead);
    await pool.destroy();
  }
}
