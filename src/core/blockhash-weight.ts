/** Blockhashes that say too little to be compared. */
import { weight256 } from './hash256.js';

/**
 * Set bits are 128 unless blocks tie: each band is cut at its median. On a plain ground most blocks equal the median, and
 * what is left is the outline of a small subject, which unrelated images share (`docs/accuracy.md`).
 */
const BLOCKHASH_WEIGHT_MIN = 96;
const BLOCKHASH_WEIGHT_MAX = 160;

/** Return whether a blockhash has enough detail to be compared. Shape: 32 bytes. */
export function hasBlockhashDetail(hash256: Uint8Array): boolean {
  const weight = weight256(hash256);
  return weight >= BLOCKHASH_WEIGHT_MIN && weight <= BLOCKHASH_WEIGHT_MAX;
}
