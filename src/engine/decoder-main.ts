/**
 * Decoder process: it has no list, no key and no database. It reads frames from file descriptor 3, hashes images in worker
 * threads, writes frames back, and exits with the service.
 */
import { Socket } from 'node:net';
import { artefact } from '../core/package-root.js';
import { threadPool } from '../core/thread-pool.js';
import { restrictLoaders } from '../decode/libvips.js';
import { encodeFrame, FrameReader, READY_ID, type RequestHead } from './protocol.js';
import type { WorkerLimits, WorkerTask } from './worker.js';

const limits = JSON.parse(process.argv[2]!) as WorkerLimits;
const { workers } = limits;

// Once, before any worker starts: while loaders are being blocked, another thread's image would be refused.
restrictLoaders();

const pool = threadPool<WorkerTask, Uint8Array>({
  filename: artefact('src', 'engine', 'worker.js'),
  workerData: limits,
  minThreads: workers,
  maxThreads: workers,
  // The next task waits in the worker, with its file read, so that no worker waits for a message.
  concurrentTasksPerWorker: 2,
  // The service bounds its requests; an overflow here could not be answered.
  maxQueue: Number.POSITIVE_INFINITY,
  // Atomics.wait would block a worker's own asynchronous reads and decodes.
  atomics: 'disabled',
});

/** A worker reports that it has read a file: until then its decoder has not begun. */
pool.on('message', (id: number) => {
  for (const part of encodeFrame({ id }, new Uint8Array())) socket.write(part);
});

const socket = new Socket({ fd: 3, readable: true, writable: true });
const reader = new FrameReader((head, body) => {
  void answer(head as RequestHead, body);
});

async function answer(head: RequestHead, body: Buffer): Promise<void> {
  const { id } = head;
  // A separate buffer can be transferred to the worker without another copy.
  const bytes = head.file === null ? new Uint8Array(body) : null;
  const packed = await pool.run({ ...head, bytes }, bytes ? { transferList: [bytes.buffer] } : {});
  for (const part of encodeFrame({ id }, packed)) socket.write(part);
}

/** Resolves when the workers have loaded their decoders: the pool gives each of them one of these tasks. */
async function workersReady(): Promise<void> {
  const wants = { digests: [], orientations: 'none', families: 'both', algorithms: [], frames: 1 } as const;
  const task = () => pool.run({ id: READY_ID, bytes: new Uint8Array(), file: null, wants, crashers: [] });
  await Promise.all(Array.from({ length: workers }, task));
}

socket.on('data', (chunk) => reader.push(chunk));
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
// The service decides when this process ends; a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
void workersReady().then(() => {
  for (const part of encodeFrame({ id: READY_ID }, new Uint8Array())) socket.write(part);
});
process.on('unhandledRejection', (error) => {
  process.stderr.write(`decoder process failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
});
