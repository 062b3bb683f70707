/**
 * Digests → entries, exactly: an open-addressing table in one shared memory, read by any number of threads at once.
 * The whole digest is compared: a table that trusted a prefix would eventually report an unrelated file.
 *
 * A slot is chosen by simple tabulation, with fresh random words for each table. The author of a list controls its digests:
 * a million with the same first bytes, or made to collide, must not make the probing slow.
 *
 * Source  Pătraşcu, Thorup: The Power of Simple Tabulation Hashing, 2011 (linear probing in constant expected time).
 */
import { randomFillSync } from 'node:crypto';
import { AppError } from '../core/errors.js';
import { type DigestTableKernel, loadDigestTableKernel } from '../kernels/digest-table-wasm.js';
import {
  DIGEST_ENTRIES_MAX,
  type DigestLayout,
  digestLayout,
  HEAD_ENTRY,
  HEAD_IS_FOLLOWED,
  HEADER_FOLLOWER_COUNT,
  headerWords,
  PIECE_QUERIES,
  READERS,
  SCRATCH,
  WIDTH_MAX,
  WIDTH_MIN,
} from './digest-layout.js';

export interface DigestTable {
  readonly entryCount: number;
  readonly memoryBytes: number;
  /** Return all entries with this digest, ascending. Shape: `width` bytes; any other length is in no table. */
  lookup(digest: Uint8Array): number[];
  /** The same for many: rows ascending by query, then entry. Shape: count × `width` bytes. */
  lookupBatch(digests: Uint8Array): DigestRows;
  share(): DigestTableShare;
  /** Release the scratch; the table must not be searched afterwards. */
  close(): void;
}

export interface DigestRows {
  readonly count: number;
  readonly queryIndex: Uint32Array;
  readonly entryIndex: Uint32Array;
}

/** Handle by which another thread opens the same table; survives `postMessage`, and nothing is copied. */
export interface DigestTableShare {
  readonly memory: WebAssembly.Memory;
  readonly entryCount: number;
  readonly width: number;
}

const WASM_PAGE_BYTES = 65_536;
/** Memory that one follower makes resident, at most. */
const OS_PAGE_BYTES = 4_096;

/** One page is enough to read from the kernel where its static data ends. */
let heapBase: number | undefined;
function layoutFor({ entryCount, width }: Omit<DigestTableShare, 'memory'>): DigestLayout {
  heapBase ??= loadDigestTableKernel(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })).heapBase();
  return digestLayout(heapBase, entryCount, width);
}

/**
 * Allocate a memory and copy the digests; its slots are not filled yet.
 * Shape   `parts`: N × `width` bytes together.
 * Errors  INDEX_FULL: more than DIGEST_ENTRIES_MAX.
 */
