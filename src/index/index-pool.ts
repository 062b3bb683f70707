/** Threads that build and search the index; they share its memory, so a task carries only where things lie. */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { artefact } from '../core/package-root.js';
import { type DigestRows, type DigestTable, type DigestTableShare, openDigestTable } from './digest-table.js';
import { type DigestPart, digestTableOf, type IndexTask, type MergePart, type Shared } from './index-worker.js';
import { buildRing, openRing, type RingIndex, type RingShare } from './ring.js';
import { CHUNKS } from './ring-layout.js';
import type { CandidateColumns } from './types.js';

/** Fewer are built where they are asked for: a thread takes longer to start. */
const BUILD_HERE_MAX = 20_000;

export interface IndexPool {
  readonly threads: number;
  /** Shape: N × 32 bytes on shared memory. Errors INDEX_FULL. */
  buildRing(hashes: Uint8Array): Promise<RingIndex>;
  mergeRings(parts: readonly MergePart[]): Promise<RingIndex>;
  /** Errors INDEX_FULL. */
  buildDigests(parts: readonly DigestPart[], width: number): Promise<DigestTable>;
  /** One answer a segment, in order; the batch is searched in one thread. */
  search(
    segments: readonly Shared<RingShare>[],
    hashes256: Uint8Array,
    radiusBits: number,
  ): Promise<CandidateColumns[]>;
  lookup(segments: readonly Shared<DigestTableShare>[], digests: Uint8Array): Promise<DigestRows[]>;
  close(): Promise<void>;
}

/** No thread is started before the first task. */
export function createIndexPool(threads = availableParallelism()): IndexPool {
  let pool: Piscina | null = null;
  const run = (task: IndexTask): Promise<unknown> => {
    pool ??= new Piscina({
      filename: pathToFileURL(artefact('src', 'index', 'index-worker.js')).href,
      minThreads: threads,
      maxThreads: threads,
    });
    return pool.run(task) as Promise<unknown>;
  };
  const finishRing = async (task: IndexTask): Promise<RingIndex> => {
    const share = (await run(task)) as RingShare;
    await Promise.all(Array.from({ length: CHUNKS }, (_, c) => run({ task: 'table', share, c })));
    return openRing(share);
  };
  return {
    threads,
    async buildRing(hashes) {
      return hashes.length / 32 <= BUILD_HERE_MAX ? buildRing(hashes) : finishRing({ task: 'layOut', hashes });
    },
    mergeRings: (parts) => finishRing({ task: 'layOutMerged', parts }),
    async buildDigests(parts, width) {
      const isSmall = parts.reduce((sum, { values }) => sum + values.length / width, 0) <= BUILD_HERE_MAX;
      const share = isSmall
        ? digestTableOf(parts, width)
        : ((await run({ task: 'digests', parts, width })) as DigestTableShare);
      return openDigestTable(share);
    },
    search: async (segments, hashes256, radiusBits) =>
      (await run({ task: 'search', segments, hashes256, radiusBits })) as CandidateColumns[],
    lookup: async (segments, digests) => (await run({ task: 'lookup', segments, digests })) as DigestRows[],
    close: async () => {
      await pool?.destroy();
      pool = null;
    },
  };
}
