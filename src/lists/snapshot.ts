/**
 * The current snapshot: the active lists and their indexes at one generation. A query takes the reference once and
 * finishes on it; every change makes a new snapshot and swaps the reference. Leaves to the store: the attributes of an
 * entry beside its value.
 */
import type { Algorithm, DigestAlgorithm, ListInfo } from '../core/vocabulary.js';
import type { PossibleRule, WindowRule } from '../core/window.js';
import type { DigestTable } from '../index/digest-table.js';
import { isRemoved, type Segment } from '../index/segment.js';
import type { RadiusIndex } from '../index/types.js';
import type { VectorIndex } from '../index/vectors.js';

/** Hash algorithms with a Hamming distance; PhotoDNA uses another distance and index. */
export const HAMMING_ALGORITHMS = ['pdq', 'blockhash'] as const;
export type HammingAlgorithm = (typeof HAMMING_ALGORITHMS)[number];

/** Algorithms with an entry that counts, by the name of their list. Lists without any are left out. */
export type InForce = ReadonlyMap<string, ReadonlySet<Algorithm>>;

export interface ListSnapshot {
  readonly generation: number;
  /** Time of the last refresh, milliseconds since 1970: entries expire by the day. */
  readonly atMs: number;
  /** Enabled lists only. */
  readonly lists: readonly ListInfo[];
  readonly listByName: ReadonlyMap<string, ListInfo>;
  /** Enabled lists only: entries of other lists do not match. */
  readonly listByKey: ReadonlyMap<number, ListInfo>;
  /** The others: their entries are loaded all the same, so that they can be enabled at once. */
  readonly disabledByKey: ReadonlyMap<number, ListInfo>;
  readonly radius: Readonly<Record<HammingAlgorithm, readonly Segment<RadiusIndex>[]>>;
  readonly digest: Readonly<Record<DigestAlgorithm, readonly Segment<DigestTable>[]>>;
  readonly photodna: readonly Segment<VectorIndex>[];
  /** Configured by the licensee; null where PhotoDNA is not matched. */
  readonly photodnaRadius: number | null;
  readonly windowRule: WindowRule;
  /** When a window that does not match is near enough for a person to look at; null: never. */
  readonly possibleRule: PossibleRule | null;
  readonly inForce: InForce;
  /** Entries that were loaded, of enabled lists: a damaged one is not among them. */
  readonly entryCounts: Readonly<Record<Algorithm, number>>;
  /** True where no index of 256-bit hashes, or of PhotoDNA's values, is approximate. */
  readonly exact: boolean;
  readonly photodnaExact: boolean;
}

/** Return the list of a candidate; null if the entry or its list is not active. */
export function activeListOf(snapshot: ListSnapshot, segment: Segment<unknown>, entryIndex: number): ListInfo | null {
  if (isRemoved(segment, entryIndex)) return null;
  return snapshot.listByKey.get(segment.listKeys[entryIndex]!) ?? null;
}
