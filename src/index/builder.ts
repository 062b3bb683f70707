/** Builders of all kinds of index. */
import { hnswBuilder } from './hnsw.js';
import { linearBuilder } from './linear.js';
import { ringBuilder } from './ring.js';
import type { IndexBuilder, IndexKind } from './types.js';

/** Create a builder. `expectedCount` saves reallocation; more or fewer may be added. Errors INDEX_KIND_UNAVAILABLE for hnsw. */
export async function createIndexBuilder(kind: IndexKind, expectedCount: number): Promise<IndexBuilder> {
  if (kind === 'ring') return ringBuilder(expectedCount);
  return kind === 'linear' ? linearBuilder(expectedCount) : hnswBuilder(expectedCount);
}
