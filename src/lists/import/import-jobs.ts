/**
 * Imports as jobs: the bytes that a client sends are written sealed, stored as a job, and imported one job after the
 * other in a thread of its own. Leaves their bytes to `import-bodies.ts`, the order to `import-queue.ts`, and the
 * import of one job to `run-job.ts`.
 */
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type { Audit } from '../../audit/audit.js';
import { AppError } from '../../core/errors.js';
import { newId } from '../../core/new-id.js';
import { withDuty } from '../../duties/with-duty.js';
import type { BlobStore } from '../../store/blob-contract.js';
import type { ImportJob } from '../../store/jobs-contract.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import { ImportBodies } from './import-bodies.js';
import { ImportQueue } from './import-queue.js';
import type { ImportThread, ThreadedImport } from './import-task.js';
import { findJob, IMPORTS, type ImportSettings, type JobParts, originOf, reportOf, runJob } from './run-job.js';
import { readShort, ShortImports } from './short-imports.js';

/** Queued imports; each keeps its bytes on disk meanwhile. */
export const IMPORTS_WAITING_MAX = 20;

/** Jobs of a process that died, and ends of jobs in other processes, are seen within this time. */
const LOOK_MS = 1_000;

export interface JobProgress extends ImportJob {
  /** Bytes read so far; null unless the job runs. */
  readonly bytesDone: number | null;
  /** The same of rows, accepted or not. */
  readonly rowsRead: number | null;
}

export interface ImportJobs {
  /**
   * Write the bytes and store the job. The same bytes for the same list, sent again while the job waits, runs or is the
   * active version, return that job. `actor`: the sender, for the audit log.
   * Errors  BODY_EMPTY; BODY_TOO_LARGE; QUEUE_FULL; SHUTTING_DOWN; STORE_FAILED.
   */
  submit(list: string, body: AsyncIterable<Uint8Array>, how: ImportSettings, actor: string): Promise<JobProgress>;
  /**
   * Import a short list before the answer, and submit a longer one. Result and errors: as `submit`; the job of a short list
   * has ended, unless the service closes.
   */
  take(list: string, body: AsyncIterable<Uint8Array>, how: ImportSettings, actor: string): Promise<JobProgress>;
  /** Wait for the job's end. Errors NOT_FOUND. */
  ended(id: string): Promise<JobProgress>;
  /** Errors NOT_FOUND. */
  job(id: string): Promise<JobProgress>;
  jobs(list?: string): Promise<readonly JobProgress[]>;
  /** Run an import that its caller waits for, in order and in the same thread. Errors as `importList`. */
  run(request: ThreadedImport): Promise<ImportReport>;
  /** Resume the jobs that an earlier process left, in their order. */
  resume(): Promise<void>;
  /** Stop the running job; the next start repeats it. */
  close(): Promise<void>;
}

export function createImportJobs(
  store: Store,
  {
    blobs,
    dataDir,
    thread,
    ...parts
  }: {
    blobs: BlobStore;
    dataDir: string;
    thread: ImportThread;
    log: Logger;
    audit: Audit;
    onEnd: () => Promise<void>;
  },
): ImportJobs {
  return new StoredImportJobs({
    store,
    bodies: new ImportBodies(blobs, store.vault, dataDir),
    queue: new ImportQueue(thread),
    ...parts,
  });
}

class StoredImportJobs implements ImportJobs {
  readonly #parts: JobParts;
  readonly #store: Store;
  readonly #bodies: ImportBodies;
  readonly #queue: ImportQueue;
  readonly #short: ShortImports;
  /** Called after each job of this process, and regularly for those of others. */
  #wakeUps: (() => void)[] = [];
  #running: Promise<void> | null = null;
  #isStale = false;
  /** Imports that run or wait, and are no jobs. */
  #syncs = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Of two equal bodies that arrive together, the second finds the job of the first. */
  readonly #oneAtATime = pLimit(1);

  constructor(parts: JobParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#bodies = parts.bodies;
    this.#queue = parts.queue;
    this.#short = new ShortImports(parts);
  }

