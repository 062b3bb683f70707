/**
 * Hashes that are distributed as PDQ's: median-thresholded 16×16 DCT spectra of smooth random fields, weight 128,
 * neighbouring bits correlated. Seeded, so that a bench can be repeated on the same data.
 */
import { HASH256_BYTES } from '../src/core/hash256.js';

/** Uniform 0 ≤ x < 1, by mulberry32: small, fast, and random enough for data to measure and test with. */
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

/** The value that would be at `n` if the values were sorted; changes their order. Hoare's selection. */
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

/** Shapes with edges in a picture: each is a wave that runs through all frequencies with one sign pattern. */
const SHAPES = 5;
/**
 * Weight of the smooth random field beside them. At this weight chunks of neighbouring bits collide as often as those
 * of 300 photographs' hashes do: 1.4 times as often as chance (1.2 by rows and 1.5 by columns there).
 */
const FIELD = 0.3;

/** Shape: count × 32 bytes. */
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
      // The spectrum of a rectangle: of a step at each of its sides.
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
  }
  return out;
}

/** A copy of one hash with `bits` of its bits turned. */
export function nearCopy(hash256: Uint8Array, bits: number, random: () => number): Uint8Array {
  const copy = Uint8Array.from(hash256);
  const turned = new Set<number>();
  while (turned.size < bits) turned.add(Math.floor(random() * 256));
  for (const bit of turned) copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}
