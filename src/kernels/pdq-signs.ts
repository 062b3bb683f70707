/**
 * The sign rule: hashes of rotated and mirrored images from the DCT of the original. Only approximate (transposition alone
 * is exact), because decimation and even filter windows are not symmetric; used to check against the reference's vectors,
 * and for callers that have only the bits.
 *
 * Source  PDQ reference, `pdqHash256esFromFloatLuma` (ThreatExchange, `pdq/cpp`).
 */
import { ORIENTATIONS, type Orientation } from '../core/vocabulary.js';
import { bitsOf, DCT_SIDE, transpose } from './pdq.js';

/** True where B[row][column] keeps its sign; for transposing orientations, before the transposition. */
const KEEPS_SIGN: Readonly<Record<Orientation, (row: number, column: number) => boolean>> = {
  original: () => true,
  rotate90: (_row, column) => column % 2 === 1,
  rotate180: (row, column) => (row + column) % 2 === 0,
  rotate270: (row) => row % 2 === 1,
  flipX: (row) => row % 2 === 1,
  flipY: (_row, column) => column % 2 === 1,
  flipPlus1: () => true,
  flipMinus1: (row, column) => (row + column) % 2 === 0,
};
const TRANSPOSES = new Set<Orientation>(['rotate90', 'rotate270', 'flipPlus1', 'flipMinus1']);

/** Return the hashes of all orientations. Shape: B as Float32Array(256) → eight hashes of 32 bytes, in the order of `ORIENTATIONS`. */
export function signRuleHashes(dct: Float32Array): Uint8Array[] {
  return ORIENTATIONS.map((orientation) => {
    const keeps = KEEPS_SIGN[orientation];
    const signed = dct.map((value, at) => (keeps(at >> 4, at & 15) ? value : -value));
    return bitsOf(TRANSPOSES.has(orientation) ? transpose(signed, DCT_SIDE) : signed);
  });
}

/** Apply the rule to bits alone: a changed sign is a changed bit (except for the value next to the median). */
export function reorientPdq(hash256: Uint8Array, orientation: Orientation): Uint8Array {
  const keeps = KEEPS_SIGN[orientation];
  const oriented = new Uint8Array(32);
  for (let at = 0; at < 256; at++) {
    const row = at >> 4;
    const column = at & 15;
    const bit = (hash256[31 - (at >> 3)]! >> (at & 7)) & 1;
    const to = TRANSPOSES.has(orientation) ? column * DCT_SIDE + row : at;
    if (bit === (keeps(row, column) ? 1 : 0)) oriented[31 - (to >> 3)]! |= 1 << (to & 7);
  }
  return oriented;
}