  async submit(
    list: string,
    body: AsyncIterable<Uint8Array>,
    how: ImportSettings,
    actor: string,
  ): Promise<JobProgress> {
    await this.#requireRoom();
    const id = newId();
    let stored: string | null = null;
    try {
      const { bytes, sha256 } = await this.#bodies.write(id, body);
      if (bytes === 0) throw new AppError('BODY_EMPTY');
      const sameAs = sameAsOf(sha256, list, how);
      stored = await this.#oneAtATime(() => this.#storeJob({ id, list, request: { ...how, actor }, bytes, sameAs }));
      return this.job(stored);
    } finally {
      if (stored !== id)
        await this.#bodies
          .remove(id)
          .catch((error: unknown) => this.#parts.log.warn({ err: error, job: id }, 'the body of no job stays'));
    }
  }

  async take(list: string, body: AsyncIterable<Uint8Array>, how: ImportSettings, actor: string): Promise<JobProgress> {
    // Before the first byte is read: a body that is refused unread is discarded by the server.
    await this.#requireRoom();
    const { short, whole } = await readShort(body);
    if (short === null) return this.submit(list, whole, how, actor);
    if (short.length === 0) throw new AppError('BODY_EMPTY');
    // What was sent before it comes before it; and where it would wait for long, it waits in the store.
    if (this.#syncs > 0 || (await this.#store.jobs.unfinished()).length > 0)
      return this.ended((await this.submit(list, whole, how, actor)).id);
    const sameAs = sameAsOf(createHash('sha256').update(short).digest('hex'), list, how);
    const job = { id: newId(), list, request: { ...how, actor }, bytes: short.length, sameAs };
    return this.#progressOf(await this.#short.run(job, short, () => this.#sameJob(list, sameAs)));
  }

  /** Errors SHUTTING_DOWN, QUEUE_FULL. */
  async #requireRoom(): Promise<void> {
    if (this.#queue.isClosing) throw new AppError('SHUTTING_DOWN');
    const waiting = (await this.#store.jobs.unfinished()).length;
    if (waiting >= IMPORTS_WAITING_MAX) throw new AppError('QUEUE_FULL', { waiting });
  }

  /** Store and queue the job of a body. Result: its id, or that of the same job. Errors: as `#requireRoom`. */
  async #storeJob(job: Pick<ImportJob, 'id' | 'list' | 'request' | 'bytes' | 'sameAs'>): Promise<string> {
    const same = await this.#sameJob(job.list, job.sameAs);
    if (same) return same.id;
    // Again, since the upload took its time.
    await this.#requireRoom();
    const createdAt = new Date().toISOString();
    await this.#store.jobs.addJob({ ...job, state: 'queued', createdAt, finishedAt: null, report: null, error: null });
    this.#watch();
    return job.id;
  }

  async ended(id: string): Promise<JobProgress> {
    for (;;) {
      const job = await this.job(id);
      if ((job.state !== 'queued' && job.state !== 'running') || this.#queue.isClosing) return job;
      await new Promise<void>((resolve) => this.#wakeUps.push(resolve));
    }
  }

  async job(id: string): Promise<JobProgress> {
    return this.#progressOf(await findJob(this.#store, id));
  }

  async jobs(list?: string): Promise<readonly JobProgress[]> {
    return (await this.#store.jobs.jobs(list)).map((job) => this.#progressOf(job));
  }

  async run(request: ThreadedImport): Promise<ImportReport> {
    this.#syncs++;
    try {
      return reportOf(await this.#queue.add(() => this.#queue.inThread(newId(), request)));
    } finally {
      this.#syncs--;
    }
  }

  async resume(): Promise<void> {
    const [all, waiting] = [await this.#store.jobs.jobs(), await this.#store.jobs.unfinished()];
    await this.#bodies
      .removeLeftovers(all, waiting)
      .catch((error: unknown) => this.#parts.log.error({ err: error }, 'bodies of ended imports cannot be removed'));
    this.#watch();
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#queue.close();
    await this.#running;
    this.#wakeUp();
  }

  #progressOf(job: ImportJob): JobProgress {
    const read = job.state === 'running' ? this.#queue.read(job.id) : null;
    return { ...job, bytesDone: read?.bytesDone ?? null, rowsRead: read?.rowsRead ?? null };
  }

  /** Run the unfinished jobs of the store now, and those that other processes leave. */
  #watch(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    this.#look();
  }

  #look(): void {
    this.#isStale = true;
    this.#running ??= this.#runWhileStale().finally(() => {
      this.#running = null;
    });
  }

  async #runWhileStale(): Promise<void> {
    while (this.#isStale && !this.#queue.isClosing) {
      this.#isStale = false;
      await this.#runAll().catch((error: unknown) => this.#parts.log.error({ err: error }, 'import queue read failed'));
      this.#wakeUp();
    }
  }

  /** Run all jobs, unless another process runs them. */
  async #runAll(): Promise<void> {
    const { jobs, duties } = this.#store;
    if ((await jobs.unfinished()).length === 0) return;
    await withDuty(duties, IMPORTS, async (held) => {
      let running = '';
      held.onLost(() => this.#queue.stop(running));
      for (;;) {
        const [next] = await jobs.unfinished();
        if (!next || held.isLost() || this.#queue.isClosing) return;
        running = next.id;
        await this.#queue.add(() => runJob(next.id, held, this.#parts));
        this.#wakeUp();
        // A job whose end could not be stored is tried again later.
        if ((await jobs.unfinished())[0]?.id === next.id) return;
      }
    });
  }

  #wakeUp(): void {
    for (const wake of this.#wakeUps.splice(0)) wake();
  }

  /** Return the job whose bytes the list already holds, or that is about to import them. */
  async #sameJob(list: string, sameAs: string): Promise<ImportJob | null> {
    const same = (await this.#store.jobs.jobs(list)).find((job) => job.sameAs === sameAs && job.state !== 'failed');
    if (!same || same.state === 'queued' || same.state === 'running') return same ?? null;
    const [newest] = (await this.#store.lists.list(list)) ? await this.#store.lists.versions(list) : [];
    // A later list of this name counts its versions from 1 too. A version that was approved names the job behind the approval.
    const isOfJob = newest?.origin?.endsWith(originOf(same.id)) ?? false;
    return isOfJob && newest?.version === same.report?.version ? same : null;
  }
}

/** Return the digest of the bytes and the request: of what one job does. */
function sameAsOf(sha256: string, list: string, how: ImportSettings): string {
  return createHash('sha256')
    .update(JSON.stringify([sha256, list, how]))
    .digest('hex');
}
