/**
 * Baselines for the ring, also in AssemblyScript, so that algorithms are compared and not languages.
 * Results are pairs (entry, distance) at `results`; at most `capacity` are written, all are counted.
 */

export function heapBase(): usize {
  return __heap_base;
}

@inline
function distance(a: usize, b: usize): u32 {
  return <u32>(
    popcnt(load<u64>(a) ^ load<u64>(b)) + popcnt(load<u64>(a, 8) ^ load<u64>(b, 8)) +
    popcnt(load<u64>(a, 16) ^ load<u64>(b, 16)) + popcnt(load<u64>(a, 24) ^ load<u64>(b, 24))
  );
}

let found: u32 = 0;

@inline
function addResult(entry: u32, bits: u32, results: usize, capacity: u32): void {
  if (found < capacity) {
    store<u32>(results + (<usize>found << 3), entry);
    store<u32>(results + (<usize>found << 3), bits, 4);
  }
  found++;
}

/** Compare every entry, 64 bits at a time; for a radius that few hashes exceed only in their second half. */
export function scanScalar(query: usize, radius: u32, hashes: usize, count: u32, results: usize, capacity: u32): u32 {
  found = 0;
  const a = load<u64>(query);
  const b = load<u64>(query, 8);
  const c = load<u64>(query, 16);
  const d = load<u64>(query, 24);
  const end = hashes + (<usize>count << 5);
  for (let hash = hashes; hash < end; hash += 32) {
    let bits = <u32>popcnt(a ^ load<u64>(hash)) + <u32>popcnt(b ^ load<u64>(hash, 8));
    if (bits > radius) continue;
    bits += <u32>popcnt(c ^ load<u64>(hash, 16)) + <u32>popcnt(d ^ load<u64>(hash, 24));
    if (bits <= radius) addResult(<u32>((hash - hashes) >> 5), bits, results, capacity);
  }
  return found;
}

/** Compare every entry, 128 bits at a time. */
export function scanSimd(query: usize, radius: u32, hashes: usize, count: u32, results: usize, capacity: u32): u32 {
  const low = v128.load(query);
  const high = v128.load(query, 16);
  const end = hashes + (<usize>count << 5);
  found = 0;
  for (let hash = hashes; hash < end; hash += 32) {
    const differing = i8x16.add(
      i8x16.popcnt(v128.xor(v128.load(hash), low)),
      i8x16.popcnt(v128.xor(v128.load(hash, 16), high)),
    );
    const sums = i16x8.extadd_pairwise_i8x16_u(differing);
    // The product's highest 16 bits are the sum of the four 16-bit parts.
    const parts = i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1);
    const bits = <u32>((parts * 0x0001_0001_0001_0001) >>> 48);
    if (bits <= radius) addResult(<u32>((hash - hashes) >> 5), bits, results, capacity);
  }
  return found;
}

/** Build table c of 16 for plain multi-index hashing, by the 16 bits from bit 16c on: bucket bounds, then entries. */
export function mihBuild(hashes: usize, count: u32, c: u32, starts: usize, ids: usize): void {
  memory.fill(starts, 0, 65_537 << 2);
  const offset = <usize>c << 1;
  for (let entry: u32 = 0; entry < count; entry++) {
    const bucket = starts + (<usize>load<u16>(hashes + (<usize>entry << 5) + offset) << 2);
    store<u32>(bucket, load<u32>(bucket, 4) + 1, 4);
  }
  for (let at: usize = 4; at <= 65_536 << 2; at += 4) store<u32>(starts + at, load<u32>(starts + at) + load<u32>(starts + at - 4));
  for (let entry: u32 = 0; entry < count; entry++) {
    const bucket = starts + (<usize>load<u16>(hashes + (<usize>entry << 5) + offset) << 2);
    const at = load<u32>(bucket);
    store<u32>(bucket, at + 1);
    store<u32>(ids + (<usize>at << 2), entry);
  }
  memory.copy(starts + 4, starts, 65_536 << 2);
  store<u32>(starts, 0);
}

/**
 * Search as in the paper, for a radius below 32: every bucket within one bit of the query's chunk; a candidate is
 * compared in full only the first time it is found. `stamps` holds for each entry the number of the last query that
 * found it.
 */
export function mihSearch(
  query: usize, radius: u32, hashes: usize, tables: usize, tableBytes: usize, idsOffset: usize,
  stamps: usize, stamp: u32, results: usize, capacity: u32,
): u32 {
  found = 0;
  const near: u32 = radius >> 4;
  for (let c: u32 = 0; c < 16; c++) {
    const starts = tables + <usize>c * tableBytes;
    const ids = starts + idsOffset;
    const value = <u32>load<u16>(query + (<usize>c << 1));
    for (let flip: u32 = 0; flip <= 16 * near; flip++) {
      const bucket = starts + (<usize>(value ^ ((1 << flip) >> 1)) << 2);
      const high = load<u32>(bucket, 4);
      for (let posting = load<u32>(bucket); posting < high; posting++) {
        const entry = load<u32>(ids + (<usize>posting << 2));
        const met = stamps + (<usize>entry << 2);
        if (load<u32>(met) == stamp) continue;
        store<u32>(met, stamp);
        const bits = distance(query, hashes + (<usize>entry << 5));
        if (bits <= radius) addResult(entry, bits, results, capacity);
      }
    }
  }
  return found;
}
