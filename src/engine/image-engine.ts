/**
 * Images in, hashes out, even if an image crashes its decoder. Decoding runs in a separate process; the engine bounds the
 * queue, enforces deadlines, and guarantees exactly one reply for each image.
 *
 * When the decoder process dies, a standby process replaces it, and each image in flight is retried once, alone in another
 * process. An image that fails there is answered `decoder_crash`, or `timeout` if it hangs, and remembered by its SHA-256; but not where
 * the process only lacked memory, or was killed.
 */
import { AppError } from '../core/errors.js';
import type { PathBytes } from '../core/path-bytes.js';
import type { DegradedVerdict, Digests } from '../core/vocabulary.js';
import { computeDigests } from '../kernels/digests.js';
import { Crashers, type CrashReason } from './crashers.js';
import { FileDigests } from './file-digests.js';
import { type FileSource, namedFile } from './file-source.js';
import { type Job, Lane, type RestartCause } from './lane.js';
import type { HashReply, HashWants } from './protocol.js';
import { NO_SANDBOX, type Sandbox } from './sandbox.js';

export type { Damage } from '../decode/damage.js';
export type { FileSource } from './file-source.js';
export type { RestartCause } from './lane.js';
export type { HashReply, HashWants, ViewReply } from './protocol.js';

type Refusal = Extract<HashReply, { ok: false }>;

export interface ImageEngineOptions {
  readonly workers: number;
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
  /** Of damaged images; `no_match` by default. */
  readonly degraded?: DegradedVerdict;
  /** Size of the decoder process's cache of replies for files that it reads itself; 0 for none. */
  readonly cacheBytesMax?: number;
  readonly decodeMsMax: number;
  readonly memoryBytesMax: number;
  readonly queuePerWorker: number;
  /** Time for which a file that crashed a decoder is not retried. */
  readonly crasherMs?: number;
  /** The service's environment: the decoder process gets only its allocator settings; none by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Sandbox of the decoder processes; none by default. */
  readonly sandbox?: Sandbox;
  readonly onRestart?: (cause: RestartCause) => void;
  /** Called with what a decoder process wrote to stderr: foreign text, within a bound; by default it is dropped. */
  readonly onOutput?: (text: string) => void;
}

interface EngineStatus {
  readonly pid: number | null;
  readonly restarts: number;
  /** Restarts in the last minute. */
  readonly recentRestarts: number;
  readonly queued: number;
  readonly inFlight: number;
  readonly capacity: number;
}

/** The bytes of an image, or a file that the decoder process reads itself where its sandbox allows it. */
export type ImageBytesOrFile = { readonly bytes: Uint8Array } | { readonly file: FileSource };

export interface ImageEngine {
  /**
   * Hash an image. `sha256`: of the bytes, lower-case hex, if the caller knows it.
   *
   * Errors  QUEUE_FULL, SHUTTING_DOWN. An image that cannot be hashed is a reply, not an error.
   */
  hashBytes(bytes: Uint8Array, wants: HashWants, sha256?: string): Promise<HashReply>;
  /** Hash a file, which the decoder process reads itself where its sandbox allows it. Errors as `hashBytes`. */
  hashFile(file: FileSource, wants: HashWants): Promise<HashReply>;
  /** Hash the file that an operator named. Errors as `hashBytes`. */
  hashPath(path: PathBytes, wants: HashWants): Promise<HashReply>;
  /** Hash an image of a caller that bounds how many it has at once: where the queue has no room, it waits. Errors SHUTTING_DOWN. */
  hashWaiting(input: ImageBytesOrFile, wants: HashWants): Promise<HashReply>;
  /** Wait until the queue has room, instead of getting QUEUE_FULL. */
  whenRoom(): Promise<void>;
  readonly status: EngineStatus;
  /** Stop the engine after all images in flight are answered. */
  close(): Promise<void>;
}

/** Interval of the looks at the decoder processes; a decoder can allocate about 200 MB in this time. */
const WATCH_MS = 100;
/** One being decoded, and two on the way to each worker, so that none waits while this thread is busy. */
const IN_FLIGHT_PER_WORKER = 3;
const MINUTE_MS = 60_000;

function failed(bytes: number, digests: Digests, reason: CrashReason): HashReply {
  const code = reason === 'timeout' ? 'IMAGE_TIMEOUT' : 'IMAGE_DECODER_CRASH';
  return { ok: false, digests, bytes, reason, code, format: null, width: null, height: null };
}

const sha256Of = (bytes: Uint8Array): string => computeDigests(bytes, ['sha256']).sha256!;

