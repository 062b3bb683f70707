/**
 * A worker thread of the decoder process: bytes in, digests and hashes out. An `AppError` becomes a value here,
 * since errors lose their code between threads; anything else is a bug and stays thrown.
 */
import { readFile, stat } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../core/errors.js';
import type { NotCheckedReason } from '../core/vocabulary.js';
import { createDecoder, type DecodeLimits, restrictLoaders } from '../decode/decode.js';
import { sniff } from '../decode/sniff.js';
import { blockhash256 } from '../kernels/blockhash.js';
import { computeDigests } from '../kernels/digests.js';
import { loadPdqHasher } from '../kernels/pdq-wasm.js';
import type { HashReply, HashWants } from './protocol.js';

export interface WorkerTask {
  readonly bytes: Uint8Array | null;
  readonly path: string | null;
  readonly wants: HashWants;
}

const limits = workerData as DecodeLimits;
restrictLoaders();
const decoder = createDecoder(limits);
const hasher = loadPdqHasher();

const REASONS: Partial<Record<ErrorCode, NotCheckedReason>> = {
  IMAGE_NOT_AN_IMAGE: 'not_an_image',
  IMAGE_UNSUPPORTED_FORMAT: 'unsupported_format',
  IMAGE_TRUNCATED: 'truncated',
  IMAGE_CORRUPT: 'corrupt',
  IMAGE_TOO_LARGE: 'too_large',
  IMAGE_TOO_MANY_PIXELS: 'too_many_pixels',
  IMAGE_TOO_SMALL: 'too_small',
  FILE_UNREADABLE: 'unreadable',
};

/** Errors: FILE_UNREADABLE; IMAGE_TOO_LARGE before a byte is read. */
async function readBounded(path: string): Promise<Uint8Array> {
  try {
    const { size, isFile } = await stat(path).then((s) => ({ size: s.size, isFile: s.isFile() }));
    if (!isFile) throw new AppError('FILE_UNREADABLE', { why: 'not a regular file' });
    if (size > limits.imageBytesMax)
      throw new AppError('IMAGE_TOO_LARGE', { bytes: size, bytesMax: limits.imageBytesMax });
    return await readFile(path);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('FILE_UNREADABLE', { why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
}

export default async function hashImage({ bytes: given, path, wants }: WorkerTask): Promise<HashReply> {
  let bytes: Uint8Array | null = given;
  let digests: HashReply['digests'] = {};
  try {
    bytes ??= await readBounded(path!);
    digests = computeDigests(bytes, wants.digests);
    const { format, width, height, raster, degraded } = await decoder.decode(bytes);
    const { families } = wants.algorithms.includes('pdq') ? hasher.hash(raster, wants) : { families: [] };
    const blockhash = wants.algorithms.includes('blockhash') ? blockhash256(raster) : null;
    return { ok: true, digests, bytes: bytes.byteLength, format, width, height, degraded, families, blockhash };
  } catch (error) {
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
}
