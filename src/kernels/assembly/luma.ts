/** Rows of pixels as float luma, for the kernels that filter them; the readable twin is `lumaAt` of `../pdq.ts`. */

/**
 * Write one source row as float luma.
 * `columns`: i32 source column of each of `width` outputs, or 0 for the unchanged row.
 */
export function convertRow(source: usize, channels: i32, columns: usize, width: i32, out: usize): void {
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
export function addScaledRow(sums: usize, row: usize, weight: f32, paddedWidth: i32): void {
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
