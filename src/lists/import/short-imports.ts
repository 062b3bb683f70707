/**
 * Imports of short lists, whose senders wait for them. Nothing of them is stored before they are applied: a service that
 * ends meanwhile has sent no answer, and a list that is sent again changes nothing twice. So an added entry costs four
 * commits and not ten.
 */

import { AppError } from '../../core/errors.js';
import type { ImportJob } from '../../store/jobs-contract.js';
import { auditedImport } from '../audited-lists.js';
import {
  failureOf,
  type ImportSettings,
  type JobParts,
  originOf,
  reportOf,
  reportOfVersion,
  stateOf,
  versionOf,
} from './run-job.js';

/** Imported within a second. */
export const SHORT_BYTES_MAX = 1_048_576;
/** Short imports that wait, and their bytes in memory: some seconds of single entries at ten a second, on a slow disk too. */
export const SHORT_WAITING_MAX = 200;
const WAITING_BYTES_MAX = 33_554_432;

/** Read a body as far as it is short. Result: all of it, or null where it is longer. `whole`: all of it, once, in both cases. */
export async function readShort(
  body: AsyncIterable<Uint8Array>,
): Promise<{ readonly short: Buffer | null; readonly whole: AsyncIterable<Uint8Array> }> {
  const pieces: Uint8Array[] = [];
  const rest = body[Symbol.asyncIterator]();
  for (let bytes = 0; bytes <= SHORT_BYTES_MAX; ) {
    const next = await rest.next();
    if (next.done) {
      const short = Buffer.concat(pieces);
      return { short, whole: piecesThen([short], null) };
    }
    // A copy: the source may use the piece again.
    pieces.push(Buffer.from(next.value));
    bytes += next.value.length;
  }
  return { short: null, whole: piecesThen(pieces, rest) };
}

async function* piecesThen(
  pieces: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array> | null,
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
    for (let next = await rest?.next(); next && !next.done; next = await rest!.next()) yield next.value;
  } finally {
    // As a loop over the body would do where it ends early.
    await rest?.return?.();
  }
}

/** A job that is not stored yet. */
type NewJob = Pick<ImportJob, 'id' | 'list' | 'bytes' | 'sameAs'> & {
  readonly request: ImportSettings & { readonly actor: string };
};

export class ShortImports {
  readonly #parts: Pick<JobParts, 'store' | 'queue' | 'log' | 'audit' | 'onEnd'>;
  #waiting = 0;
  #waitingBytes = 0;

  constructor(parts: Pick<JobParts, 'store' | 'queue' | 'log' | 'audit' | 'onEnd'>) {
    this.#parts = parts;
  }

  /**
   * Import `body` after all that waits, and store the ended job. `sameJob`: asked at its turn for a job that has done it.
   * Errors  QUEUE_FULL; SHUTTING_DOWN: nothing changed.
   */
  async run(job: NewJob, body: Uint8Array, sameJob: () => Promise<ImportJob | null>): Promise<ImportJob> {
    if (this.#waiting >= SHORT_WAITING_MAX || this.#waitingBytes + body.length > WAITING_BYTES_MAX)
      throw new AppError('QUEUE_FULL', { waiting: this.#waiting });
    this.#waiting++;
    this.#waitingBytes += body.length;
    try {
      const ended = await this.#parts.queue.add(async () => (await sameJob()) ?? this.#import(job, body));
      const { log, onEnd } = this.#parts;
      // The job is done, whatever comes after it: the service loads the version at its next poll.
      if (ended.id === job.id)
        await onEnd().catch((error: unknown) => log.error({ err: error, job: job.id }, 'list reload failed'));
      return ended;
    } finally {
      this.#waiting--;
      this.#waitingBytes -= body.length;
    }
  }

  async #import({ request, ...job }: NewJob, body: Uint8Array): Promise<ImportJob> {
    const { store, queue, audit, log } = this.#parts;
    if (queue.isClosing) throw new AppError('SHUTTING_DOWN');
    const createdAt = new Date().toISOString();
    const { actor, ...settings } = request;
    const origin = originOf(job.id);
    const end = await auditedImport(audit, actor, { list: job.list, mode: settings.mode, origin }, async () =>
      reportOf(await queue.inThread(job.id, { ...settings, list: job.list, paths: [], body, origin })),
    ).then(
      (report) => ({ state: stateOf(report), report, error: null }),
      async (error: unknown) => {
        // A list that was changed is no failure, whatever came after it.
        const made = await versionOf(store, job).catch(() => null);
        if (made) return { state: stateOf(made), report: reportOfVersion(made), error: null };
        if (queue.isClosing && error instanceof AppError) throw error;
        return { state: 'failed' as const, report: null, error: failureOf(job.id, error, log) };
      },
    );
    const ended = { ...job, ...end, request, createdAt, finishedAt: new Date().toISOString() };
    await store.jobs
      .addJob(ended)
      .catch((error: unknown) => log.error({ err: error, job: job.id }, 'failed to record the import result'));
    return ended;
  }
}
