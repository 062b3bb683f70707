/**
 * The approximate index, by `hnswlib-node`: optional, and marked in every answer (`exact: false`).
 * It has no Hamming metric: 256 floats of 0 and 1 under squared L2 are the Hamming distance.
 *
 * Source  Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using HNSW graphs, 2016.
 */
import { AppError } from '../core/errors.js';
import { HASH256_BYTES } from '../core/hash256.js';
import { searchOneByOne } from './columns.js';
import { byDistance, requireRadius } from './radius.js';
import type { Candidate, IndexBuilder } from './types.js';

const BITS = HASH256_BYTES * 8;
/** Neighbours kept per node, and the width of the search while building and querying. */
const M = 16;
const EF_CONSTRUCTION = 200;
const EF_SEARCH = 200;
/** HNSW answers the nearest k, not a radius: of more matches than this it returns the nearest. */
const NEAREST_MAX = 200;

function floats(hash256: Uint8Array): number[] {
  return Array.from({ length: BITS }, (_, bit) => (hash256[bit >> 3]! >> (bit & 7)) & 1);
}

function bitsOf(point: readonly number[]): Uint8Array {
  const hash256 = new Uint8Array(HASH256_BYTES);
  for (const [bit, value] of point.entries()) if (value > 0.5) hash256[bit >> 3]! |= 1 << (bit & 7);
  return hash256;
}

/** Load hnswlib-node. Errors INDEX_KIND_UNAVAILABLE: the optional dependency was not built on this machine. */
export async function loadHnswlib() {
  const { default: hnswlib } = await import('hnswlib-node').catch((error: unknown) => {
    const action = 'reinstall with a C++ compiler, or set ZEEF_INDEX=ring and ZEEF_PHOTODNA_INDEX=linear';
    throw new AppError('INDEX_KIND_UNAVAILABLE', { kind: 'hnsw', package: 'hnswlib-node', action }, error);
  });
  return hnswlib;
}

/** Return whether the optional package is installed; benches and tests skip `hnsw` without it. */
export const isHnswAvailable = (): Promise<boolean> =>
  loadHnswlib().then(
    () => true,
    () => false,
  );

/** Create a builder of `hnsw`. Errors INDEX_KIND_UNAVAILABLE. */
export async function hnswBuilder(expectedCount: number): Promise<IndexBuilder> {
  const hnswlib = await loadHnswlib();
  const graph = new hnswlib.HierarchicalNSW('l2', BITS);
  let capacity = Math.max(1, expectedCount);
  graph.initIndex(capacity, M, EF_CONSTRUCTION);
  let entryCount = 0;
  const search = (hash256: Uint8Array, radiusBits: number): Candidate[] => {
    requireRadius(radiusBits);
    if (entryCount === 0) return [];
    graph.setEf(Math.max(EF_SEARCH, Math.min(NEAREST_MAX, entryCount)));
    const { neighbors, distances } = graph.searchKnn(floats(hash256), Math.min(NEAREST_MAX, entryCount));
    return neighbors
      .map((entryIndex, at): Candidate => ({ entryIndex, distanceBits: Math.round(distances[at]!) }))
      .filter(({ distanceBits }) => distanceBits <= radiusBits)
      .sort(byDistance);
  };
  const searchBatch = (hashes256: Uint8Array, radiusBits: number) =>
    searchOneByOne((hash256) => search(hash256, radiusBits), hashes256);
  return {
    add(hash256) {
      if (entryCount === capacity) {
        capacity *= 2;
        graph.resizeIndex(capacity);
      }
      graph.addPoint(floats(hash256), entryCount);
      return entryCount++;
    },
    seal: () => ({
      kind: 'hnsw',
      exact: false,
      entryCount,
      // Floats, links and the heap's own bookkeeping; measured 1,361 bytes an entry.
      memoryBytes: capacity * (BITS * 4 + M * 2 * 4 + 16),
      hashOf: (entryIndex) => bitsOf(graph.getPoint(entryIndex)),
      search,
      searchBatch,
      searchLoosely: searchBatch,
    }),
  };
}
