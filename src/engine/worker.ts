/**
 * Worker thread of the decoder process: bytes in, digests and hashes out. An `AppError` becomes a value here, since errors
 * lose their code between threads; any other error is a bug and stays thrown.
 */
import { parentPort, workerData } from 'node:worker_threads';
import pLimit from 'p-limit';
import { AppError, type ErrorCode } from '../core/errors.js';
import { FILE_FAULTS } from '../core/file-identity.js';
import type { Digests, NotCheckedReason } from '../core/vocabulary.js';
import { createDecoder, type DecodeLimits } from '../decode/decode.js';
import type { View } from '../decode/frames.js';
import { sniff } from '../decode/sniff.js';
import { blockhash256 } from '../kernels/blockhash.js';
import { computeDigests } from '../kernels/digests.js';
import { loadPdqHasher } from '../kernels/pdq-wasm.js';
import { type FileTarget, unpackTarget } from './file-source.js';
import { type HashReply, type HashWants, packReply, type RequestHead, type ViewReply } from './protocol.js';
import { readTarget } from './read-target.js';
import { createReplyCache, isCacheable, replyKey } from './reply-cache.js';

export interface WorkerTask extends RequestHead {
  readonly bytes: Uint8Array | null;
}

export interface WorkerLimits extends DecodeLimits {
  readonly workers: number;
  /** Total of all workers. */
  readonly cacheBytesMax: number;
}

const limits = workerData as WorkerLimits;
const hasher = loadPdqHasher();
// Grey JPEGs are decoded straight into the kernel's memory.
const decoder = createDecoder(limits, (bytes) => hasher.takePlane(bytes));

const REASONS: Partial<Record<ErrorCode, NotCheckedReason>> = {
  IMAGE_NOT_AN_IMAGE: 'not_an_image',
  IMAGE_UNSUPPORTED_FORMAT: 'unsupported_format',
  IMAGE_TRUNCATED: 'truncated',
  IMAGE_CORRUPT: 'corrupt',
  IMAGE_TOO_LARGE: 'too_large',
  IMAGE_TOO_MANY_PIXELS: 'too_many_pixels',
  IMAGE_TOO_SMALL: 'too_small',
  IMAGE_DECODER_CRASH: 'decoder_crash',
  ...Object.fromEntries(FILE_FAULTS.map((code) => [code, 'unreadable'])),
};

function hashView({ frame, background, raster }: View, wants: HashWants): ViewReply {
  // First, since the kernel may overwrite a raster in its own memory.
  const blockhash = wants.algorithms.includes('blockhash') ? blockhash256(raster) : null;
  const families = wants.algorithms.includes('pdq') ? hasher.hash(raster, wants).families : [];
  return { frame, background, families, blockhash };
}

/** Hash the bytes of a file; an `AppError` becomes a reply. */
async function hashBytes(bytes: Uint8Array, digests: Digests, wants: HashWants): Promise<HashReply> {
  try {
    const { format, width, height, raster, degraded, others } = await decoder.decode(bytes, wants.frames);
    const views = [hashView({ frame: 0, background: null, raster }, wants)];
    let isDamaged = degraded;
    try {
      for await (const view of others()) views.push(hashView(view, wants));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      isDamaged = true;
    }
    return { ok: true, digests, bytes: bytes.byteLength, format, width, height, degraded: isDamaged, views };
  } catch (error) {
    return refusal(error, bytes, digests);
  }
}

/** Convert an error about the image into a reply; other errors are bugs and stay thrown. */
function refusal(error: unknown, bytes: Uint8Array | null, digests: Digests): HashReply {
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

/** A worker has one decoder and its memory; the next task's file is read meanwhile. */
const oneAtATime = pLimit(1);

const cache = createReplyCache<Buffer>(Math.floor(limits.cacheBytesMax / limits.workers), ({ length }) => length);

/** Read and hash a file; a file in the cache is not decoded again. */
async function hashFile(
  id: number,
  target: FileTarget,
  { wants, crashers }: Pick<WorkerTask, 'wants' | 'crashers'>,
): Promise<Buffer> {
  let bytes: Uint8Array;
  try {
    bytes = await readTarget(target, limits.imageBytesMax);
    // From here on the time is that of the decoder.
    parentPort?.postMessage(id satisfies number);
  } catch (error) {
    return packReply(refusal(error, null, {}));
  }
  const digests = computeDigests(bytes, wants.digests);
  const sha256 = digests.sha256 ?? computeDigests(bytes, ['sha256']).sha256!;
  if (crashers.includes(sha256)) return packReply(refusal(new AppError('IMAGE_DECODER_CRASH'), bytes, digests));
  const key = replyKey(sha256, wants);
  const known = cache?.get(key);
  if (known) return known;
  const reply = await oneAtATime(() => hashBytes(bytes, digests, wants));
  const packed = packReply(reply);
  if (isCacheable(reply)) cache?.set(key, packed);
  return packed;
}

export default async function answer({ id, bytes, file, wants, crashers }: WorkerTask): Promise<Uint8Array> {
  if (bytes === null) return hashFile(id, unpackTarget(file!), { wants, crashers });
  return packReply(await oneAtATime(() => hashBytes(bytes, computeDigests(bytes, wants.digests), wants)));
}
