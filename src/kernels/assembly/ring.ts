/**
 * The ring index in AssemblyScript with SIMD. Pointers are byte offsets into one shared memory that the loader lays
 * out (`../../index/ring-layout.ts`); many threads read it at once, each with a scratch of its own. Never allocates.
 *
 * A hash is kept as 16 chunks of 16 bits, chunk c holding one bit of every row and column of PDQ's 16×16 grid
 * (row k gives its column (c + 5k) mod 16). Distances do not depend on the order of bits.
 */

/** The first byte after the module's own static data. */
export function heapBase(): usize {
  return __heap_base;
}

/** Turns `count` hashes of 32 bytes into chunks, in place: rows rotated, then a 16×16 bit transposition. */
export function toChunks(hashes: usize, count: u32): void {
  const end = hashes + (<usize>count << 5);
  for (let at = hashes; at < end; at += 32) {
    for (let k: u32 = 0; k < 16; k++) {
      const row = <u32>load<u16>(at + (<usize>k << 1));
      const by = (5 * k) & 15;
      store<u16>(at + (<usize>k << 1), <u16>((row >> by) | (row << (16 - by))));
    }
    // Hacker's Delight 7-3: swap ever smaller blocks across the diagonal.
    let mask: u32 = 0x00ff;
    for (let width: u32 = 8; width != 0; width >>= 1, mask ^= mask << width) {
      for (let k: u32 = 0; k < 16; k = (k + width + 1) & ~width) {
        const a = at + (<usize>k << 1);
        const b = at + (<usize>(k + width) << 1);
        const swapped = ((<u32>load<u16>(a) >> width) ^ <u32>load<u16>(b)) & mask;
        store<u16>(a, <u16>(<u32>load<u16>(a) ^ (swapped << width)));
        store<u16>(b, <u16>(<u32>load<u16>(b) ^ swapped));
      }
    }
  }
}

/** Builds the table of chunk c by counting: bucket bounds, then per posting the next two chunks and the entry. */
export function buildTable(hashes: usize, count: u32, c: u32, starts: usize, next32: usize, ids: usize): void {
  memory.fill(starts, 0, 65_537 << 2);
  const offset = <usize>c << 1;
  const second = <usize>((c + 1) & 15) << 1;
  const third = <usize>((c + 2) & 15) << 1;
  for (let i: u32 = 0; i < count; i++) {
    const bucket = starts + (<usize>load<u16>(hashes + (<usize>i << 5) + offset) << 2);
    store<u32>(bucket, load<u32>(bucket, 4) + 1, 4);
  }
  for (let at: usize = 4; at <= 65_536 << 2; at += 4) store<u32>(starts + at, load<u32>(starts + at) + load<u32>(starts + at - 4));
  // starts[b] moves through bucket b and ends as starts[b + 1]; one shift at the end puts the bounds back.
  for (let i: u32 = 0; i < count; i++) {
    const hash = hashes + (<usize>i << 5);
    const bucket = starts + (<usize>load<u16>(hash + offset) << 2);
    const at = <usize>load<u32>(bucket);
    store<u32>(bucket, <u32>at + 1);
    store<u32>(next32 + (at << 2), <u32>load<u16>(hash + second) | (<u32>load<u16>(hash + third) << 16));
    store<u32>(ids + (at << 2), i);
  }
  memory.copy(starts + 4, starts, 65_536 << 2);
  store<u32>(starts, 0);
}

@inline
function distance(a: usize, b: usize): u32 {
  return <u32>(
    popcnt(load<u64>(a) ^ load<u64>(b)) + popcnt(load<u64>(a, 8) ^ load<u64>(b, 8)) +
    popcnt(load<u64>(a, 16) ^ load<u64>(b, 16)) + popcnt(load<u64>(a, 24) ^ load<u64>(b, 24))
  );
}

@inline
function errors(a: usize, b: usize, c: u32): u32 {
  const offset = <usize>(c & 15) << 1;
  return popcnt(<u32>load<u16>(a + offset) ^ <u32>load<u16>(b + offset));
}

/** True where an earlier table than c proposes the entry too: it is told once, by the first. */
function isProposedBefore(query: usize, hash: usize, c: u32, share: u32): bool {
  for (let start: u32 = 0; start < c; start++) {
    const first = errors(query, hash, start);
    if (first >= share) continue;
    const second = first + errors(query, hash, start + 1);
    if (second >= 2 * share) continue;
    if (second + errors(query, hash, start + 2) < 3 * share) return true;
  }
  return false;
}

