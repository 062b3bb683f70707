/**
 * Hashes with PDQ's distribution: median-thresholded 16×16 DCT spectra of rectangles over a smooth random field, weight
 * 128, neighbouring bits correlated, never one-dimensional (few photographs' hashes are). Seeded, so that a bench can be repeated on the same data.
 */
import { HASH256_BYTES } from '../src/core/hash256.js';
import { isOneDimensionalPdq } from '../src/core/pdq-shape.js';

/** Create a generator of uniform 0 ≤ x < 1: mulberry32, small, fast, and random enough for bench and test data. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Return the value at `n` in sorted order; changes the order of `values`. Source: Hoare's selection. */
function nthSmallest(values: Float32Array, n: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1]!;
    let [left, right] = [low, high];
    while (left <= right) {
      while (values[left]! < pivot) left++;
      while (values[right]! > pivot) right--;
      if (left > right) break;
      const swapped = values[left]!;
      values[left++] = values[right]!;
      values[right--] = swapped;
    }
    if (n <= right) high = right;
    else if (n >= left) low = left;
    else break;
  }
  return values[n]!;
}

/** Rectangles in an image: the edges of each contribute to all frequencies, with one sign pattern. */
const SHAPES = 5;
/**
 * Weight of the smooth random field relative to them. At this weight chunks of neighbouring bits collide 1.4 times as
 * often as chance, similar to those of 300 photographs' hashes (1.2 by rows and 1.5 by columns).
 */
const FIELD = 0.3;

/** Generate hashes. Shape: count × 32 bytes. */
export function pdqLike(count: number, seed: number): Uint8Array {
  const random = seeded(seed);
  const out = new Uint8Array(count * HASH256_BYTES);
  const spectrum = new Float32Array(256);
  const sorted = new Float32Array(256);
  const rows = new Float32Array(16);
  const columns = new Float32Array(16);
  const bell = () => random() + random() + random() - 1.5;
  for (let at = 0; at < count; at++) {
    for (let bit = 0; bit < 256; bit++) spectrum[bit] = (FIELD * bell()) / (1 + (bit >> 4) + (bit & 15));
    for (let shape = 0; shape < SHAPES; shape++) {
      const [top, bottom, left, right] = [
        random() * Math.PI,
        random() * Math.PI,
        random() * Math.PI,
        random() * Math.PI,
      ];
      const strength = bell();
      // The spectrum of a rectangle is that of a step at each of its sides.
      for (let k = 0; k < 16; k++) {
        rows[k] = (strength * (Math.sin((k + 1) * bottom) - Math.sin((k + 1) * top))) / (k + 1);
        columns[k] = (Math.sin((k + 1) * right) - Math.sin((k + 1) * left)) / (k + 1);
      }
      for (let bit = 0; bit < 256; bit++) spectrum[bit] = spectrum[bit]! + rows[bit >> 4]! * columns[bit & 15]!;
    }
    sorted.set(spectrum);
    const median = nthSmallest(sorted, 127);
    for (let bit = 0; bit < 256; bit++) {
      if (spectrum[bit]! > median) out[at * HASH256_BYTES + 31 - (bit >> 3)]! |= 1 << (bit & 7);
    }
    const hash256 = out.subarray(at * HASH256_BYTES, (at + 1) * HASH256_BYTES);
    if (isOneDimensionalPdq(hash256)) {
      hash256.fill(0);
      at--;
    }
  }
  return out;
}

/** Return a copy of a hash with `bits` of its bits flipped. */
export function nearCopy(hash256: Uint8Array, bits: number, random: () => number): Uint8Array {
  const copy = Uint8Array.from(hash256);
  const turned = new Set<number>();
  while (turned.size < bits) turned.add(Math.floor(random() * 256));
  for (const bit of turned) copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
