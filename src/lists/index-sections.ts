/** Sections of an index file: the active entries' values, segment by segment. */
import { AppError } from '../core/errors.js';
import { HASH256_BYTES } from '../core/hash256.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { type DigestTable, digestsOf } from '../index/digest-table.js';
import type { SectionSource } from '../index/index-file.js';
import { givenHashes, type RingIndex } from '../index/ring.js';
import { mergeColumns, remainingRuns, type Segment } from '../index/segment.js';
import type { Segmented } from '../index/segmented.js';
import type { RadiusIndex } from '../index/types.js';
import type { VectorIndex } from '../index/vectors.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm } from './snapshot.js';

/** One mutable index per algorithm. */
export type AlgorithmIndexes = Record<HammingAlgorithm, Segmented<RadiusIndex>> &
  Record<DigestAlgorithm, Segmented<DigestTable>> &
  Record<'photodna', Segmented<VectorIndex>>;

function* ringValues({ index, removed }: Segment<RadiusIndex>): Generator<Uint8Array> {
  let first = 0;
  for (const piece of givenHashes((index as RingIndex).share())) {
    const count = piece.length / HASH256_BYTES;
    // The segment's runs within this piece.
    for (const [from, to] of remainingRuns(index.entryCount, removed)) {
      const [low, high] = [Math.max(from, first), Math.min(to, first + count)];
      if (low < high) yield piece.subarray((low - first) * HASH256_BYTES, (high - first) * HASH256_BYTES);
    }
    first += count;
  }
}

function* remainingValues(values: Uint8Array, width: number, removed: Uint32Array | null): Generator<Uint8Array> {
  for (const [from, to] of remainingRuns(values.length / width, removed))
    yield values.subarray(from * width, to * width);
}

/** Errors INDEX_KIND_UNAVAILABLE: the values cannot be read back from an approximate index. */
export function sectionsOf(indexes: AlgorithmIndexes): SectionSource[] {
  const approximate = HAMMING_ALGORITHMS.flatMap((algorithm) => indexes[algorithm].segments).find(
    ({ index }) => index.kind !== 'ring',
  );
  if (approximate) throw new AppError('INDEX_KIND_UNAVAILABLE', { kind: approximate.index.kind, expected: 'ring' });
  return [
    ...HAMMING_ALGORITHMS.flatMap((algorithm) =>
      indexes[algorithm].segments.map((segment) => ({
        algorithm,
        valueBytes: HASH256_BYTES,
        ...mergeColumns([segment]),
        values: ringValues(segment),
      })),
    ),
    ...DIGEST_ALGORITHMS.flatMap((algorithm) =>
      indexes[algorithm].segments.map((segment) => ({
        algorithm,
        valueBytes: VALUE_BYTES[algorithm],
        ...mergeColumns([segment]),
        values: remainingValues(digestsOf(segment.index.share()), VALUE_BYTES[algorithm], segment.removed),
      })),
    ),
    ...indexes.photodna.segments.map((segment) => ({
      algorithm: 'photodna' as const,
      valueBytes: VALUE_BYTES.photodna,
      ...mergeColumns([segment]),
      values: remainingValues(segment.index.vectors, VALUE_BYTES.photodna, segment.removed),
    })),
  ];
}
