/**
 * The approximate vector index, by `hnswlib-node`: marked in every answer (`exact: false`).
 *
 * Source  Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using HNSW graphs, 2016.
 */
import { VALUE_BYTES } from '../core/vocabulary.js';
import { loadHnswlib } from './hnsw.js';
import { byVectorDistance, requireVectorRadius, type VectorCandidate, type VectorIndex } from './vectors.js';

const WIDTH = VALUE_BYTES.photodna;
/** Neighbours kept per node, and the width of the search while building and querying. */
const M = 16;
const EF_CONSTRUCTION = 200;
const EF_SEARCH = 200;
/** Nearest entries of the first query; where all of them are inside the radius, the number doubles. */
const NEAREST = 64;

/** Build the index. Shape: N × 144 bytes. Errors INDEX_KIND_UNAVAILABLE: hnswlib-node was not built on this machine. */
export async function buildVectorHnsw(values: Uint8Array): Promise<VectorIndex> {
  const hnswlib = await loadHnswlib();
  const vectors = values.slice();
  const graph = new hnswlib.HierarchicalNSW('l2', WIDTH);
  const entryCount = vectors.length / WIDTH;
  graph.initIndex(Math.max(1, entryCount), M, EF_CONSTRUCTION);
  for (let entry = 0; entry < entryCount; entry++) {
    graph.addPoint([...vectors.subarray(entry * WIDTH, (entry + 1) * WIDTH)], entry);
  }
  const nearest = (vector: Uint8Array, count: number): VectorCandidate[] => {
    graph.setEf(Math.max(EF_SEARCH, count));
    const { neighbors, distances } = graph.searchKnn([...vector], count);
    return neighbors.map((entryIndex, at) => ({ entryIndex, distance: Math.sqrt(distances[at]!) }));
  };
  return {
    kind: 'hnsw',
    exact: false,
    entryCount,
    // Floats, links, the heap's own bookkeeping, and the vectors themselves.
    memoryBytes: entryCount * (WIDTH * 5 + M * 2 * 4 + 16),
    vectors,
    search(vector, radius) {
      requireVectorRadius(radius);
      if (entryCount === 0) return [];
      for (let count = Math.min(NEAREST, entryCount); ; count = Math.min(count * 2, entryCount)) {
        const found = nearest(vector, count);
        const inside = found.filter(({ distance }) => distance <= radius);
        if (inside.length < found.length || count === entryCount) return inside.sort(byVectorDistance);
      }
    },
  };
}
