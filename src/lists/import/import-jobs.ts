/**
 * Imports that somebody handed over: the bytes are laid down sealed, noted as a job, and imported one job after the other
 * in a thread of its own. An import is one transaction, so a job that was cut off has done nothing, and is done anew by
 * the next start; one that had already been committed is known by the version that it made.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MessageChannel } from 'node:worker_threads';
import { ulid } from 'ulid';
import type { Audit } from '../../audit/audit.js';
import { AppError, ERRORS } from '../../core/errors.js';
import { IMPORT_BYTES_MAX, IMPORTS_WAITING_MAX } from '../../core/limits.js';
import { removeUnfinished, unfinishedName } from '../../core/unfinished.js';
import type { ImportJob } from '../../store/jobs-contract.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import type { Logger } from '../../telemetry/log.js';
import { sealStream } from '../../vault/sealed-stream.js';
import { auditedImport } from '../audited-lists.js';
import type { ImportRequest } from './import-list.js';
import type { ImportOutcome, ImportThread, ThreadedImport } from './import-task.js';

/** In the data folder: bytes of jobs that are not finished. */
export const IMPORTS_FOLDER = 'imports';

/** From the last byte of a body to the note of its job. */
const BODY_NOTED_MS_MAX = 60_000;

/** As it is noted with the job. */
type Requested = HandedOver & { readonly actor: string };

export type HandedOver = Pick<ImportRequest, 'format' | 'kind' | 'radiusBits' | 'assumed' | 'mapping' | 'mode'>;

export interface JobProgress extends ImportJob {
  /** Read so far; null unless it runs. */
  readonly bytesDone: number | null;
}

export interface ImportJobs {
  /**
   * Takes the bytes and notes the job; the same bytes for the same list, handed over again while the job waits, runs or
   * is what the list holds, are that job. `actor`: who hands it over, for the audit log. Errors  BODY_EMPTY; BODY_TOO_LARGE; QUEUE_FULL; SHUTTING_DOWN; STORE_FAILED.
   */
  hand(list: string, body: AsyncIterable<Uint8Array>, how: HandedOver, actor: string): Promise<JobProgress>;
  /** Waits for its end. Errors NOT_FOUND. */
  ended(id: string): Promise<JobProgress>;
  /** Errors NOT_FOUND. */
  job(id: string): Promise<JobProgress>;
  jobs(list?: string): Promise<readonly JobProgress[]>;
  /** An import that somebody waits for, in its turn and in the same thread. Errors as `importList`. */
  run(request: ThreadedImport): Promise<ImportReport>;
  /** Takes up what an earlier process left, in its order. */
  resume(): Promise<void>;
  /** A job that runs is cut off, and is done anew by the next start. */
  close(): Promise<void>;
}

function reportOf(outcome: ImportOutcome): ImportReport {
  if (!outcome.ok) throw new AppError(outcome.code, outcome.details);
  return outcome.report;
}

