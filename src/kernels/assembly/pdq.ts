/**
 * PDQ in AssemblyScript with SIMD; the readable twin is `../pdq.ts`, and equal to it bit for bit.
 * Pointers are byte offsets into the module's own memory; the loader `../pdq-wasm.ts` defines its layout.
 * Never allocates.
 */

import { addScaledRow, convertRow } from './luma';

/** The first byte after the module's own static data. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * The row half of the filter, for several weight matrices at once: forward and mirrored, of one family or two.
 *
 * Source row y of the image is row `rows[y]` of the raster. `matrices`: `count` times four pointers, to starts, outs, weights
 * and sums. A matrix is stored transposed, by source row: `starts[y]..starts[y+1]` are the positions in `outs` (output row) and
 * `weights` that read row y. Result: 64 rows of `paddedWidth` floats at each `sums`; `paddedWidth` is a multiple of 4.
 */
export function filterRows(
  raster: usize, channels: i32, rasterWidth: i32, rows: usize, columns: usize, height: i32, width: i32, paddedWidth: i32,
  rowBuffer: usize, matrices: usize, count: i32,
): void {
  const end = matrices + (<usize>count << 4);
  for (let matrix = matrices; matrix < end; matrix += 16) {
    memory.fill(<usize>load<u32>(matrix, 12), 0, <usize>(64 * paddedWidth) << 2);
  }
  for (let y = 0; y < height; y++) {
    const offset = <usize>y << 2;
    let shares = 0;
    for (let matrix = matrices; matrix < end; matrix += 16) {
      const starts = <usize>load<u32>(matrix) + offset;
      shares += load<i32>(starts, 4) - load<i32>(starts);
    }
    if (shares == 0) continue;
    const sourceRow = rows == 0 ? y : load<i32>(rows + offset);
    convertRow(raster + <usize>sourceRow * <usize>rasterWidth * <usize>channels, channels, columns, width, rowBuffer);
    for (let matrix = matrices; matrix < end; matrix += 16) {
      const starts = <usize>load<u32>(matrix) + offset;
      const outs = <usize>load<u32>(matrix, 4);
      const weights = <usize>load<u32>(matrix, 8);
      const sums = <usize>load<u32>(matrix, 12);
      const last = load<i32>(starts, 4);
      for (let at = load<i32>(starts); at < last; at++) {
        const out = load<i32>(outs + (<usize>at << 2));
        addScaledRow(sums + (<usize>(out * paddedWidth) << 2), rowBuffer, load<f32>(weights + (<usize>at << 2)), paddedWidth);
      }
    }
  }
}

/** The column half: 64 rows of sums → 64×64 luma. `stride` (weights a row) is a multiple of 4, padded with zeros. */
export function filterColumns(sums: usize, paddedWidth: i32, firsts: usize, weights: usize, stride: i32, luma: usize): void {
  const rowBytes = <usize>paddedWidth << 2;
  for (let j = 0; j < 64; j++) {
    const from = sums + (<usize>load<i32>(firsts + (<usize>j << 2)) << 2);
    const begin = weights + (<usize>(j * stride) << 2);
    const end = begin + (<usize>stride << 2);
    let to = luma + (<usize>j << 2);
    // Four rows at once, so that their sums of four lanes are taken together.
    for (let i: usize = 0; i < 64; i += 4) {
      let a = f32x4.splat(0);
      let b = a;
      let c = a;
      let d = a;
      let values = from + i * rowBytes;
      for (let scale = begin; scale < end; scale += 16) {
        const four = v128.load(scale);
        const second = values + rowBytes;
        const third = second + rowBytes;
        a = f32x4.add(a, f32x4.mul(four, v128.load(values)));
        b = f32x4.add(b, f32x4.mul(four, v128.load(second)));
        c = f32x4.add(c, f32x4.mul(four, v128.load(third)));
        d = f32x4.add(d, f32x4.mul(four, v128.load(third + rowBytes)));
        values += 16;
      }
      const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      const low = f32x4.add(v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5), v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7));
      const high = f32x4.add(v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
      const total = f32x4.add(low, high);
      v128.store32_lane(to, total, 0);
      v128.store32_lane(to, total, 1, 256);
      v128.store32_lane(to, total, 2, 512);
      v128.store32_lane(to, total, 3, 768);
      to += 1024;
    }
  }
}

/** |⌊d · 100 / 255⌋| of four differences, as the reference has it in double precision. */
@inline
function steps(four: v128): v128 {
  const low = f64x2.promote_low_f32x4(four);
  const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(four, four, 2, 3, 2, 3));
  const hundred = f64x2.splat(100);
  const scale = f64x2.splat(255);
  return i32x4.add(
    i32x4.abs(i32x4.trunc_sat_f64x2_s_zero(f64x2.div(f64x2.mul(low, hundred), scale))),
    i32x4.abs(i32x4.trunc_sat_f64x2_s_zero(f64x2.div(f64x2.mul(high, hundred), scale))),
  );
}

/** The last of four has no neighbour on its right. */
const FIRST_THREE = i32x4(-1, -1, -1, 0);

