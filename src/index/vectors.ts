/**
 * Search of PhotoDNA values: vectors of 144 one-byte numbers, by Euclidean distance. Zeef computes none; it stores and
 * matches those of licensees, within the radius that they configure.
 */
import { AppError } from '../core/errors.js';

const VECTOR_INDEX_KINDS = ['hnsw', 'linear'] as const;
export type VectorIndexKind = (typeof VECTOR_INDEX_KINDS)[number];

/** Longest distance of two vectors: √(144 · 255²). */
const VECTOR_RADIUS_MAX = 3_060;

export interface VectorCandidate {
  readonly entryIndex: number;
  /** L2, in units of one step of one number. */
  readonly distance: number;
}

export interface VectorIndex {
  readonly kind: VectorIndexKind;
  /** True where `search` returns every entry within the radius. */
  readonly exact: boolean;
  readonly entryCount: number;
  readonly memoryBytes: number;
  /** Return a view of the vectors, in the order of entries. Shape: N × 144 bytes. */
  readonly vectors: Uint8Array;
  /** Shape: Uint8Array(144). Ascending by distance, then by entry. Errors RADIUS_INVALID. */
  search(vector: Uint8Array, radius: number): VectorCandidate[];
}

export function requireVectorRadius(radius: number): void {
  if (!(radius >= 0 && radius <= VECTOR_RADIUS_MAX)) {
    throw new AppError('RADIUS_INVALID', { got: radius, most: VECTOR_RADIUS_MAX });
  }
}

export function byVectorDistance(a: VectorCandidate, b: VectorCandidate): number {
  return a.distance - b.distance || a.entryIndex - b.entryIndex;
}
