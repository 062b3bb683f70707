/** Threads that look at files (`stat-worker.ts`), many names at a time. */
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { artefact } from '../../core/package-root.js';
import type { PathBytes } from '../../core/path-bytes.js';
import type { Identity } from '../facts/file-facts.js';
import { FILE_TYPES, type Look, type LookAnswer, type LookTask } from './stat-worker.js';

export interface FileStat {
  readonly look: Look;
  readonly identity: Identity;
}

export interface StatPool {
  readonly threads: number;
  /** In the order of the names. `known`: what the inventory holds of each. */
  look(folder: PathBytes, names: readonly PathBytes[], known: readonly (Identity | null)[]): Promise<FileStat[]>;
  close(): Promise<void>;
}

/** A thread waits for the disk most of the time, so there are more of them than cores; a disk has few heads. */
const THREADS_PER_WORKER = 2;

/** A thread takes longer to start than the next names take to come. */
const IDLE_MS = 10_000;
/** A thread holds a few hundred names at a time; left alone, each would let its young objects grow to 48 MB before it looks. */
const YOUNG_MB = 4;

export function createStatPool(workers: number, followsLinks: boolean): StatPool {
  const threads = Math.max(2, workers * THREADS_PER_WORKER);
  const pool = new Piscina<LookTask, LookAnswer>({
    filename: pathToFileURL(artefact('src', 'scan', 'walk', 'stat-worker.js')).href,
    minThreads: 1,
    maxThreads: threads,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  return {
    threads,
    async look(folder, names, known) {
      const told = new BigInt64Array(names.length * 3).fill(-1n);
      known.forEach((identity, at) => {
        if (identity) told.set([BigInt(identity.size), identity.mtimeNs, identity.inode], at * 3);
      });
      const { looks, identities } = await pool.run({ folder, names, known: told, followsLinks });
      return names.map((_, at) => ({
        look: FILE_TYPES[looks[at]!]!,
        identity: {
          size: Number(identities[at * 3]),
          mtimeNs: identities[at * 3 + 1]!,
          inode: identities[at * 3 + 2]!,
        },
      }));
    },
    close: () => pool.destroy(),
  };
}
