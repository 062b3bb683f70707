/** Interfaces of a radius index: built once, sealed, and read-only afterwards. */

const INDEX_KINDS = ['ring', 'linear', 'hnsw'] as const;
export type IndexKind = (typeof INDEX_KINDS)[number];

/** An entry within the radius. `entryIndex` counts from 0 in the order of adding. */
export interface Candidate {
  readonly entryIndex: number;
  readonly distanceBits: number;
}

/** Candidates of many queries, as columns of `count` rows: ascending by query, then by distance, then by entry. */
export interface CandidateColumns {
  readonly count: number;
  /** Position of the query in the batch. */
  readonly queryIndex: Uint32Array;
  readonly entryIndex: Uint32Array;
  readonly distanceBits: Uint16Array;
}

export interface RadiusIndex {
  readonly kind: IndexKind;
  /** True where `search` returns every entry within the radius. */
  readonly exact: boolean;
  readonly entryCount: number;
  readonly memoryBytes: number;
  /** Return the hash of an entry, for as long as nothing else is called. */
  hashOf(entryIndex: number): Uint8Array;
  /**
   * Shape   `hash256`: Uint8Array(32). Result: ascending by distance, then by entry.
   * Unit    `radiusBits`: bits, inclusive, 0..256.
   * Errors  RADIUS_INVALID.
   */
  search(hash256: Uint8Array, radiusBits: number): Candidate[];
  /**
   * Search many queries at once, with the same results, where that is faster.
   * Shape   `hashes256`: queries × 32 bytes.
   * Errors  RADIUS_INVALID.
   */
  searchBatch(hashes256: Uint8Array, radiusBits: number): CandidateColumns;
  /**
   * As `searchBatch`, in a fraction of the time, but of entries that are farther away than 31 bits it may miss some. What it finds is in
   * docs/index.md.
   * Errors  RADIUS_INVALID.
   */
  searchLoosely(hashes256: Uint8Array, radiusBits: number): CandidateColumns;
}

export interface IndexBuilder {
  /** Add a hash (Uint8Array(32), copied), and return the entry's index. */
  add(hash256: Uint8Array): number;
  /** Seal the index; the builder must not be used afterwards. Errors INDEX_FULL. */
  seal(): RadiusIndex;
}
