/** Finds entries that a hash misses by a few bits. Costs several times a search, so only samples are queried. */

import { toCandidate } from '../../check/candidate.js';
import { widestRadiusBits } from '../../check/match.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListSnapshot } from '../../lists/snapshot.js';

export interface NearMiss {
  readonly entryKey: number;
}

export const isHamming = (algorithm: string): algorithm is HammingAlgorithm =>
  HAMMING_ALGORITHMS.some((name) => name === algorithm);

/**
 * Return entries of match lists whose distance exceeds their list's radius by at most `beyondBits`. None unless the index
 * is a ring: a linear scan is too slow for a sample.
 */
export function nearMisses(
  snapshot: ListSnapshot,
  algorithm: HammingAlgorithm,
  hash256: Uint8Array,
  beyondBits: number,
): readonly NearMiss[] {
  const radiusBits = widestRadiusBits(snapshot, { lists: null, requestedRadiusBits: null });
  if (radiusBits < 0) return [];
  return snapshot.radius[algorithm].flatMap((segment) => {
    if (segment.index.kind !== 'ring') return [];
    return segment.index
      .search(hash256, Math.min(256, radiusBits + beyondBits))
      .flatMap(({ entryIndex, distanceBits }) => {
        const found = toCandidate(snapshot, null, segment, { entryIndex, distance: distanceBits, query: null });
        const isMiss =
          found !== null &&
          found.list.kind === 'match' &&
          distanceBits > found.list.radiusBits &&
          distanceBits <= found.list.radiusBits + beyondBits;
        return isMiss ? [{ entryKey: found.entryKey }] : [];
      });
  });
}
