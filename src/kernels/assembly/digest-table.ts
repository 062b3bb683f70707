/**
 * The digest table in AssemblyScript with SIMD. Pointers are byte offsets into one shared memory, with the layout of
 * `../../index/digest-layout.ts`; many threads read it at once, each with a scratch of its own. Never allocates.
 *
 * An open-addressing table with linear probing. Only the first entry with a digest is in a slot; the rest follow it in a
 * chain: a digest that is listed 100,000 times is one step in the walk of its neighbours.
 */

/** The first byte after the module's own static data. */
export function heapBase(): usize {
  return __heap_base;
}

/** In the order of `headerWords` in `../../index/digest-layout.ts`. */
@unmanaged
class Header {
  entryCount: u32;
  width: u32;
  randoms: u32;
  slots: u32;
  slotCount: u32;
  digests: u32;
  followers: u32;
  followerCount: u32;
}

const ENTRY: u32 = 0x03ff_ffff;
const IS_FOLLOWED: u32 = 0x0400_0000;
/** The hash bits of a slot are its highest five. */
const TAG_SHIFT: u32 = 27;

/** Queries that wait for memory together: more than the concurrent loads of a core. */
const BLOCK: u32 = 64;

/** State of one query of a block during its walk. */
@unmanaged
class Waiting {
  query: u32;
  tag: u32;
  slot: u32;
  word: u32;
}

@inline
function waitingAt(block: usize, i: u32): Waiting {
  return changetype<Waiting>(block + (<usize>i << 4));
}

/** Hash by simple tabulation, four bytes per step. */
@inline
function tabulated(header: Header, digest: usize): u32 {
  let randoms = <usize>header.randoms;
  const end = digest + header.width;
  let mixed: u32 = 0;
  for (; digest < end; digest += 4, randoms += 4_096) {
    const bytes = load<u32>(digest);
    mixed ^=
      load<u32>(randoms + (<usize>(bytes & 255) << 2)) ^
      load<u32>(randoms + (<usize>((bytes >> 8) & 255) << 2), 1_024) ^
      load<u32>(randoms + (<usize>((bytes >> 16) & 255) << 2), 2_048) ^
      load<u32>(randoms + (<usize>(bytes >> 24) << 2), 3_072);
  }
  return mixed;
}

/** Select a slot by the hash's highest bits; the tag is its lowest. */
@inline
function firstSlot(header: Header, hash: u32): u32 {
  return <u32>((<u64>hash * <u64>header.slotCount) >> 32);
}

@inline
function slotAfter(header: Header, slot: u32): u32 {
  return slot + 1 == header.slotCount ? 0 : slot + 1;
}

@inline
function slotAt(header: Header, slot: u32): usize {
  return <usize>header.slots + (<usize>slot << 2);
}

/** Compare two digests of 16 to 32 bytes: the first 16 and the last 16 cover all bytes, some of them twice. */
@inline
function isSame(a: usize, b: usize, width: u32): bool {
  const last = <usize>width - 16;
  return !v128.any_true(
    v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a + last), v128.load(b + last))),
  );
}

@inline
function digestOf(header: Header, entry: u32): usize {
  return <usize>header.digests + <usize>entry * <usize>header.width;
}

/**
 * Fill slots and followers, both initially zero, from the digests. Entries are inserted from last to first, so that each
 * precedes the inserted ones with its digest, and a chain ascends without a search for its end.
 * `block` is room for 64 records of 16 bytes.
 */
export function build(header: Header, block: usize): void {
  let followerCount: u32 = 0;
  for (let to = header.entryCount; to > 0; ) {
    const count = min(to, BLOCK);
    to -= count;
    for (let i: u32 = 0; i < count; i++) {
      const hash = tabulated(header, digestOf(header, to + i));
      const waiting = waitingAt(block, i);
      waiting.tag = hash << TAG_SHIFT;
      waiting.slot = firstSlot(header, hash);
    }
    touch(header, block, count);
    for (let i = count; i-- > 0; ) followerCount += <u32>insert(header, to + i, waitingAt(block, i));
  }
  header.followerCount = followerCount;
}

/** Read the slot of each record. WASM has no prefetch: independent loads bring the cache lines in. */
@inline
function touch(header: Header, block: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const waiting = waitingAt(block, i);
    waiting.word = load<u32>(slotAt(header, waiting.slot));
  }
}

/** Insert an entry. Return true for a known digest: the entry takes the slot, and the previous one follows. */
function insert(header: Header, entry: u32, waiting: Waiting): bool {
  const tag = waiting.tag;
  for (let slot = waiting.slot; ; slot = slotAfter(header, slot)) {
    const word = load<u32>(slotAt(header, slot));
    if (word == 0) {
      store<u32>(slotAt(header, slot), tag | (entry + 1));
      return false;
    }
    if ((word ^ tag) >> TAG_SHIFT != 0) continue;
    const other = (word & ENTRY) - 1;
    if (!isSame(digestOf(header, entry), digestOf(header, other), header.width)) continue;
    store<u32>(<usize>header.followers + (<usize>entry << 2), other);
    store<u32>(slotAt(header, slot), tag | IS_FOLLOWED | (entry + 1));
    return true;
  }
}

/**
 * Look up `count` digests: for each a word at `heads`, 0 where it is absent, else entry + 1 of the first entry with it,
 * and bit 26 where more follow. `block` as in `build`.
 */
export function find(header: Header, queries: usize, count: u32, heads: usize, block: usize): void {
  memory.fill(heads, 0, <usize>count << 2);
  for (let from: u32 = 0; from < count; from += BLOCK) {
    findBlock(header, queries + <usize>from * <usize>header.width, min(count - from, BLOCK), heads + (<usize>from << 2), block);
  }
}

/** Look up one block in passes, so that its cache misses overlap: first slots, then the walks, then digests. */
function findBlock(header: Header, queries: usize, count: u32, heads: usize, block: usize): void {
  const width = <usize>header.width;
  for (let query: u32 = 0; query < count; query++) {
    const hash = tabulated(header, queries + <usize>query * width);
    const waiting = waitingAt(block, query);
    waiting.query = query;
    waiting.tag = hash << TAG_SHIFT;
    waiting.slot = firstSlot(header, hash);
  }
  while (count != 0) {
    touch(header, block, count);
    let proposed: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const waiting = waitingAt(block, i);
      const query = waiting.query;
      const tag = waiting.tag;
      let slot = waiting.slot;
      let word = waiting.word;
      while (word != 0 && (word ^ tag) >> TAG_SHIFT != 0) {
        slot = slotAfter(header, slot);
        word = load<u32>(slotAt(header, slot));
      }
      keep(block, proposed, query, tag, slot, word);
      proposed += <u32>(word != 0);
    }
    // No branch depends on a digest: the next one is loaded before this one has arrived.
    count = 0;
    for (let i: u32 = 0; i < proposed; i++) {
      const waiting = waitingAt(block, i);
      const query = waiting.query;
      const word = waiting.word;
      const same = isSame(queries + <usize>query * width, digestOf(header, (word & ENTRY) - 1), header.width);
      store<u32>(heads + (<usize>query << 2), select<u32>(word & (ENTRY | IS_FOLLOWED), 0, same));
      keep(block, count, query, waiting.tag, slotAfter(header, waiting.slot), word);
      count += <u32>!same;
    }
  }
}

@inline
function keep(block: usize, i: u32, query: u32, tag: u32, slot: u32, word: u32): void {
  const waiting = waitingAt(block, i);
  waiting.query = query;
  waiting.tag = tag;
  waiting.slot = slot;
  waiting.word = word;
}
