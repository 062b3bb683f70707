/**
 * The ring index in AssemblyScript with SIMD. Pointers are byte offsets into one shared memory, with the layout of
 * `../../index/ring-layout.ts`; many threads read it at once, each with a scratch of its own. Never allocates.
 *
 * A hash is stored as 16 chunks of 16 bits; chunk c holds one bit of every row and column of PDQ's 16×16 grid
 * (column (c + 5k) mod 16 of row k). Distances do not depend on the order of bits.
 */
import { Header } from './ring-table';

export { scanLanes, scanWords } from './ring-scan';
export { buildTable, fromChunks, toChunks } from './ring-table';

/** The first byte after the module's own static data. */
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

@inline
function errors(a: usize, b: usize, c: u32): u32 {
  const offset = <usize>(c & 15) << 1;
  return popcnt(<u32>load<u16>(a + offset) ^ <u32>load<u16>(b + offset));
}

/** True where an earlier table than c proposes the entry too: only the first one reports it. */
function isProposedBefore(query: usize, hash: usize, c: u32): bool {
  for (let start: u32 = 0; start < c; start++) {
    const first = errors(query, hash, start);
    if (first >= share) continue;
    const second = first + errors(query, hash, start + 1);
    if (second >= ofTwo) continue;
    if (second + errors(query, hash, start + 2) < ofThree) return true;
  }
  return false;
}

/** A bucket's lower bound has 25 bits; above it is the number of bits that the probe flipped. */
const SPENT_SHIFT: u32 = 26;
const LOW: u32 = 0x03ff_ffff;

/** Survivors of the first filter that wait for the second: few enough for the nearest cache. */
const SURVIVORS: u32 = 1_024;
/** Result of an abandoned search: more survivors than its budget, or more results than its room. */
const GAVE_UP: u32 = 0xffff_ffff;

// State of one search. A module's globals belong to its thread, though the memory is shared.
let header: Header = changetype<Header>(0);
let queries: usize = 0;
let radius: u32 = 0;
/** A start is followed where its first chunk, its first two and its first three hold fewer errors than these. */
let share: u32 = 0;
let ofTwo: u32 = 0;
let ofThree: u32 = 0;
let survivors: usize = 0;
let survivorCount: u32 = 0;
let budget: i64 = 0;
let results: usize = 0;
let capacity: u32 = 0;
let found: u32 = 0;

/**
 * Test the bucket's postings by their next chunk, eight per step. Those that pass are stored as pairs: the posting's
 * position in its table, and query (16 bits), table (4) and differing bits of the first chunk (2) in one word.
 */
@inline
function filter(low: u32, high: u32, seconds: usize, wanted: v128, spent: u32, about: u32): void {
  const most = i16x8.splat(<i16>(ofTwo - 1 - spent));
  for (let posting = low; posting < high; posting += 8) {
    const differing = i8x16.popcnt(v128.xor(v128.load(seconds + (<usize>posting << 1)), wanted));
    let passing = <u32>i16x8.bitmask(i16x8.le_s(i16x8.extadd_pairwise_i8x16_u(differing), most));
    if (high - posting < 8) passing &= (1 << (high - posting)) - 1;
    while (passing != 0) {
      const at = survivors + (<usize>survivorCount << 3);
      store<u32>(at, posting + ctz(passing));
      store<u32>(at, about | (spent << 20), 4);
      survivorCount++;
      passing &= passing - 1;
    }
    if (survivorCount > SURVIVORS - 8) verify();
  }
}

