/**
 * Decoder process: it has no list, no key and no database. Its worker threads take images from sockets of their own and
 * answer there. This thread starts them, and watches them: a read that does not return and a long decoding hold their thread. It
 * exits with the service.
 */
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { artefact } from '../core/package-root.js';
import { Turns } from '../decode/turns.js';
import { MemoryRoom, roomBytes } from './memory-room.js';
import {
  ALIVE_EVERY_MS,
  CONTROL_SOCKET,
  encodeFrame,
  FIRST_WORKER_SOCKET,
  OUT_OF_MEMORY,
  packReply,
  READY_ID,
  type ReplyHead,
  stalledReply,
} from './protocol.js';
import type { WorkerLimits, WorkerStart } from './worker.js';
import { DOING, WorkerProgress, watchWorkers } from './worker-progress.js';

interface ProcessLimits extends WorkerLimits {
  readonly decodeMsMax: number;
  /** Resident memory at which the service ends this process. */
  readonly memoryBytesMax: number;
}

const limits = JSON.parse(process.argv[2]!) as ProcessLimits;
const room = new MemoryRoom(roomBytes(limits));
const turns = new Turns();

/** The same exit code for all other faults of the program: EX_SOFTWARE of sysexits.h. */
const FAILED = 70;

function fail(error: unknown): never {
  process.stderr.write(`decoder process failed: ${error instanceof Error ? error.message : String(error)}\n`);
  const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  process.exit(isMemory ? OUT_OF_MEMORY : FAILED);
}

const control = new Socket({ fd: CONTROL_SOCKET, readable: true, writable: true });
const say = (head: ReplyHead, body: Uint8Array = new Uint8Array()) => control.write(encodeFrame(head, body));

const workers: WorkerProgress[] = [];

/** End with the service. A worker whose read or decoding never returns would hold an ordinary exit, which waits for it. */
function end(): void {
  if (workers.every((progress) => progress.read().doing === DOING.nothing)) process.exit(0);
  process.kill(process.pid, 'SIGKILL');
  // The first process of a namespace of process ids cannot kill itself.
  process.abort();
}

/** Start a worker; resolves when it has loaded its decoders. */
function start(number: number): Promise<void> {
  const progress = new WorkerProgress();
  workers.push(progress);
  const { bytes, shared } = room;
  const socket = FIRST_WORKER_SOCKET + number;
  const workerData: WorkerStart = {
    limits,
    socket,
    progress: progress.shared,
    room: { bytes, shared },
    turns: turns.shared,
  };
  const worker = new Worker(artefact('src', 'engine', 'worker.js'), { workerData });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(`a worker ended with ${code}`));
  return new Promise((resolve) => worker.once('message', () => resolve()));
}

control.on('data', () => {});
control.on('close', end);
control.on('error', end);
// The service decides when this process ends; a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('unhandledRejection', fail);

const libvips = import('../decode/libvips.js');
const started = Array.from({ length: limits.workers }, (_, number) => start(number));
watchWorkers(workers, {
  decodeMsMax: limits.decodeMsMax,
  processorMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
  onDecoding: (id) => say({ id }),
  onLate: (id) => say({ id, isLate: true }),
  onStall: (id) => say({ id }, packReply(stalledReply())),
});
void Promise.all([libvips, ...started]).then(([{ restrictLoaders }]) => {
  // Once all have loaded sharp, which turns the cache of libvips on each time: it would keep the memory of its last images.
  restrictLoaders();
  say({ id: READY_ID });
  setInterval(() => say({ id: READY_ID }), ALIVE_EVERY_MS);
});
