/** Hashes end to end in one growing buffer, gathered by all builders before they seal. */
import { HASH256_BYTES } from '../core/hash256.js';

export class HashBytes {
  #bytes: Uint8Array;
  #count = 0;

  constructor(expectedCount: number) {
    this.#bytes = new Uint8Array(Math.max(1, expectedCount) * HASH256_BYTES);
  }

  get count(): number {
    return this.#count;
  }

  add(hash256: Uint8Array): number {
    if ((this.#count + 1) * HASH256_BYTES > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(hash256, this.#count * HASH256_BYTES);
    return this.#count++;
  }

  /** Return the hashes. Shape: count × 32 bytes; a view, not a copy. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#count * HASH256_BYTES);
  }
}
