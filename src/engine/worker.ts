/**
 * Worker thread of the decoder process: takes requests from a socket of its own, and answers there; bytes in, digests and hashes
 * out. An `AppError` becomes a reply; any other error is a bug and ends the process.
 */
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import pLimit from 'p-limit';
import { AppError, type ErrorCode } from '../core/errors.js';
import { FILE_FAULTS } from '../core/file-identity.js';
import { collectGarbage } from '../core/garbage.js';
import { WINDOW_VIEWS_MAX } from '../core/limits.js';
import type { DegradedVerdict, Digests, NotCheckedReason } from '../core/vocabulary.js';
import type { WindowChoice } from '../core/window.js';
import { worse } from '../decode/damage.js';
import { createDecoder, type DecodeLimits } from '../decode/decode.js';
import type { View } from '../decode/frames.js';
import { dropHeic } from '../decode/heic.js';
import { shareTurns } from '../decode/libvips.js';
import { estimateMemory } from '../decode/memory-estimate.js';
import { lacksMemory } from '../decode/memory-faults.js';
import { sniff } from '../decode/sniff.js';
import { blockhash256 } from '../kernels/blockhash.js';
import { computeDigests } from '../kernels/digests.js';
import { loadPdqHasher } from '../kernels/pdq-wasm.js';
import { hashWindows } from '../kernels/windows/hash-windows.js';
import { type FileTarget, unpackTarget } from './file-source.js';
import { MemoryRoom, SMALL_BYTES } from './memory-room.js';
import {
  encodeFrame,
  FrameReader,
  type HashReply,
  type HashWants,
  packReply,
  type RequestHead,
  type ViewReply,
} from './protocol.js';
import { createReplyCache, isCacheable, replyKey } from './reply-cache.js';
import { TargetReader } from './target-reader.js';
import { DOING, WorkerProgress } from './worker-progress.js';

export interface WorkerLimits extends DecodeLimits {
  readonly degraded: DegradedVerdict;
  readonly workers: number;
  /** Total of all workers. */
  readonly cacheBytesMax: number;
}

export interface WorkerStart {
  readonly limits: WorkerLimits;
  /** Descriptor of its socket. */
  readonly socket: number;
  readonly progress: SharedArrayBuffer;
  /** Room for large images, of all workers. */
  readonly room: { readonly bytes: number; readonly shared: SharedArrayBuffer };
  /** Turns of libvips, of all workers. */
  readonly turns: SharedArrayBuffer;
}

const { limits, socket: descriptor, progress: shared, room: shares, turns } = workerData as WorkerStart;
shareTurns(turns);
const progress = new WorkerProgress(shared);
const room = new MemoryRoom(shares.bytes, shares.shared);
let hasher = loadPdqHasher();
// Grey JPEGs are decoded straight into the kernel's memory.
const decoder = createDecoder(limits, (bytes) => hasher.takePlane(bytes));

const REASONS: Partial<Record<ErrorCode, NotCheckedReason>> = {
  IMAGE_NOT_AN_IMAGE: 'not_an_image',
  IMAGE_UNSUPPORTED_FORMAT: 'unsupported_format',
  IMAGE_TRUNCATED: 'truncated',
  IMAGE_CORRUPT: 'corrupt',
  IMAGE_TOO_LARGE: 'too_large',
  IMAGE_TOO_MANY_PIXELS: 'too_many_pixels',
  IMAGE_OVER_MEMORY: 'too_many_pixels',
  IMAGE_TOO_SMALL: 'too_small',
  IMAGE_DECODER_CRASH: 'decoder_crash',
  ...Object.fromEntries(FILE_FAULTS.map((code) => [code, 'unreadable'])),
};

function hashView({ frame, background, part, raster }: View, wants: HashWants, detail: WindowChoice): ViewReply {
  // First, since the kernel may overwrite a raster in its own memory.
  const blockhash = wants.algorithms.includes('blockhash') ? blockhash256(raster) : null;
  if (!wants.algorithms.includes('pdq')) return { frame, background, part, families: [], blockhash, windows: [] };
  const { families } = hasher.hash(raster, wants);
  const windows = detail === 'plain' ? [] : hashWindows(hasher.surface(), detail, wants.orientations === 'all');
  return { frame, background, part, families, blockhash, windows };
}

/** Hash the bytes of a file; an `AppError` becomes a reply. `afterView`: called after each further view. */
async function hashBytes(
  bytes: Uint8Array,
  digests: Digests,
  wants: HashWants,
  afterView?: () => Promise<void>,
): Promise<HashReply> {
  try {
    const decoded = await decoder.decode(bytes, wants.frames);
    const { format, width, height } = decoded;
    const views: ViewReply[] = [];
    let { damage } = decoded;
    const shown = decoded.views((further) => {
      damage = worse(damage, further);
    });
    for await (const view of shown) {
      views.push(hashView(view, wants, views.length < WINDOW_VIEWS_MAX ? wants.detail : 'plain'));
      await afterView?.();
    }
    if (damage && limits.degraded === 'not_checked') damage = { ...damage, isGrave: true };
    return { ok: true, digests, bytes: bytes.byteLength, format, width, height, damage, views };
  } catch (error) {
    return refusal(error, bytes, digests);
  }
}

/** Convert an error about the image into a reply; other errors are bugs and stay thrown. */
function refusal(error: unknown, bytes: Uint8Array | null, digests: Digests): HashReply {
  if (lacksMemory(error)) return refusal(new AppError('IMAGE_DECODER_CRASH', {}, error), bytes, digests);
  const reason = error instanceof AppError ? REASONS[error.code] : undefined;
  if (!(error instanceof AppError) || reason === undefined) throw error;
  const known = bytes && sniff(bytes);
  return {
    ok: false,
    digests,
    bytes: bytes?.byteLength ?? Number(error.details.bytes ?? 0),
    reason,
    code: error.code,
    format: known?.format ?? null,
    width: known?.width ?? null,
    height: known?.height ?? null,
  };
}