/** Apply the second filter, by the chunk after the next, then full distances; in passes, so that loads overlap. */
function verify(): void {
  budget -= survivorCount;
  let kept: u32 = 0;
  for (let i: u32 = 0; i < survivorCount; i++) {
    const at = survivors + (<usize>i << 3);
    const posting = load<u32>(at);
    const about = load<u32>(at, 4);
    const c = (about >> 16) & 15;
    const query = queries + (<usize>(about & 0xffff) << 5);
    const table = <usize>header.tables + <usize>c * header.tableBytes + (<usize>posting << 1);
    const bits =
      popcnt(<u32>load<u16>(table + header.secondOffset) ^ <u32>load<u16>(query + (<usize>((c + 1) & 15) << 1))) +
      popcnt(<u32>load<u16>(table + header.thirdOffset) ^ <u32>load<u16>(query + (<usize>((c + 2) & 15) << 1)));
    const to = survivors + (<usize>kept << 3);
    store<u32>(to, posting);
    store<u32>(to, about, 4);
    kept += <u32>((about >> 20) + bits < ofThree);
  }
  survivorCount = 0;
  for (let i: u32 = 0; i < kept; i++) {
    const at = survivors + (<usize>i << 3);
    const table = <usize>header.tables + <usize>((load<u32>(at, 4) >> 16) & 15) * header.tableBytes;
    store<u32>(at, load<u32>(table + header.idsOffset + <usize>load<u32>(at) * 3) & 0xff_ffff);
  }
  for (let i: u32 = 0; i < kept; i++) {
    const at = survivors + (<usize>i << 3);
    const entry = load<u32>(at);
    const about = load<u32>(at, 4);
    const query = queries + (<usize>(about & 0xffff) << 5);
    const hash = <usize>header.hashes + (<usize>entry << 5);
    const bits = distance(query, hash);
    if (bits > radius || isProposedBefore(query, hash, (about >> 16) & 15)) continue;
    if (found < capacity) {
      store<u32>(results + (<usize>found << 3), entry);
      store<u32>(results + (<usize>found << 3), (about & 0xffff) | (bits << 16), 4);
    }
    found++;
  }
}

@inline
function start(
  header_: Header, queries_: usize, radius_: u32, survivors_: usize, budget_: u32, results_: usize, capacity_: u32,
): void {
  header = header_;
  queries = queries_;
  radius = radius_;
  // ⌊radius/16⌋ + 1: the first l chunks of some start hold fewer than l·share errors.
  share = (radius_ >> 4) + 1;
  ofTwo = 2 * share;
  ofThree = 3 * share;
  survivors = survivors_;
  survivorCount = 0;
  budget = budget_;
  results = results_;
  capacity = capacity_;
  found = 0;
}

@inline
function finish(): u32 {
  if (survivorCount > 0) verify();
  return budget < 0 || found > capacity ? GAVE_UP : found;
}

/**
 * Write the entries within `radius` of one query, as pairs at `results`: entry, and distance in the high 16 bits of the
 * second word. `probes` masks are tried per chunk; `ends` is room for 16 u32, and 16 × probes + 1 buckets of 8 bytes.
 * Return their number, or GAVE_UP.
 */
export function search(
  header_: Header, query: usize, radius_: u32, probes: u32, ends: usize,
  survivors_: usize, budget_: u32, results_: usize, capacity_: u32,
): u32 {
  start(header_, query, radius_, survivors_, budget_, results_, capacity_);
  return searchOne(query, probes, ends);
}

/** Two chunks of a start that is followed in spite of a radius over 31, and three. See docs/index.md for what they miss. */
const LOOSE_TWO: u32 = 6;
const LOOSE_THREE: u32 = 12;

/**
 * As `search` with the 17 probes of radius 31, for a radius of 32 to 47: only starts with at most one error in their first chunk are
 * followed, and more errors behind it are allowed. Some entries are not found.
 */
export function searchLoosely(
  header_: Header, query: usize, radius_: u32, ends: usize,
  survivors_: usize, budget_: u32, results_: usize, capacity_: u32,
): u32 {
  start(header_, query, radius_, survivors_, budget_, results_, capacity_);
  share = 2;
  ofTwo = LOOSE_TWO;
  ofThree = LOOSE_THREE;
  return searchOne(query, 17, ends);
}

