/**
 * Where everything lies in a ring's shared memory.
 *
 *   static data of the kernel
 *   slots      SLOTS × i32: 1 where a reader holds the scratch of that number
 *   masks      137 × u16: the values to xor a chunk with, by number of set bits: 1 of none, 16 of one, 120 of two
 *   scratches  SLOTS × { query 32 B, bounds 2192 × 8 B and one word, results RESULTS × 8 B }
 *   hashes     N × 32 B, as chunks
 *   tables     16 × { starts 65,537 × u32, next32 (N + 4) × u32, ids N × u32 }, each part on a cache line
 */
import { HASH256_BYTES } from '../core/hash256.js';

export const CHUNKS = 16;
/** Probes per chunk for 0, 1 and 2 differing bits allowed in the first chunk. */
export const PROBES = [1, 17, 137] as const;
/** From here on three differing bits would have to be probed: 697 buckets a chunk, and a plain scan is faster. */
export const RING_RADIUS_MAX = 47;
/** Threads of one machine that may search one memory at once. */
export const SLOTS = 64;
/** Matches of one search before it is repeated as a scan in pieces; also the piece of a scan. */
export const RESULTS = 4_096;

const LINE = 64;
const align = (bytes: number) => Math.ceil(bytes / LINE) * LINE;

export const BOUNDS_BYTES = align(PROBES[2] * CHUNKS * 8 + 8);
export const SCRATCH_BYTES = LINE + BOUNDS_BYTES + RESULTS * 8;
/** 4 GiB: what a 32-bit WebAssembly memory can address. */
export const MEMORY_BYTES_MAX = 4_294_967_296;

export interface RingLayout {
  readonly slots: number;
  readonly masks: number;
  readonly scratches: number;
  readonly hashes: number;
  readonly tables: number;
  readonly tableBytes: number;
  readonly next32Offset: number;
  readonly idsOffset: number;
  readonly totalBytes: number;
}

export function ringLayout(heapBase: number, entryCount: number): RingLayout {
  const slots = align(heapBase);
  const masks = slots + align(SLOTS * 4);
  const scratches = masks + align(PROBES[2] * 2);
  const hashes = scratches + SLOTS * SCRATCH_BYTES;
  const tables = hashes + align(entryCount * HASH256_BYTES);
  const next32Offset = align(65_537 * 4);
  // A SIMD step reads four postings at once, the last one past the end.
  const idsOffset = next32Offset + align((entryCount + 4) * 4);
  const tableBytes = idsOffset + align(entryCount * 4);
  return {
    slots,
    masks,
    scratches,
    hashes,
    tables,
    tableBytes,
    next32Offset,
    idsOffset,
    totalBytes: tables + CHUNKS * tableBytes,
  };
}
