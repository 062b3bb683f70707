/** What an index proposes: an entry within the radius of a query, before the store is asked for the entry. */
import { hasBlockhashDetail } from '../core/blockhash-weight.js';
import { isOneDimensionalPdq } from '../core/pdq-shape.js';
import type { Family, ListInfo, Orientation, ViewName } from '../core/vocabulary.js';
import type { Window } from '../core/window.js';
import type { Segment } from '../index/segment.js';
import type { RadiusIndex } from '../index/types.js';
import { popcount32 } from '../kernels/hamming.js';
import { activeListOf, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';
import { isSure } from './policy.js';

/** One 256-bit hash to search, and where it came from. */
export interface HashQuery extends ViewName {
  readonly algorithm: HammingAlgorithm;
  readonly hash256: Uint8Array;
  readonly orientation: Orientation | null;
  readonly family: Family | null;
  /** Its near matches count only for lists that ask for them. */
  readonly lowQuality: boolean;
  /**
   * The window that it is of, and its certain bits, 32 bytes; null for a hash of the whole image. Certain bits are null for a window of an inventory,
   * which has none: then nothing says whether an entry within the radius matches.
   */
  readonly window: { readonly place: Window; readonly certain: Uint8Array | null } | null;
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
  /** Certain bits of a window's hash that the entry has otherwise; null for other queries, and where they are not known. */
  readonly certainBitsWrong: number | null;
  /** Of a window that is too far away to match, and near enough for a person to look at. */
  readonly isPossible: boolean;
}

/** Return whether only the file itself can say if this candidate matches. */
export const isOpen = ({ query }: Candidate): boolean => query?.algorithm === 'pdq' && query.window?.certain === null;

/** Every form of a query passes here: a one-dimensional PDQ hash is of low quality, whatever its image or its sender says. */
export const gated = (query: Candidate['query']): Candidate['query'] =>
  query?.algorithm === 'pdq' && !query.lowQuality && isOneDimensionalPdq(query.hash256)
    ? { ...query, lowQuality: true }
    : query;

/** Return how many of the certain bits of a window's hash an entry has otherwise. */
export function wrongBits(
  { hash256 }: HashQuery,
  certain: Uint8Array,
  segment: Segment<unknown>,
  entryIndex: number,
): number {
  // Hashes are searched in no other kind of segment.
  const entry = (segment as Segment<RadiusIndex>).index.hashOf(entryIndex);
  let wrong = 0;
  for (let at = 0; at < hash256.length; at++) wrong += popcount32((hash256[at]! ^ entry[at]!) & certain[at]!);
  return wrong;
}

/**
 * Return how sure a window is of an entry; null where it is near enough for neither rule. Without its certain bits nothing is possible: too many
 * strangers are that near.
 */
function surenessOf(
  { windowRule, possibleRule }: ListSnapshot,
  { kind, radiusBits }: ListInfo,
  { distanceBits, certainBitsWrong }: { readonly distanceBits: number; readonly certainBitsWrong: number | null },
): 'sure' | 'possible' | null {
  const near = { distanceBits, certainBitsWrong: certainBitsWrong ?? 0 };
  if (isSure(near, windowRule)) return 'sure';
  if (certainBitsWrong === null || possibleRule === null || !isSure(near, possibleRule)) return null;
  // A list that wants less than windows reach wants no guesses either.
  return kind === 'match' && radiusBits < windowRule.radiusBits ? null : 'possible';
}

/** Return the candidate of an index row, or null where the entry is inactive, its list is not queried, the query is a blockhash without detail, or a window is not near enough to it. */
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
  const window = query?.algorithm === 'pdq' ? query.window : null;
  const certain = window?.certain ?? null;
  const certainBitsWrong = certain && wrongBits(query as HashQuery, certain, segment, entryIndex);
  const sureness = window === null ? 'sure' : surenessOf(snapshot, list, { distanceBits: distance, certainBitsWrong });
  if (sureness === null) return null;
  const isPossible = sureness === 'possible';
  return { entryKey: segment.keys[entryIndex]!, list, distance, query: gated(query), certainBitsWrong, isPossible };
}
