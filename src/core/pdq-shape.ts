/**
 * PDQ hashes of one-dimensional images: slides, forms, calendars, sunsets, most barcodes. Their hash is nearly one pattern
 * along the rows times one along the columns, which unrelated images of the same layout share.
 */

const SIDE = 16;
/**
 * Share of a hash in one pattern above which it is one-dimensional. Photographs have a quarter of it there in the median
 * (`docs/accuracy.md`).
 */
const SHARE_MAX = 0.5;
/** The 256 squares of ±1 are the sum of all squared singular values. */
const LARGEST_MAX = SHARE_MAX * SIDE * SIDE;
/** Far above the rounding of 16 pivots, far below any difference that means something. Unit: as `LARGEST_MAX`. */
const TOLERANCE = 1e-6;

/** Rows as words of 16 bits, and their inner products; used by one call at a time. */
const rows = new Uint16Array(SIDE);
const products = new Float64Array(SIDE * SIDE);

/** Set bits of each 16-bit word. */
const WEIGHTS = new Uint8Array(1 << SIDE);
for (let word = 1; word < WEIGHTS.length; word++) WEIGHTS[word] = WEIGHTS[word >> 1]! + (word & 1);

/**
 * Fill `products` with G = M·Mᵀ of the matrix M of ±1, row i of which is word i of the hash.
 * Result  the sum of the squares of G: of the fourth powers of M's singular values.
 */
function multiply(hash256: Uint8Array): number {
  let squares = 0;
  for (let i = 0; i < SIDE; i++) {
    rows[i] = (hash256[30 - 2 * i]! << 8) | hash256[31 - 2 * i]!;
    products[i * SIDE + i] = SIDE;
    squares += SIDE * SIDE;
    for (let j = 0; j < i; j++) {
      const product = SIDE - 2 * WEIGHTS[rows[i]! ^ rows[j]!]!;
      products[i * SIDE + j] = product;
      squares += 2 * product * product;
    }
  }
  return squares;
}

/** Return whether the lower triangle in `products` has an eigenvalue above `bound`: bound·I − G then has a pivot below zero. */
function hasEigenvalueAbove(bound: number): boolean {
  for (let i = 0; i < SIDE; i++) {
    for (let j = 0; j <= i; j++) {
      let value = (i === j ? bound : 0) - products[i * SIDE + j]!;
      for (let k = 0; k < j; k++) value -= products[i * SIDE + k]! * products[j * SIDE + k]!;
      if (i === j && value <= 0) return true;
      products[i * SIDE + j] = i === j ? Math.sqrt(value) : value / products[j * SIDE + j]!;
    }
  }
  return false;
}

/**
 * Return whether a PDQ hash is one-dimensional: σ₁² / Σσᵢ² > 0.5 of the singular values of its 16 × 16 matrix of ±1, rows and
 * columns being frequencies. The same for the complement and, by the sign rule, for all eight orientations.
 *
 * Shape   32 bytes.
 * Errors  none.
 * Source  the share of the best rank-1 approximation: Eckart, Young: The approximation of one matrix by another of lower
 *         rank, Psychometrika 1936. The decision needs no iteration: by Sylvester's law of inertia, a negative pivot of
 *         b·I − M·Mᵀ (Cholesky) is a σ² above b.
 */
export function isOneDimensionalPdq(hash256: Uint8Array): boolean {
  // σ₁⁴ is at most the sum of all fourth powers: this decides for nearly every photograph.
  if (multiply(hash256) <= LARGEST_MAX * LARGEST_MAX) return false;
  return hasEigenvalueAbove(LARGEST_MAX + TOLERANCE);
}
