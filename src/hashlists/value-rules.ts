/**
 * Values that identify nothing: unrelated files have them. On a list each would match every empty file, or every flat
 * image. The rules are the same for match lists and suppression lists.
 */
import { hasBlockhashDetail } from '../core/blockhash-weight.js';
import { weight256 } from '../core/hash256.js';
import type { RejectReason } from '../core/parsed-row.js';
import type { Algorithm } from '../core/vocabulary.js';

/** Set bits of a PDQ hash are 128 unless values tie; the reference's own images stay within a few of it. */
export const PDQ_WEIGHT_MIN = 112;
export const PDQ_WEIGHT_MAX = 144;

/** Digests of the empty file. Sources: RFC 1321, section A.5; FIPS 180-4, by any implementation. */
const OF_NOTHING: ReadonlySet<string> = new Set([
  'd41d8cd98f00b204e9800998ecf8427e',
  'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
]);

/** A field that was never filled, or was erased. */
const UNFILLED = /^(0+|f+)$/;
/** One byte repeated: the PhotoDNA value of a flat image. */
const ONE_BYTE = /^(..)\1*$/;

/** Return the reason to refuse a value; null for none. `hex`: lower case, of the algorithm's length. */
export function valueFault(algorithm: Algorithm, hex: string): RejectReason | null {
  if (algorithm === 'pdq') return hasPdqWeight(hex) ? null : 'weight';
  if (algorithm === 'blockhash') return hasBlockhashDetail(Buffer.from(hex, 'hex')) ? null : 'weight';
  const isMeaningless = algorithm === 'photodna' ? ONE_BYTE.test(hex) : OF_NOTHING.has(hex) || UNFILLED.test(hex);
  return isMeaningless ? 'meaningless' : null;
}

function hasPdqWeight(hex: string): boolean {
  const weight = weight256(Buffer.from(hex, 'hex'));
  return weight >= PDQ_WEIGHT_MIN && weight <= PDQ_WEIGHT_MAX;
}
