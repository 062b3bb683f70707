/**
 * The lists in force: everything that a query is asked against, at one generation. A query takes the reference once and
 * finishes on it; every change makes a new one and swaps the reference. Leaves to the store: what an entry says beside
 * its value.
 */
import type { Algorithm, DigestAlgorithm, ListInfo } from '../core/vocabulary.js';
import type { DigestTable } from '../index/digest-table.js';
import { isRemoved, type Segment } from '../index/segment.js';
import type { RadiusIndex } from '../index/types.js';
import type { VectorIndex } from '../index/vectors.js';

/** Hash algorithms with a Hamming distance; PhotoDNA's is another, and has an index of its own. */
export const HAMMING_ALGORITHMS = ['pdq', 'blockhash'] as const;
export type HammingAlgorithm = (typeof HAMMING_ALGORITHMS)[number];

export interface ListSnapshot {
  readonly generation: number;
  /** When it was last looked at, milliseconds since 1970: entries expire by the day. */
  readonly atMs: number;
  /** Enabled ones only. */
  readonly lists: readonly ListInfo[];
  readonly listByName: ReadonlyMap<string, ListInfo>;
  /** Enabled ones only: an entry of any other list counts for nothing. */
  readonly listByKey: ReadonlyMap<number, ListInfo>;
  readonly radius: Readonly<Record<HammingAlgorithm, readonly Segment<RadiusIndex>[]>>;
  readonly digest: Readonly<Record<DigestAlgorithm, readonly Segment<DigestTable>[]>>;
  readonly photodna: readonly Segment<VectorIndex>[];
  /** What the licensee configured; null where PhotoDNA is not matched. */
  readonly photodnaRadius: number | null;
  /** Entries in force. */
  readonly entryCounts: Readonly<Record<Algorithm, number>>;
  /** True where no index of 256-bit hashes, or of PhotoDNA's values, is approximate. */
  readonly exact: boolean;
  readonly photodnaExact: boolean;
}

/** The list of an entry that an index proposed; null where the entry or its list is not in force. */
export function activeListOf(snapshot: ListSnapshot, segment: Segment<unknown>, entryIndex: number): ListInfo | null {
  if (isRemoved(segment, entryIndex)) return null;
  return snapshot.listByKey.get(segment.listKeys[entryIndex]!) ?? null;
}
