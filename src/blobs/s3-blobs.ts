/** Blobs as objects below a prefix of a bucket. */
import { AppError } from '../core/errors.js';
import {
  type BlobInfo,
  type BlobStore,
  type BlobWritten,
  isBlobName,
  requireBlobFolder,
  requireBlobName,
} from '../store/blob-contract.js';
import type { S3Client } from './s3-client.js';
import { readSummed, SUM_BYTES, SummedBody } from './summed-body.js';

export class S3Blobs implements BlobStore {
  readonly #client: S3Client;
  readonly #prefix: string;

  /** `prefix`: empty, or with a slash at its end. */
  constructor(client: S3Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  async put(name: string, bytes: AsyncIterable<Uint8Array>): Promise<BlobWritten> {
    requireBlobName(name);
    const body = new SummedBody(bytes);
    try {
      await this.#client.putPieces(this.#prefix + name, body.pieces());
    } catch (error) {
      throw body.sourceFault === null ? error : body.sourceFault.error;
    }
    return body.written;
  }

  async get(name: string): Promise<AsyncIterable<Buffer>> {
    requireBlobName(name);
    const { pieces } = await this.#client.get(this.#prefix + name);
    return readSummed(unchanged(pieces));
  }

  async remove(name: string): Promise<void> {
    requireBlobName(name);
    await this.#client.delete(this.#prefix + name);
  }

  async *list(folder: string): AsyncGenerator<BlobInfo> {
    requireBlobFolder(folder);
    for await (const { key, bytes, modifiedMs } of this.#client.list({ prefix: this.#prefix + folder })) {
      const name = key.slice(this.#prefix.length);
      if (isBlobName(name) && bytes >= SUM_BYTES) yield { name, bytes: bytes - SUM_BYTES, modifiedMs };
    }
  }
}

/** A blob that was replaced while it was read is no fault of the request. */
async function* unchanged(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    const isGone = error instanceof AppError && (error.code === 'FILE_CHANGED' || error.code === 'NOT_FOUND');
    throw isGone ? new AppError('STORE_FAILED', { why: 'the blob was replaced while it was read' }, error) : error;
  }
}
