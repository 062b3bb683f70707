/**
 * Blobs as they lie in a place: the body, then its SHA-256. A reader compares the sum, so what is cut, damaged or mixed on the
 * way or in the place never passes for a blob, whichever checks the place itself has.
 *
 *     body (0 bytes or more) | SHA-256 of the body (32 bytes)
 */
import { createHash } from 'node:crypto';
import { AppError } from '../core/errors.js';
import { BLOB_BYTES_MAX, type BlobWritten } from '../store/blob-contract.js';

/** Bytes that a place holds more than the body. */
export const SUM_BYTES = 32;

/** A body on its way to a place. */
export class SummedBody {
  readonly #sum = createHash('sha256');
  readonly #body: AsyncIterable<Uint8Array>;
  readonly #bytesMax: number;
  #bytes = 0;
  #sha256 = '';
  #sourceFault: { readonly error: unknown } | null = null;

  constructor(body: AsyncIterable<Uint8Array>, bytesMax = BLOB_BYTES_MAX) {
    this.#body = body;
    this.#bytesMax = bytesMax;
  }

  /** The error of the body itself, which is not one of the place. */
  get sourceFault(): { readonly error: unknown } | null {
    return this.#sourceFault;
  }

  /** After the last piece. */
  get written(): BlobWritten {
    return { bytes: this.#bytes, sha256: this.#sha256 };
  }

  /** Iterate once. Errors those of the body; BODY_TOO_LARGE. */
  async *pieces(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of this.#body) {
        this.#bytes += piece.length;
        if (this.#bytes > this.#bytesMax) throw new AppError('BODY_TOO_LARGE', { bytesMax: this.#bytesMax });
        this.#sum.update(piece);
        yield piece;
      }
    } catch (error) {
      this.#sourceFault = { error };
      throw error;
    }
    const sum = this.#sum.digest();
    this.#sha256 = sum.toString('hex');
    yield sum;
  }
}

/** Return the body of a blob, without its sum. Errors STORE_FAILED: the sum is not that of the body; those of `pieces`. */
export async function* readSummed(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const sum = createHash('sha256');
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    held = held.length === 0 ? piece : Buffer.concat([held, piece]);
    if (held.length <= SUM_BYTES) continue;
    const body = held.subarray(0, -SUM_BYTES);
    held = held.subarray(-SUM_BYTES);
    sum.update(body);
    yield body;
  }
  if (!sum.digest().equals(held)) throw new AppError('STORE_FAILED', { why: 'the blob is damaged or cut' });
}
