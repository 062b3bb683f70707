/**
 * Memory layout of a digest table's shared memory.
 *
 *   static data of the kernel
 *   header     8 × u32: parameters of the kernel, in the order of `headerWords`
 *   readers    READERS × i32: 1 where a reader holds the scratch of that number
 *   randoms    width × 256 × u32: one random word for every value of every byte
 *   slots      5/3 N + 1 × u32: 0 where empty, else
 *                bits  0..25  entry + 1, the first of all entries with that digest
 *                bit      26  1 where more entries have it
 *                bits 27..31  the lowest bits of the digest's hash: they alone exclude most other digests
 *   digests    N × width bytes, in the order of entries
 *   followers  N × u32: the next entry with the same digest, or 0; only bit 26 of a slot leads here
 *   scratches  READERS × { queries, heads, waiting }
 *
 * Followers and scratches come last: untouched memory is not resident.
 */
export const WIDTH_MIN = 16;
export const WIDTH_MAX = 32;
/** The range of 26 bits; with 32 bytes each, slots and followers 2.9 GB, inside the 4 GiB of a 32-bit memory. */
export const DIGEST_ENTRIES_MAX = 2 ** 26 - 1;
/** Threads of one machine that may search one memory at once. */
export const READERS = 64;
/** Queries copied into the kernel's memory together: few enough to stay in the nearer caches until they are read. */
export const PIECE_QUERIES = 2_048;
/** Bits of a head, which is a slot without its hash bits. */
export const HEAD_ENTRY = 2 ** 26 - 1;
export const HEAD_IS_FOLLOWED = 2 ** 26;

/** Three fifths full: an absent digest visits 3.6 slots on average, mostly of one cache line. */
const SLOTS_PER_ENTRY = 5 / 3;
const HEADER_WORDS = 8;
/** Position of the header word that the kernel writes: the number of entries that follow another of the same digest. */
export const HEADER_FOLLOWER_COUNT = 7;
/** Queries that wait for memory together, in records of 16 bytes: as in the kernel. */
const BLOCK_QUERIES = 64;

const LINE = 64;
const align = (bytes: number) => Math.ceil(bytes / LINE) * LINE;

/** Offsets into one reader's scratch. */
export const SCRATCH = {
  queries: 0,
  heads: PIECE_QUERIES * WIDTH_MAX,
  waiting: PIECE_QUERIES * (WIDTH_MAX + 4),
  bytes: PIECE_QUERIES * (WIDTH_MAX + 4) + BLOCK_QUERIES * 16,
} as const;

export interface DigestLayout {
  readonly header: number;
  readonly readers: number;
  readonly randoms: number;
  readonly slots: number;
  readonly slotCount: number;
  readonly digests: number;
  readonly followers: number;
  readonly scratches: number;
  readonly totalBytes: number;
}

export function digestLayout(heapBase: number, entryCount: number, width: number): DigestLayout {
  const header = align(heapBase);
  const readers = header + align(HEADER_WORDS * 4);
  const randoms = readers + align(READERS * 4);
  const slots = randoms + align(width * 256 * 4);
  // One more than the load factor needs: some slot is always empty, so every walk ends.
  const slotCount = Math.ceil(entryCount * SLOTS_PER_ENTRY) + 1;
  const digests = slots + align(slotCount * 4);
  const followers = digests + align(entryCount * width);
  const scratches = followers + align(entryCount * 4);
  const totalBytes = scratches + READERS * SCRATCH.bytes;
  return { header, readers, randoms, slots, slotCount, digests, followers, scratches, totalBytes };
}

/** The header as the kernel reads it. */
export function headerWords(layout: DigestLayout, entryCount: number, width: number): number[] {
  const { randoms, slots, slotCount, digests, followers } = layout;
  return [entryCount, width, randoms, slots, slotCount, digests, followers, 0];
}
