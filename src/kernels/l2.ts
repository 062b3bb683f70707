/** Euclidean distance of byte vectors: the readable twin of `assembly/l2.ts`. */

/** Shape: two vectors of equal length. Result: the sum of squared differences, an integer. */
export function squaredL2(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at]! - b[at]!) ** 2;
  return sum;
}
