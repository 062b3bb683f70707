/**
 * Pictures in, hashes out, whatever the pictures do. Decoding happens in a process of its own; this side keeps the
 * queue bounded, the deadlines, and the promise that every picture gets exactly one reply.
 *
 * When the decoder process dies, it is replaced at once, and each picture that it had in hand is tried once more
 * alone, in a second process, where its guilt shows; then it is answered `decoder_crash`, `timeout` if it hangs.
 */
import { AppError } from '../core/errors.js';
import { DecoderProcess } from './decoder-process.js';
import type { HashReply, HashWants } from './protocol.js';

export type { HashReply, HashWants } from './protocol.js';

export interface ImageEngineOptions {
  readonly workers: number;
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
  readonly decodeMsMax: number;
  readonly memoryBytesMax: number;
  readonly queuePerWorker: number;
  readonly onRestart?: (cause: RestartCause) => void;
}

export type RestartCause = 'crash' | 'timeout' | 'memory';

export interface ImageEngine {
  /** Errors QUEUE_FULL, SHUTTING_DOWN. A picture that cannot be hashed is a reply, not an error. */
  hashBytes(bytes: Uint8Array, wants: HashWants): Promise<HashReply>;
  /** The decoder process reads the file itself. Errors as above. */
  hashFile(path: string, wants: HashWants): Promise<HashReply>;
  /** Resolves when a picture would be taken: for callers who would rather wait than be refused. */
  whenRoom(): Promise<void>;
  readonly status: { pid: number | null; restarts: number; queued: number; inHand: number; capacity: number };
  /** Pictures in hand are answered first. */
  close(): Promise<void>;
}

interface Job {
  readonly id: number;
  readonly bytes: Uint8Array | null;
  readonly path: string | null;
  readonly wants: HashWants;
  readonly resolve: (reply: HashReply) => void;
  /** When a worker can have begun with it; null while it waits behind others. */
  startedMs: number | null;
}

/** How often deadlines and memory are looked at; a decoder can allocate about 200 MB in this time. */
const WATCH_MS = 100;
/** A process that ends sooner may not be able to start at all: the next one waits for the next picture, not for nothing. */
const LIVED_MS_MIN = 1_000;

function failed(job: Job, reason: 'decoder_crash' | 'timeout'): HashReply {
  return {
    ok: false,
    digests: {},
    bytes: job.bytes?.byteLength ?? 0,
    reason,
    code: reason === 'timeout' ? 'IMAGE_TIMEOUT' : 'IMAGE_DECODER_CRASH',
    format: null,
    width: null,
    height: null,
  };
}

/** A decoder process that is replaced whenever it ends, and the pictures that it has in hand. */
class Lane {
  readonly inHand = new Map<number, Job>();
  #process: DecoderProcess | null = null;
  #endCause: RestartCause = 'crash';
  #overdue = new Set<number>();
  #closed = false;
  #startedMs = 0;
  /** How long the last process lived. */
  livedMs = 0;

  constructor(
    readonly options: ImageEngineOptions,
    readonly workers: number,
    readonly onReply: (job: Job, reply: HashReply) => void,
    readonly onDeath: (jobs: Job[], overdue: ReadonlySet<number>, cause: RestartCause) => void,
  ) {}

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  start(): void {
    const { imageBytesMax, imagePixelsMax } = this.options;
    this.#startedMs = performance.now();
    this.#process = new DecoderProcess({
      workers: this.workers,
      imageBytesMax,
      imagePixelsMax,
      onReply: (id, reply) => {
        const job = this.inHand.get(id);
        if (!job) return;
        this.inHand.delete(id);
        this.#markStarted();
        this.onReply(job, reply);
      },
      onEnd: () => this.#died(),
    });
  }

  send(job: Job): void {
    if (!this.#process) this.start();
    job.startedMs = null;
    this.inHand.set(job.id, job);
    this.#markStarted();
    this.#process!.send({ id: job.id, path: job.path, wants: job.wants }, job.bytes);
  }

  /** Replaces a process that holds a picture past its deadline, or more memory than it may. */
  watch(nowMs: number): void {
    const late = [...this.inHand.values()].filter(
      (job) => job.startedMs !== null && nowMs - job.startedMs > this.options.decodeMsMax,
    );
    const residentBytes = this.#process?.residentBytes() ?? 0;
    if (late.length > 0) this.#end('timeout', late);
    else if (residentBytes > this.options.memoryBytesMax) this.#end('memory', []);
  }

  stop(): void {
    this.#closed = true;
    this.#process?.kill();
  }

  /** The process takes pictures in order: the first as many as it has workers are being worked on. */
  #markStarted(): void {
    let running = 0;
    for (const job of this.inHand.values()) {
      if (running++ >= this.workers) return;
      job.startedMs ??= performance.now();
    }
  }

  #end(cause: RestartCause, late: readonly Job[]): void {
    this.#endCause = cause;
    this.#overdue = new Set(late.map((job) => job.id));
    this.#process?.kill();
  }

  #died(): void {
    const [jobs, overdue, cause] = [[...this.inHand.values()], this.#overdue, this.#endCause];
    this.inHand.clear();
    this.#overdue = new Set();
    this.#endCause = 'crash';
    this.#process = null;
    this.livedMs = performance.now() - this.#startedMs;
    if (this.#closed) return;
    this.onDeath(jobs, overdue, cause);
  }
}

