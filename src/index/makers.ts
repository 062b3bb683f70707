/** Makers of each kind of segment: rings and digest tables in the pool, other kinds in the calling thread. */
import { HASH256_BYTES } from '../core/hash256.js';
import { VALUE_BYTES } from '../core/vocabulary.js';
import { createIndexBuilder } from './builder.js';
import { DIGEST_ENTRIES_MAX } from './digest-layout.js';
import { type DigestTable, digestsOf } from './digest-table.js';
import type { IndexPool } from './index-pool.js';
import type { RingIndex } from './ring.js';
import { SEGMENT_ENTRIES_MAX } from './ring-layout.js';
import { remainingRuns } from './segment.js';
import type { SegmentMaker } from './segmented.js';
import type { IndexKind, RadiusIndex } from './types.js';
import { buildVectorHnsw } from './vector-hnsw.js';
import { buildVectorScan, VECTOR_ENTRIES_MAX } from './vector-scan.js';
import type { VectorIndex, VectorIndexKind } from './vectors.js';

export function ringMaker(pool: IndexPool): SegmentMaker<RadiusIndex> {
  return {
    valueBytes: HASH256_BYTES,
    entriesMax: SEGMENT_ENTRIES_MAX,
    build: (values) => pool.buildRing(values),
    merge: (segments) =>
      pool.mergeRings(segments.map(({ index, removed }) => ({ share: (index as RingIndex).share(), removed }))),
  };
}

/** `linear` and `hnsw` are built once from the entries at start; later additions stay in the open segment, which is a ring. */
export function radiusMaker(kind: IndexKind, pool: IndexPool): SegmentMaker<RadiusIndex> {
  const ring = ringMaker(pool);
  if (kind === 'ring') return ring;
  let isFirst = true;
  return {
    ...ring,
    merge: null,
    async build(values) {
      if (!isFirst) return ring.build(values);
      isFirst = false;
      const builder = await createIndexBuilder(kind, values.length / HASH256_BYTES);
      for (let at = 0; at < values.length; at += HASH256_BYTES) builder.add(values.subarray(at, at + HASH256_BYTES));
      return builder.seal();
    },
  };
}

export function digestMaker(width: number, pool: IndexPool): SegmentMaker<DigestTable> {
  return {
    valueBytes: width,
    entriesMax: DIGEST_ENTRIES_MAX,
    build: (values) => pool.buildDigests([{ values, removed: null }], width),
    merge: (segments) =>
      pool.buildDigests(
        segments.map(({ index, removed }) => ({ values: digestsOf(index.share()), removed })),
        width,
      ),
  };
}

/** `hnsw` is built once from the entries at start; later additions are compared one by one, exactly, beside it. */
export function vectorMaker(kind: VectorIndexKind): SegmentMaker<VectorIndex> {
  const width = VALUE_BYTES.photodna;
  let isFirst = kind === 'hnsw';
  return {
    valueBytes: width,
    entriesMax: VECTOR_ENTRIES_MAX,
    async build(values) {
      if (!isFirst) return buildVectorScan([values]);
      isFirst = false;
      return buildVectorHnsw(values);
    },
    merge:
      kind === 'hnsw'
        ? null
        : async (segments) =>
            buildVectorScan(
              segments.flatMap(({ index, removed }) =>
                Array.from(remainingRuns(index.entryCount, removed), ([from, to]) =>
                  index.vectors.subarray(from * width, to * width),
                ),
              ),
            ),
  };
}