function searchOne(query: usize, probes: u32, ends: usize): u32 {
  const masks = <usize>header.masks;
  const buckets = ends + 64;
  let at = buckets;
  for (let c: u32 = 0; c < 16; c++) {
    const starts = <usize>header.tables + <usize>c * header.tableBytes;
    const value = <u32>load<u16>(query + (<usize>c << 1));
    for (let probe: u32 = 0; probe < probes; probe++) {
      const mask = <u32>load<u16>(masks + (<usize>probe << 1));
      const bounds = load<u64>(starts + (<usize>(value ^ mask) << 2));
      store<u64>(at, bounds | (<u64>popcnt(mask) << SPENT_SHIFT));
      // An empty bucket is overwritten by the next.
      at += <usize>(<u32>bounds != <u32>(bounds >> 32)) << 3;
    }
    store<u32>(ends + (<usize>c << 2), <u32>at);
  }
  // WASM has no prefetch: independent loads, one of each cache line of every bucket, bring them in together.
  let touched: u32 = 0;
  at = buckets;
  for (let c: u32 = 0; c < 16; c++) {
    const seconds = <usize>header.tables + <usize>c * header.tableBytes + header.secondOffset;
    for (const end = <usize>load<u32>(ends + (<usize>c << 2)); at < end; at += 8) {
      const first = seconds + (<usize>(load<u32>(at) & LOW) << 1);
      const last = seconds + (<usize>load<u32>(at, 4) << 1);
      touched ^= <u32>load<u16>(first) ^ <u32>load<u16>(last);
      for (let line = first + 64; line < last; line += 64) touched ^= <u32>load<u16>(line);
    }
  }
  store<u32>(at, touched);
  const wanted = at + 4;
  at = buckets;
  for (let c: u32 = 0; c < 16; c++) {
    const seconds = <usize>header.tables + <usize>c * header.tableBytes + header.secondOffset;
    const following = load<u16>(query + (<usize>((c + 1) & 15) << 1));
    store<u32>(wanted, following);
    for (const end = <usize>load<u32>(ends + (<usize>c << 2)); at < end; at += 8) {
      const low = load<u32>(at) & LOW;
      const high = load<u32>(at, 4);
      const spent = load<u32>(at) >> SPENT_SHIFT;
      if (ofTwo > 4) filter(low, high, seconds, i16x8.splat(following), spent, c << 16);
      else if (share == 1) hold(1, low, high, seconds, wanted, wanted + 4, c << 16);
      else if (spent == 0) hold(3, low, high, seconds, wanted, wanted + 4, c << 16);
      else hold(2, low, high, seconds, wanted, wanted + 4, (c << 16) | (1 << 20));
    }
    if (budget < 0) return GAVE_UP;
  }
  return finish();
}

/** Buckets that differ in their lowest 4 bits are adjacent: a batch walks these groups in order. */
const GROUPS: u32 = 4_096;

/**
 * Search `count` ≤ 65,536 queries with a radius below 32, table by table with the probes in the order of the buckets, so
 * that postings stream through the cache. The query's number is in the low 16 bits of a result's second word.
 *
 * `groups` is room for 4,097 u32, `records` for count × 13 u32, `columns` for count × (u32 + u16).
 */
