/**
 * The ring: exact Hamming-radius search by the pigeonring principle; algorithm, proof and layout are in `docs/index.md`.
 * One shared memory, read by any number of threads at once; a search allocates nothing but the answer.
 *
 * Source  Qin, Xiao: Pigeonring: A Principle for Faster Thresholded Similarity Search, VLDB 2018.
 */
import { AppError } from '../core/errors.js';
import { HASH256_BYTES } from '../core/hash256.js';
import { popcount32 } from '../kernels/hamming.js';
import { GAVE_UP, loadRingKernel, type RingKernel } from '../kernels/ring-wasm.js';
import { joinColumns, packedColumns, searchOneByOne } from './columns.js';
import { HashBytes } from './hash-bytes.js';
import { byDistance, requireRadius } from './radius.js';
import {
  BATCH_QUERIES,
  BATCH_RADIUS_MAX,
  BATCH_RESULTS,
  CHUNKS,
  headerWords,
  JOIN_QUERIES,
  LOOSE_FROM_BITS,
  PROBES,
  queriesMin,
  RESULTS,
  RING_RADIUS_MAX,
  type RingLayout,
  ringLayout,
  SCRATCH,
  SCRATCH_BYTES,
  SEGMENT_ENTRIES_MAX,
  SLOTS,
} from './ring-layout.js';
import type { Candidate, CandidateColumns, IndexBuilder, RadiusIndex } from './types.js';

/** Handle by which another thread opens the same ring; survives `postMessage`, and nothing is copied. */
export interface RingShare {
  readonly memory: WebAssembly.Memory;
  readonly entryCount: number;
}

export interface RingIndex extends RadiusIndex {
  readonly kind: 'ring';
  share(): RingShare;
  /**
   * Return the nearest entry within the radius, of equal ones the first, of each query that has one, by the query's place. Unlike a batch it
   * takes the same memory however many entries there are.
   * Errors  RADIUS_INVALID.
   */
  nearest(hashes256: Uint8Array, radiusBits: number): ReadonlyMap<number, Candidate>;
  /** True where the last search compared every entry. */
  readonly scanned: boolean;
  /** Release the scratch; the index must not be searched afterwards. */
  close(): void;
}

const PAGE_BYTES = 65_536;
/**
 * Share of entries that pass the first filter above which a search falls back to a scan. A survivor costs 6 scanned entries
 * where the second filter drops it, 11 where it is compared in full and 26 where it matches (7, 14 and 33 ns at radius 31,
 * an entry of a scan 1.25).
 */
const SURVIVOR_SHARE = 1 / 8;
const SURVIVORS_MIN = 4_096;
/** Survivors of a batch, per query: ten times those of image hashes. */
const BATCH_SURVIVOR_SHARE = 1 / 2_048;
const BATCH_SURVIVORS_MIN = 256;

/** One page is enough to read from the kernel where its static data ends. */
let heapBase: number | undefined;
function layoutFor(entryCount: number): RingLayout {
  heapBase ??= loadRingKernel(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })).heapBase();
  return ringLayout(heapBase, entryCount);
}

let maskValues: Uint16Array | undefined;

/** All 16-bit values with up to two set bits, fewest first; made once, since lists that change are rebuilt often. */
function masks(): Uint16Array {
  maskValues ??= madeMasks();
  return maskValues;
}

