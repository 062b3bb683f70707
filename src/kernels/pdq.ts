/**
 * PDQ, the readable twin: luma → 64×64 → 16×16 DCT → 256 bits and a quality, for all eight orientations.
 *
 * Exact orientations come from rotated pixels: mirroring an image reverses the index order of an axis, so each axis has a
 * forward and a mirrored weight matrix; two row filters × two column filters give four 64×64 lumas, their transposes
 * are the other four. Everything up to the luma is linear, so both box passes and the decimation are one sparse matrix
 * per axis.
 *
 * Source  PDQ reference, Meta (ThreatExchange, `pdq/cpp`), as described in "The TMK+PDQF Video-Hashing Algorithm and
 *         the PDQ Image-Hashing Algorithm", 2019.
 * Twin    `assembly/pdq.ts`; `test/kernels/pdq.test.ts` holds the two equal.
 */
import type { Family, OrientationChoice, Raster } from '../core/vocabulary.js';

/** The reference hashes nothing below 5 pixels on a side: such images have no frequencies 1 to 16. */
const IMAGE_SIDE_MIN = 5;

interface PdqOptions {
  readonly orientations: OrientationChoice;
  /** `both` also hashes the full-size luma of an image over 512 pixels on a side, and a smaller one by centred windows. */
  readonly families: 'both' | 'resized';
}

export interface PdqFamilyResult {
  readonly family: Family;
  /** 0..100; of `symmetric` that of `resized`, by which lists and callers judge an image. */
  readonly quality: number;
  /** No content in the frequencies that PDQ uses: the bits are rounding noise and must not be matched. */
  readonly degenerate: boolean;
  /** 32 bytes each: one, or eight in the order of `ORIENTATIONS`. */
  readonly hashes: readonly Uint8Array[];
}

interface PdqResult {
  /** `resized` first. */
  readonly families: readonly PdqFamilyResult[];
}

export interface PdqHasher {
  hash(raster: Raster, options: PdqOptions): PdqResult;
}

/** An image over this on either side is first resized to exactly this by nearest neighbour. */
export const RESIZE_SIDE = 512;
export const LUMA_SIDE = 64;
export const DCT_SIDE = 16;
/** A largest DCT value below this is float noise: real images are above 40, flat ones below 0.001. */
export const DEGENERATE_BELOW = 1;

/** One axis of the filter: row i of the 64×n matrix has `weights` from `firsts[i]` on, `counts[i]` of them. */
export interface AxisWeights {
  readonly firsts: Int32Array;
  readonly counts: Int32Array;
  /** 64 rows of `stride` values. */
  readonly weights: Float32Array;
  readonly stride: number;
}

/** The 16×64 DCT matrix D[i][j] = √(2/64)·cos(π/128·(i+1)·(2j+1)), row by row: frequencies 1 to 16. */
export const COSINES: Float32Array = Float32Array.from({ length: DCT_SIDE * LUMA_SIDE }, (_, at) => {
  const i = Math.floor(at / LUMA_SIDE);
  const j = at % LUMA_SIDE;
  return Math.sqrt(2 / LUMA_SIDE) * Math.cos((Math.PI / 128) * (i + 1) * (2 * j + 1));
});

/**
 * Return a box pass over an axis of length n. `row` holds the axis from index `begin` on; what lies outside is zero.
 *
 * The window that a pass of width w takes around k: [k − (w − h), k + h − 1], cut at both ends of the axis; h = ⌊(w+2)/2⌋.
 */
function spreadOverBox(row: Float64Array, begin: number, n: number, w: number): Float64Array {
  const h = Math.floor((w + 2) / 2);
  // Transposed: spreads each output's share back over its inputs, so that composing passes goes from output to input.
  const spread = new Float64Array(row.length + 1);
  for (let at = 0; at < row.length; at++) {
    if (row[at] === 0) continue;
    const k = begin + at;
    const from = Math.max(0, k - (w - h));
    const to = Math.min(n - 1, k + h - 1);
    const share = row[at]! / (to - from + 1);
    const first = Math.max(0, from - begin);
    const end = Math.min(row.length, to + 1 - begin);
    spread[first] = spread[first]! + share;
    spread[end] = spread[end]! - share;
  }
  const out = new Float64Array(row.length);
  let running = 0;
  for (let at = 0; at < row.length; at++) {
    running += spread[at]!;
    out[at] = running;
  }
  return out;
}

/**
 * Build the sparse 64×n matrix of one axis: two box passes and the decimation to ⌊(i + 0.5)·n/64⌋.
 * `mirrored` returns the matrix of the mirrored image, indexed by the original pixels.
 */
