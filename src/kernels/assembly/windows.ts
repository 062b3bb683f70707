/**
 * Windows of an image in AssemblyScript with SIMD: planes, samples, certainty, and the lines that finding looks at. The readable twin
 * is `../windows/planes.ts` with `../windows/lines.ts`, and equal to it bit for bit. Pointers as in `pdq.ts`. Never allocates.
 */
import { addScaledRow, convertRow } from './luma';

/** Average squares of `factor`×`factor` pixels to a plane of `width`×`height` floats. `row`, `sums`: room for a padded source row. */
export function shrink(
  source: usize, channels: i32, sourceWidth: i32, factor: i32, width: i32, height: i32, row: usize, sums: usize, plane: usize,
): void {
  const rowBytes = <usize>(sourceWidth * channels);
  if (factor == 1) {
    for (let y = 0; y < height; y++) {
      convertRow(source + <usize>y * rowBytes, channels, 0, width, row);
      memory.copy(plane + (<usize>(y * width) << 2), row, <usize>width << 2);
    }
    return;
  }
  const padded = (sourceWidth + 3) & ~3;
  const share: f32 = <f32>1 / <f32>(factor * factor);
  for (let y = 0; y < height; y++) {
    memory.fill(sums, 0, <usize>padded << 2);
    for (let k = 0; k < factor; k++) {
      convertRow(source + <usize>(y * factor + k) * rowBytes, channels, 0, sourceWidth, row);
      addScaledRow(sums, row, 1, padded);
    }
    let from = sums;
    const to = plane + (<usize>(y * width) << 2);
    for (let x = 0; x < width; x++) {
      let sum: f32 = 0;
      for (let k = 0; k < factor; k++, from += 4) sum += load<f32>(from);
      store<f32>(to + (<usize>x << 2), sum * share);
    }
  }
}

/** Average squares of 2×2 of a plane. `halfWidth`, `halfHeight`: of the result. */
export function halve(plane: usize, width: i32, halfWidth: i32, halfHeight: i32, out: usize): void {
  const rowBytes = <usize>width << 2;
  for (let y = 0; y < halfHeight; y++) {
    let from = plane + <usize>(2 * y) * rowBytes;
    for (let x = 0; x < halfWidth; x++) {
      const sum = load<f32>(from) + load<f32>(from, 4) + load<f32>(from + rowBytes) + load<f32>(from + rowBytes, 4);
      store<f32>(out, sum * 0.25);
      from += 8;
      out += 4;
    }
  }
}

/** Round a plane to bytes. */
export function toGrey(plane: usize, count: i32, grey: usize): void {
  let at = 0;
  const half = f32x4.splat(0.5);
  for (; at + 16 <= count; at += 16) {
    const from = plane + (<usize>at << 2);
    const a = i32x4.trunc_sat_f32x4_u(f32x4.add(v128.load(from), half));
    const b = i32x4.trunc_sat_f32x4_u(f32x4.add(v128.load(from, 16), half));
    const c = i32x4.trunc_sat_f32x4_u(f32x4.add(v128.load(from, 32), half));
    const d = i32x4.trunc_sat_f32x4_u(f32x4.add(v128.load(from, 48), half));
    v128.store(grey + <usize>at, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_u(a, b), i16x8.narrow_i32x4_u(c, d)));
  }
  for (; at < count; at++) store<u8>(grey + <usize>at, <u8>(load<f32>(plane + (<usize>at << 2)) + 0.5));
}

/** Between the four pixels at and behind `from`; `x`, `y`: shares of the further ones. */
@inline
function between(from: usize, rowBytes: usize, x: f32, y: f32): f32 {
  const a = load<f32>(from);
  const b = load<f32>(from + rowBytes);
  const top = a + (load<f32>(from, 4) - a) * x;
  const bottom = b + (load<f32>(from + rowBytes, 4) - b) * x;
  return top + (bottom - top) * y;
}