export function layOutDigestTable(parts: readonly Uint8Array[], width: number): DigestTableShare {
  const entryCount = parts.reduce((bytes, part) => bytes + part.length, 0) / width;
  // The kernel hashes four bytes per step and compares the first and the last 16.
  if (width < WIDTH_MIN || width > WIDTH_MAX || width % 4 !== 0) throw new RangeError(`digests of ${width} bytes`);
  if (!Number.isInteger(entryCount)) throw new RangeError(`${entryCount} digests of ${width} bytes`);
  if (entryCount > DIGEST_ENTRIES_MAX) throw new AppError('INDEX_FULL', { entryCount, most: DIGEST_ENTRIES_MAX });
  const layout = layoutFor({ entryCount, width });
  const pages = Math.ceil(layout.totalBytes / WASM_PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const share = { memory, entryCount, width };
  const digests = digestsOf(share);
  let at = 0;
  for (const part of parts) {
    digests.set(part, at);
    at += part.length;
  }
  randomFillSync(new Uint32Array(memory.buffer, layout.randoms, width * 256));
  const words = headerWords(layout, entryCount, width);
  new Uint32Array(memory.buffer, layout.header, words.length).set(words);
  return share;
}

/** Return a view of the digests, in the order of entries. Shape: N × `width` bytes. */
export function digestsOf(share: DigestTableShare): Uint8Array {
  return new Uint8Array(share.memory.buffer, layoutFor(share).digests, share.entryCount * share.width);
}

/** Fill the slots; once for a memory, by any thread, before a reader opens it. */
export function fillDigestTable(share: DigestTableShare): void {
  const { header, scratches } = layoutFor(share);
  loadDigestTableKernel(share.memory).build(header, scratches + SCRATCH.waiting);
}

/** Build a table. Shape: N × `width` bytes. Errors INDEX_FULL: more than DIGEST_ENTRIES_MAX. */
export function buildDigestTable(digests: Uint8Array, width: number): DigestTable {
  const share = layOutDigestTable([digests], width);
  fillDigestTable(share);
  return openDigestTable(share);
}

/** Open a shared table. Errors INDEX_FULL where as many readers as there are scratches have it open. */
export function openDigestTable(share: DigestTableShare): DigestTable {
  return new SharedDigestTable(share);
}

class SharedDigestTable implements DigestTable {
  readonly entryCount: number;
  readonly memoryBytes: number;
  readonly #share: DigestTableShare;
  readonly #kernel: DigestTableKernel;
  readonly #header: number;
  readonly #readers: Int32Array;
  readonly #reader: number;
  readonly #scratch: number;
  readonly #queries: Uint8Array;
  readonly #heads: Uint32Array;
  readonly #followers: Uint32Array;
  #isClosed = false;

  constructor(share: DigestTableShare) {
    const { memory, entryCount, width } = share;
    const layout = layoutFor(share);
    const followerCount = new Uint32Array(memory.buffer, layout.header)[HEADER_FOLLOWER_COUNT]!;
    this.#share = share;
    this.entryCount = entryCount;
    this.memoryBytes = layout.followers + Math.min(entryCount * 4, followerCount * OS_PAGE_BYTES) + SCRATCH.bytes;
    this.#kernel = loadDigestTableKernel(memory);
    this.#header = layout.header;
    this.#readers = new Int32Array(memory.buffer, layout.readers, READERS);
    this.#reader = this.#readers.findIndex((_, at) => Atomics.compareExchange(this.#readers, at, 0, 1) === 0);
    if (this.#reader < 0) throw new AppError('INDEX_FULL', { readers: READERS });
    this.#scratch = layout.scratches + this.#reader * SCRATCH.bytes;
    this.#queries = new Uint8Array(memory.buffer, this.#scratch + SCRATCH.queries, PIECE_QUERIES * width);
    this.#heads = new Uint32Array(memory.buffer, this.#scratch + SCRATCH.heads, PIECE_QUERIES);
    this.#followers = new Uint32Array(memory.buffer, layout.followers, entryCount);
  }

  lookup(digest: Uint8Array): number[] {
    if (digest.length !== this.#share.width) return [];
    this.#find(digest, 1);
    const head = this.#heads[0]!;
    const found: number[] = [];
    for (let entry = firstOf(head); entry >= 0; entry = this.#after(head, entry)) found.push(entry);
    return found;
  }

  lookupBatch(digests: Uint8Array): DigestRows {
    const { width } = this.#share;
    const heads = new Uint32Array(Math.floor(digests.length / width));
    for (let from = 0; from < heads.length; from += PIECE_QUERIES) {
      const count = Math.min(PIECE_QUERIES, heads.length - from);
      this.#find(digests.subarray(from * width, (from + count) * width), count);
      heads.set(this.#heads.subarray(0, count), from);
    }
    return this.#rowsOf(heads);
  }

  share(): DigestTableShare {
    return this.#share;
  }

  close(): void {
    // Once only: the scratch may already belong to another reader.
    if (!this.#isClosed) Atomics.store(this.#readers, this.#reader, 0);
    this.#isClosed = true;
  }

  /** Fill `heads`. At most PIECE_QUERIES. */
  #find(digests: Uint8Array, count: number): void {
    this.#queries.set(digests);
    this.#kernel.find(
      this.#header,
      this.#scratch + SCRATCH.queries,
      count,
      this.#scratch + SCRATCH.heads,
      this.#scratch + SCRATCH.waiting,
    );
  }

  #rowsOf(heads: Uint32Array): DigestRows {
    let count = 0;
    for (const head of heads) for (let entry = firstOf(head); entry >= 0; entry = this.#after(head, entry)) count++;
    const queryIndex = new Uint32Array(count);
    const entryIndex = new Uint32Array(count);
    let row = 0;
    for (let query = 0; query < heads.length; query++) {
      const head = heads[query]!;
      for (let entry = firstOf(head); entry >= 0; entry = this.#after(head, entry)) {
        queryIndex[row] = query;
        entryIndex[row++] = entry;
      }
    }
    return { count, queryIndex, entryIndex };
  }

  /** Return the next entry, or -1 at the end. Followers are read only where the head has some: that memory is rarely cached. */
  #after(head: number, entry: number): number {
    return (head & HEAD_IS_FOLLOWED) === 0 ? -1 : this.#followers[entry]! || -1;
  }
}

/** Return the first entry of a head, or -1 where there is none. */
function firstOf(head: number): number {
  return (head & HEAD_ENTRY) - 1;
}