/** A worker has one decoder and its memory. */
const oneAtATime = pLimit(1);
const inTurn = <Result>(work: () => Result | Promise<Result>): Promise<Result> =>
  oneAtATime(async () => {
    try {
      return await work();
    } finally {
      progress.note(DOING.nothing);
    }
  });

/**
 * Free what an image has left behind. A turn before: until then the decoder's native code that called back holds its pixels. Twice: memory
 * outside of V8's heap is freed in the background, which the second collection waits for, and what belongs to it a turn later.
 */
async function dropGarbage(): Promise<void> {
  for (let time = 0; time < 2; time++) {
    await nextTurn();
    collectGarbage();
  }
  await nextTurn();
}

/** Free all memory of a large image: that of a WebAssembly module never shrinks, so they are loaded again. */
async function dropAll(): Promise<void> {
  hasher = loadPdqHasher();
  dropHeic();
  await dropGarbage();
}

/** One large image of a worker at a time: another one would hold room while it waits for its turn. */
const oneLarge = pLimit(1);

/** Hash a large image once there is room for it. Small images continue meanwhile. */
function hashLarge(id: number, needBytes: number, work: () => Promise<HashReply>): Promise<HashReply> {
  // What it waits for from now on is no disk.
  socket.write(encodeFrame({ id }, new Uint8Array()));
  return oneLarge(async () => {
    await room.take(needBytes);
    try {
      return await inTurn(async () => {
        progress.note(DOING.decoding, id);
        // What small images have left.
        await dropAll();
        try {
          return await work();
        } finally {
          await dropAll();
        }
      });
    } finally {
      room.giveBack(needBytes);
    }
  });
}

type Later = () => Promise<HashReply>;

/** Hash an image, in turn; a large one later, out of turn, by the function that is returned, from bytes of its own. */
async function beginImage(
  bytes: Uint8Array,
  digests: Digests,
  { id, file, wants }: RequestHead,
): Promise<HashReply | Later> {
  // One of unknown size is decoded alone.
  const needBytes = estimateMemory(bytes, limits.imagePixelsMax, wants.frames) ?? room.bytes;
  if (needBytes <= SMALL_BYTES) return hashBytes(bytes, digests, wants);
  if (needBytes > room.bytes)
    return refusal(new AppError('IMAGE_OVER_MEMORY', { needBytes, roomBytes: room.bytes }), bytes, digests);
  // The next file may be read into the same memory.
  const own = file === null ? bytes : new Uint8Array(bytes);
  return () => hashLarge(id, needBytes, () => hashBytes(own, digests, wants, dropGarbage));
}

const files = new TargetReader(limits.imageBytesMax);

const cache = createReplyCache<Buffer>(Math.floor(limits.cacheBytesMax / limits.workers), ({ length }) => length);

/** Hash the bytes of a file; one in the cache is not decoded again. A large image as `beginImage`. */
async function hashRead(bytes: Uint8Array, head: RequestHead): Promise<Buffer | (() => Promise<Buffer>)> {
  const { wants, crashers } = head;
  const digests = computeDigests(bytes, wants.digests);
  const sha256Of = () => digests.sha256 ?? computeDigests(bytes, ['sha256']).sha256!;
  if (crashers.length > 0 && crashers.includes(sha256Of()))
    return packReply(refusal(new AppError('IMAGE_DECODER_CRASH'), bytes, digests));
  const key = cache && replyKey(sha256Of(), wants);
  const known = key === null ? undefined : cache?.get(key);
  if (known) return known;
  const keep = (reply: HashReply): Buffer => {
    const packed = packReply(reply);
    if (key !== null && isCacheable(reply)) cache?.set(key, packed);
    return packed;
  };
  const begun = await beginImage(bytes, digests, head);
  return typeof begun === 'function' ? async () => keep(await begun()) : keep(begun);
}

/** Read and hash a file. */
async function hashFile(target: FileTarget, head: RequestHead): Promise<Buffer> {
  const { id } = head;
  let bytes: Uint8Array | null;
  try {
    bytes = await files.begin(target);
  } catch (error) {
    return packReply(refusal(error, null, {}));
  }
  const begun = await inTurn(async () => {
    if (bytes === null) {
      const step = () => progress.note(DOING.reading, id, target.stallMs);
      step();
      try {
        bytes = files.readNow(target, step);
      } catch (error) {
        return packReply(refusal(error, null, {}));
      }
    }
    // From here on the time is that of the decoder.
    progress.note(DOING.decoding, id);
    return hashRead(bytes, head);
  });
  return typeof begun === 'function' ? begun() : begun;
}

/** Hash the bytes that came with a request. */
async function hashSent(body: Buffer, head: RequestHead): Promise<Buffer> {
  const begun = await inTurn(() => {
    progress.note(DOING.decoding, head.id);
    return beginImage(body, computeDigests(body, head.wants.digests), head);
  });
  return packReply(typeof begun === 'function' ? await begun() : begun);
}

async function answer(head: RequestHead, body: Buffer): Promise<void> {
  const { id, file } = head;
  const packed = await (file === null ? hashSent(body, head) : hashFile(unpackTarget(file), head));
  socket.write(encodeFrame({ id }, packed));
}

const socket = new Socket({ fd: descriptor, readable: true, writable: true });
const requests = new FrameReader((head, body) => void answer(head as RequestHead, body));
socket.on('data', (chunk) => requests.push(chunk));
// The process ends with its other sockets.
socket.on('error', () => {});
parentPort!.postMessage('ready');
