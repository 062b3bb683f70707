/**
 * Lane: one decoder process, replaced whenever it ends, and its images in flight.
 * A second process is on standby, started and idle, so that the lane continues at once when the first is lost.
 */
import type { DegradedVerdict } from '../core/vocabulary.js';
import { DecoderProcess, type EndCause } from './decoder-process.js';
import { type FileSource, packTarget } from './file-source.js';
import type { HashReply, HashWants } from './protocol.js';
import type { Sandbox } from './sandbox.js';

export interface Job {
  readonly id: number;
  readonly bytes: Uint8Array | null;
  readonly file: FileSource | null;
  readonly wants: HashWants;
  readonly resolve: (reply: HashReply) => void;
  /** Worker of the process that has it. */
  worker: number;
  /** Earliest time that a worker can have started it; null while other jobs are ahead, or the process starts. */
  startedMs: number | null;
  /** True once it is known that the process has the bytes: from then on the process itself measures its time. */
  isRead: boolean;
}

/** `start`: it did not become ready. */
export type RestartCause = 'crash' | 'timeout' | 'memory' | 'start';

/** End of a process. */
interface Death {
  readonly cause: RestartCause;
  /** Images in flight. */
  readonly jobs: readonly Job[];
  /** Ids of those that have had their time. */
  readonly overdue: ReadonlySet<number>;
  /**
   * Nothing but memory ended the process, by this service's bound or the machine's. A kill by the kernel for lack of memory looks like any
   * other SIGKILL, which is no image's fault either.
   */
  readonly isMemory: boolean;
}

interface LaneOptions {
  readonly workers: number;
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
  readonly degraded: DegradedVerdict;
  readonly cacheBytesMax: number;
  readonly decodeMsMax: number;
  readonly memoryBytesMax: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sandbox: Sandbox;
  /** Keep a standby process. */
  readonly keepsStandby: boolean;
  readonly crashers: () => readonly string[];
  readonly onReply: (job: Job, reply: HashReply) => void;
  readonly onOutput: (text: string) => void;
  readonly onDeath: (death: Death) => void;
}

/** A process starts in under a second, and in several on a busy machine; one that is not ready by then hangs. */
const START_MS_MAX = 30_000;
/** A process says something twice a second. One that is silent for this time and that of an image is stopped, or its own watch is. */
const SILENT_MS = 3_000;
/** Longest time between two looks that counts: in a longer one this service itself was stopped. */
const LOOK_MS_MAX = 250;
/** A process that ends sooner may be unable to start: the next one is started only for the next image. */
const LIVED_MS_MIN = 1_000;
/** Delay before the next standby process is started: until then the processor is left to the images. */
const STAND_BY_AFTER_MS = 500;
/** Delay before the first one: a command that hashes one image has ended by then, and needs none. */
const FIRST_STAND_BY_AFTER_MS = 3_000;

