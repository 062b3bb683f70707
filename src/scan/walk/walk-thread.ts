/**
 * A thread of the walk process: takes requests from its socket, one at a time. Synchronous on purpose: a thread that does
 * nothing else inspects three times as many files, and one that hangs holds nothing but itself.
 */
import { readSync, writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { AppError } from '../../core/errors.js';
import { FILE_FAULTS, type FileFault, faultOf } from '../../core/file-identity.js';
import { FileReads } from './file-reads.js';
import { Listings } from './listings.js';
import { lookAt } from './look.js';
import { OpenFolders } from './open-folders.js';
import { rootOf } from './roots.js';
import { encodeWalk, IDLE, PROGRESS, type WalkAnswer, WalkFrames, type WalkRequest } from './walk-protocol.js';

const { socket, progress: shared } = workerData as { readonly socket: number; readonly progress: SharedArrayBuffer };
const progress = new Int32Array(shared);

/** Bytes read at once from the socket: most requests are smaller. */
const READ_BYTES = 65_536;
const piece = Buffer.allocUnsafe(READ_BYTES);

/** Note the beginning of a step: what is between two of them is one wait for the system. */
function step(at: number): void {
  Atomics.add(progress, PROGRESS.step, 1);
  Atomics.store(progress, PROGRESS.at, at);
}

const folders = new OpenFolders();
const listings = new Listings(folders, step);
const reads = new FileReads(folders, step);

function answerTo(request: WalkRequest): WalkAnswer {
  switch (request.op) {
    case 'root':
      return rootOf(request.path, request.followsLinks);
    case 'list':
      return listings.open(request);
    case 'next':
      return listings.next(request.listing);
    case 'look':
      return lookAt(request, folders, step);
    case 'read':
      return { bytes: reads.bytes(request) };
    case 'digests':
      return { digests: reads.digests(request) };
  }
}

function faultOfAny(error: unknown): FileFault {
  if (error instanceof AppError) {
    const fault = FILE_FAULTS.find((one) => one === error.code);
    if (fault !== undefined) return fault;
  }
  // Every other error is of the system, and has a code; one without is a fault of the program.
  if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
  return faultOf(error);
}

function write(frame: Buffer): void {
  for (let at = 0; at < frame.length; ) at += writeSync(socket, frame, at);
}

const frames = new WalkFrames();
for (;;) {
  const frame = frames.next<WalkRequest>();
  if (frame === null) {
    const bytes = readSync(socket, piece);
    if (bytes === 0) break;
    frames.push(Buffer.from(piece.subarray(0, bytes)));
    continue;
  }
  const [id, request] = frame;
  Atomics.store(progress, PROGRESS.request, id);
  step(0);
  let answer: ReturnType<typeof encodeWalk>;
  try {
    answer = encodeWalk(id, answerTo(request));
  } catch (error) {
    answer = encodeWalk(id, { fault: faultOfAny(error) });
  }
  // The wait for the scan to take an answer is none for the system.
  Atomics.store(progress, PROGRESS.at, IDLE);
  write(answer);
}
