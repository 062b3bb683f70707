/** Threads that build and search the index; they share its memory, so a task carries only offsets. */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { Piscina } from 'piscina';
import { HASH256_BYTES } from '../core/hash256.js';
import { artefact } from '../core/package-root.js';
import { threadPool } from '../core/thread-pool.js';
import { type DigestRows, type DigestTable, type DigestTableShare, openDigestTable } from './digest-table.js';
import { type DigestPart, digestTableOf, type IndexTask, type MergePart, type Shared } from './index-worker.js';
import { buildRing, emptyRing, openRing, type RingIndex, type RingShare } from './ring.js';
import { CHUNKS, SLOTS } from './ring-layout.js';
import type { CandidateColumns } from './types.js';

/** Fewer are built in the calling thread: a thread takes longer to start. */
const BUILD_HERE_MAX = 20_000;
/** More are built by all threads, as at the start; fewer, and merges, by one: the other threads answer queries. */
const BUILD_ALONE_MAX = 2_000_000;
/** Entries that a thread copies at once, of these: a few milliseconds. */
const FILL_ENTRIES = 262_144;
/** Each thread reads a ring with a scratch of its own, including the thread that answers requests. */
const THREADS_MAX = SLOTS - 1;
/** Idle builders end early: an ended thread holds no segment. */
const BUILDER_IDLE_MS = 1_000;

export interface IndexPool {
  readonly threads: number;
  /** Shape: N × 32 bytes on shared memory. Errors INDEX_FULL. */
  buildRing(hashes: Uint8Array): Promise<RingIndex>;
  mergeRings(parts: readonly MergePart[]): Promise<RingIndex>;
  /** Errors INDEX_FULL. */
  buildDigests(parts: readonly DigestPart[], width: number): Promise<DigestTable>;
  /** Return one answer per segment, in order; the batch is searched in one thread. */
  search(
    segments: readonly Shared<RingShare>[],
    hashes256: Uint8Array,
    radiusBits: number,
    how: { readonly isLoose: boolean },
  ): Promise<CandidateColumns[]>;
  lookup(segments: readonly Shared<DigestTableShare>[], digests: Uint8Array): Promise<DigestRows[]>;
  close(): Promise<void>;
}

interface IndexPoolOptions {
  /** Default: the number of cores; at most the number of scratches of a ring. */
  readonly threads?: number;
  /** Called for each table of a large ring as it is built, from 1 to `of`. */
  readonly onTable?: (progress: { readonly table: number; readonly of: number; readonly entries: number }) => void;
}

/** Create a pool; it starts no thread before the first task. */
export function createIndexPool({
  threads: wanted = availableParallelism(),
  onTable = () => {},
}: IndexPoolOptions = {}): IndexPool {
  const threads = Math.min(wanted, THREADS_MAX);
  let searchers: Piscina | null = null;
  let builders: Piscina | null = null;
  const options = { filename: pathToFileURL(artefact('src', 'index', 'index-worker.js')).href, maxThreads: threads };
  const search = (task: IndexTask): Promise<unknown> => {
    searchers ??= threadPool({ ...options, minThreads: threads });
    return searchers.run(task) as Promise<unknown>;
  };
  const build = (task: IndexTask): Promise<unknown> => {
    builders ??= threadPool({ ...options, minThreads: 0, idleTimeout: BUILDER_IDLE_MS });
    return builders.run(task) as Promise<unknown>;
  };
  return {
    threads,
    async buildRing(hashes) {
      const entryCount = hashes.length / HASH256_BYTES;
      if (entryCount <= BUILD_HERE_MAX) return buildRing(hashes);
      if (entryCount <= BUILD_ALONE_MAX) return openRing((await build({ task: 'ring', hashes })) as RingShare);
      const share = emptyRing(entryCount);
      await Promise.all(
        Array.from({ length: Math.ceil(entryCount / FILL_ENTRIES) }, (_, part) => {
          const first = part * FILL_ENTRIES;
          const some = hashes.subarray(first * HASH256_BYTES, (first + FILL_ENTRIES) * HASH256_BYTES);
          return build({ task: 'fill', share, hashes: some, first });
        }),
      );
      let table = 0;
      const tables = Array.from({ length: CHUNKS }, async (_, c) => {
        await build({ task: 'table', share, c });
        table++;
        onTable({ table, of: CHUNKS, entries: entryCount });
      });
      await Promise.all(tables);
      return openRing(share);
    },
    mergeRings: async (parts) => openRing((await build({ task: 'merge', parts })) as RingShare),
    async buildDigests(parts, width) {
      const isSmall = parts.reduce((sum, { values }) => sum + values.length / width, 0) <= BUILD_HERE_MAX;
      const share = isSmall
        ? digestTableOf(parts, width)
        : ((await build({ task: 'digests', parts, width })) as DigestTableShare);
      return openDigestTable(share);
    },
    search: async (segments, hashes256, radiusBits, { isLoose }) =>
      (await search({ task: 'search', segments, hashes256, radiusBits, isLoose })) as CandidateColumns[],
    lookup: async (segments, digests) => (await search({ task: 'lookup', segments, digests })) as DigestRows[],
    close: async () => {
      await Promise.all([searchers?.destroy(), builders?.destroy()]);
      searchers = null;
      builders = null;
    },
  };
}
