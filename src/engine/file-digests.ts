/** Digests of files that are too large to decode, in threads: their bytes are never whole in memory. */
import { pathToFileURL } from 'node:url';
import type { Piscina } from 'piscina';
import { artefact } from '../core/package-root.js';
import type { PathBytes } from '../core/path-bytes.js';
import { threadPool } from '../core/thread-pool.js';
import type { DigestAlgorithm, Digests } from '../core/vocabulary.js';
import type { DigestTask } from './digest-worker.js';

/** Idle time before a thread ends: large files are rare. */
const IDLE_MS = 10_000;

export class FileDigests {
  #pool: Piscina<DigestTask, Digests | null> | null = null;

  constructor(readonly threads: number) {}

  /** Return the digests of a file; null where it cannot be read. */
  of(path: PathBytes, wanted: readonly DigestAlgorithm[]): Promise<Digests | null> {
    this.#pool ??= threadPool<DigestTask, Digests | null>({
      filename: pathToFileURL(artefact('src', 'engine', 'digest-worker.js')).href,
      minThreads: 0,
      maxThreads: this.threads,
      idleTimeout: IDLE_MS,
    });
    return this.#pool.run({ path, wanted });
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }
}
