/**
 * The ring: exact Hamming-radius search by the pigeonring principle; the idea, its proof and its layout are in
 * `docs/index.md`. One shared memory, read by any number of threads at once; never allocates per search but the answer.
 *
 * Source  Qin, Xiao: Pigeonring: A Principle for Faster Thresholded Similarity Search, VLDB 2018.
 */
import { AppError } from '../core/errors.js';
import { HASH256_BYTES } from '../core/hash256.js';
import { popcount32 } from '../kernels/hamming.js';
import { loadRingKernel, type RingKernel } from '../kernels/ring-wasm.js';
import { searchOneByOne } from './columns.js';
import { HashBytes } from './hash-bytes.js';
import { byDistance, requireRadius } from './radius.js';
import {
  BOUNDS_BYTES,
  CHUNKS,
  MEMORY_BYTES_MAX,
  PROBES,
  RESULTS,
  RING_RADIUS_MAX,
  type RingLayout,
  ringLayout,
  SCRATCH_BYTES,
  SLOTS,
} from './ring-layout.js';
import type { Candidate, CandidateColumns, IndexBuilder, RadiusIndex } from './types.js';

/** What another thread needs to open the same ring; survives `postMessage`, and nothing is copied. */
export interface RingShare {
  readonly memory: WebAssembly.Memory;
  readonly entryCount: number;
}

export interface RingIndex extends RadiusIndex {
  readonly kind: 'ring';
  share(): RingShare;
  /** What the last search did: postings visited, and whether it was a scan. */
  readonly last: { readonly visited: number; readonly scanned: boolean };
  /** Gives the scratch back; the index must not be searched afterwards. */
  close(): void;
}

const PAGE_BYTES = 65_536;

/** The first page is enough to ask the kernel where its static data ends. */
let heapBase: number | undefined;
function layoutFor(entryCount: number): RingLayout {
  heapBase ??= loadRingKernel(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })).heapBase();
  return ringLayout(heapBase, entryCount);
}

/** All 16-bit values of up to two set bits, fewest first. */
function masks(): Uint16Array {
  const values = Array.from({ length: PAGE_BYTES }, (_, value) => value).filter((value) => popcount32(value) <= 2);
  return Uint16Array.from(values.sort((a, b) => popcount32(a) - popcount32(b) || a - b));
}

export function ringBuilder(expectedCount: number): IndexBuilder {
  const gathered = new HashBytes(expectedCount);
  return {
    add: (hash256) => gathered.add(hash256),
    seal: () => buildRing(gathered.bytes),
  };
}