/** Sample 64×64 at the crossings of columns and rows. `columns`, `rows`: i32[64]; shares: f32[64], of the next column or row. */
export function sampleUpright(
  plane: usize, width: i32, columns: usize, columnShares: usize, rows: usize, rowShares: usize, luma: usize,
): void {
  const rowBytes = <usize>width << 2;
  for (let i: usize = 0; i < 256; i += 4) {
    const row = plane + <usize>load<i32>(rows + i) * rowBytes;
    const share = load<f32>(rowShares + i);
    for (let j: usize = 0; j < 256; j += 4) {
      const from = row + (<usize>load<i32>(columns + j) << 2);
      store<f32>(luma, between(from, rowBytes, load<f32>(columnShares + j), share));
      luma += 4;
    }
  }
}

/**
 * Blur what lies outside of the image, where samples repeat its edge: those `depth` samples outside are the mean of so many on both sides
 * of them along the edge. `columnDepths`, `rowDepths`: i32[64], 0 within the image. `room`: 64 floats.
 */
export function softenOutside(luma: usize, columnDepths: usize, rowDepths: usize, room: usize): void {
  for (let i = 0; i < 64; i++) {
    const depth = load<i32>(rowDepths + (<usize>i << 2));
    if (depth > 0) soften(luma + (<usize>i << 8), 4, depth, room);
  }
  for (let j = 0; j < 64; j++) {
    const depth = load<i32>(columnDepths + (<usize>j << 2));
    if (depth > 0) soften(luma + (<usize>j << 2), 256, depth, room);
  }
}

/** Blur one line of 64 samples, `step` bytes apart. */
function soften(line: usize, step: usize, depth: i32, room: usize): void {
  for (let n: usize = 0; n < 64; n++) store<f32>(room + (n << 2), load<f32>(line + n * step));
  for (let n = 0; n < 64; n++) {
    const first = max<i32>(0, n - depth);
    const last = min<i32>(63, n + depth);
    let sum: f32 = 0;
    for (let at = first; at <= last; at++) sum += load<f32>(room + (<usize>at << 2));
    store<f32>(line + <usize>n * step, sum / <f32>(last - first + 1));
  }
}

/** A coordinate, counted from the centre of the first pixel; past an edge it is that edge's. */
@inline
function within(at: f64, side: f64): f64 {
  return max<f64>(0, min<f64>(side - 1, at - 0.5));
}

/** Sample 64×64 along two directions: sample (i, j) is at (x, y) + j·(ax, ay) + i·(bx, by), in pixels of the plane. */
export function sampleTurned(
  plane: usize, width: i32, height: i32, x: f64, y: f64, ax: f64, ay: f64, bx: f64, by: f64, luma: usize,
): void {
  const rowBytes = <usize>width << 2;
  for (let i = 0; i < 64; i++) {
    for (let j = 0; j < 64; j++) {
      const u = within(x + <f64>j * ax + <f64>i * bx, <f64>width);
      const v = within(y + <f64>j * ay + <f64>i * by, <f64>height);
      const column = min<i32>(width - 2, <i32>u);
      const row = min<i32>(height - 2, <i32>v);
      const from = plane + <usize>row * rowBytes + (<usize>column << 2);
      store<f32>(luma, between(from, rowBytes, <f32>(u - <f64>column), <f32>(v - <f64>row)));
      luma += 4;
    }
  }
}

/** Coefficients of the image mirrored left to right: those of odd frequencies along a row change their sign. */
export function mirror(dct: usize, out: usize): void {
  for (let at: usize = 0; at < 1024; at += 8) {
    store<f32>(out + at, -load<f32>(dct + at));
    store<f32>(out + at, load<f32>(dct + at, 4), 4);
  }
}

/** Distance of each coefficient from the median. */
export function distances(dct: usize, median: f32, out: usize): void {
  const middle = f32x4.splat(median);
  for (let at: usize = 0; at < 1024; at += 16) v128.store(out + at, f32x4.abs(f32x4.sub(v128.load(dct + at), middle)));
}

