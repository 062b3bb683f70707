/**
 * Decoder process: it has no list, no key and no database. Its worker threads take images from sockets of their own and
 * answer there. This thread starts them, and watches them: a read that does not return and a long decoding hold their thread. It
 * exits with the service.
 */
import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { artefact } from '../core/package-root.js';
import { CONTROL_SOCKET, encodeFrame, FIRST_WORKER_SOCKET, packReply, READY_ID, stalledReply } from './protocol.js';
import type { WorkerLimits, WorkerStart } from './worker.js';
import { DOING, WorkerProgress, watchWorker } from './worker-progress.js';

const limits = JSON.parse(process.argv[2]!) as WorkerLimits;

/** The same exit code for all faults of the program: EX_SOFTWARE of sysexits.h. */
const FAILED = 70;

function fail(error: unknown): never {
  process.stderr.write(`decoder process failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(FAILED);
}

const control = new Socket({ fd: CONTROL_SOCKET, readable: true, writable: true });
const say = (id: number, body: Uint8Array = new Uint8Array()) => control.write(encodeFrame({ id }, body));

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
  const workerData: WorkerStart = { limits, socket: FIRST_WORKER_SOCKET + number, progress: progress.shared };
  const worker = new Worker(artefact('src', 'engine', 'worker.js'), { workerData });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(`a worker ended with ${code}`));
  watchWorker(progress, { onDecoding: (id) => say(id), onStall: (id) => say(id, packReply(stalledReply())) });
  return new Promise((resolve) => worker.once('message', () => resolve()));
}

control.on('data', () => {});
control.on('close', end);
control.on('error', end);
// The service decides when this process ends; a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('unhandledRejection', fail);

// Beside the workers, which load libvips too, and before the first image: while loaders are being blocked, it would be refused.
const restricted = import('../decode/libvips.js').then(({ restrictLoaders }) => restrictLoaders());
const started = Array.from({ length: limits.workers }, (_, number) => start(number));
void Promise.all([restricted, ...started]).then(() => say(READY_ID));
