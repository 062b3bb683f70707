/** Cryptographic digests of a file's bytes, several in one pass: each block is read from the cache, not from memory. */
import { createHash } from 'node:crypto';
import type { DigestAlgorithm, Digests } from '../core/vocabulary.js';

/** A block that stays in a core's second-level cache while all digests read it. */
const BLOCK_BYTES = 65_536;

/** Compute digests. Shape: bytes of any length → lower-case hex per wanted algorithm. Source: RFC 1321 (MD5), FIPS 180-4 (SHA-1, SHA-256). */
export function computeDigests(bytes: Uint8Array, wanted: readonly DigestAlgorithm[]): Digests {
  const hashers = wanted.map((algorithm) => ({ algorithm, hasher: createHash(algorithm) }));
  for (let from = 0; from < bytes.byteLength; from += BLOCK_BYTES) {
    const block = bytes.subarray(from, from + BLOCK_BYTES);
    for (const { hasher } of hashers) hasher.update(block);
  }
  return Object.fromEntries(hashers.map(({ algorithm, hasher }) => [algorithm, hasher.digest('hex')]));
}