/** Shape: N × 32 bytes. Errors INDEX_FULL: more than fit one memory (about 26 million). */
export function buildRing(hashes: Uint8Array): RingIndex {
  const entryCount = hashes.length / HASH256_BYTES;
  const layout = layoutFor(entryCount);
  if (layout.totalBytes > MEMORY_BYTES_MAX) throw new AppError('INDEX_FULL', { entryCount });
  const pages = Math.ceil(layout.totalBytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const kernel = loadRingKernel(memory);
  new Uint8Array(memory.buffer, layout.hashes, hashes.length).set(hashes);
  new Uint16Array(memory.buffer, layout.masks, PROBES[2]).set(masks());
  kernel.toChunks(layout.hashes, entryCount);
  for (let c = 0; c < CHUNKS; c++) {
    const starts = layout.tables + c * layout.tableBytes;
    kernel.buildTable(layout.hashes, entryCount, c, starts, starts + layout.next32Offset, starts + layout.idsOffset);
  }
  return openRing({ memory, entryCount });
}

/** Errors INDEX_FULL where 64 readers have it open. */
export function openRing(share: RingShare): RingIndex {
  return new Ring(share);
}

class Ring implements RingIndex {
  readonly kind = 'ring';
  readonly exact = true;
  readonly entryCount: number;
  readonly memoryBytes: number;
  readonly last = { visited: 0, scanned: false };
  readonly #share: RingShare;
  readonly #kernel: RingKernel;
  readonly #layout: RingLayout;
  readonly #slots: Int32Array;
  readonly #slot: number;
  readonly #query: number;
  readonly #bounds: number;
  readonly #queryBytes: Uint8Array;
  readonly #results: Uint32Array;

  constructor(share: RingShare) {
    const { memory, entryCount } = share;
    this.#share = share;
    this.entryCount = entryCount;
    this.memoryBytes = memory.buffer.byteLength;
    this.#kernel = loadRingKernel(memory);
    this.#layout = layoutFor(entryCount);
    this.#slots = new Int32Array(memory.buffer, this.#layout.slots, SLOTS);
    this.#slot = this.#slots.findIndex((_, slot) => Atomics.compareExchange(this.#slots, slot, 0, 1) === 0);
    if (this.#slot < 0) throw new AppError('INDEX_FULL', { readers: SLOTS });
    this.#query = this.#layout.scratches + this.#slot * SCRATCH_BYTES;
    this.#bounds = this.#query + (SCRATCH_BYTES - BOUNDS_BYTES - RESULTS * 8);
    this.#queryBytes = new Uint8Array(memory.buffer, this.#query, HASH256_BYTES);
    this.#results = new Uint32Array(memory.buffer, this.#bounds + BOUNDS_BYTES, RESULTS * 2);
  }

  search(hash256: Uint8Array, radiusBits: number): Candidate[] {
    requireRadius(radiusBits);
    this.#queryBytes.set(hash256);
    this.#kernel.toChunks(this.#query, 1);
    if (radiusBits > RING_RADIUS_MAX) return this.#scan(radiusBits);
    const { masks, tables, tableBytes, next32Offset, idsOffset, hashes } = this.#layout;
    const share = Math.floor(radiusBits / CHUNKS) + 1;
    const probes = PROBES[share - 1]!;
    const visited =
      this.#kernel.gather(this.#query, probes, masks, tables, tableBytes, next32Offset, this.#bounds) >>> 0;
    // Crowded buckets, of near-copies of the query: a plain scan touches each entry once, not up to sixteen times.
    if (visited > this.entryCount) return this.#scan(radiusBits);
    const found = this.#kernel.search(
      this.#query,
      radiusBits,
      share,
      probes,
      masks,
      hashes,
      tables,
      tableBytes,
      next32Offset,
      idsOffset,
      this.#bounds,
      this.#bounds + BOUNDS_BYTES,
      RESULTS,
    );
    // More than the scratch holds: told in full by a scan, which goes piece by piece.
    if (found > RESULTS) return this.#scan(radiusBits);
    this.last.visited = visited;
    this.last.scanned = false;
    return found === 0 ? [] : this.#candidates(found).sort(byDistance);
  }

  searchBatch(hashes256: Uint8Array, radiusBits: number): CandidateColumns {
    return searchOneByOne((hash256) => this.search(hash256, radiusBits), hashes256);
  }

  share(): RingShare {
    return this.#share;
  }

  close(): void {
    Atomics.store(this.#slots, this.#slot, 0);
  }

  #scan(radiusBits: number): Candidate[] {
    const found: Candidate[] = [];
    for (let from = 0; from < this.entryCount; from += RESULTS) {
      const to = Math.min(this.entryCount, from + RESULTS);
      const count = this.#kernel.scan(
        this.#query,
        radiusBits,
        this.#layout.hashes,
        from,
        to,
        this.#bounds + BOUNDS_BYTES,
      );
      for (const candidate of this.#candidates(count)) found.push(candidate);
    }
    this.last.visited = this.entryCount;
    this.last.scanned = true;
    return found.sort(byDistance);
  }

  #candidates(count: number): Candidate[] {
    return Array.from({ length: count }, (_, at) => ({
      entryIndex: this.#results[at * 2]!,
      distanceBits: this.#results[at * 2 + 1]!,
    }));
  }
}
