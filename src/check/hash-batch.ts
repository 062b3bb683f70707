/** Check of hashes that arrive in pieces: one snapshot answers all of them. */
import type { IndexPool } from '../index/index-pool.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import type { ListFeed } from '../store/lists-contract.js';
import { checkHashes, type HashItem, type HashItemAnswer } from './check-hashes.js';
import type { CheckOptions } from './check-image.js';
import { checkValues, emptyDecision } from './check-values.js';
import { EntryReader } from './entry-reader.js';
import { queriedLists } from './match.js';
import type { Decision } from './policy.js';
import type { Recorder } from './recorder.js';
import type { BatchAlgorithm } from './search-piece.js';

/** A batch of queries that one generation answers, however long they take to arrive. */
export interface HashBatch {
  readonly generation: number;
  readonly exact: boolean;
  /** Return answers in the order of the items; an invalid item's answer is its error. Errors: STORE_FAILED. */
  checkItems(items: readonly HashItem[]): Promise<HashItemAnswer[]>;
  /** Decision of a value of this algorithm that matches nothing. */
  emptyDecision(algorithm: BatchAlgorithm): Decision;
  /** As `checkValues`. */
  checkValues(
    algorithm: BatchAlgorithm,
    values: Uint8Array,
    referenceOf?: (position: number) => string | null,
  ): Promise<ReadonlyMap<number, Decision>>;
}

/** Open a batch on a snapshot. `isStream`: of any length, so each piece has a budget of its own. Errors LIST_NOT_FOUND. */
export function openHashBatch(
  parts: {
    readonly store: ListFeed;
    readonly snapshot: ListSnapshot;
    readonly recorder: Recorder;
    readonly pool: IndexPool;
  },
  asked: CheckOptions,
  { isStream }: { readonly isStream: boolean },
): HashBatch {
  const { store, snapshot } = parts;
  const { generation, exact } = snapshot;
  const reader = new EntryReader(store);
  const withReader = () => ({ ...parts, reader: isStream ? new EntryReader(store) : reader });
  const options = { ...asked, lists: queriedLists(snapshot, asked) };
  return {
    generation,
    exact,
    emptyDecision: (algorithm) => emptyDecision(snapshot, options.lists, algorithm),
    checkItems: (items) => checkHashes(withReader(), items, options),
    checkValues: (algorithm, values, referenceOf) => checkValues(withReader(), algorithm, values, options, referenceOf),
  };
}
