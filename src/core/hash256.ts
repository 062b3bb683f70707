/**
 * A 256-bit perceptual hash, packed: 32 bytes in the order of its 64 hex digits.
 * Distances do not depend on the order, so the index may read the same bytes as words of any width.
 */
import { AppError } from './errors.js';

export const HASH256_BYTES = 32;

const HEX64 = /^[0-9a-f]{64}$/i;

/**
 * Parse a 256-bit hash.
 *
 * Shape   64 hex digits of either case → Uint8Array(32).
 * Errors  VALUE_INVALID; the value itself is not in the error, since it may come from a list.
 */
export function parseHash256(hex: string): Uint8Array {
  if (!HEX64.test(hex)) throw new AppError('VALUE_INVALID', { expected: '64 hex digits', gotLength: hex.length });
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** Format a 256-bit hash. Shape: Uint8Array(32) → 64 lower-case hex digits. */
export function formatHash256(hash256: Uint8Array): string {
  return Buffer.from(hash256.buffer, hash256.byteOffset, HASH256_BYTES).toString('hex');
}

/** Byte → its set bits. */
const WEIGHTS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** Return the number of set bits. Shape: 32 bytes. Unit: bits, 0..256. */
export function weight256(hash256: Uint8Array): number {
  let weight = 0;
  for (const byte of hash256) weight += WEIGHTS[byte]!;
  return weight;
}
