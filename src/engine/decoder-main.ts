/**
 * The decoder process: no list, no key, no database. Reads frames from file descriptor 3, lets worker threads hash
 * them, writes frames back, and ends when the service does.
 */
import { Socket } from 'node:net';
import { Piscina } from 'piscina';
import { artefact } from '../core/package-root.js';
import { restrictLoaders } from '../decode/libvips.js';
import { encodeFrame, FrameReader, type RequestHead } from './protocol.js';
import type { WorkerLimits, WorkerTask } from './worker.js';

const limits = JSON.parse(process.argv[2]!) as WorkerLimits;
const { workers } = limits;

// Once, and before any worker is there: while loaders are being blocked, another thread's picture would be refused.
restrictLoaders();

const pool = new Piscina<WorkerTask, Uint8Array>({
  filename: artefact('src', 'engine', 'worker.js'),
  workerData: limits,
  minThreads: workers,
  maxThreads: workers,
  // Its next task waits in the worker itself, its file read, so that no worker waits for a message.
  concurrentTasksPerWorker: 2,
  // The service bounds what it sends; a bound here as well would answer nobody.
  maxQueue: Number.POSITIVE_INFINITY,
  // Waiting in Atomics.wait would keep a worker from its own asynchronous reads and decodes.
  atomics: 'disabled',
});

const socket = new Socket({ fd: 3, readable: true, writable: true });
const reader = new FrameReader((head, body) => {
  void answer(head as RequestHead, body);
});

async function answer({ id, ...head }: RequestHead, body: Buffer): Promise<void> {
  // A copy of its own, so that it can be moved to the worker instead of being copied again.
  const bytes = head.path === null ? new Uint8Array(body) : null;
  const packed = await pool.run({ ...head, bytes }, bytes ? { transferList: [bytes.buffer] } : {});
  for (const part of encodeFrame({ id }, packed)) socket.write(part);
}

socket.on('data', (chunk) => reader.push(chunk));
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
// The service decides when this process ends; a Ctrl-C in the terminal reaches the whole group.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('unhandledRejection', (error) => {
  process.stderr.write(`decoder process: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
});