export function createImportJobs(
  store: Store,
  {
    dataDir,
    thread,
    log,
    audit,
    onEnd,
  }: { dataDir: string; thread: ImportThread; log: Logger; audit: Audit; onEnd: () => Promise<void> },
): ImportJobs {
  const folder = join(dataDir, IMPORTS_FOLDER);
  const bodyOf = (id: string) => join(folder, `${id}.sealed`);
  /** Ends of jobs that wait or run here. */
  const ends = new Map<string, Promise<void>>();
  let turn: Promise<void> = Promise.resolve();
  let running: { readonly id: string; readonly stop: () => void; bytesDone: number } | null = null;
  let isClosing = false;

  const told = (job: ImportJob): JobProgress => ({
    ...job,
    bytesDone: job.state === 'running' && running?.id === job.id ? running.bytesDone : null,
  });

  const find = async (id: string): Promise<JobProgress> => {
    const job = await store.jobs.job(id);
    if (!job) throw new AppError('NOT_FOUND', { job: id });
    return told(job);
  };

  const finish = async (id: string, change: Parameters<Store['jobs']['changeJob']>[1]): Promise<void> => {
    await store.jobs.changeJob(id, { finishedAt: new Date().toISOString(), ...change });
    await rm(bodyOf(id), { force: true });
  };

  const originOf = (id: string) => `job ${id}`;

  /** The version that a job made before its process ended, if it did. */
  const madeBefore = async ({ id, list }: ImportJob) => {
    if (!(await store.lists.list(list))) return null;
    return (await store.lists.versions(list)).find(({ origin }) => origin === originOf(id)) ?? null;
  };

  const inThread = async (id: string, request: ThreadedImport): Promise<ImportOutcome> => {
    const { port1, port2 } = new MessageChannel();
    running = { id, stop: () => port1.postMessage('stop'), bytesDone: 0 };
    const here = running;
    port1.on('message', (bytes: number) => {
      here.bytesDone = bytes;
    });
    try {
      return await thread.run(request, port2);
    } finally {
      running = null;
      port1.close();
    }
  };

  const work = async (id: string): Promise<void> => {
    if (isClosing) return;
    const job = await find(id);
    const { list } = job;
    const origin = originOf(id);
    const { actor, ...how } = job.request as unknown as Requested;
    const importing = (act: () => Promise<ImportReport>) =>
      auditedImport(audit, actor, { list, mode: how.mode, origin }, act);
    const made = await madeBefore(job);
    if (made) {
      // Its first row may stand alone in the log; of the same origin, these two tell how it ended.
      const report = await importing(async () => ({ ...made, deleted: 0, firstRejected: [] }));
      return finish(id, { state: made.state === 'held' ? 'held' : 'done', report });
    }
    await store.jobs.changeJob(id, { state: 'running' });
    try {
      const report = await importing(async () =>
        reportOf(await inThread(id, { ...how, list, paths: [bodyOf(id)], origin })),
      );
      await finish(id, { state: report.held.length > 0 ? 'held' : 'done', report });
    } catch (error) {
      // Done anew by the next start.
      if (isClosing && error instanceof AppError) return;
      throw error;
    }
    await onEnd();
  };

  const enqueue = (id: string): void => {
    turn = turn
      .then(() => work(id))
      .catch(async (error: unknown) => {
        const failed = error instanceof AppError ? { code: error.code, details: error.details } : null;
        // What is wrong with a list is told with the job alone; what is wrong here, in the log too.
        if (!failed || ERRORS[failed.code].http >= 500) log.error({ err: error, job: id }, 'an import failed');
        await finish(id, { state: 'failed', error: failed ?? { code: 'INTERNAL', details: {} } });
      })
      .catch((error: unknown) => log.error({ err: error, job: id }, 'the end of an import could not be noted'))
      .finally(() => ends.delete(id));
    ends.set(id, turn);
  };

  /** Bodies that a killed process left: unfinished, of an ended job, or of a job that was not noted. */
  const removeBodies = async (jobs: readonly ImportJob[], left: readonly ImportJob[]): Promise<void> => {
    removeUnfinished(folder);
    const kept = new Set(left.map(({ id }) => bodyOf(id)));
    const known = new Set(jobs.map(({ id }) => bodyOf(id)));
    const names = await readdir(folder).catch(() => []);
    for (const path of names.filter((name) => name.endsWith('.sealed')).map((name) => join(folder, name))) {
      if (kept.has(path)) continue;
      const stats = await stat(path).catch(() => null);
      // Another service on this folder may be about to note its job.
      if (stats && (known.has(path) || stats.mtimeMs < Date.now() - BODY_NOTED_MS_MAX)) await rm(path, { force: true });
    }
  };

  /** What the list holds already, or what is on its way into it. */
  const sameJob = async (list: string, sameAs: string): Promise<ImportJob | null> => {
    const same = (await store.jobs.jobs(list)).find((job) => job.sameAs === sameAs && job.state !== 'failed');
    if (!same || same.state === 'queued' || same.state === 'running') return same ?? null;
    const [newest] = (await store.lists.list(list)) ? await store.lists.versions(list) : [];
    return newest?.version === same.report?.version ? same : null;
  };

  /** Size and digest of the bytes that were laid down. */
  const layDown = async (path: string, body: AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }> => {
    const hash = createHash('sha256');
    let bytes = 0;
    const counted = (async function* () {
      for await (const piece of body) {
        bytes += piece.length;
        if (bytes > IMPORT_BYTES_MAX) throw new AppError('BODY_TOO_LARGE', { bytesMax: IMPORT_BYTES_MAX });
        hash.update(piece);
        yield piece;
      }
    })();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await pipeline(sealStream(store.vault, counted), createWriteStream(path, { mode: 0o600 }));
    const file = await open(path, 'r');
    await file.sync().finally(() => file.close());
    return { bytes, sha256: hash.digest('hex') };
  };

  return {
    async hand(list, body, how, actor) {
      if (isClosing) throw new AppError('SHUTTING_DOWN');
      if (ends.size >= IMPORTS_WAITING_MAX) throw new AppError('QUEUE_FULL', { waiting: ends.size });
      const id = ulid();
      const incoming = unfinishedName(bodyOf(id));
      let isNoted = false;
      try {
        const { bytes, sha256 } = await layDown(incoming, body);
        if (bytes === 0) throw new AppError('BODY_EMPTY');
        const sameAs = createHash('sha256')
          .update(JSON.stringify([sha256, list, how]))
          .digest('hex');
        const same = await sameJob(list, sameAs);
        if (same) return told(same);
        await rename(incoming, bodyOf(id));
        const nothing = { finishedAt: null, report: null, error: null };
        const createdAt = new Date().toISOString();
        await store.jobs.addJob({
          id,
          list,
          state: 'queued',
          request: { ...how, actor },
          bytes,
          sameAs,
          createdAt,
          ...nothing,
        });
        isNoted = true;
        enqueue(id);
        return find(id);
      } finally {
        await rm(incoming, { force: true });
        if (!isNoted) await rm(bodyOf(id), { force: true });
      }
    },
    async ended(id) {
      await ends.get(id);
      return find(id);
    },
    job: find,
    jobs: async (list) => (await store.jobs.jobs(list)).map(told),
    run(request) {
      const outcome = turn.then(() => {
        if (isClosing) throw new AppError('SHUTTING_DOWN');
        return inThread(ulid(), request);
      });
      turn = outcome.then(
        () => {},
        () => {},
      );
      return outcome.then(reportOf);
    },
    async resume() {
      const jobs = await store.jobs.jobs();
      const left = jobs.filter(({ state }) => state === 'queued' || state === 'running');
      await removeBodies(jobs, left);
      for (const { id } of left.reverse()) if (!ends.has(id)) enqueue(id);
    },
    async close() {
      isClosing = true;
      running?.stop();
      await turn;
      await thread.close();
    },
  };
}
