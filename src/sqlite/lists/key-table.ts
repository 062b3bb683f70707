/**
 * Entry keys by a hash, in memory: 12 to 20 bytes a key. Any number of keys may have one hash: adding one costs the same, and only
 * who finds them pays for them.
 */

/** Odd: the high bits of a product with it depend on all bits of the hash. */
const SPREAD = 0x9e3779b1;
const HASH_BITS = 32;
const BITS_MIN = 10;

export class KeyTable {
  /** Binary logarithm of the number of chains. */
  #bits: number;
  /** First place of each chain; 0 ends a chain. */
  #heads: Uint32Array;
  #next: Uint32Array;
  #hashes: Uint32Array;
  #keys: Uint32Array;
  #count = 0;

  /** `expected`: keys that it will have; it grows where they are more. */
  constructor(expected: number) {
    this.#bits = Math.max(BITS_MIN, Math.ceil(Math.log2(expected + 1)));
    const places = 2 ** this.#bits;
    this.#heads = new Uint32Array(places);
    this.#next = new Uint32Array(places);
    this.#hashes = new Uint32Array(places);
    this.#keys = new Uint32Array(places);
  }

  /** `hash`: 32 bits. `key`: at most 2^32 - 1. */
  add(hash: number, key: number): void {
    const place = ++this.#count;
    if (place === this.#keys.length) this.#grow();
    this.#hashes[place] = hash;
    this.#keys[place] = key;
    this.#link(place);
  }

  /** Keys of a hash, rising, each once. */
  find(hash: number): number[] {
    const wanted = hash >>> 0;
    const found: number[] = [];
    for (let place = this.#heads[this.#chainOf(wanted)]!; place !== 0; place = this.#next[place]!)
      if (this.#hashes[place] === wanted) found.push(this.#keys[place]!);
    if (found.length < 2) return found;
    return found.sort((a, b) => a - b).filter((key, at) => key !== found[at - 1]);
  }

  #chainOf(hash: number): number {
    return Math.imul(hash, SPREAD) >>> (HASH_BITS - this.#bits);
  }

  #link(place: number): void {
    const chain = this.#chainOf(this.#hashes[place]!);
    this.#next[place] = this.#heads[chain]!;
    this.#heads[chain] = place;
  }

  #grow(): void {
    this.#bits++;
    const places = 2 ** this.#bits;
    const larger = (from: Uint32Array) => {
      const to = new Uint32Array(places);
      to.set(from);
      return to;
    };
    this.#hashes = larger(this.#hashes);
    this.#keys = larger(this.#keys);
    this.#heads = new Uint32Array(places);
    this.#next = new Uint32Array(places);
    for (let place = 1; place < this.#count; place++) this.#link(place);
  }
}
