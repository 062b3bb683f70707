/** Pages of sources, read in threads (`page-worker.ts`) within bounds of time and memory. A thread that exceeds one is ended. */
import type { Piscina } from 'piscina';
import { boundedWork, isOverdue } from '../../core/bounded-work.js';
import { AppError } from '../../core/errors.js';
import { artefact } from '../../core/package-root.js';
import { threadPool } from '../../core/thread-pool.js';
import type { PageOutcome, PageTask } from './page-worker.js';

/** Syncs side by side, each with a thread; more take turns. */
export const SYNCS_AT_ONCE = 4;
/** The longest page, of 64 MB, takes some ten seconds on a slow core. */
const READ_MS_MAX = 60_000;
/** The longest page as text takes 128 MB, twice while it is copied. */
const MEMORY_MB_MAX = 512;
/** Between two pages: a thread takes longer to start than most pages to read. */
const IDLE_MS = 10_000;

export interface PageReader {
  /** Errors SOURCE_FAILED: the page takes more time or memory than any; SHUTTING_DOWN: `signal`. */
  read(page: PageTask, signal: AbortSignal): Promise<PageOutcome>;
  /** End the threads; a page that is being read fails. */
  close(): Promise<void>;
}

/** The first thread starts with the first page. */
export function createPageReader({ readMsMax = READ_MS_MAX, memoryMbMax = MEMORY_MB_MAX } = {}): PageReader {
  let pool: Piscina<PageTask, PageOutcome> | null = null;
  const open = () =>
    threadPool<PageTask, PageOutcome>({
      filename: artefact('src', 'lists', 'import', 'page-worker.js'),
      minThreads: 0,
      maxThreads: SYNCS_AT_ONCE,
      idleTimeout: IDLE_MS,
      resourceLimits: { maxOldGenerationSizeMb: memoryMbMax },
    });
  return {
    async read(page, signal) {
      pool ??= open();
      const threads = pool;
      return boundedWork({ signals: [signal], ms: readMsMax }, async (inTime) => {
        try {
          return await threads.run(page, { signal: inTime });
        } catch (error) {
          if (signal.aborted) throw new AppError('SHUTTING_DOWN');
          if (isOverdue(inTime)) throw new AppError('SOURCE_FAILED', { why: `page not read within ${readMsMax} ms` });
          if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_OUT_OF_MEMORY') throw error;
          throw new AppError('SOURCE_FAILED', { why: `page needs more than ${memoryMbMax} MB of memory` });
        }
      });
    },
    async close() {
      const ended = pool;
      pool = null;
      await ended?.destroy();
    },
  };
}
