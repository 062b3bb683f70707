/** What an index proposes: an entry within the radius of a query, before the store is asked for the entry. */
import { hasBlockhashDetail } from '../core/blockhash-weight.js';
import { isOneDimensionalPdq } from '../core/pdq-shape.js';
import type { Family, ListInfo, Orientation, ViewName } from '../core/vocabulary.js';
import type { Segment } from '../index/segment.js';
import { activeListOf, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';

/** One 256-bit hash to search, and where it came from. */
export interface HashQuery extends ViewName {
  readonly algorithm: HammingAlgorithm;
  readonly hash256: Uint8Array;
  readonly orientation: Orientation | null;
  readonly family: Family | null;
  /** Its near matches count only for lists that ask for them. */
  readonly lowQuality: boolean;
}

/** A PhotoDNA value to search, within the configured radius. */
export interface VectorQuery {
  readonly algorithm: 'photodna';
  readonly vector: Uint8Array;
}

/** Proposal of an index, before the entry is read from the store. */
export interface Candidate {
  readonly entryKey: number;
  readonly list: ListInfo;
  /** In bits; L2 for a VectorQuery; 0 for a digest, whose query is null. */
  readonly distance: number;
  readonly query: HashQuery | VectorQuery | null;
}

/** Every form of a query passes here: a one-dimensional PDQ hash is of low quality, whatever its image or its sender says. */
const gated = (query: Candidate['query']): Candidate['query'] =>
  query?.algorithm === 'pdq' && !query.lowQuality && isOneDimensionalPdq(query.hash256)
    ? { ...query, lowQuality: true }
    : query;

/** Return the candidate of an index row, or null where the entry is inactive, its list is not queried, or the query is a blockhash without detail. */
export function toCandidate(
  snapshot: ListSnapshot,
  lists: ReadonlySet<string> | null,
  segment: Segment<unknown>,
  { entryIndex, distance, query }: { entryIndex: number; distance: number; query: Candidate['query'] },
): Candidate | null {
  const list = activeListOf(snapshot, segment, entryIndex);
  if (list === null || (lists !== null && !lists.has(list.list))) return null;
  // Unrelated images share it: no form of a query matches by it.
  if (query?.algorithm === 'blockhash' && !hasBlockhashDetail(query.hash256)) return null;
  return { entryKey: segment.keys[entryIndex]!, list, distance, query: gated(query) };
}