export class Lane {
  readonly inFlight = new Map<number, Job>();
  readonly #options: LaneOptions;
  #process: DecoderProcess | null = null;
  #standBy: DecoderProcess | null = null;
  #standByTimer: NodeJS.Timeout | null = null;
  /** Why this service ends the process; null while it does not. */
  #endCause: RestartCause | null = null;
  #overdue: ReadonlySet<number> = new Set();
  #closed = false;
  #startedMs = 0;
  #lookedMs = performance.now();
  #heardMs = 0;
  #silentMs = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  start(): void {
    const afterMs = this.#startedMs === 0 ? FIRST_STAND_BY_AFTER_MS : STAND_BY_AFTER_MS;
    this.#startedMs = performance.now();
    this.#process = this.#standBy ?? this.#spawn();
    this.#standBy = null;
    this.#keepStandBy(afterMs);
  }

  send(job: Job): void {
    if (!this.#process) this.start();
    job.startedMs = null;
    job.isRead = job.file === null;
    job.worker = this.#idlest();
    this.inFlight.set(job.id, job);
    this.#markStarted();
    const { id, file, wants } = job;
    const head = { id, file: file && packTarget(file), wants, crashers: this.#options.crashers() };
    this.#process!.send(head, job.bytes, job.worker);
  }

  /** Replace a process that is silent, has a file that is not read in time, exceeds its memory limit, or does not become ready. */
  watch(nowMs: number): void {
    const hangs = (one: DecoderProcess | null) => one && !one.isReady && nowMs - one.startedMs > START_MS_MAX;
    if (hangs(this.#standBy)) this.#standBy?.kill();
    const started = [...this.inFlight.values()].filter((job) => job.startedMs !== null);
    const unread = started.filter(
      ({ startedMs, isRead, file }) => !isRead && nowMs - startedMs! > this.#options.decodeMsMax + file!.stallMs,
    );
    const residentBytes = this.#process?.residentBytes() ?? 0;
    if (hangs(this.#process)) this.#end('start', []);
    else if (unread.length > 0) this.#end('timeout', unread);
    else if (this.#isSilent(nowMs)) this.#end('timeout', started);
    else if (residentBytes > this.#options.memoryBytesMax) this.#end('memory', []);
  }

  /** Replace a process in which a read does not return: it has fewer threads now. */
  replace(): void {
    this.#end('timeout', []);
  }

  stop(): void {
    this.#closed = true;
    if (this.#standByTimer) clearTimeout(this.#standByTimer);
    this.#process?.kill();
    this.#standBy?.kill();
  }

  #spawn(): DecoderProcess {
    const started: DecoderProcess = new DecoderProcess({
      ...this.#options,
      onReady: () => {
        if (started === this.#process) this.#markStarted();
      },
      onDecoding: (id) => {
        const job = this.inFlight.get(id);
        if (!job || job.isRead) return;
        job.isRead = true;
      },
      onLate: (id) => {
        const job = this.inFlight.get(id);
        if (job) this.#end('timeout', [job]);
      },
      onReply: (id, reply) => {
        const job = this.inFlight.get(id);
        if (!job) return;
        this.inFlight.delete(id);
        this.#markStarted();
        this.#options.onReply(job, reply);
      },
      onEnd: (cause) => {
        if (started === this.#process) this.#died(cause);
        else if (started === this.#standBy) {
          this.#standBy = null;
          this.#keepStandBy(STAND_BY_AFTER_MS);
        }
      },
    });
    return started;
  }

  #keepStandBy(afterMs: number): void {
    if (!this.#options.keepsStandby || this.#closed || this.#standByTimer) return;
    this.#standByTimer = setTimeout(() => {
      this.#standByTimer = null;
      if (this.#process && !this.#closed) this.#standBy ??= this.#spawn();
    }, afterMs);
    this.#standByTimer.unref();
  }

  /** Return the worker with the fewest images. */
  #idlest(): number {
    const images = new Array<number>(this.#options.workers).fill(0);
    for (const { worker } of this.inFlight.values()) images[worker]!++;
    return images.indexOf(Math.min(...images));
  }

  /** Mark the images that have started: each worker takes its own in order. */
  #markStarted(): void {
    if (!this.#process?.isReady) return;
    const busy = new Set<number>();
    for (const job of this.inFlight.values()) {
      if (busy.has(job.worker)) continue;
      busy.add(job.worker);
      job.startedMs ??= performance.now();
    }
  }

  /** Return whether the process has been silent for too long while it had images. */
  #isSilent(nowMs: number): boolean {
    const heardMs = this.#process?.heardMs ?? 0;
    const isQuiet = this.#process?.isReady === true && this.inFlight.size > 0 && heardMs === this.#heardMs;
    this.#silentMs = isQuiet ? this.#silentMs + Math.min(nowMs - this.#lookedMs, LOOK_MS_MAX) : 0;
    this.#heardMs = heardMs;
    this.#lookedMs = nowMs;
    return this.#silentMs > this.#options.decodeMsMax + SILENT_MS;
  }

  #end(cause: RestartCause, late: readonly Job[]): void {
    if (this.#endCause) return;
    this.#endCause = cause;
    this.#overdue = new Set(late.map((job) => job.id));
    this.#process?.kill();
  }

  #died(end: EndCause): void {
    const [jobs, overdue] = [[...this.inFlight.values()], this.#overdue];
    const cause = this.#endCause ?? (end === 'memory' ? 'memory' : 'crash');
    const isMemory = cause === 'memory' || (cause === 'crash' && end === 'killed');
    const livedMs = performance.now() - this.#startedMs;
    this.inFlight.clear();
    this.#overdue = new Set();
    this.#endCause = null;
    this.#process = null;
    if (this.#closed) return;
    if (this.#standBy || livedMs > LIVED_MS_MIN) this.start();
    this.#options.onDeath({ cause, jobs, overdue, isMemory });
  }
}