/**
 * Commonest level of a line of pixels, in 32 bins of 8 levels and their neighbours.
 * `bins`: room for 34 words. Result: pixels in the three bins · 256 + the level in the middle.
 */
export function commonest(pixels: usize, step: usize, count: i32, bins: usize): i32 {
  memory.fill(bins, 0, 136);
  for (let n = 0; n < count; n++) {
    const bin = bins + 4 + (<usize>(load<u8>(pixels) >> 3) << 2);
    store<u32>(bin, load<u32>(bin) + 1);
    pixels += step;
  }
  let most = 0;
  let at = 0;
  for (let bin = 0; bin < 32; bin++) {
    const from = bins + (<usize>bin << 2);
    const sum = load<i32>(from) + load<i32>(from, 4) + load<i32>(from, 8);
    if (sum > most) {
      most = sum;
      at = bin;
    }
  }
  return (most << 8) | ((at << 3) + 4);
}

/** Sum of a line of pixels, and of their squares: two words at `out`. */
export function sums(pixels: usize, step: usize, count: i32, out: usize): void {
  let sum = 0;
  let squares = 0;
  for (let n = 0; n < count; n++) {
    const value = <i32>load<u8>(pixels);
    sum += value;
    squares += value * value;
    pixels += step;
  }
  store<i32>(out, sum);
  store<i32>(out, squares, 4);
}

/**
 * Sums of all rows or columns (`isColumn`) of a box, of the squares of their pixels, and of the steps from each pixel to the next of its
 * line: u32 for each line, zeros before, with room for 16 more. Reads up to 17 bytes past a row, and the row behind the box.
 */
export function lineSums(
  grey: usize, width: i32, left: i32, top: i32, right: i32, bottom: i32, isColumn: i32, totals: usize, squares: usize, steps: usize,
): void {
  const along: usize = isColumn ? <usize>width : 1;
  for (let y = top; y < bottom; y++) {
    const row = grey + <usize>(y * width);
    let sum = i32x4.splat(0);
    let square = sum;
    let step = sum;
    for (let x = left; x < right; x += 16) {
      const inside = i8x16.lt_s(LANES, i8x16.splat(<i8>min<i32>(16, right - x)));
      const pixels = v128.and(inside, v128.load(row + <usize>x));
      const pairs = isColumn
        ? y + 1 < bottom ? inside : i8x16.splat(0)
        : i8x16.lt_s(LANES, i8x16.splat(<i8>min<i32>(16, right - 1 - x)));
      const apartBy = v128.and(pairs, apart(row + <usize>x, row + <usize>x + along));
      const low = i16x8.extend_low_i8x16_u(pixels);
      const high = i16x8.extend_high_i8x16_u(pixels);
      if (isColumn) {
        const at = <usize>(x - left) << 2;
        addTo(totals + at, i32x4.extend_low_i16x8_u(low));
        addTo(totals + at + 16, i32x4.extend_high_i16x8_u(low));
        addTo(totals + at + 32, i32x4.extend_low_i16x8_u(high));
        addTo(totals + at + 48, i32x4.extend_high_i16x8_u(high));
        addTo(squares + at, i32x4.extmul_low_i16x8_u(low, low));
        addTo(squares + at + 16, i32x4.extmul_high_i16x8_u(low, low));
        addTo(squares + at + 32, i32x4.extmul_low_i16x8_u(high, high));
        addTo(squares + at + 48, i32x4.extmul_high_i16x8_u(high, high));
        const lowSteps = i16x8.extend_low_i8x16_u(apartBy);
        const highSteps = i16x8.extend_high_i8x16_u(apartBy);
        addTo(steps + at, i32x4.extend_low_i16x8_u(lowSteps));
        addTo(steps + at + 16, i32x4.extend_high_i16x8_u(lowSteps));
        addTo(steps + at + 32, i32x4.extend_low_i16x8_u(highSteps));
        addTo(steps + at + 48, i32x4.extend_high_i16x8_u(highSteps));
      } else {
        sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.add(low, high)));
        square = i32x4.add(square, i32x4.add(i32x4.dot_i16x8_s(low, low), i32x4.dot_i16x8_s(high, high)));
        step = i32x4.add(step, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(apartBy)));
      }
    }
    if (!isColumn) {
      store<i32>(totals + (<usize>(y - top) << 2), sumOf(sum));
      store<i32>(squares + (<usize>(y - top) << 2), sumOf(square));
      store<i32>(steps + (<usize>(y - top) << 2), sumOf(step));
    }
  }
}

