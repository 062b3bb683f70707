/** Hashes that a caller computed, in as many pieces as they arrive: all are answered by the lists of one moment. */
import type { IndexPool } from '../index/index-pool.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import type { ListFeed } from '../store/lists-contract.js';
import { checkHashes, type HashItem, type HashItemAnswer } from './check-hashes.js';
import type { CheckOptions } from './check-image.js';
import { type BatchAlgorithm, checkValues } from './check-values.js';
import { requireLists } from './match.js';
import type { Decision } from './policy.js';
import type { Recorder } from './recorder.js';

/** Questions that are all answered by one generation, however long they take to arrive. */
export interface HashBatch {
  readonly generation: number;
  readonly exact: boolean;
  /** In the order of the items; one item's mistake is that item's answer. Errors: STORE_FAILED. */
  checkItems(items: readonly HashItem[]): Promise<HashItemAnswer[]>;
  /** As `checkValues`. */
  checkValues(
    algorithm: BatchAlgorithm,
    values: Uint8Array,
    referenceOf?: (position: number) => string | null,
  ): Promise<ReadonlyMap<number, Decision>>;
}

/** Errors LIST_NOT_FOUND. */
export function openHashBatch(
  parts: {
    readonly store: ListFeed;
    readonly snapshot: ListSnapshot;
    readonly recorder: Recorder;
    readonly pool: IndexPool;
  },
  options: CheckOptions,
): HashBatch {
  const { generation, exact } = parts.snapshot;
  requireLists(parts.snapshot, options.lists);
  return {
    generation,
    exact,
    checkItems: (items) => checkHashes(parts, items, options),
    checkValues: (algorithm, values, referenceOf) => checkValues(parts, algorithm, values, options, referenceOf),
  };
}
