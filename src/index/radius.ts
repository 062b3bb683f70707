/** Validation of a radius and order of results, the same for every index. */
import { AppError } from '../core/errors.js';
import { RADIUS_BITS_MAX } from '../core/limits.js';
import type { Candidate } from './types.js';

export function requireRadius(radiusBits: number): void {
  if (!Number.isInteger(radiusBits) || radiusBits < 0 || radiusBits > RADIUS_BITS_MAX) {
    throw new AppError('RADIUS_INVALID', { got: radiusBits, most: RADIUS_BITS_MAX });
  }
}

export function byDistance(a: Candidate, b: Candidate): number {
  return a.distanceBits - b.distanceBits || a.entryIndex - b.entryIndex;
}