/** Postings that a search of this query would visit; their bounds are left in `bounds` for `search`. */
export function gather(
  query: usize, probes: u32, masks: usize, tables: usize, tableBytes: usize, next32Offset: usize, bounds: usize,
): u32 {
  let total: u32 = 0;
  let at = bounds;
  for (let c: u32 = 0; c < 16; c++) {
    const starts = tables + <usize>c * tableBytes;
    const value = <u32>load<u16>(query + (<usize>c << 1));
    for (let probe: u32 = 0; probe < probes; probe++) {
      const bucket = starts + (<usize>(value ^ <u32>load<u16>(masks + (<usize>probe << 1))) << 2);
      const low = load<u32>(bucket);
      const high = load<u32>(bucket, 4);
      store<u32>(at, low);
      store<u32>(at, high, 4);
      at += 8;
      total += high - low;
    }
  }
  // There is no prefetch in WASM: a first touch of every bucket, none waiting for another, brings the lines in.
  let touched: u32 = 0;
  at = bounds;
  for (let c: u32 = 0; c < 16; c++) {
    const next32 = tables + <usize>c * tableBytes + next32Offset;
    for (let probe: u32 = 0; probe < probes; probe++, at += 8) touched ^= load<u32>(next32 + (<usize>load<u32>(at) << 2));
  }
  store<u32>(at, touched);
  return total;
}

/**
 * Entries within `radius`, as pairs (entry, distance) at `results`; returns how many there are, also past `capacity`.
 * `share` is ⌊radius/16⌋ + 1: the first l chunks of some start hold fewer than l·share errors.
 */
export function search(
  query: usize, radius: u32, share: u32, probes: u32, masks: usize, hashes: usize,
  tables: usize, tableBytes: usize, next32Offset: usize, idsOffset: usize, bounds: usize, results: usize, capacity: u32,
): u32 {
  let found: u32 = 0;
  let at = bounds;
  for (let c: u32 = 0; c < 16; c++) {
    const next32 = tables + <usize>c * tableBytes + next32Offset;
    const ids = tables + <usize>c * tableBytes + idsOffset;
    const following = i32x4.splat(
      <u32>load<u16>(query + (<usize>((c + 1) & 15) << 1)) | (<u32>load<u16>(query + (<usize>((c + 2) & 15) << 1)) << 16),
    );
    for (let probe: u32 = 0; probe < probes; probe++, at += 8) {
      const low = load<u32>(at);
      const high = load<u32>(at, 4);
      if (low == high) continue;
      const spent = popcnt(<u32>load<u16>(masks + (<usize>probe << 1)));
      const most2 = i32x4.splat(2 * share - 1 - spent);
      const most3 = i32x4.splat(3 * share - 1 - spent);
      for (let posting = low; posting < high; posting += 4) {
        const differing = i8x16.popcnt(v128.xor(v128.load(next32 + (<usize>posting << 2)), following));
        const halves = i16x8.extadd_pairwise_i8x16_u(differing);
        const both = i32x4.extadd_pairwise_i16x8_u(halves);
        const first = v128.and(halves, i32x4.splat(0xffff));
        let passing = <u32>i32x4.bitmask(v128.and(i32x4.le_s(first, most2), i32x4.le_s(both, most3)));
        if (high - posting < 4) passing &= (1 << (high - posting)) - 1;
        while (passing != 0) {
          const entry = load<u32>(ids + (<usize>(posting + ctz(passing)) << 2));
          passing &= passing - 1;
          const hash = hashes + (<usize>entry << 5);
          const bits = distance(query, hash);
          if (bits > radius || isProposedBefore(query, hash, c, share)) continue;
          if (found < capacity) {
            store<u32>(results + (<usize>found << 3), entry);
            store<u32>(results + (<usize>found << 3), bits, 4);
          }
          found++;
        }
      }
    }
  }
  return found;
}

/** The plain way: every entry in from..to is compared. At most `to − from` pairs are written. */
export function scan(query: usize, radius: u32, hashes: usize, from: u32, to: u32, results: usize): u32 {
  const low = v128.load(query);
  const high = v128.load(query, 16);
  let found: u32 = 0;
  for (let entry = from; entry < to; entry++) {
    const hash = hashes + (<usize>entry << 5);
    const differing = i8x16.add(
      i8x16.popcnt(v128.xor(v128.load(hash), low)),
      i8x16.popcnt(v128.xor(v128.load(hash, 16), high)),
    );
    const sums = i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(differing));
    const bits = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
    if (<u32>bits > radius) continue;
    store<u32>(results + (<usize>found << 3), entry);
    store<u32>(results + (<usize>found << 3), bits, 4);
    found++;
  }
  return found;
}
