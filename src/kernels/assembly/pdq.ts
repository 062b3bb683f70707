/**
 * PDQ in AssemblyScript with SIMD; the readable twin is `../pdq.ts`, and equal to it bit for bit.
 * Pointers are byte offsets into the module's own memory; the loader `../pdq-wasm.ts` defines its layout.
 * Never allocates.
 */

/** The first byte after the module's own static data. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * Write one source row as float luma.
 * `columns`: i32 source column of each of `width` outputs, or 0 for the unchanged row.
 */
function convertRow(source: usize, channels: i32, columns: usize, width: i32, out: usize): void {
  if (columns != 0) {
    gatherRow(source, channels, columns, width, out);
    return;
  }
  let x = 0;
  if (channels == 1) {
    for (; x + 16 <= width; x += 16) {
      const bytes = v128.load(source + <usize>x);
      const low = i16x8.extend_low_i8x16_u(bytes);
      const high = i16x8.extend_high_i8x16_u(bytes);
      const to = out + (<usize>x << 2);
      v128.store(to, f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)));
      v128.store(to, f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), 16);
      v128.store(to, f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), 32);
      v128.store(to, f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high)), 48);
    }
    for (; x < width; x++) store<f32>(out + (<usize>x << 2), <f32>load<u8>(source + <usize>x));
    return;
  }
  if (channels == 2) {
    for (; x < width; x++) store<f32>(out + (<usize>x << 2), <f32>load<u8>(source + <usize>(x << 1)));
    return;
  }
  // Four pixels per step; the last reads up to 4 bytes past the row, which is always allocated.
  const reds = channels == 3 ? THIRDS : FOURTHS;
  for (; x + 4 <= width; x += 4) {
    v128.store(out + (<usize>x << 2), lumaOfFour(v128.load(source + <usize>(x * channels)), reds));
  }
  for (; x < width; x++) store<f32>(out + (<usize>x << 2), lumaOf(source + <usize>(x * channels)));
}

/** Shuffle of four pixels of 3 or 4 bytes: the first byte of each into a 32-bit lane, zeros (an index out of range) above it. */
const THIRDS = i8x16(0, -128, -128, -128, 3, -128, -128, -128, 6, -128, -128, -128, 9, -128, -128, -128);
const FOURTHS = i8x16(0, -128, -128, -128, 4, -128, -128, -128, 8, -128, -128, -128, 12, -128, -128, -128);
const ONES = i8x16(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);

/** Write one row like `convertRow`, from the given columns. */
function gatherRow(source: usize, channels: i32, columns: usize, width: i32, out: usize): void {
  let x = 0;
  if (channels == 1) {
    for (; x + 4 <= width; x += 4) {
      const from = columns + (<usize>x << 2);
      let four = i32x4.splat(0);
      four = v128.load8_lane(source + <usize>load<i32>(from), four, 0);
      four = v128.load8_lane(source + <usize>load<i32>(from, 4), four, 4);
      four = v128.load8_lane(source + <usize>load<i32>(from, 8), four, 8);
      four = v128.load8_lane(source + <usize>load<i32>(from, 12), four, 12);
      v128.store(out + (<usize>x << 2), f32x4.convert_i32x4_u(four));
    }
  } else if (channels >= 3) {
    // A pixel of 3 bytes is read as 4: the fourth is its neighbour's, or in the allocated padding.
    for (; x + 4 <= width; x += 4) {
      const from = columns + (<usize>x << 2);
      let four = i32x4.splat(0);
      four = v128.load32_lane(source + <usize>(load<i32>(from) * channels), four, 0);
      four = v128.load32_lane(source + <usize>(load<i32>(from, 4) * channels), four, 1);
      four = v128.load32_lane(source + <usize>(load<i32>(from, 8) * channels), four, 2);
      four = v128.load32_lane(source + <usize>(load<i32>(from, 12) * channels), four, 3);
      v128.store(out + (<usize>x << 2), lumaOfFour(four, FOURTHS));
    }
  }
  for (; x < width; x++) {
    const at = source + <usize>(load<i32>(columns + (<usize>x << 2)) * channels);
    store<f32>(out + (<usize>x << 2), channels < 3 ? <f32>load<u8>(at) : lumaOf(at));
  }
}

