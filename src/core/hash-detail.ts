/** Hashes that say too little for near matches, by their bits alone. */
import { hasBlockhashDetail } from './blockhash-weight.js';
import { isOneDimensionalPdq } from './pdq-shape.js';
import type { Algorithm } from './vocabulary.js';

/** Return whether unrelated images share the value; never a digest. Shape: the algorithm's bytes. */
export function isUnspecific(algorithm: Algorithm, value: Uint8Array): boolean {
  if (algorithm === 'pdq') return isOneDimensionalPdq(value);
  return algorithm === 'blockhash' && !hasBlockhashDetail(value);
}