class Engine implements ImageEngine {
  readonly #main: Lane;
  readonly #alone: Lane;
  readonly #crashers: Crashers;
  readonly #fileDigests: FileDigests;
  readonly #queue: Job[] = [];
  /** Those of callers that wait: for each that is answered one gets into the queue, so that no more have bytes in memory than it has room. */
  readonly #later: Job[] = [];
  readonly #suspects: Job[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #capacity: number;
  readonly #watcher: NodeJS.Timeout;
  readonly #restartsMs: number[] = [];
  /** Number of images that are read by this process: failed and large ones for their digests, others to be sent as bytes. */
  #reading = 0;
  #nextId = 1;
  #restarts = 0;
  #closing = false;
  #idle: (() => void) | null = null;

  constructor(readonly options: ImageEngineOptions) {
    this.#capacity = options.workers * (1 + options.queuePerWorker);
    this.#crashers = new Crashers(options.crasherMs);
    this.#fileDigests = new FileDigests(options.workers);
    const common = {
      ...options,
      cacheBytesMax: options.cacheBytesMax ?? 0,
      degraded: options.degraded ?? 'no_match',
      env: options.env ?? {},
      sandbox: options.sandbox ?? NO_SANDBOX,
      onOutput: options.onOutput ?? (() => {}),
      crashers: () => this.#crashers.list(),
    };
    this.#main = new Lane({
      ...common,
      keepsStandby: true,
      onReply: (job: Job, reply: HashReply) => this.#take(this.#main, job, reply),
      onDeath: ({ jobs, overdue, cause }) => {
        this.#restarted(cause);
        for (const job of jobs) {
          if (overdue.has(job.id)) void this.#fail(job, 'timeout', true);
          else if (cause === 'timeout') this.#queue.unshift(job);
          else this.#suspects.push(job);
        }
        this.#pump();
      },
    });
    this.#alone = new Lane({
      ...common,
      workers: 1,
      keepsStandby: false,
      onReply: (job: Job, reply: HashReply) => this.#take(this.#alone, job, reply),
      onDeath: ({ jobs, overdue, cause, isMemory }) => {
        this.#restarted(cause);
        for (const job of jobs) {
          // No worker has had an image where the process did not start.
          if (overdue.has(job.id) || cause === 'start') void this.#fail(job, 'timeout', cause !== 'start');
          else void this.#fail(job, 'decoder_crash', !isMemory);
        }
        this.#pump();
      },
    });
    this.#main.start();
    this.#watcher = setInterval(() => {
      const nowMs = performance.now();
      this.#main.watch(nowMs);
      this.#alone.watch(nowMs);
    }, WATCH_MS);
    this.#watcher.unref();
  }

  get status(): EngineStatus {
    return {
      pid: this.#main.pid,
      restarts: this.#restarts,
      recentRestarts: this.#recentRestarts(),
      queued: this.#queue.length + this.#suspects.length,
      inFlight: this.#main.inFlight.size + this.#alone.inFlight.size,
      capacity: this.#capacity,
    };
  }

  get #held(): number {
    const waiting = this.#queue.length + this.#suspects.length + this.#reading;
    return waiting + this.#main.inFlight.size + this.#alone.inFlight.size;
  }

  async hashBytes(bytes: Uint8Array, wants: HashWants, sha256?: string): Promise<HashReply> {
    const reason = sha256 === undefined ? null : this.#crashers.reasonFor(sha256);
    if (reason !== null) return failed(bytes.byteLength, computeDigests(bytes, wants.digests), reason);
    return this.#addInRoom({ bytes }, wants);
  }

  async hashFile(file: FileSource, wants: HashWants): Promise<HashReply> {
    return this.#addInRoom({ file }, wants);
  }

  hashWaiting(input: ImageBytesOrFile, wants: HashWants): Promise<HashReply> {
    if (this.#closing) return Promise.reject(new AppError('SHUTTING_DOWN'));
    return this.#add(input, wants, this.#held < this.#capacity ? this.#queue : this.#later);
  }

  hashPath(path: PathBytes, wants: HashWants): Promise<HashReply> {
    return this.hashFile(namedFile(path, this.#fileDigests, this.options.imageBytesMax), wants);
  }

  async whenRoom(): Promise<void> {
    while (this.#held >= this.#capacity) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#held > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    clearInterval(this.#watcher);
    this.#main.stop();
    this.#alone.stop();
    await this.#fileDigests.close();
  }

  #addInRoom(input: ImageBytesOrFile, wants: HashWants): Promise<HashReply> {
    if (this.#closing) throw new AppError('SHUTTING_DOWN');
    if (this.#held >= this.#capacity) throw new AppError('QUEUE_FULL', { capacity: this.#capacity });
    return this.#add(input, wants, this.#queue);
  }

  #add(input: ImageBytesOrFile, wants: HashWants, queue: Job[]): Promise<HashReply> {
    const [bytes, file] = 'bytes' in input ? [input.bytes, null] : [null, input.file];
    return new Promise((resolve) => {
      queue.push({ id: this.#nextId++, bytes, file, wants, resolve, startedMs: null, isRead: false, worker: 0 });
      this.#pump();
    });
  }

  /** Send at most `IN_FLIGHT_PER_WORKER` images a worker: images in the process are lost when it dies. */
  #pump(): void {
    while (this.#queue.length > 0 && this.#main.inFlight.size < this.options.workers * IN_FLIGHT_PER_WORKER)
      this.#main.send(this.#queue.shift()!);
    if (this.#suspects.length > 0 && this.#alone.inFlight.size === 0) this.#alone.send(this.#suspects.shift()!);
  }

  /** Answer an image that crashed its decoder, with its digests: a known digest still is a match. `isNoted`: it is the file's fault. */
  async #fail(job: Job, reason: CrashReason, isNoted: boolean): Promise<void> {
    this.#reading++;
    const read = job.bytes ? job : await job.file!.read();
    const bytes = typeof read === 'string' ? null : read.bytes;
    const digests = bytes ? computeDigests(bytes, [...new Set([...job.wants.digests, 'sha256' as const])]) : {};
    if (isNoted && digests.sha256 !== undefined) this.#crashers.note(digests.sha256, reason);
    this.#reading--;
    this.#finish(job, failed(bytes?.byteLength ?? 0, digests, reason));
  }

  /**
   * Answer an image; but a file that only the sandbox hides from the decoder is read here, and sent as bytes, and one over
   * the size limit is answered with its digests: the limit is for decoding.
   */
  #take(lane: Lane, job: Job, reply: HashReply): void {
    const { file } = job;
    if (file === null || reply.ok) {
      this.#finish(job, reply);
      return;
    }
    if (reply.code === 'FILE_STALLED') lane.replace();
    const isConfined = this.options.sandbox !== undefined && this.options.sandbox !== NO_SANDBOX;
    if (reply.reason === 'too_large') void this.#digestOnly(job, file, reply);
    else if (isConfined && (reply.code === 'FILE_UNREADABLE' || reply.code === 'FILE_VANISHED'))
      void this.#sendAsBytes(job, file, reply);
    else this.#finish(job, reply);
  }

  async #sendAsBytes(job: Job, file: FileSource, reply: Refusal): Promise<void> {
    this.#reading++;
    const read = await file.read();
    this.#reading--;
    if (typeof read === 'string') return this.#finish(job, { ...reply, code: read });
    const { size, bytes } = read;
    if (bytes === null)
      return this.#digestOnly(job, file, { ...reply, bytes: size, reason: 'too_large', code: 'IMAGE_TOO_LARGE' });
    const crash = this.#crashers.list().length > 0 ? this.#crashers.reasonFor(sha256Of(bytes)) : null;
    if (crash !== null)
      return this.#finish(job, failed(bytes.byteLength, computeDigests(bytes, job.wants.digests), crash));
    this.#queue.push({ ...job, bytes, file: null });
    this.#pump();
  }

  async #digestOnly(job: Job, file: FileSource, reply: Refusal): Promise<void> {
    this.#reading++;
    this.#pump();
    const digests = await file.digests(job.wants.digests);
    this.#reading--;
    if (typeof digests !== 'string') return this.#finish(job, { ...reply, digests });
    // Without its digests it is still too large, unless it is another file by now.
    this.#finish(job, digests === 'FILE_CHANGED' ? { ...reply, reason: 'unreadable', code: digests } : reply);
  }

  #finish(job: Job, reply: HashReply): void {
    job.resolve(reply);
    if (this.#later.length > 0 && this.#held < this.#capacity) this.#queue.push(this.#later.shift()!);
    this.#pump();
    this.#waiting.shift()?.();
    if (this.#held === 0) this.#idle?.();
  }

  #restarted(cause: RestartCause): void {
    this.#restarts++;
    this.#restartsMs.push(performance.now());
    this.options.onRestart?.(cause);
  }

  #recentRestarts(): number {
    const since = performance.now() - MINUTE_MS;
    while (this.#restartsMs.length > 0 && this.#restartsMs[0]! < since) this.#restartsMs.shift();
    return this.#restartsMs.length;
  }
}

/** Start the decoder process. The engine accepts images at once; the first wait until the process is up. */
export function createImageEngine(options: ImageEngineOptions): ImageEngine {
  return new Engine(options);
}
