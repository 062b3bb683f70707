/** Sections of an index file: the active entries' values, segment by segment. */
import { AppError } from '../core/errors.js';
import { HASH256_BYTES } from '../core/hash256.js';
import { type Algorithm, DIGEST_ALGORITHMS, type DigestAlgorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { type DigestTable, digestsOf } from '../index/digest-table.js';
import { bytesOf, type SectionSource } from '../index/index-file.js';
import { givenHashes, type RingIndex } from '../index/ring.js';
import { remainingRuns, type Segment } from '../index/segment.js';
import type { Segmented } from '../index/segmented.js';
import type { RadiusIndex } from '../index/types.js';
import type { VectorIndex } from '../index/vectors.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm } from './snapshot.js';

/** One mutable index per algorithm. */
export type AlgorithmIndexes = Record<HammingAlgorithm, Segmented<RadiusIndex>> &
  Record<DigestAlgorithm, Segmented<DigestTable>> &
  Record<'photodna', Segmented<VectorIndex>>;

function* ringValues({ index, removed }: Segment<RadiusIndex>): Generator<Uint8Array> {
  const runs = remainingRuns(index.entryCount, removed);
  let run = runs.next();
  let first = 0;
  for (const piece of givenHashes((index as RingIndex).share())) {
    const end = first + piece.length / HASH256_BYTES;
    while (!run.done && run.value[0] < end) {
      const [from, to] = run.value;
      const [low, high] = [Math.max(from, first), Math.min(to, end)];
      // A copy: the piece is valid until the next one, and what is sealed is collected first.
      yield piece.slice((low - first) * HASH256_BYTES, (high - first) * HASH256_BYTES);
      // Its rest is in the next piece.
      if (to > end) break;
      run = runs.next();
    }
    first = end;
  }
}

/** Yield rows of `width` bytes. */
function* remainingRows(rows: Uint8Array, width: number, removed: Uint32Array | null): Generator<Uint8Array> {
  for (const [from, to] of remainingRuns(rows.length / width, removed)) yield rows.subarray(from * width, to * width);
}

/** Return a section of a segment, which is read when the section is: a segment never changes. */
function sectionOf<I>(algorithm: Algorithm, segment: Segment<I>, values: Iterable<Uint8Array>): SectionSource {
  const { keys, listKeys, removed, removedCount } = segment;
  return {
    algorithm,
    valueBytes: VALUE_BYTES[algorithm],
    entryCount: keys.length - removedCount,
    columns: [
      remainingRows(bytesOf(keys), keys.BYTES_PER_ELEMENT, removed),
      remainingRows(bytesOf(listKeys), listKeys.BYTES_PER_ELEMENT, removed),
      values,
    ],
  };
}

/** Errors INDEX_KIND_UNAVAILABLE: the values cannot be read back from an approximate index. */
export function sectionsOf(indexes: AlgorithmIndexes): SectionSource[] {
  const approximate = HAMMING_ALGORITHMS.flatMap((algorithm) => indexes[algorithm].segments).find(
    ({ index }) => index.kind !== 'ring',
  );
  if (approximate) throw new AppError('INDEX_KIND_UNAVAILABLE', { kind: approximate.index.kind, expected: 'ring' });
  return [
    ...HAMMING_ALGORITHMS.flatMap((algorithm) =>
      indexes[algorithm].segments.map((segment) => sectionOf(algorithm, segment, ringValues(segment))),
    ),
    ...DIGEST_ALGORITHMS.flatMap((algorithm) =>
      indexes[algorithm].segments.map((segment) => {
        const digests = digestsOf(segment.index.share());
        return sectionOf(algorithm, segment, remainingRows(digests, VALUE_BYTES[algorithm], segment.removed));
      }),
    ),
    ...indexes.photodna.segments.map((segment) =>
      sectionOf('photodna', segment, remainingRows(segment.index.vectors, VALUE_BYTES.photodna, segment.removed)),
    ),
  ];
}
