/**
 * The lists in force: everything that a query is asked against, at one generation. A query takes the reference once and
 * finishes on it; every change makes a new one and swaps the reference. Leaves to the store: what an entry says beside
 * its value.
 */
import type { DigestAlgorithm, ListInfo } from '../core/vocabulary.js';
import type { DigestTable } from '../index/digest-table.js';
import { isRemoved, type Segment } from '../index/segment.js';
import type { RadiusIndex } from '../index/types.js';

/** Hash algorithms with a Hamming distance; PhotoDNA's is another, and needs an index of its own. */
export const HAMMING_ALGORITHMS = ['pdq', 'blockhash'] as const;
export type HammingAlgorithm = (typeof HAMMING_ALGORITHMS)[number];

export interface ListsInForce {
  readonly generation: number;
  /** Enabled ones only. */
  readonly lists: readonly ListInfo[];
  readonly listByName: ReadonlyMap<string, ListInfo>;
  /** Enabled ones only: an entry of any other list counts for nothing. */
  readonly listByKey: ReadonlyMap<number, ListInfo>;
  readonly radius: Readonly<Record<HammingAlgorithm, readonly Segment<RadiusIndex>[]>>;
  readonly digest: Readonly<Record<DigestAlgorithm, readonly Segment<DigestTable>[]>>;
  /** Entries in force. */
  readonly entryCounts: Readonly<Record<HammingAlgorithm | DigestAlgorithm, number>>;
  /** True where no index in force is approximate. */
  readonly exact: boolean;
}

/** The list of an entry that an index proposed; null where the entry or its list is not in force. */
export function listInForce(inForce: ListsInForce, segment: Segment<unknown>, entryIndex: number): ListInfo | null {
  if (isRemoved(segment, entryIndex)) return null;
  return inForce.listByKey.get(segment.listKeys[entryIndex]!) ?? null;
}
