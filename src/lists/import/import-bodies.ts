/** Stores import bodies on disk, sealed, until their jobs have ended. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../core/atomic-file.js';
import { throwAsStoreFailure } from '../../core/disk-errors.js';
import { AppError } from '../../core/errors.js';
import { IMPORT_BYTES_MAX } from '../../core/limits.js';
import { removeUnfinished } from '../../core/unfinished.js';
import type { ImportJob } from '../../store/jobs-contract.js';
import { sealStream } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';

/** In the data folder: bodies of unfinished jobs. */
const IMPORTS_FOLDER = 'imports';

/** From the last byte of a body until its job is in the store. */
const BODY_STORED_MS_MAX = 60_000;

export class ImportBodies {
  readonly #folder: string;
  readonly #vault: Vault;

  constructor(dataDir: string, vault: Vault) {
    this.#folder = join(dataDir, IMPORTS_FOLDER);
    this.#vault = vault;
  }

  /** `id`: the job's id. */
  pathOf(id: string): string {
    return join(this.#folder, `${id}.sealed`);
  }

  /** Write a body; return its size and digest. Errors BODY_TOO_LARGE; STORE_FAILED: the disk is full; those of `body`. Then there is none. */
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
    await mkdir(this.#folder, { recursive: true, mode: 0o700 }).catch(throwAsStoreFailure);
    await writeAtomically(this.pathOf(id), sealStream(this.#vault, counted)).catch(throwAsStoreFailure);
    // From now on `BODY_STORED_MS_MAX` counts: syncing a large body may have taken longer.
    const now = new Date();
    await utimes(this.pathOf(id), now, now);
    return { bytes, sha256: hash.digest('hex') };
  }

  /** A missing one is no error. */
  remove(id: string): Promise<void> {
    return rm(this.pathOf(id), { force: true });
  }

  /**
   * Remove the bodies that a killed process left: unfinished, of an ended job, or of no job.
   * `waiting`: those of `jobs` that need their bodies.
   */
  async removeLeftovers(jobs: readonly ImportJob[], waiting: readonly ImportJob[]): Promise<void> {
    removeUnfinished(this.#folder);
    const kept = new Set(waiting.map(({ id }) => this.pathOf(id)));
    const known = new Set(jobs.map(({ id }) => this.pathOf(id)));
    const names = await readdir(this.#folder).catch(() => []);
    for (const path of names.filter((name) => name.endsWith('.sealed')).map((name) => join(this.#folder, name))) {
      if (kept.has(path)) continue;
      const stats = await stat(path).catch(() => null);
      // Another service on this folder may be about to store its job.
      if (stats && (known.has(path) || stats.mtimeMs < Date.now() - BODY_STORED_MS_MAX))
        await rm(path, { force: true });
    }
  }
}