export function axisWeights(n: number, mirrored: boolean): AxisWeights {
  const w = Math.ceil(n / 128);
  const rows: WeightRow[] = [];
  for (let i = 0; i < LUMA_SIDE; i++) {
    const centre = Math.floor(((i + 0.5) * n) / LUMA_SIDE);
    const reach = 2 * w + 2;
    // Values beyond the reach are zero; a window more, since sums of floats leave a residue on their right.
    const begin = Math.max(0, centre - reach - w);
    let row: Float64Array<ArrayBufferLike> = new Float64Array(Math.min(n, centre + reach + w + 1) - begin);
    row[centre - begin] = 1;
    row = spreadOverBox(spreadOverBox(row, begin, n, w), begin, n, w);
    const from = Math.max(0, centre - reach);
    const to = Math.min(n - 1, centre + reach);
    let first = from;
    while (first < to && Math.abs(row[first - begin]!) < 1e-9) first++;
    let last = to;
    while (last > first && Math.abs(row[last - begin]!) < 1e-9) last--;
    rows.push({ first, values: Array.from(row.subarray(first - begin, last + 1 - begin)) });
  }
  return matrixOf(rows, n, mirrored);
}

/** One row of an axis's matrix: weights of the pixels from `first` on. */
interface WeightRow {
  readonly first: number;
  readonly values: readonly number[];
}

function matrixOf(rows: readonly WeightRow[], n: number, mirrored: boolean): AxisWeights {
  const placed = mirrored
    ? rows.map(({ first, values }) => ({ first: n - first - values.length, values: values.toReversed() }))
    : rows;
  const stride = Math.max(...placed.map(({ values }) => values.length));
  const weights = new Float32Array(LUMA_SIDE * stride);
  placed.forEach(({ values }, i) => {
    weights.set(values, i * stride);
  });
  return {
    firsts: Int32Array.from(placed, ({ first }) => first),
    counts: Int32Array.from(placed, ({ values }) => values.length),
    weights,
    stride,
  };
}

/**
 * Shift of the centred windows, as a share of the axis. The reference's own windows lie to the right and below: by 1.5 pixels
 * of 512 at 512 pixels, by 1 after the resize from more, and by next to nothing at full size. Three quarters of a pixel are
 * between them.
 */
export const SYMMETRIC_SHIFT = 0.75 / RESIZE_SIDE;

/**
 * Build the matrix of one axis for the family `symmetric`: triangles as wide as the reference's two box passes, at least
 * as wide as linear interpolation needs, around the true centres of the 64 cells and not around the pixels beside them. So
 * an image and its resized copies are read at the same places.
 */
export function symmetricWeights(n: number, mirrored: boolean): AxisWeights {
  const half = Math.max(1, n / 128);
  const rows = Array.from({ length: LUMA_SIDE }, (_, i): WeightRow => {
    const centre = ((i + 0.5) / LUMA_SIDE + SYMMETRIC_SHIFT) * n;
    const first = Math.max(0, Math.floor(centre - half + 0.5));
    const last = Math.min(n - 1, Math.ceil(centre + half - 0.5) - 1);
    const values = Array.from(
      { length: last - first + 1 },
      (_value, at) => 1 - Math.abs(first + at + 0.5 - centre) / half,
    );
    const sum = values.reduce((a, b) => a + b, 0);
    return { first, values: values.map((value) => value / sum) };
  });
  return matrixOf(rows, n, mirrored);
}

/** A 64×64 image is used unchanged: each row of the matrix picks one pixel. */
export function identityWeights(mirrored: boolean): AxisWeights {
  return {
    firsts: Int32Array.from({ length: LUMA_SIDE }, (_, i) => (mirrored ? LUMA_SIDE - 1 - i : i)),
    counts: new Int32Array(LUMA_SIDE).fill(1),
    weights: new Float32Array(LUMA_SIDE).fill(1),
    stride: 1,
  };
}

/** Weights of an axis by length; a service sees few sizes, and building one takes about a millisecond. */
const WEIGHTS_KEPT_MAX = 512;
const weightsCache = new Map<string, AxisWeights>();

function weightsFor(n: number, kind: 'boxes' | 'identity' | 'symmetric'): AxisWeights {
  const key = `${n} ${kind}`;
  const found = weightsCache.get(key);
  if (found) return found;
  if (weightsCache.size >= WEIGHTS_KEPT_MAX) weightsCache.clear();
  const made =
    kind === 'identity'
      ? identityWeights(false)
      : kind === 'symmetric'
        ? symmetricWeights(n, false)
        : axisWeights(n, false);
  weightsCache.set(key, made);
  return made;
}

/** Return the source index of each of the 512 output pixels, nearest neighbour: ⌊y·n/512⌋, from the far end if mirrored. */
export function nearestIndices(n: number, mirrored: boolean): Int32Array {
  return Int32Array.from({ length: RESIZE_SIDE }, (_, at) => {
    const source = Math.floor((at * n) / RESIZE_SIDE);
    return mirrored ? n - 1 - source : source;
  });
}

