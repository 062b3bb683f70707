/**
 * A thread of the walk process: takes requests from its socket, one at a time. Synchronous on purpose: a thread that does
 * nothing else inspects three times as many files, and one that hangs holds nothing but itself.
 */
import { readSync, writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { AppError } from '../../core/errors.js';
import { FILE_FAULTS, faultOf } from '../../core/file-identity.js';
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

/** Answer a request. A limit of the process is no fault of a file: with its folders closed it may suffice, else the scan ends. */
function answered(id: number, request: WalkRequest, isAgain = false): Buffer {
  try {
    return encodeWalk(id, answerTo(request));
  } catch (error) {
    if (error instanceof AppError) {
      const fault = FILE_FAULTS.find((one) => one === error.code);
      if (fault !== undefined) return encodeWalk(id, { fault });
    }
    try {
      return encodeWalk(id, { fault: faultOf(error) });
    } catch {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      folders.closeAll();
      return isAgain ? encodeWalk(id, { limit: code }) : answered(id, request, true);
    }
  }
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
  const answer = answered(id, request);
  // The wait for the scan to take an answer is none for the system.
  Atomics.store(progress, PROGRESS.at, IDLE);
  write(answer);
}