/** Luma of four pixels. `reds`: positions of the four reds in `bytes`, each the low byte of a 32-bit lane; green and blue follow. */
@inline
function lumaOfFour(bytes: v128, reds: v128): v128 {
  const greens = i8x16.add(reds, ONES);
  const blues = i8x16.add(greens, ONES);
  const red = f32x4.convert_i32x4_u(i8x16.swizzle(bytes, reds));
  const green = f32x4.convert_i32x4_u(i8x16.swizzle(bytes, greens));
  const blue = f32x4.convert_i32x4_u(i8x16.swizzle(bytes, blues));
  const two = f32x4.add(f32x4.mul(f32x4.splat(0.299), red), f32x4.mul(f32x4.splat(0.587), green));
  return f32x4.add(two, f32x4.mul(f32x4.splat(0.114), blue));
}

@inline
function lumaOf(at: usize): f32 {
  return <f32>0.299 * <f32>load<u8>(at) + <f32>0.587 * <f32>load<u8>(at, 1) + <f32>0.114 * <f32>load<u8>(at, 2);
}

/** sums[x] += weight · row[x], for a row padded to whole vectors. */
function addScaledRow(sums: usize, row: usize, weight: f32, paddedWidth: i32): void {
  const scale = f32x4.splat(weight);
  const end = sums + (<usize>paddedWidth << 2);
  while (sums + 64 <= end) {
    v128.store(sums, f32x4.add(v128.load(sums), f32x4.mul(scale, v128.load(row))));
    v128.store(sums, f32x4.add(v128.load(sums, 16), f32x4.mul(scale, v128.load(row, 16))), 16);
    v128.store(sums, f32x4.add(v128.load(sums, 32), f32x4.mul(scale, v128.load(row, 32))), 32);
    v128.store(sums, f32x4.add(v128.load(sums, 48), f32x4.mul(scale, v128.load(row, 48))), 48);
    sums += 64;
    row += 64;
  }
  while (sums < end) {
    v128.store(sums, f32x4.add(v128.load(sums), f32x4.mul(scale, v128.load(row))));
    sums += 16;
    row += 16;
  }
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

@inline
function step(u: f32, v: f32): i32 {
  const d = <i32>((<f64>(u - v) * 100) / 255);
  return d < 0 ? -d : d;
}

/** Return the quality, 0..100, of the 64×64 luma. */
export function quality(luma: usize): i32 {
  let sum = 0;
  for (let i = 0; i < 64; i++) {
    for (let j = 0; j < 64; j++) {
      const at = luma + (<usize>((i << 6) + j) << 2);
      const here = load<f32>(at);
      if (i < 63) sum += step(here, load<f32>(at, 256));
      if (j < 63) sum += step(here, load<f32>(at, 4));
    }
  }
  const scaled = sum / 90;
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

/** Return the 128th smallest of 256, by Hoare's selection in `room` (256 floats). */
export function lowerMedian(dctValues: usize, room: usize): f32 {
  memory.copy(room, dctValues, 1024);
  let low = 0;
  let high = 255;
  while (low < high) {
    const pivot = load<f32>(room + (<usize>((low + high) >> 1) << 2));
    let i = low;
    let j = high;
    while (i <= j) {
      while (load<f32>(room + (<usize>i << 2)) < pivot) i++;
      while (load<f32>(room + (<usize>j << 2)) > pivot) j--;
      if (i <= j) {
        const a = room + (<usize>i << 2);
        const b = room + (<usize>j << 2);
        const swapped = load<f32>(a);
        store<f32>(a, load<f32>(b));
        store<f32>(b, swapped);
        i++;
        j--;
      }
    }
    if (127 <= j) high = j;
    else if (127 >= i) low = i;
    else break;
  }
  return load<f32>(room + (127 << 2));
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
