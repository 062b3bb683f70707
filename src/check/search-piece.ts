/** Searches of many values of one algorithm in all segments of the index: a few in this thread, more in others. */
import { Breath } from '../core/breath.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm, VALUE_BYTES } from '../core/vocabulary.js';
import type { IndexPool } from '../index/index-pool.js';
import type { RingIndex } from '../index/ring.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';
import type { Rows } from './found-rows.js';

export const BATCH_ALGORITHMS = [...HAMMING_ALGORITHMS, ...DIGEST_ALGORITHMS] as const;
export type BatchAlgorithm = HammingAlgorithm | DigestAlgorithm;

/** Up to this many are searched in this thread: a transfer to another takes longer. */
const HERE_MAX = 64;

export const isDigest = (algorithm: BatchAlgorithm): algorithm is DigestAlgorithm =>
  algorithm in { md5: 0, sha1: 0, sha256: 0 };

/** Search queries in this thread, which other work uses too: a few at a time. */
async function searchHere(
  queries: Uint8Array,
  width: number,
  search: (queries: Uint8Array) => Rows,
): Promise<readonly Rows[]> {
  const parts: Rows[] = [];
  const breath = new Breath();
  for (let from = 0; from < queries.length; from += HERE_MAX * width) {
    parts.push(search(queries.subarray(from, from + HERE_MAX * width)));
    if (breath.isDue) await breath.take();
  }
  return parts;
}

/** Join the answers to consecutive pieces of `HERE_MAX` queries. */
function joinRows(parts: readonly Rows[]): Rows {
  if (parts.length === 1) return parts[0]!;
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const joined = {
    count,
    queryIndex: new Uint32Array(count),
    entryIndex: new Uint32Array(count),
    distanceBits: new Uint16Array(count),
  };
  let at = 0;
  for (const [k, { count: some, queryIndex, entryIndex, distanceBits }] of parts.entries()) {
    for (let row = 0; row < some; row++) joined.queryIndex[at + row] = queryIndex[row]! + k * HERE_MAX;
    joined.entryIndex.set(entryIndex, at);
    if (distanceBits) joined.distanceBits.set(distanceBits, at);
    at += some;
  }
  return joined;
}

/**
 * `isLoose`: beyond 31 bits some entries may be missed, which saves most of the time. `isAway`: a few values are searched in other threads too, since
 * each takes long.
 */
export interface Reach {
  readonly radiusBits: number;
  readonly isLoose: boolean;
  readonly isAway?: true;
}

/** Search all segments; return one answer a segment. Shape: `queries` N × the algorithm's bytes. */
export async function searchPiece(
  { snapshot, pool }: { readonly snapshot: ListSnapshot; readonly pool: IndexPool },
  algorithm: BatchAlgorithm,
  queries: Uint8Array,
  { radiusBits, isLoose, isAway }: Reach,
): Promise<readonly Rows[]> {
  const width = VALUE_BYTES[algorithm];
  const isSmall = isAway !== true && queries.length <= HERE_MAX * width;
  const here = async (search: (some: Uint8Array) => Rows) => joinRows(await searchHere(queries, width, search));
  if (isDigest(algorithm)) {
    const segments = snapshot.digest[algorithm];
    if (isSmall) return segments.map(({ index }) => index.lookupBatch(queries));
    return pool.lookup(
      segments.map(({ id, index }) => ({ id, share: index.share() })),
      queries,
    );
  }
  const segments = snapshot.radius[algorithm];
  const searchOf =
    ({ index }: (typeof segments)[number]) =>
    (some: Uint8Array) =>
      isLoose ? index.searchLoosely(some, radiusBits) : index.searchBatch(some, radiusBits);
  if (isSmall) return segments.map((segment) => searchOf(segment)(queries));
  // Only rings are in memory that other threads can read.
  const isShared = ({ index }: (typeof segments)[number]) => index.kind === 'ring';
  const shared = segments.filter(isShared).map(({ id, index }) => ({ id, share: (index as RingIndex).share() }));
  const [there, ...others] = await Promise.all([
    shared.length > 0 ? pool.search(shared, queries, radiusBits, { isLoose }) : [],
    ...segments.map((segment) => (isShared(segment) ? null : here(searchOf(segment)))),
  ]);
  const rest = there[Symbol.iterator]();
  return others.map((rows) => rows ?? (rest.next().value as Rows));
}