class Engine implements ImageEngine {
  readonly #main: Lane;
  readonly #alone: Lane;
  readonly #queue: Job[] = [];
  readonly #suspects: Job[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #capacity: number;
  readonly #watcher: NodeJS.Timeout;
  #nextId = 1;
  #restarts = 0;
  #closing = false;
  #idle: (() => void) | null = null;

  constructor(readonly options: ImageEngineOptions) {
    this.#capacity = options.workers * (1 + options.queuePerWorker);
    this.#main = new Lane(
      options,
      options.workers,
      (job, reply) => this.#finish(job, reply),
      (jobs, overdue, cause) => {
        this.#restarted(cause);
        if (!this.#closing && this.#main.livedMs > LIVED_MS_MIN) this.#main.start();
        for (const job of jobs) {
          if (overdue.has(job.id)) this.#finish(job, failed(job, 'timeout'));
          else if (cause === 'timeout') this.#queue.unshift(job);
          else this.#suspects.push(job);
        }
        this.#pump();
      },
    );
    this.#alone = new Lane(
      options,
      1,
      (job, reply) => this.#finish(job, reply),
      (jobs, overdue, cause) => {
        this.#restarted(cause);
        for (const job of jobs) this.#finish(job, failed(job, overdue.has(job.id) ? 'timeout' : 'decoder_crash'));
        this.#pump();
      },
    );
    this.#main.start();
    this.#watcher = setInterval(() => {
      const nowMs = performance.now();
      this.#main.watch(nowMs);
      this.#alone.watch(nowMs);
    }, WATCH_MS);
    this.#watcher.unref();
  }

  get status() {
    return {
      pid: this.#main.pid,
      restarts: this.#restarts,
      queued: this.#queue.length + this.#suspects.length,
      inHand: this.#main.inHand.size + this.#alone.inHand.size,
      capacity: this.#capacity,
    };
  }

  get #held(): number {
    return this.#queue.length + this.#suspects.length + this.#main.inHand.size + this.#alone.inHand.size;
  }

  hashBytes(bytes: Uint8Array, wants: HashWants): Promise<HashReply> {
    return this.#take(bytes, null, wants);
  }

  hashFile(path: string, wants: HashWants): Promise<HashReply> {
    return this.#take(null, path, wants);
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
  }

  async #take(bytes: Uint8Array | null, path: string | null, wants: HashWants): Promise<HashReply> {
    if (this.#closing) throw new AppError('SHUTTING_DOWN');
    if (this.#held >= this.#capacity) throw new AppError('QUEUE_FULL', { capacity: this.#capacity });
    return new Promise((resolve) => {
      this.#queue.push({ id: this.#nextId++, bytes, path, wants, resolve, startedMs: null });
      this.#pump();
    });
  }

  /** The process is given no more than it has workers, plus one each so that none waits for the socket. */
  #pump(): void {
    while (this.#queue.length > 0 && this.#main.inHand.size < this.options.workers * 2)
      this.#main.send(this.#queue.shift()!);
    if (this.#suspects.length > 0 && this.#alone.inHand.size === 0) this.#alone.send(this.#suspects.shift()!);
  }

  #finish(job: Job, reply: HashReply): void {
    job.resolve(reply);
    this.#pump();
    this.#waiting.shift()?.();
    if (this.#held === 0) this.#idle?.();
  }

  #restarted(cause: RestartCause): void {
    this.#restarts++;
    this.options.onRestart?.(cause);
  }
}

/** Starts the decoder process. The engine is ready at once; the first pictures wait for the process to come up. */
export function createImageEngine(options: ImageEngineOptions): ImageEngine {
  return new Engine(options);
}
