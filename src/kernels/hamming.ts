/**
 * Hamming distance between two packed 256-bit hashes.
 *
 * Shape   `a`, `b`: Uint8Array(32).
 * Unit    bits, an integer in 0..256.
 * Errors  none; length is checked once, where hashes enter (`parseHash256`).
 * Source  bit counting by parallel addition: Warren, Hacker's Delight, 5-1.
 */
export function hamming256(a: Uint8Array, b: Uint8Array): number {
  let distanceBits = 0;
  for (let at = 0; at < 32; at++) distanceBits += popcount32(a[at]! ^ b[at]!);
  return distanceBits;
}

/** Return the number of set bits of a 32-bit integer. */
export function popcount32(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
