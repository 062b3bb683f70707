/**
 * Comparison of a query with every entry, in two ways with the same answer: which one is faster depends on how the
 * processor counts bits. `../scan-choice.ts` chooses. Their oracle is `../../index/linear.ts`.
 *
 * Both write the entries of from..to within `radius` as pairs at `results`: entry, and distance in the high 16 bits of the
 * second word. At most `to − from` pairs are written. Return their number.
 */

@inline
function add(results: usize, found: u32, entry: u32, bits: u32): void {
  const at = results + (<usize>found << 3);
  store<u32>(at, entry);
  store<u32>(at, bits << 16, 4);
}

/**
 * Up to here few hashes are within the radius by their first half alone, so the branch after it is predicted. Measured at a
 * million entries: 1.25 ms with it and 1.6 without at radius 31 and 47, equal at 54, 4.4 and 1.6 at 60.
 */
const EARLY_RADIUS_MAX: u32 = 47;

/** Count 64 bits at a time, for processors that do so in one instruction; most hashes are left after their first half. */
export function scanWords(query: usize, radius: u32, hashes: usize, from: u32, to: u32, results: usize): u32 {
  return radius <= EARLY_RADIUS_MAX
    ? words(true, query, radius, hashes, from, to, results)
    : words(false, query, radius, hashes, from, to, results);
}

/** `isEarly` is a compile-time constant. */
@inline
function words(isEarly: bool, query: usize, radius: u32, hashes: usize, from: u32, to: u32, results: usize): u32 {
  const a = load<u64>(query);
  const b = load<u64>(query, 8);
  const c = load<u64>(query, 16);
  const d = load<u64>(query, 24);
  const end = hashes + (<usize>to << 5);
  let found: u32 = 0;
  for (let hash = hashes + (<usize>from << 5); hash < end; hash += 32) {
    let bits = <u32>popcnt(a ^ load<u64>(hash)) + <u32>popcnt(b ^ load<u64>(hash, 8));
    if (isEarly && bits > radius) continue;
    bits += <u32>popcnt(c ^ load<u64>(hash, 16)) + <u32>popcnt(d ^ load<u64>(hash, 24));
    if (bits > radius) continue;
    add(results, found, <u32>((hash - hashes) >> 5), bits);
    found++;
  }
  return found;
}

/** Count in 16 lanes of a byte, for processors that have this in one instruction. */
export function scanLanes(query: usize, radius: u32, hashes: usize, from: u32, to: u32, results: usize): u32 {
  const low = v128.load(query);
  const high = v128.load(query, 16);
  const end = hashes + (<usize>to << 5);
  let found: u32 = 0;
  for (let hash = hashes + (<usize>from << 5); hash < end; hash += 32) {
    const differing = i8x16.add(
      i8x16.popcnt(v128.xor(v128.load(hash), low)),
      i8x16.popcnt(v128.xor(v128.load(hash, 16), high)),
    );
    const sums = i16x8.extadd_pairwise_i8x16_u(differing);
    // The product's highest 16 bits are the sum of the four 16-bit parts: at most 256.
    const parts = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1);
    const bits = <u32>((parts * 0x0001_0001_0001_0001) >>> 48);
    if (bits > radius) continue;
    add(results, found, <u32>((hash - hashes) >> 5), bits);
    found++;
  }
  return found;
}