function madeMasks(): Uint16Array {
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

/** Allocate a memory without hashes and tables. Errors INDEX_FULL: more than SEGMENT_ENTRIES_MAX. */
export function emptyRing(entryCount: number): RingShare {
  if (entryCount > SEGMENT_ENTRIES_MAX) throw new AppError('INDEX_FULL', { entryCount, most: SEGMENT_ENTRIES_MAX });
  const layout = layoutFor(entryCount);
  const pages = Math.ceil(layout.totalBytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Uint16Array(memory.buffer, layout.masks, PROBES[2]).set(masks());
  new Uint32Array(memory.buffer, layout.header, 8).set(headerWords(layout, entryCount));
  return { memory, entryCount };
}

/** Copy hashes to the entries from `first` on; each part may be copied by another thread. Shape: n × 32 bytes. */
export function fillRing(share: RingShare, hashes: Uint8Array, first: number): void {
  hashesOf(share).set(hashes, first * HASH256_BYTES);
  const at = layoutFor(share.entryCount).hashes + first * HASH256_BYTES;
  loadRingKernel(share.memory).toChunks(at, hashes.length / HASH256_BYTES);
}

/** Return a ring with the hashes of others, without tables. Shape: N × 32 bytes together, from `hashesOf`. Errors as `emptyRing`. */
export function joinRings(parts: readonly Uint8Array[]): RingShare {
  const share = emptyRing(parts.reduce((bytes, part) => bytes + part.length, 0) / HASH256_BYTES);
  const hashes = hashesOf(share);
  let at = 0;
  for (const part of parts) {
    hashes.set(part, at);
    at += part.length;
  }
  return share;
}

/** Return a ring without tables. Shape: N × 32 bytes. Errors as `emptyRing`. */
export function layOutRing(hashes: Uint8Array): RingShare {
  const share = emptyRing(hashes.length / HASH256_BYTES);
  fillRing(share, hashes, 0);
  return share;
}

/** Return a view of the hashes, as chunks, in the order of entries. Shape: N × 32 bytes. */
export function hashesOf({ memory, entryCount }: RingShare): Uint8Array {
  return new Uint8Array(memory.buffer, layoutFor(entryCount).hashes, entryCount * HASH256_BYTES);
}

const UNCHUNK_PIECE = 32_768;

/** Yield the original hashes, piece by piece. Shape: each k × 32 bytes, valid until the next. */
export function* givenHashes(share: RingShare): Generator<Uint8Array> {
  const from = layoutFor(0).hashes;
  const pages = Math.ceil((from + UNCHUNK_PIECE * HASH256_BYTES) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const kernel = loadRingKernel(memory);
  const chunks = hashesOf(share);
  for (let at = 0; at < chunks.length; at += UNCHUNK_PIECE * HASH256_BYTES) {
    const piece = chunks.subarray(at, at + UNCHUNK_PIECE * HASH256_BYTES);
    const given = new Uint8Array(memory.buffer, from, piece.length);
    given.set(piece);
    kernel.fromChunks(from, piece.length / HASH256_BYTES);
    yield given;
  }
}

/** Build one of the 16 tables; each may be built by another thread. */
export function buildRingTable({ memory, entryCount }: RingShare, c: number): void {
  loadRingKernel(memory).buildTable(layoutFor(entryCount).header, c);
}

/** Build a ring. Shape: N × 32 bytes. Errors INDEX_FULL: more than SEGMENT_ENTRIES_MAX. */
export function buildRing(hashes: Uint8Array): RingIndex {
  const share = layOutRing(hashes);
  for (let c = 0; c < CHUNKS; c++) buildRingTable(share, c);
  return openRing(share);
}

/** Open a shared ring. Errors INDEX_FULL where as many readers as there are scratches have it open. */
export function openRing(share: RingShare): RingIndex {
  return new Ring(share);
}

class Ring implements RingIndex {
  readonly kind = 'ring';
  readonly exact = true;
  readonly entryCount: number;
  readonly memoryBytes: number;
  scanned = false;
  readonly #share: RingShare;
  readonly #kernel: RingKernel;
  readonly #layout: RingLayout;
  readonly #queriesMin: ReturnType<typeof queriesMin>;
  readonly #slots: Int32Array;
  readonly #slot: number;
  readonly #scratch: number;
  readonly #query: Uint8Array;
  readonly #queries: Uint8Array;
  readonly #results: Uint32Array;
  #isClosed = false;

  constructor(share: RingShare) {
    const { memory, entryCount } = share;
    this.#share = share;
    this.entryCount = entryCount;
    this.#kernel = loadRingKernel(memory);
    this.#layout = layoutFor(entryCount);
    this.#queriesMin = queriesMin(entryCount);
    this.memoryBytes = this.#layout.scratches + SCRATCH_BYTES;
    this.#slots = new Int32Array(memory.buffer, this.#layout.slots, SLOTS);
    this.#slot = this.#slots.findIndex((_, slot) => Atomics.compareExchange(this.#slots, slot, 0, 1) === 0);
    if (this.#slot < 0) throw new AppError('INDEX_FULL', { readers: SLOTS });
    this.#scratch = this.#layout.scratches + this.#slot * SCRATCH_BYTES;
    this.#query = new Uint8Array(memory.buffer, this.#scratch + SCRATCH.query, HASH256_BYTES);
    this.#queries = new Uint8Array(memory.buffer, this.#scratch + SCRATCH.queries, JOIN_QUERIES * HASH256_BYTES);
    this.#results = new Uint32Array(memory.buffer, this.#scratch + SCRATCH.results, BATCH_RESULTS * 2);
  }

  hashOf(entryIndex: number): Uint8Array {
    const from = this.#layout.hashes + entryIndex * HASH256_BYTES;
    this.#query.set(new Uint8Array(this.#share.memory.buffer, from, HASH256_BYTES));
    this.#kernel.fromChunks(this.#scratch + SCRATCH.query, 1);
    return this.#query;
  }

  search(hash256: Uint8Array, radiusBits: number): Candidate[] {
    requireRadius(radiusBits);
    return this.#searchOne(hash256, radiusBits, { isLoose: false });
  }

  searchLoosely(hashes256: Uint8Array, radiusBits: number): CandidateColumns {
    const isLoose = radiusBits > LOOSE_FROM_BITS && radiusBits <= RING_RADIUS_MAX;
    if (!isLoose) return this.searchBatch(hashes256, radiusBits);
    return searchOneByOne((hash256) => this.#searchOne(hash256, radiusBits, { isLoose }), hashes256);
  }

  searchBatch(hashes256: Uint8Array, radiusBits: number): CandidateColumns {
    requireRadius(radiusBits);
    const count = hashes256.length / HASH256_BYTES;
    const { batch, join } = this.#queriesMin;
    if (count < Math.min(batch, join) || radiusBits > BATCH_RADIUS_MAX) return this.#oneByOne(hashes256, radiusBits);
    const most = count < join ? BATCH_QUERIES : JOIN_QUERIES;
    if (count > most) return this.#inParts(hashes256, radiusBits, most);
    const found = this.#searchTogether(hashes256, radiusBits, most === JOIN_QUERIES);
    if (found !== GAVE_UP) return packedColumns(this.#results, found);
    // A query with many near-copies: split down to one by one, where each query is bounded on its own.
    return count > BATCH_QUERIES
      ? this.#inParts(hashes256, radiusBits, BATCH_QUERIES)
      : this.#oneByOne(hashes256, radiusBits);
  }

  nearest(hashes256: Uint8Array, radiusBits: number): ReadonlyMap<number, Candidate> {
    requireRadius(radiusBits);
    const nearest = new Map<number, Candidate>();
    const count = hashes256.length / HASH256_BYTES;
    for (let from = 0; from < count; from += JOIN_QUERIES) {
      const to = Math.min(count, from + JOIN_QUERIES);
      const isJoin = to - from >= this.#queriesMin.join && radiusBits <= BATCH_RADIUS_MAX;
      const part = hashes256.subarray(from * HASH256_BYTES, to * HASH256_BYTES);
      const found = isJoin ? this.#searchTogether(part, radiusBits, true) : GAVE_UP;
      if (found !== GAVE_UP) addNearest(nearest, from, packedColumns(this.#results, found));
      else
        for (let at = from; at < to; at++) {
          const [first] = this.search(hashes256.subarray(at * HASH256_BYTES, (at + 1) * HASH256_BYTES), radiusBits);
          if (first !== undefined) nearest.set(at, first);
        }
    }
    return nearest;
  }

  share(): RingShare {
    return this.#share;
  }

  close(): void {
    // Once only: the scratch may already belong to another reader.
    if (!this.#isClosed) Atomics.store(this.#slots, this.#slot, 0);
    this.#isClosed = true;
  }

  #searchOne(hash256: Uint8Array, radiusBits: number, { isLoose }: { readonly isLoose: boolean }): Candidate[] {
    this.#query.set(hash256);
    this.#kernel.toChunks(this.#scratch + SCRATCH.query, 1);
    this.scanned = radiusBits > RING_RADIUS_MAX;
    const queried = [this.#layout.header, this.#scratch + SCRATCH.query, radiusBits] as const;
    const survivorsMax = Math.max(SURVIVORS_MIN, this.entryCount * SURVIVOR_SHARE);
    const buckets = this.#scratch + SCRATCH.buckets;
    const scratch = [
      this.#scratch + SCRATCH.survivors,
      survivorsMax,
      this.#scratch + SCRATCH.results,
      RESULTS,
    ] as const;
    const found = this.scanned
      ? GAVE_UP
      : isLoose
        ? this.#kernel.searchLoosely(...queried, buckets, ...scratch)
        : this.#kernel.search(...queried, PROBES[radiusBits >> 4]!, buckets, ...scratch);
    if (found === 0) return [];
    // Many near-copies: a plain scan reads each entry once, not up to sixteen times, and returns results piece by piece.
    return found === GAVE_UP ? this.#scan(radiusBits) : this.#candidates(found).sort(byDistance);
  }

  #oneByOne(hashes256: Uint8Array, radiusBits: number): CandidateColumns {
    return searchOneByOne((hash256) => this.search(hash256, radiusBits), hashes256);
  }

  #inParts(hashes256: Uint8Array, radiusBits: number, most: number): CandidateColumns {
    const pieces: CandidateColumns[] = [];
    for (let from = 0; from < hashes256.length; from += most * HASH256_BYTES) {
      pieces.push(this.searchBatch(hashes256.subarray(from, from + most * HASH256_BYTES), radiusBits));
    }
    return joinColumns(pieces, most);
  }

  /** Search at most BATCH_QUERIES, or JOIN_QUERIES. Result: the number of result rows, or GAVE_UP. */
  #searchTogether(hashes256: Uint8Array, radiusBits: number, isJoin: boolean): number {
    const count = hashes256.length / HASH256_BYTES;
    const scratch = this.#scratch;
    this.#queries.set(hashes256);
    this.#kernel.toChunks(scratch + SCRATCH.queries, count);
    const survivors = Math.max(BATCH_SURVIVORS_MIN, this.entryCount * BATCH_SURVIVOR_SHARE);
    const budget = Math.min(0xffff_ffff, SURVIVORS_MIN + count * survivors);
    const queried = [this.#layout.header, scratch + SCRATCH.queries, count, radiusBits] as const;
    const outputs = [scratch + SCRATCH.survivors, budget, scratch + SCRATCH.results, BATCH_RESULTS] as const;
    if (!isJoin) {
      const { groups, records, columns } = SCRATCH;
      return this.#kernel.searchBatch(...queried, scratch + groups, scratch + records, scratch + columns, ...outputs);
    }
    const { starts, sorted, gathered } = SCRATCH;
    return this.#kernel.searchJoin(...queried, scratch + starts, scratch + sorted, scratch + gathered, ...outputs);
  }

  #scan(radiusBits: number): Candidate[] {
    this.scanned = true;
    const found: Candidate[] = [];
    for (let from = 0; from < this.entryCount; from += RESULTS) {
      const to = Math.min(this.entryCount, from + RESULTS);
      const { query, results } = SCRATCH;
      const { hashes } = this.#layout;
      const count = this.#kernel.scan(this.#scratch + query, radiusBits, hashes, from, to, this.#scratch + results);
      for (const candidate of this.#candidates(count)) found.push(candidate);
    }
    return found.sort(byDistance);
  }

  #candidates(count: number): Candidate[] {
    const candidates = new Array<Candidate>(count);
    for (let at = 0; at < count; at++) {
      candidates[at] = { entryIndex: this.#results[at * 2]!, distanceBits: this.#results[at * 2 + 1]! >>> 16 };
    }
    return candidates;
  }
}

/** Add the first candidate of each query. `from`: the place of the first query. */
function addNearest(
  nearest: Map<number, Candidate>,
  from: number,
  { count, queryIndex, entryIndex, distanceBits }: CandidateColumns,
): void {
  for (let row = 0; row < count; row++) {
    const at = from + queryIndex[row]!;
    if (!nearest.has(at)) nearest.set(at, { entryIndex: entryIndex[row]!, distanceBits: distanceBits[row]! });
  }
}
