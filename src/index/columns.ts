/** Columns of candidates, from searches one by one or from packed rows of any order. */
import { HASH256_BYTES } from '../core/hash256.js';
import type { Candidate, CandidateColumns } from './types.js';

/** Search one by one, for an index without a faster batch. */
export function searchOneByOne(
  search: (hash256: Uint8Array) => readonly Candidate[],
  hashes256: Uint8Array,
): CandidateColumns {
  const found: (readonly Candidate[])[] = [];
  for (let at = 0; at < hashes256.length; at += HASH256_BYTES)
    found.push(search(hashes256.subarray(at, at + HASH256_BYTES)));
  const columns = emptyColumns(found.reduce((sum, { length }) => sum + length, 0));
  let row = 0;
  for (const [queryIndex, candidates] of found.entries())
    for (const { entryIndex, distanceBits } of candidates) {
      columns.queryIndex[row] = queryIndex;
      columns.entryIndex[row] = entryIndex;
      columns.distanceBits[row] = distanceBits;
      row++;
    }
  return columns;
}

/** Bits of a packed row's sort key: query above distance above entry; 16 + 9 + 27 fit a double exactly. */
const ENTRY_SPAN = 2 ** 27;
const DISTANCE_SPAN = 2 ** 9;

/** Sort the rows of the ring's kernel: entry, then query in the low and distance in the high 16 bits. */
export function packedColumns(rows: Uint32Array, count: number): CandidateColumns {
  const keys = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    const about = rows[at * 2 + 1]!;
    keys[at] = ((about & 0xffff) * DISTANCE_SPAN + (about >>> 16)) * ENTRY_SPAN + rows[at * 2]!;
  }
  keys.sort();
  const columns = emptyColumns(count);
  for (let at = 0; at < count; at++) {
    const key = keys[at]!;
    const rest = Math.floor(key / ENTRY_SPAN);
    columns.entryIndex[at] = key - rest * ENTRY_SPAN;
    columns.queryIndex[at] = Math.floor(rest / DISTANCE_SPAN);
    columns.distanceBits[at] = rest % DISTANCE_SPAN;
  }
  return columns;
}

function emptyColumns(count: number): CandidateColumns {
  return {
    count,
    queryIndex: new Uint32Array(count),
    entryIndex: new Uint32Array(count),
    distanceBits: new Uint16Array(count),
  };
}

/** Concatenate columns; piece k holds the queries from k × `queriesPerPiece`. */
export function joinColumns(pieces: readonly CandidateColumns[], queriesPerPiece: number): CandidateColumns {
  if (pieces.length === 1) return pieces[0]!;
  const joined = emptyColumns(pieces.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  pieces.forEach((piece, k) => {
    joined.entryIndex.set(piece.entryIndex, at);
    joined.distanceBits.set(piece.distanceBits, at);
    for (let row = 0; row < piece.count; row++)
      joined.queryIndex[at + row] = piece.queryIndex[row]! + k * queriesPerPiece;
    at += piece.count;
  });
  return joined;
}
