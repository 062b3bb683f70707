/** Pool of stat threads (`stat-worker.ts`), many names a task. */
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
  /** Return types and identities in the order of the names. `known`: identities from the inventory. */
  look(folder: PathBytes, names: readonly PathBytes[], known: readonly (Identity | null)[]): Promise<FileStat[]>;
  close(): Promise<void>;
}

/** More threads than cores, since a thread mostly waits for the disk; not many more, since a disk has few heads. */
const THREADS_PER_WORKER = 2;

/** Idle time before a thread ends: starting one takes longer than the gap between tasks. */
const IDLE_MS = 10_000;
/** A thread holds a few hundred names; without a limit its young generation would grow to 48 MB before a collection. */
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
      const knownFiles = new BigInt64Array(names.length * 3).fill(-1n);
      known.forEach((identity, at) => {
        if (identity) knownFiles.set([BigInt(identity.size), identity.mtimeNs, identity.inode], at * 3);
      });
      const { looks, identities } = await pool.run({ folder, names, known: knownFiles, followsLinks });
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
