/**
 * Blobs as files of one folder, which machines share by NFS or the like. A blob is written under a temporary name, synced and
 * renamed. The folder must be there: a missing one is a mount that is missing, and must not be replaced by a local folder.
 */
import { type FileHandle, open, opendir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../core/atomic-file.js';
import { AppError } from '../core/errors.js';
import { removeSharedUnfinished, removeUnfinished, sharedUnfinishedName, unfinishedName } from '../core/unfinished.js';
import {
  type BlobInfo,
  type BlobStore,
  type BlobWritten,
  isBlobName,
  requireBlobFolder,
  requireBlobName,
} from '../store/blob-contract.js';
import { readSummed, SUM_BYTES, SummedBody } from './summed-body.js';

const PIECE_BYTES = 262_144;
/** Writers that were killed leave little: to look for it more often only costs requests. */
const SWEEP_MS = 3_600_000;

/** Stands for the slash: no name has one, and with it all blobs lie in one folder, which is there before them. */
const SLASH = '+';
const fileOf = (name: string) => name.replaceAll('/', SLASH);
const nameOf = (file: string) => file.replaceAll(SLASH, '/');

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** Errors of the file system become STORE_FAILED; those of our own remain. */
function asFailure(error: unknown): unknown {
  const code = codeOf(error);
  return error instanceof AppError || code === undefined ? error : new AppError('STORE_FAILED', { why: code }, error);
}

export class FolderBlobs implements BlobStore {
  readonly #folder: string;
  readonly #isShared: boolean;
  #sweptMs = -Infinity;

  /** `isShared`: by machines; else what killed processes left is known by their ids. */
  constructor(folder: string, { isShared }: { readonly isShared: boolean }) {
    this.#folder = folder;
    this.#isShared = isShared;
    if (!isShared) removeUnfinished(folder);
  }

  async put(name: string, bytes: AsyncIterable<Uint8Array>): Promise<BlobWritten> {
    requireBlobName(name);
    await this.#sweep();
    const path = join(this.#folder, fileOf(name));
    const body = new SummedBody(bytes);
    try {
      await writeAtomically(path, body.pieces(), this.#isShared ? sharedUnfinishedName(path) : unfinishedName(path));
    } catch (error) {
      throw body.sourceFault === null ? asFailure(error) : body.sourceFault.error;
    }
    return body.written;
  }

  async get(name: string): Promise<AsyncIterable<Buffer>> {
    requireBlobName(name);
    try {
      return readSummed(piecesOf(await open(join(this.#folder, fileOf(name)))));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw asFailure(error);
      await this.#requireFolder();
      throw new AppError('NOT_FOUND', { name });
    }
  }

  async remove(name: string): Promise<void> {
    requireBlobName(name);
    try {
      await rm(join(this.#folder, fileOf(name)));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw asFailure(error);
      await this.#requireFolder();
    }
  }

  async *list(folder: string): AsyncGenerator<BlobInfo> {
    requireBlobFolder(folder);
    const files = await opendir(this.#folder).catch((error) => {
      throw asFailure(error);
    });
    for await (const { name: file } of files) {
      const name = nameOf(file);
      if (!name.startsWith(folder) || !isBlobName(name)) continue;
      const facts = await stat(join(this.#folder, file)).catch((error) => {
        if (codeOf(error) === 'ENOENT') return null;
        throw asFailure(error);
      });
      if (facts === null || !facts.isFile() || facts.size < SUM_BYTES) continue;
      yield { name, bytes: facts.size - SUM_BYTES, modifiedMs: Math.floor(facts.mtimeMs) };
    }
  }

  async #sweep(): Promise<void> {
    if (!this.#isShared || performance.now() - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = performance.now();
    await removeSharedUnfinished(this.#folder);
  }

  /** A mount that is away has no files either. Errors STORE_FAILED. */
  async #requireFolder(): Promise<void> {
    await stat(this.#folder).catch((error) => {
      throw asFailure(error);
    });
  }
}

async function* piecesOf(file: FileHandle): AsyncGenerator<Buffer> {
  try {
    for (let at = 0; ; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw asFailure(error);
  } finally {
    await file.close();
  }
}