export function searchBatch(
  header_: Header, queries_: usize, count: u32, radius_: u32, groups: usize, records: usize, columns: usize,
  survivors_: usize, budget_: u32, results_: usize, capacity_: u32,
): u32 {
  start(header_, queries_, radius_, survivors_, budget_, results_, capacity_);
  const flips: u32 = share == 1 ? 1 : 13;
  const values = columns + (<usize>count << 2);
  for (let c: u32 = 0; c < 16; c++) {
    memory.fill(groups, 0, (GROUPS + 1) << 2);
    for (let q: u32 = 0; q < count; q++) {
      const query = queries + (<usize>q << 5);
      const value = <u32>load<u16>(query + (<usize>c << 1));
      store<u16>(values + (<usize>q << 1), <u16>value);
      store<u32>(columns + (<usize>q << 2), <u32>load<u16>(query + (<usize>((c + 1) & 15) << 1)) | (q << 16));
      for (let flip: u32 = 0; flip < flips; flip++) {
        const group = groups + (<usize>((value ^ flipped(flip)) >> 4) << 2);
        store<u32>(group, load<u32>(group) + 1);
      }
    }
    let total: u32 = 0;
    for (let group: usize = groups; group < groups + (GROUPS << 2); group += 4) {
      const size = load<u32>(group);
      store<u32>(group, total);
      total += size;
    }
    for (let q: u32 = 0; q < count; q++) {
      const value = <u32>load<u16>(values + (<usize>q << 1));
      for (let flip: u32 = 0; flip < flips; flip++) {
        const group = groups + (<usize>((value ^ flipped(flip)) >> 4) << 2);
        const at = load<u32>(group);
        store<u32>(group, at + 1);
        store<u32>(records + (<usize>at << 2), q | (flip << 16));
      }
    }
    const starts = <usize>header.tables + <usize>c * header.tableBytes;
    const seconds = starts + header.secondOffset;
    const near = (c << 16) | (1 << 20);
    for (let record: u32 = 0; record < total; record++) {
      const word = load<u32>(records + (<usize>record << 2));
      const q = word & 0xffff;
      const flip = word >> 16;
      const value = <u32>load<u16>(values + (<usize>q << 1)) ^ flipped(flip);
      const query = columns + (<usize>q << 2);
      const bucket = starts + (<usize>value << 2);
      const low = load<u32>(bucket);
      const high = load<u32>(bucket, 4);
      if (flip != 0) {
        hold(2, low, high, seconds, query, query + 4, near);
        continue;
      }
      if (share == 1) {
        hold(1, low, high, seconds, query, query + 4, c << 16);
        continue;
      }
      hold(3, low, high, seconds, query, query + 4, c << 16);
      for (let bit: u32 = 1; bit < 16; bit <<= 1) {
        const other = starts + (<usize>(value ^ bit) << 2);
        hold(2, load<u32>(other), load<u32>(other, 4), seconds, query, query + 4, near);
      }
    }
    if (budget < 0) return GAVE_UP;
  }
  return finish();
}

/** Flip 0 changes nothing, flips 1 to 12 the bits 4 to 15. */
@inline
function flipped(flip: u32): u32 {
  return (8 << flip) & 0xfff0;
}

/**
 * Search so many queries that each value of a chunk has some, as a join: table by table the queries are sorted by their
 * chunk like the entries, and every bucket's postings are compared with all queries that would read it.
 * Postings and queries are both read sequentially. The query's number is in the low 16 bits of a result's second word.
 *
 * `starts` is room for 65,537 u32; `sorted` for count u32, the next chunk and the number of each query, and `gathered` for
 * as many, those of one bucket. Both have 16 spare bytes, which a copy of four may touch.
 */
export function searchJoin(
  header_: Header, queries_: usize, count: u32, radius_: u32, starts: usize, sorted: usize, gathered: usize,
  survivors_: usize, budget_: u32, results_: usize, capacity_: u32,
): u32 {
  start(header_, queries_, radius_, survivors_, budget_, results_, capacity_);
  for (let c: u32 = 0; c < 16; c++) {
    sortQueries(c, count, starts, sorted);
    const bounds = <usize>header.tables + <usize>c * header.tableBytes;
    const seconds = bounds + header.secondOffset;
    for (let bucket: u32 = 0; bucket < 65_536; bucket++) {
      const low = load<u32>(bounds + (<usize>bucket << 2));
      const high = load<u32>(bounds + (<usize>bucket << 2), 4);
      if (low == high) continue;
      const own = copyRun(starts, bucket, sorted, gathered);
      if (share == 1) {
        hold(1, low, high, seconds, gathered, own, c << 16);
      } else {
        let end = own;
        for (let bit: u32 = 1; bit < 65_536; bit <<= 1) end = copyRun(starts, bucket ^ bit, sorted, end);
        hold(3, low, high, seconds, gathered, own, c << 16);
        hold(2, low, high, seconds, own, end, (c << 16) | (1 << 20));
      }
      if (budget < 0) return GAVE_UP;
    }
  }
  return finish();
}

