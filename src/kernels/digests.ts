/** Cryptographic digests of a file's bytes, several in one pass: each block is read from the cache, not from memory. */
import { createHash, type Hash } from 'node:crypto';
import type { DigestAlgorithm, Digests } from '../core/vocabulary.js';

/** A block that stays in a core's second-level cache while all digests read it. */
const BLOCK_BYTES = 65_536;

/** Digests of bytes that arrive in pieces. */
export class DigestStream {
  readonly #hashers: readonly { readonly algorithm: DigestAlgorithm; readonly hasher: Hash }[];

  constructor(wanted: readonly DigestAlgorithm[]) {
    this.#hashers = wanted.map((algorithm) => ({ algorithm, hasher: createHash(algorithm) }));
  }

  update(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.byteLength; from += BLOCK_BYTES) {
      const block = bytes.subarray(from, from + BLOCK_BYTES);
      for (const { hasher } of this.#hashers) hasher.update(block);
    }
  }

  /** Return the digests, lower-case hex; nothing can be added afterwards. */
  end(): Digests {
    return Object.fromEntries(this.#hashers.map(({ algorithm, hasher }) => [algorithm, hasher.digest('hex')]));
  }
}

/** Compute digests. Shape: bytes of any length → lower-case hex per wanted algorithm. Source: RFC 1321 (MD5), FIPS 180-4 (SHA-1, SHA-256). */
export function computeDigests(bytes: Uint8Array, wanted: readonly DigestAlgorithm[]): Digests {
  const digests = new DigestStream(wanted);
  digests.update(bytes);
  return digests.end();
}
