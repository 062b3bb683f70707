/**
 * Memory layout of a ring's shared memory.
 *
 *   static data of the kernel
 *   header     8 × u32: parameters of a search, in the order of `headerWords`
 *   slots      SLOTS × i32: 1 where a reader holds the scratch of that number
 *   masks      137 × u16: the values to xor a chunk with, by number of set bits: 1 of none, 16 of one, 120 of two
 *   hashes     N × 32 B, as chunks
 *   tables     16 × { starts 65,537 × u32, second (N + 24) × u16, third N × u16, ids N × 3 B }, each part on a cache line
 *   scratches  SLOTS × { query, buckets, survivors, and queries; of a batch: groups, records, columns; of a join: starts,
 *              sorted, gathered; results }
 *
 * Scratches come last: untouched memory is not resident.
 */
import { HASH256_BYTES } from '../core/hash256.js';

export const CHUNKS = 16;
/** Probes per chunk for 0, 1 and 2 differing bits allowed in the first chunk. */
export const PROBES = [1, 17, 137] as const;
/** A larger radius would probe three differing bits: 697 buckets a chunk, and a plain scan is faster. */
export const RING_RADIUS_MAX = 47;
/** Up to here a batch is searched table by table; above it a query probes 137 buckets a chunk and a batch gains nothing. */
export const BATCH_RADIUS_MAX = 31;
/** A loose search finds all entries up to here. */
export const LOOSE_FROM_BITS = 31;
/** Threads of one machine that may search one memory at once. */
export const SLOTS = 32;
/** Matches of one search before it is repeated as a scan in pieces; also the piece of a scan. */
export const RESULTS = 4_096;
/** Queries of one pass over the tables: more share each line better, fewer stay in the cache. */
export const BATCH_QUERIES = 8_192;
/** Queries of one join with the tables: the range of 16 bits, about one per value of a chunk. */
export const JOIN_QUERIES = 65_536;
/** Fewer gain nothing in lists of up to a million: a join walks all buckets for any number of queries. */
export const JOIN_QUERIES_MIN = 16_384;
/** Fewer gain nothing in any list. */
const JOIN_QUERIES_LEAST = 2_048;
/** Fewer are searched one by one: their probes are too far apart in the tables to share cache lines. */
export const BATCH_QUERIES_MIN = 1_024;

/**
 * Return the smallest batch and the smallest join for a list. In longer lists a query alone waits for more cache lines at once, and a
 * join reads more postings for each bucket that it walks. Measured at a million entries (1,024 and 16,384) and at ten (2,000 and 2,048).
 */
export function queriesMin(entryCount: number): { readonly batch: number; readonly join: number } {
  const join = Math.ceil(2 ** 34 / Math.max(1, entryCount));
  return {
    batch: Math.max(BATCH_QUERIES_MIN, Math.ceil(entryCount / 5_000)),
    join: Math.min(JOIN_QUERIES_MIN, Math.max(JOIN_QUERIES_LEAST, join)),
  };
}
/** Matches of one batch or join before its queries are split into smaller parts, at last one by one. */
export const BATCH_RESULTS = 65_536;

const LINE = 64;
const align = (bytes: number) => Math.ceil(bytes / LINE) * LINE;
/** Records of one query in a batch: its own group of buckets, and one for each of the 12 bits that select another. */
const RECORDS = 13;
const SURVIVORS = 1_024;
const GROUPS = 4_096;
/** Joined queries in the order of a chunk, and four more that a copy may touch. */
const SORTED_BYTES = (JOIN_QUERIES + 4) * 4;

/** Offsets into one reader's scratch. */
export const SCRATCH = (() => {
  let bytes = 0;
  const part = (size: number) => {
    const at = bytes;
    bytes = align(at + size);
    return at;
  };
  return {
    query: part(HASH256_BYTES),
    buckets: part(CHUNKS * 4 + (PROBES[2] * CHUNKS + 1) * 8),
    survivors: part(SURVIVORS * 8),
    queries: part(JOIN_QUERIES * HASH256_BYTES),
    groups: part((GROUPS + 1) * 4),
    records: part(BATCH_QUERIES * RECORDS * 4),
    columns: part(BATCH_QUERIES * (2 + 4)),
    starts: part(65_537 * 4),
    sorted: part(SORTED_BYTES),
    gathered: part(SORTED_BYTES),
    results: part(BATCH_RESULTS * 8),
    bytes,
  };
})();

export const SCRATCH_BYTES = SCRATCH.bytes;
/** The range of three bytes: 2.4 GB, well inside the 4 GiB that a 32-bit WebAssembly memory can address. */
export const SEGMENT_ENTRIES_MAX = 2 ** 24;

export interface RingLayout {
  readonly header: number;
  readonly slots: number;
  readonly masks: number;
  readonly hashes: number;
  readonly tables: number;
  readonly tableBytes: number;
  readonly secondOffset: number;
  readonly thirdOffset: number;
  readonly idsOffset: number;
  readonly scratches: number;
  readonly totalBytes: number;
}

export function ringLayout(heapBase: number, entryCount: number): RingLayout {
  const header = align(heapBase);
  const slots = header + LINE;
  const masks = slots + align(SLOTS * 4);
  const hashes = masks + align(PROBES[2] * 2);
  const tables = hashes + align(entryCount * HASH256_BYTES);
  const secondOffset = align(65_537 * 4);
  // A join reads up to 24 postings at once, the last ones past the end.
  const thirdOffset = secondOffset + align((entryCount + 24) * 2);
  const idsOffset = thirdOffset + align(entryCount * 2);
  // An id is read as four bytes.
  const tableBytes = idsOffset + align(entryCount * 3 + 1);
  const scratches = tables + CHUNKS * tableBytes;
  const totalBytes = scratches + SLOTS * SCRATCH_BYTES;
  return {
    header,
    slots,
    masks,
    hashes,
    tables,
    tableBytes,
    secondOffset,
    thirdOffset,
    idsOffset,
    scratches,
    totalBytes,
  };
}

/** The header as the kernel reads it. */
export function headerWords(layout: RingLayout, entryCount: number): number[] {
  const { masks, hashes, tables, tableBytes, secondOffset, thirdOffset, idsOffset } = layout;
  return [entryCount, masks, hashes, tables, tableBytes, secondOffset, thirdOffset, idsOffset];
}