/** Sort the queries by chunk c, by counting. `starts` are offsets in bytes. */
function sortQueries(c: u32, count: u32, starts: usize, sorted: usize): void {
  const second = <usize>((c + 1) & 15) << 1;
  memory.fill(starts, 0, 65_537 << 2);
  const end = queries + (<usize>count << 5);
  for (let query = queries; query < end; query += 32) {
    const bucket = starts + (<usize>load<u16>(query + (<usize>c << 1)) << 2);
    store<u32>(bucket, load<u32>(bucket) + 4);
  }
  let total: u32 = 0;
  for (let bucket = starts; bucket <= starts + (65_536 << 2); bucket += 4) {
    total += load<u32>(bucket);
    store<u32>(bucket, total);
  }
  // From the last to the first, so that each bound ends where its bucket begins.
  for (let q = count; q-- > 0; ) {
    const query = queries + (<usize>q << 5);
    const bucket = starts + (<usize>load<u16>(query + (<usize>c << 1)) << 2);
    const at = load<u32>(bucket) - 4;
    store<u32>(bucket, at);
    store<u32>(sorted + at, <u32>load<u16>(query + second) | (q << 16));
  }
}

/**
 * Append the queries of one value at `to`; return the next position. Always copies four at a time, since few values have
 * more and an unpredictable branch costs more than the copy.
 */
@inline
function copyRun(starts: usize, value: u32, sorted: usize, to: usize): usize {
  const from = <usize>load<u32>(starts + (<usize>value << 2));
  const length = <usize>load<u32>(starts + (<usize>value << 2), 4) - from;
  for (let done: usize = 0; ; ) {
    v128.store(to + done, v128.load(sorted + from + done));
    done += 16;
    if (done >= length) break;
  }
  return to + length;
}

/** Clear the lowest bit `most` (1 to 3) times: lanes become 0 where at most `most` bits are set. Cheaper than counting. */
@inline
function clearLowest(lanes: v128, most: u32): v128 {
  const ones = i16x8.splat(-1);
  let left = v128.and(lanes, i16x8.add(lanes, ones));
  if (most > 1) left = v128.and(left, i16x8.add(left, ones));
  if (most > 2) left = v128.and(left, i16x8.add(left, ones));
  return left;
}

/** Postings held in registers: 16 where that is all of them, as it mostly is among a million, otherwise 24 at a time. */
@inline
function hold(
  most: u32, low: u32, high: u32, seconds: usize, from: usize, to: usize, about: u32,
): void {
  if (high - low <= 16) {
    holdBlock(false, most, low, high, seconds, from, to, about);
    return;
  }
  for (let at = low; at < high; at += 24) holdBlock(true, most, at, high, seconds, from, to, about);
}

/** Test one block of 16 or, where `three`, 24 postings; `three` and `most` are compile-time constants. */
@inline
function holdBlock(
  three: bool, most: u32, low: u32, high: u32, seconds: usize, from: usize, to: usize, about: u32,
): void {
  const at = seconds + (<usize>low << 1);
  const first = v128.load(at);
  const second = v128.load(at, 16);
  const third = three ? v128.load(at, 32) : second;
  const valid = high - low < 24 ? (1 << (high - low)) - 1 : 0xff_ffff;
  for (let query = from; query < to; query += 4) {
    const wanted = v128.load_splat<u16>(query);
    const a = clearLowest(v128.xor(first, wanted), most);
    const b = clearLowest(v128.xor(second, wanted), most);
    const c = three ? clearLowest(v128.xor(third, wanted), most) : b;
    if (i16x8.all_true(three ? i16x8.min_u(i16x8.min_u(a, b), c) : i16x8.min_u(a, b))) continue;
    note((zeros(a) | (zeros(b) << 8) | (three ? zeros(c) << 16 : 0)) & valid, low, <u32>load<u16>(query, 2) | about);
  }
}

/** Return a bit for each lane that is zero. */
@inline
function zeros(lanes: v128): u32 {
  return <u32>i16x8.bitmask(i16x8.eq(lanes, i16x8.splat(0)));
}

/** Store survivors like `filter`. */
function note(passing: u32, low: u32, about: u32): void {
  for (; passing != 0; passing &= passing - 1) {
    const at = survivors + (<usize>survivorCount << 3);
    store<u32>(at, low + ctz(passing));
    store<u32>(at, about, 4);
    survivorCount++;
  }
  if (survivorCount > SURVIVORS - 24) verify();
}