/** The weights are float32 too, as in the reference: a double 0.299 changes the last bit, and so the hashes. */
const RED = Math.fround(0.299);
const GREEN = Math.fround(0.587);
const BLUE = Math.fround(0.114);

/** Return the luma of one pixel in float: 0.299 R + 0.587 G + 0.114 B; grey unchanged. */
export function lumaAt(raster: Raster, x: number, y: number): number {
  const at = (y * raster.width + x) * raster.channels;
  if (raster.channels < 3) return raster.data[at]!;
  return Math.fround(
    Math.fround(Math.fround(RED * raster.data[at]!) + Math.fround(GREEN * raster.data[at + 1]!)) +
      Math.fround(BLUE * raster.data[at + 2]!),
  );
}

/** Shape: luma of `width`×`height`, row by row. */
interface LumaPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Return the luma plane that this family filters, mirrored along x or y. */
function plane(raster: Raster, family: Family, mirrorX: boolean, mirrorY: boolean): LumaPlane {
  const resizes = isResized(raster, family);
  const width = resizes ? RESIZE_SIDE : raster.width;
  const height = resizes ? RESIZE_SIDE : raster.height;
  const all = (n: number, mirrored: boolean) => Int32Array.from({ length: n }, (_, at) => (mirrored ? n - 1 - at : at));
  const columns = resizes ? nearestIndices(raster.width, mirrorX) : all(width, mirrorX);
  const rows = resizes ? nearestIndices(raster.height, mirrorY) : all(height, mirrorY);
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = lumaAt(raster, columns[x]!, rows[y]!);
  }
  return { width, height, data };
}

/** Every step in float32, one rounding an operation, so that the WASM twin can equal it bit for bit. */
const addProduct = (sum: number, a: number, b: number) => Math.fround(sum + Math.fround(a * b));

/** luma64 = W_R · X · W_Cᵀ. Shape: Float32Array(4096), row by row. */
function filterTo64(luma: LumaPlane, family: Family): Float32Array {
  const { width, height, data } = luma;
  const asIs = width === LUMA_SIDE && height === LUMA_SIDE;
  const kind = family === 'symmetric' ? family : asIs ? 'identity' : 'boxes';
  const alongY = weightsFor(height, kind);
  const alongX = weightsFor(width, kind);
  const out = new Float32Array(LUMA_SIDE * LUMA_SIDE);
  const row = new Float32Array(width);
  for (let i = 0; i < LUMA_SIDE; i++) {
    row.fill(0);
    for (let t = 0; t < alongY.counts[i]!; t++) {
      const weight = alongY.weights[i * alongY.stride + t]!;
      const from = (alongY.firsts[i]! + t) * width;
      for (let x = 0; x < width; x++) row[x] = addProduct(row[x]!, weight, data[from + x]!);
    }
    for (let j = 0; j < LUMA_SIDE; j++) {
      // Four alternating sums, like SIMD lanes.
      const lanes = new Float32Array(4);
      const first = alongX.firsts[j]!;
      for (let t = 0; t < alongX.counts[j]!; t++) {
        lanes[t & 3] = addProduct(lanes[t & 3]!, alongX.weights[j * alongX.stride + t]!, row[first + t]!);
      }
      out[i * LUMA_SIDE + j] = Math.fround(lanes[0]! + lanes[1]!) + Math.fround(lanes[2]! + lanes[3]!);
    }
  }
  return out;
}

/** Return the first stage alone: the 64×64 luma of a family, in the original orientation. */
export function luma64(raster: Raster, family: Family, mirrorX = false, mirrorY = false): Float32Array {
  return filterTo64(plane(raster, family, mirrorX, mirrorY), family);
}

/** Unit 0..100: detail of the 64×64 luma, from its neighbour differences. */
export function qualityOf(luma: Float32Array): number {
  let sum = 0;
  const step = (u: number, v: number) => Math.abs(Math.trunc((Math.fround(u - v) * 100) / 255));
  for (let i = 0; i < LUMA_SIDE; i++) {
    for (let j = 0; j < LUMA_SIDE; j++) {
      const at = i * LUMA_SIDE + j;
      if (i + 1 < LUMA_SIDE) sum += step(luma[at]!, luma[at + LUMA_SIDE]!);
      if (j + 1 < LUMA_SIDE) sum += step(luma[at]!, luma[at + 1]!);
    }
  }
  return Math.min(100, Math.floor(sum / 90));
}

