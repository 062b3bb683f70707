/**
 * Imports as jobs: the bytes that a client sends are written sealed, stored as a job, and imported one job after the
 * other in a thread of its own. Leaves the bytes on disk to `import-bodies.ts`, the order to `import-queue.ts`, and the
 * import of one job to `run-job.ts`.
 */
import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { ulid } from 'ulid';
import type { Audit } from '../../audit/audit.js';
import { AppError } from '../../core/errors.js';
import type { ImportJob } from '../../store/jobs-contract.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import { ImportBodies } from './import-bodies.js';
import { ImportQueue } from './import-queue.js';
import type { ImportThread, ThreadedImport } from './import-task.js';
import { findJob, type ImportSettings, type JobParts, reportOf, runJob } from './run-job.js';

/** Queued imports; each keeps its bytes on disk meanwhile. */
export const IMPORTS_WAITING_MAX = 20;

export interface JobProgress extends ImportJob {
  /** Bytes read so far; null unless the job runs. */
  readonly bytesDone: number | null;
}

export interface ImportJobs {
  /**
   * Write the bytes and store the job. The same bytes for the same list, sent again while the job waits, runs or is the
   * active version, return that job. `actor`: the sender, for the audit log.
   * Errors  BODY_EMPTY; BODY_TOO_LARGE; QUEUE_FULL; SHUTTING_DOWN; STORE_FAILED.
   */
  submit(list: string, body: AsyncIterable<Uint8Array>, how: ImportSettings, actor: string): Promise<JobProgress>;
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
    dataDir,
    thread,
    ...parts
  }: { dataDir: string; thread: ImportThread; log: Logger; audit: Audit; onEnd: () => Promise<void> },
): ImportJobs {
  return new StoredImportJobs({
    store,
    bodies: new ImportBodies(dataDir, store.vault),
    queue: new ImportQueue(thread),
    ...parts,
  });
}

class StoredImportJobs implements ImportJobs {
  readonly #parts: JobParts;
  readonly #store: Store;
  readonly #bodies: ImportBodies;
  readonly #queue: ImportQueue;
  /** Promises of the waiting and running jobs' ends. */
  readonly #ends = new Map<string, Promise<void>>();
  /** Of two equal bodies that arrive together, the second finds the job of the first. */
  readonly #oneAtATime = pLimit(1);

  constructor(parts: JobParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#bodies = parts.bodies;
    this.#queue = parts.queue;
  }

  async submit(
    list: string,
    body: AsyncIterable<Uint8Array>,
    how: ImportSettings,
    actor: string,
  ): Promise<JobProgress> {
    this.#requireRoom();
    const id = ulid();
    let stored: string | null = null;
    try {
      const { bytes, sha256 } = await this.#bodies.write(id, body);
      if (bytes === 0) throw new AppError('BODY_EMPTY');
      const sameAs = createHash('sha256')
        .update(JSON.stringify([sha256, list, how]))
        .digest('hex');
      stored = await this.#oneAtATime(() => this.#storeJob({ id, list, request: { ...how, actor }, bytes, sameAs }));
      return this.job(stored);
    } finally {
      if (stored !== id) await this.#bodies.remove(id);
    }
  }

  /** Errors SHUTTING_DOWN, QUEUE_FULL. */
  #requireRoom(): void {
    if (this.#queue.isClosing) throw new AppError('SHUTTING_DOWN');
    if (this.#ends.size >= IMPORTS_WAITING_MAX) throw new AppError('QUEUE_FULL', { waiting: this.#ends.size });
  }

  /** Store and queue the job of a body. Result: its id, or that of the same job. Errors: as `#requireRoom`. */
  async #storeJob(job: Pick<ImportJob, 'id' | 'list' | 'request' | 'bytes' | 'sameAs'>): Promise<string> {
    const same = await this.#sameJob(job.list, job.sameAs);
    if (same) return same.id;
    // Again, since the upload took its time.
    this.#requireRoom();
    const createdAt = new Date().toISOString();
    await this.#store.jobs.addJob({ ...job, state: 'queued', createdAt, finishedAt: null, report: null, error: null });
    this.#enqueue(job.id);
    return job.id;
  }

  async ended(id: string): Promise<JobProgress> {
    await this.#ends.get(id);
    return this.job(id);
  }

  async job(id: string): Promise<JobProgress> {
    return this.#progressOf(await findJob(this.#store, id));
  }

  async jobs(list?: string): Promise<readonly JobProgress[]> {
    return (await this.#store.jobs.jobs(list)).map((job) => this.#progressOf(job));
  }

  async run(request: ThreadedImport): Promise<ImportReport> {
    const outcome = await this.#queue.add(async () => {
      if (this.#queue.isClosing) throw new AppError('SHUTTING_DOWN');
      return this.#queue.inThread(ulid(), request);
    });
    return reportOf(outcome);
  }

  async resume(): Promise<void> {
    const jobs = await this.#store.jobs.jobs();
    const waiting = jobs.filter(({ state }) => state === 'queued' || state === 'running');
    await this.#bodies.removeLeftovers(jobs, waiting);
    for (const { id } of waiting.reverse()) if (!this.#ends.has(id)) this.#enqueue(id);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  #progressOf(job: ImportJob): JobProgress {
    return { ...job, bytesDone: job.state === 'running' ? this.#queue.bytesDone(job.id) : null };
  }

  #enqueue(id: string): void {
    const end = this.#queue.add(() => runJob(id, this.#parts).finally(() => this.#ends.delete(id)));
    this.#ends.set(id, end);
  }

  /** Return the job whose bytes the list already holds, or that is about to import them. */
  async #sameJob(list: string, sameAs: string): Promise<ImportJob | null> {
    const same = (await this.#store.jobs.jobs(list)).find((job) => job.sameAs === sameAs && job.state !== 'failed');
    if (!same || same.state === 'queued' || same.state === 'running') return same ?? null;
    const [newest] = (await this.#store.lists.list(list)) ? await this.#store.lists.versions(list) : [];
    return newest?.version === same.report?.version ? same : null;
  }
}