@inline
function addTo(at: usize, more: v128): void {
  v128.store(at, i32x4.add(v128.load(at), more));
}

@inline
function sumOf(four: v128): i32 {
  return (
    i32x4.extract_lane(four, 0) + i32x4.extract_lane(four, 1) + i32x4.extract_lane(four, 2) + i32x4.extract_lane(four, 3)
  );
}

/** Sum of the absolute differences of two lines of pixels. */
export function difference(a: usize, b: usize, step: usize, count: i32): i32 {
  let sum = 0;
  let n = 0;
  if (step == 1) {
    let sums = i32x4.splat(0);
    for (; n + 16 <= count; n += 16) {
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(apart(a, b))));
      a += 16;
      b += 16;
    }
    sum = sumOf(sums);
  }
  for (; n < count; n++) {
    sum += abs<i32>(<i32>load<u8>(a) - <i32>load<u8>(b));
    a += step;
    b += step;
  }
  return sum;
}

@inline
function apart(a: usize, b: usize): v128 {
  const left = v128.load(a);
  const right = v128.load(b);
  return i8x16.sub(i8x16.max_u(left, right), i8x16.min_u(left, right));
}

/** Lanes of all ones where the step between 16 pixels and those before them is a seam's. `across`: distance of pixels across it. */
@inline
function seamsAt(pixels: usize, across: usize, stepMin: v128): v128 {
  const step = apart(pixels, pixels - across);
  const beside = i8x16.min_u(
    apart(pixels + 2 * across, pixels + 3 * across),
    apart(pixels - 3 * across, pixels - 4 * across),
  );
  return v128.and(i8x16.gt_u(step, stepMin), i8x16.gt_u(step, i8x16.add_sat_u(beside, beside)));
}

const LANES = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

/**
 * Count in each column (`isColumn`) or row of a box the pixels whose step from the one before is over `stepMin`,
 * and over twice the steps on both sides of it. Four pixels before and behind the box are read.
 * `counts`: u16 for each position, zeros, with room for 16 more. Reads up to 16 bytes past a row.
 */
export function seams(
  grey: usize, width: i32, left: i32, top: i32, right: i32, bottom: i32, isColumn: i32, stepMin: i32, counts: usize,
): void {
  const least = i8x16.splat(<i8>stepMin);
  const across: usize = isColumn ? 1 : <usize>width;
  for (let y = top; y < bottom; y++) {
    const row = grey + <usize>(y * width);
    let found = 0;
    for (let x = left; x < right; x += 16) {
      const inside = i8x16.lt_s(LANES, i8x16.splat(<i8>min<i32>(16, right - x)));
      const here = v128.and(inside, seamsAt(row + <usize>x, across, least));
      if (isColumn) {
        const to = counts + (<usize>(x - left) << 1);
        v128.store(to, i16x8.sub(v128.load(to), i16x8.extend_low_i8x16_s(here)));
        v128.store(to, i16x8.sub(v128.load(to, 16), i16x8.extend_high_i8x16_s(here)), 16);
      } else found += popcnt<i32>(i8x16.bitmask(here));
    }
    if (!isColumn) store<u16>(counts + (<usize>(y - top) << 1), <u16>found);
  }
}
