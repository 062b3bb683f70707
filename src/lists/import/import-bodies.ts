/** Bodies of imports, as sealed blobs until their jobs have ended, so that each process of the store can run each job. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../core/errors.js';
import { IMPORT_BYTES_MAX } from '../../core/limits.js';
import type { BlobStore } from '../../store/blob-contract.js';
import type { ImportJob } from '../../store/jobs-contract.js';
import { sealStream } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';
import type { ImportRequest } from './import-list.js';

const FOLDER = 'imports/';
const nameOf = (id: string) => `${FOLDER}${id}`;

/** From the last byte of a body until its job is in the store, and the difference of two machines' clocks. */
const BODY_STORED_MS_MAX = 3_600_000;

export class ImportBodies {
  readonly #blobs: BlobStore;
  readonly #vault: Vault;
  /** Where earlier versions of Zeef kept the bodies. */
  readonly #earlierFolder: string;

  constructor(blobs: BlobStore, vault: Vault, dataDir: string) {
    this.#blobs = blobs;
    this.#vault = vault;
    this.#earlierFolder = join(dataDir, 'imports');
  }

  /** Return where the import finds the body of a job. */
  sourceOf(id: string): Pick<ImportRequest, 'paths' | 'blob'> {
    const earlier = this.#earlierPath(id);
    return existsSync(earlier) ? { paths: [earlier] } : { paths: [], blob: nameOf(id) };
  }

  /** Return whether the place of the body answers; a place that is away is no reason to end a job. */
  async isReachable(id: string): Promise<boolean> {
    try {
      const pieces = (await this.#blobs.get(nameOf(id)))[Symbol.asyncIterator]();
      // Begun, so that its end frees what it holds.
      await pieces.next();
      await pieces.return?.();
      return true;
    } catch (error) {
      return !(error instanceof AppError) || error.code !== 'STORE_FAILED';
    }
  }

  /** Write a body; return its size and digest. Errors BODY_TOO_LARGE; STORE_FAILED, such as a full disk; those of `body`. Then there is none. */
  async write(id: string, body: AsyncIterable<Uint8Array>): Promise<{ bytes: number; sha256: string }> {
    const hash = createHash('sha256');
    let bytes = 0;
    const counted = (async function* () {
      for await (const piece of body) {
        bytes += piece.length;
        if (bytes > IMPORT_BYTES_MAX) throw new AppError('BODY_TOO_LARGE', { bytesMax: IMPORT_BYTES_MAX });
        hash.update(piece);
        yield piece;
      }
    })();
    await this.#blobs.put(nameOf(id), sealStream(this.#vault, counted));
    return { bytes, sha256: hash.digest('hex') };
  }

  /** A missing one is no error. */
  async remove(id: string): Promise<void> {
    await rm(this.#earlierPath(id), { force: true });
    await this.#blobs.remove(nameOf(id));
  }

  /** Remove the bodies that a killed process left: of an ended job, or of no job. `waiting`: those of `jobs` that need their bodies. */
  async removeLeftovers(jobs: readonly ImportJob[], waiting: readonly ImportJob[]): Promise<void> {
    const kept = new Set(waiting.map(({ id }) => nameOf(id)));
    const known = new Set(jobs.map(({ id }) => nameOf(id)));
    for await (const { name, modifiedMs } of this.#blobs.list(FOLDER)) {
      if (kept.has(name)) continue;
      // Another process may be about to store its job.
      if (known.has(name) || modifiedMs < Date.now() - BODY_STORED_MS_MAX) await this.#blobs.remove(name);
    }
    const earlier = new Set(waiting.map(({ id }) => this.#earlierPath(id)));
    for (const file of await readdir(this.#earlierFolder).catch(() => [])) {
      const path = join(this.#earlierFolder, file);
      if (!earlier.has(path)) await rm(path, { force: true });
    }
  }

  #earlierPath(id: string): string {
    return join(this.#earlierFolder, `${id}.sealed`);
  }
}
