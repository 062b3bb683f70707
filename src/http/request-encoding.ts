/** Request bodies in gzip, decompressed as they arrive; a body that exceeds the expansion limit fails there. */
import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyRequest, RequestPayload } from 'fastify';
import { AppError } from '../core/errors.js';

/** Hashes are random: their hex digits compress to half. A body that compresses to less than a hundredth is a bomb. */
const RATIO_MAX = 100;
/** Below this size a ratio is meaningless. */
const RATIO_FROM_BYTES = 1_048_576;

/** Count of compressed and decompressed bytes, with their ratio bounded. */
class Bound extends Transform {
  packed = 0;
  #unpacked = 0;
  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#unpacked += chunk.length;
    const isBomb = this.#unpacked > RATIO_FROM_BYTES && this.#unpacked > this.packed * RATIO_MAX;
    if (isBomb) done(new AppError('BODY_TOO_LARGE', { ratioMax: RATIO_MAX }));
    else done(null, chunk);
  }
}

/**
 * Return the decompressed body; a `preParsing` hook. Encodings other than gzip are refused.
 * Errors MEDIA_TYPE_UNSUPPORTED; in the stream: BODY_TOO_LARGE, REQUEST_INVALID where it is not gzip.
 */
export async function unpackBody(
  request: Pick<FastifyRequest, 'headers'>,
  _reply: unknown,
  payload: RequestPayload,
): Promise<RequestPayload> {
  const encoding = request.headers['content-encoding'];
  if (encoding === undefined) return payload;
  if (encoding !== 'gzip')
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', { field: 'content-encoding', expected: 'gzip' });
  const bound = new Bound();
  const unpacked = bound as RequestPayload & Readable;
  payload.on('data', (chunk: Buffer) => {
    bound.packed += chunk.length;
    // Fastify compares it with Content-Length.
    unpacked.receivedEncodedLength = bound.packed;
  });
  const gunzip = createGunzip();
  payload.on('error', (error) => bound.destroy(error));
  gunzip.on('error', (error) =>
    bound.destroy(new AppError('REQUEST_INVALID', { field: 'body', expected: 'gzip' }, error)),
  );
  payload.pipe(gunzip).pipe(bound);
  return unpacked;
}
