/** A thread of the index pool: builds and merges segments, and searches them in shared memory. */
import { HASH256_BYTES } from '../core/hash256.js';
import {
  type DigestRows,
  type DigestTable,
  type DigestTableShare,
  fillDigestTable,
  layOutDigestTable,
  openDigestTable,
} from './digest-table.js';
import {
  buildRingTable,
  fillRing,
  hashesOf,
  joinRings,
  layOutRing,
  openRing,
  type RingIndex,
  type RingShare,
} from './ring.js';
import { CHUNKS } from './ring-layout.js';
import { noteDropped, remainingRuns } from './segment.js';
import type { CandidateColumns } from './types.js';

/** A segment of another thread. */
export interface Shared<S> {
  readonly id: number;
  readonly share: S;
}

export type IndexTask =
  /** Hashes for the entries from `first` on. */
  | { readonly task: 'fill'; readonly share: RingShare; readonly hashes: Uint8Array; readonly first: number }
  | { readonly task: 'ring'; readonly hashes: Uint8Array }
  | { readonly task: 'merge'; readonly parts: readonly MergePart[] }
  | { readonly task: 'table'; readonly share: RingShare; readonly c: number }
  | { readonly task: 'digests'; readonly parts: readonly DigestPart[]; readonly width: number }
  | {
      readonly task: 'search';
      readonly segments: readonly Shared<RingShare>[];
      readonly hashes256: Uint8Array;
      readonly radiusBits: number;
      /** By `searchLoosely`. */
      readonly isLoose: boolean;
    }
  | {
      readonly task: 'lookup';
      readonly segments: readonly Shared<DigestTableShare>[];
      readonly digests: Uint8Array;
    };

/** Digests end to end, and the marks of removed ones. */
export interface DigestPart {
  readonly values: Uint8Array;
  readonly removed: Uint32Array | null;
}

export interface MergePart {
  readonly share: RingShare;
  readonly removed: Uint32Array | null;
}

const rings = new Map<number, RingIndex>();
const tables = new Map<number, DigestTable>();

/** Return opened segments; those that a search of the same kind no longer names are closed, which frees their memory. */
function opened<S, T extends { readonly memoryBytes: number; close(): void }>(
  cache: Map<number, T>,
  segments: readonly Shared<S>[],
  open: (share: S) => T,
): T[] {
  let dropped = 0;
  for (const [id, index] of cache) {
    if (segments.some((segment) => segment.id === id)) continue;
    index.close();
    cache.delete(id);
    dropped += index.memoryBytes;
  }
  noteDropped(dropped);
  return segments.map(({ id, share }) => {
    const known = cache.get(id) ?? open(share);
    cache.set(id, known);
    return known;
  });
}

/** Build all tables in this thread: the other threads answer queries. */
function withTables(share: RingShare): RingShare {
  for (let c = 0; c < CHUNKS; c++) buildRingTable(share, c);
  return share;
}

/** Build a table for another thread to open. */
export function digestTableOf(parts: readonly DigestPart[], width: number): DigestTableShare {
  const runs = parts.flatMap(({ values, removed }) =>
    Array.from(remainingRuns(values.length / width, removed), ([from, to]) =>
      values.subarray(from * width, to * width),
    ),
  );
  const share = layOutDigestTable(runs, width);
  fillDigestTable(share);
  return share;
}

export default function run(
  task: IndexTask,
): RingShare | DigestTableShare | undefined | CandidateColumns[] | DigestRows[] {
  switch (task.task) {
    case 'fill':
      fillRing(task.share, task.hashes, task.first);
      return undefined;
    case 'ring':
      return withTables(layOutRing(task.hashes));
    case 'merge':
      return withTables(
        joinRings(
          task.parts.flatMap(({ share, removed }) => {
            const hashes = hashesOf(share);
            return Array.from(remainingRuns(share.entryCount, removed), ([from, to]) =>
              hashes.subarray(from * HASH256_BYTES, to * HASH256_BYTES),
            );
          }),
        ),
      );
    case 'table':
      buildRingTable(task.share, task.c);
      return undefined;
    case 'digests':
      return digestTableOf(task.parts, task.width);
    case 'search':
      return opened(rings, task.segments, openRing).map((ring) =>
        task.isLoose
          ? ring.searchLoosely(task.hashes256, task.radiusBits)
          : ring.searchBatch(task.hashes256, task.radiusBits),
      );
    case 'lookup':
      return opened(tables, task.segments, openDigestTable).map((table) => table.lookupBatch(task.digests));
  }
}
