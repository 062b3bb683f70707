/**
 * The walk process: its threads touch the scanned tree, and nothing else does but the decoder. A system call that never
 * returns holds a thread of this process, which is left behind, and not the scan.
 */
import { Worker } from 'node:worker_threads';
import { artefact } from '../../core/package-root.js';
import { terminalText } from '../../core/terminal.js';
import {
  FIRST_SOCKET,
  IDLE,
  type LimitNote,
  PROGRESS,
  type StallNote,
  type StartNote,
  type WalkOptions,
} from './walk-protocol.js';

const { stallMs } = JSON.parse(process.argv[2]!) as WalkOptions;

/** Interval of the looks at the threads' progress: a stall is noticed this much late. */
const WATCH_MS_MAX = 250;
/** Intervals after which the process itself was stopped: on a busy machine it is late by one or two. */
const STOPPED_AFTER = 4;
/** A thread holds a few thousand names; without a limit its young generation would grow to 48 MB before a collection. */
const YOUNG_MB = 4;

function start(thread: number): void {
  const shared = new SharedArrayBuffer(PROGRESS.numbers * Int32Array.BYTES_PER_ELEMENT);
  const progress = new Int32Array(shared);
  progress[PROGRESS.at] = IDLE;
  const worker = new Worker(artefact('src', 'scan', 'walk', 'walk-thread.js'), {
    workerData: { socket: FIRST_SOCKET + thread, progress: shared },
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  worker.on('error', (error: NodeJS.ErrnoException) => {
    // It could not start, or not continue: the others get its requests.
    if (error.code !== undefined) process.send?.({ thread, limit: error.code } satisfies LimitNote);
    else {
      // A fault of the program: its requests are repeated in another process.
      process.stderr.write(`${terminalText(`walk process failed: ${error.message}`)}\n`);
      end();
    }
  });
  watch(thread, progress);
}

function watch(thread: number, progress: Int32Array): void {
  let seen = { request: 0, step: 0, sinceMs: 0 };
  let lookedMs = performance.now();
  const everyMs = Math.min(WATCH_MS_MAX, stallMs / 4);
  setInterval(() => {
    const at = Atomics.load(progress, PROGRESS.at);
    const [request, step] = [Atomics.load(progress, PROGRESS.request), Atomics.load(progress, PROGRESS.step)];
    const nowMs = performance.now();
    // This process was stopped itself, by Ctrl-Z for one: the thread has not had that time.
    if (nowMs - lookedMs > STOPPED_AFTER * everyMs) seen = { ...seen, sinceMs: nowMs };
    lookedMs = nowMs;
    if (at === IDLE || request !== seen.request || step !== seen.step) seen = { request, step, sinceMs: nowMs };
    else if (nowMs - seen.sinceMs >= stallMs) {
      // Reported once; a thread that returns after all is watched again.
      seen = { ...seen, sinceMs: Number.POSITIVE_INFINITY };
      process.send?.({ thread, request, at } satisfies StallNote);
    }
  }, everyMs);
}

/** A thread that does not return would hold an ordinary exit. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

process.on('message', ({ thread }: StartNote) => start(thread));
process.on('disconnect', end);
// The scan decides when this process ends; a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('SIGHUP', () => {});
