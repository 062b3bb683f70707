/** Exact search of byte vectors by Euclidean distance, in AssemblyScript with SIMD. The twin is `../l2.ts`. */

/** The first byte after the module's own static data. */
export function heapBase(): usize {
  return __heap_base;
}

const VECTOR_BYTES: usize = 144;

@inline
function squares(a: usize, b: usize): v128 {
  const first = v128.load(a);
  const second = v128.load(b);
  const low = i16x8.sub(i16x8.extend_low_i8x16_u(first), i16x8.extend_low_i8x16_u(second));
  const high = i16x8.sub(i16x8.extend_high_i8x16_u(first), i16x8.extend_high_i8x16_u(second));
  return i32x4.add(i32x4.dot_i16x8_s(low, low), i32x4.dot_i16x8_s(high, high));
}

/**
 * Write the entries in from..to whose squared distance is at most `most`, as pairs (entry, squared distance) at `results`;
 * at most `to − from` pairs. 144 × 255² fits an i32.
 */
export function scan(query: usize, most: u32, vectors: usize, from: u32, to: u32, results: usize): u32 {
  let found: u32 = 0;
  for (let entry = from; entry < to; entry++) {
    const vector = vectors + <usize>entry * VECTOR_BYTES;
    let sums = i32x4.splat(0);
    for (let at: usize = 0; at < VECTOR_BYTES; at += 16) sums = i32x4.add(sums, squares(query + at, vector + at));
    const squared = <u32>(
      i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3)
    );
    if (squared > most) continue;
    store<u32>(results + (<usize>found << 3), entry);
    store<u32>(results + (<usize>found << 3), squared, 4);
    found++;
  }
  return found;
}
