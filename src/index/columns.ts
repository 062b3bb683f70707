/** Columns of candidates, from searches one by one or from packed rows of any order. */
import { HASH256_BYTES } from '../core/hash256.js';
import type { Candidate, CandidateColumns } from './types.js';

/** For an index that gains nothing from a batch. */
export function searchOneByOne(
  search: (hash256: Uint8Array) => readonly Candidate[],
  hashes256: Uint8Array,
): CandidateColumns {
  const rows: (Candidate & { readonly queryIndex: number })[] = [];
  for (let queryIndex = 0; queryIndex * HASH256_BYTES < hashes256.length; queryIndex++) {
    const hash256 = hashes256.subarray(queryIndex * HASH256_BYTES, (queryIndex + 1) * HASH256_BYTES);
    for (const candidate of search(hash256)) rows.push({ ...candidate, queryIndex });
  }
  return {
    count: rows.length,
    queryIndex: Uint32Array.from(rows, (row) => row.queryIndex),
    entryIndex: Uint32Array.from(rows, (row) => row.entryIndex),
    distanceBits: Uint16Array.from(rows, (row) => row.distanceBits),
  };
}