/** Return the quality, 0..100, of the 64×64 luma. Reads one float past it. */
export function quality(luma: usize): i32 {
  let sum = i32x4.splat(0);
  for (let i = 0; i < 64; i++) {
    for (let j = 0; j < 64; j += 4) {
      const here = v128.load(luma);
      if (i < 63) sum = i32x4.add(sum, steps(f32x4.sub(here, v128.load(luma, 256))));
      const right = f32x4.sub(here, v128.load(luma, 4));
      sum = i32x4.add(sum, steps(j == 60 ? v128.and(right, FIRST_THREE) : right));
      luma += 16;
    }
  }
  const scaled = (i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1)) / 90;
  return scaled > 100 ? 100 : scaled;
}

/** B = D · A · Dᵀ. `cosines`: 16×64; `cosinesTurned`: the same, 64×16; `half`: room for 16×64. */
export function dct(luma: usize, cosines: usize, cosinesTurned: usize, half: usize, out: usize): void {
  for (let i = 0; i < 16; i++) {
    for (let block = 0; block < 64; block += 16) {
      let a = f32x4.splat(0);
      let b = a;
      let c = a;
      let d = a;
      let values = luma + (<usize>block << 2);
      let cosine = cosines + (<usize>(i << 6) << 2);
      for (let k = 0; k < 64; k++) {
        const scale = f32x4.splat(load<f32>(cosine));
        a = f32x4.add(a, f32x4.mul(scale, v128.load(values)));
        b = f32x4.add(b, f32x4.mul(scale, v128.load(values, 16)));
        c = f32x4.add(c, f32x4.mul(scale, v128.load(values, 32)));
        d = f32x4.add(d, f32x4.mul(scale, v128.load(values, 48)));
        cosine += 4;
        values += 256;
      }
      const to = half + (<usize>((i << 6) + block) << 2);
      v128.store(to, a);
      v128.store(to, b, 16);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
    }
  }
  for (let i = 0; i < 16; i++) {
    let a = f32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let value = half + (<usize>(i << 6) << 2);
    let cosine = cosinesTurned;
    for (let k = 0; k < 64; k++) {
      const scale = f32x4.splat(load<f32>(value));
      a = f32x4.add(a, f32x4.mul(scale, v128.load(cosine)));
      b = f32x4.add(b, f32x4.mul(scale, v128.load(cosine, 16)));
      c = f32x4.add(c, f32x4.mul(scale, v128.load(cosine, 32)));
      d = f32x4.add(d, f32x4.mul(scale, v128.load(cosine, 48)));
      value += 4;
      cosine += 64;
    }
    const to = out + (<usize>(i << 4) << 2);
    v128.store(to, a);
    v128.store(to, b, 16);
    v128.store(to, c, 32);
    v128.store(to, d, 48);
  }
}

/** Return the largest |B|: below 1 there is no hash. */
export function largest(dctValues: usize): f32 {
  let most = f32x4.splat(0);
  for (let at: usize = 0; at < 1024; at += 16) most = f32x4.max(most, f32x4.abs(v128.load(dctValues + at)));
  return max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
}

/** Floats as integers in the same order, and back. */
@inline
function ordered(four: v128): v128 {
  return v128.xor(four, v128.and(i32x4.shr_s(four, 31), i32x4.splat(0x7fffffff)));
}

/**
 * Return the 128th smallest of 256: the largest value that at most 127 are below, found bit by bit from the highest.
 * `room`: 256 words.
 */
export function lowerMedian(dctValues: usize, room: usize): f32 {
  for (let at: usize = 0; at < 1024; at += 16) v128.store(room + at, ordered(v128.load(dctValues + at)));
  let median = i32.MIN_VALUE;
  for (let bit = 31; bit >= 0; bit--) {
    // The sign bit of the least value is set: without it, the value is larger.
    const larger = median ^ (1 << bit);
    const four = i32x4.splat(larger);
    let below = i32x4.splat(0);
    for (let at: usize = 0; at < 1024; at += 64) {
      below = i32x4.sub(below, i32x4.lt_s(v128.load(room + at), four));
      below = i32x4.sub(below, i32x4.lt_s(v128.load(room + at, 16), four));
      below = i32x4.sub(below, i32x4.lt_s(v128.load(room + at, 32), four));
      below = i32x4.sub(below, i32x4.lt_s(v128.load(room + at, 48), four));
    }
    const count =
      i32x4.extract_lane(below, 0) + i32x4.extract_lane(below, 1) + i32x4.extract_lane(below, 2) + i32x4.extract_lane(below, 3);
    if (count <= 127) median = larger;
  }
  return f32x4.extract_lane(ordered(i32x4.splat(median)), 0);
}

/** Write 32 bytes at `hash` in the order of the hex digits; `transposed` reads B by columns. */
export function bits(dctValues: usize, median: f32, transposed: i32, hash: usize): void {
  for (let byte = 0; byte < 32; byte++) {
    let value = 0;
    for (let bit = 0; bit < 8; bit++) {
      const at = (byte << 3) + bit;
      const from = transposed ? ((at & 15) << 4) + (at >> 4) : at;
      if (load<f32>(dctValues + (<usize>from << 2)) > median) value |= 1 << bit;
    }
    store<u8>(hash + <usize>(31 - byte), <u8>value);
  }
}