/** B = D · A · Dᵀ. Shape: Float32Array(256), row by row. */
export function dct16(luma: Float32Array): Float32Array {
  const half = new Float32Array(DCT_SIDE * LUMA_SIDE);
  for (let i = 0; i < DCT_SIDE; i++) {
    for (let k = 0; k < LUMA_SIDE; k++) {
      for (let j = 0; j < LUMA_SIDE; j++) {
        const at = i * LUMA_SIDE + j;
        half[at] = addProduct(half[at]!, COSINES[i * LUMA_SIDE + k]!, luma[k * LUMA_SIDE + j]!);
      }
    }
  }
  const out = new Float32Array(DCT_SIDE * DCT_SIDE);
  for (let i = 0; i < DCT_SIDE; i++) {
    for (let k = 0; k < LUMA_SIDE; k++) {
      for (let j = 0; j < DCT_SIDE; j++) {
        const at = i * DCT_SIDE + j;
        out[at] = addProduct(out[at]!, half[i * LUMA_SIDE + k]!, COSINES[j * LUMA_SIDE + k]!);
      }
    }
  }
  return out;
}

/** Return the 128th smallest of the 256 values. */
export function lowerMedian(dct: Float32Array): number {
  return Float32Array.from(dct).sort()[127]!;
}

/** Bit (i·16 + j) is set where B[i][j] > median. Shape: 32 bytes, in the order of the hex digits (word 15 first). */
export function bitsOf(dct: Float32Array): Uint8Array {
  const median = lowerMedian(dct);
  const hash = new Uint8Array(32);
  for (let bit = 0; bit < 256; bit++) {
    if (dct[bit]! > median) hash[31 - (bit >> 3)]! |= 1 << (bit & 7);
  }
  return hash;
}

export function transpose(square: Float32Array, side: number): Float32Array {
  const out = new Float32Array(square.length);
  for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) out[j * side + i] = square[i * side + j]!;
  return out;
}

/** Derivation of each orientation from the image: mirrored along x, along y, and then transposed. In `ORIENTATIONS` order. */
export const MIRRORINGS: readonly {
  readonly mirrorX: boolean;
  readonly mirrorY: boolean;
  readonly transposed: boolean;
}[] = [
  { mirrorX: false, mirrorY: false, transposed: false }, // original
  { mirrorX: true, mirrorY: false, transposed: true }, // rotate90
  { mirrorX: true, mirrorY: true, transposed: false }, // rotate180
  { mirrorX: false, mirrorY: true, transposed: true }, // rotate270
  { mirrorX: false, mirrorY: true, transposed: false }, // flipX
  { mirrorX: true, mirrorY: false, transposed: false }, // flipY
  { mirrorX: false, mirrorY: false, transposed: true }, // flipPlus1
  { mirrorX: true, mirrorY: true, transposed: true }, // flipMinus1
];

/** Return whether the family resizes the image first. */
export function isResized({ width, height }: Pick<Raster, 'width' | 'height'>, family: Family): boolean {
  return family === 'resized' && (width > RESIZE_SIDE || height > RESIZE_SIDE);
}

/** Return the families of an image. Of a larger one than 512 pixels `symmetric` would find what `full` finds: it is not hashed. */
export function familiesOf(raster: Pick<Raster, 'width' | 'height'>, asked: PdqOptions['families']): readonly Family[] {
  return asked === 'resized' ? ['resized'] : ['resized', isResized(raster, 'resized') ? 'full' : 'symmetric'];
}

/** Return whether the sides are too small after the resize: an image of 4×3000 is stretched to 512×512 first, and so has a hash. */
export function isTooSmall(raster: Pick<Raster, 'width' | 'height'>, family: Family): boolean {
  return !isResized(raster, family) && Math.min(raster.width, raster.height) < IMAGE_SIDE_MIN;
}

/** Return the result for an image below the smallest size: quality 0, an all-zero hash, and the flag that forbids matching it. */
export function noHash(family: Family, count: number): PdqFamilyResult {
  return { family, quality: 0, degenerate: true, hashes: Array.from({ length: count }, () => new Uint8Array(32)) };
}

/** The TypeScript hasher: slow and plain, the reference of the WASM one. */
export function createPdqHasher(): PdqHasher {
  return {
    hash(raster, { orientations, families }) {
      const mirrorings = orientations === 'all' ? MIRRORINGS : MIRRORINGS.slice(0, 1);
      let quality = 0;
      return {
        families: familiesOf(raster, families).map((family) => {
          if (isTooSmall(raster, family)) return noHash(family, mirrorings.length);
          let degenerate = false;
          const hashes = mirrorings.map(({ mirrorX, mirrorY, transposed }, at) => {
            const luma = luma64(raster, family, mirrorX, mirrorY);
            const dct = dct16(luma);
            if (at === 0) {
              if (family !== 'symmetric') quality = qualityOf(luma);
              degenerate = dct.every((value) => Math.abs(value) < DEGENERATE_BELOW);
            }
            return bitsOf(transposed ? transpose(dct, DCT_SIDE) : dct);
          });
          return { family, quality, degenerate, hashes };
        }),
      };
    },
  };
}
