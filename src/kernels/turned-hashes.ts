/**
 * Hashes of one picture in all orientations and both families, kept without loss in a fraction of their bytes.
 *
 * Four of the eight are the transposes of the other four, bit for bit. Of those four, three are foretold by the sign
 * rule within some twenty bits, and the second family by the first within some eight: kept are the bits where the
 * foretelling is wrong. Anything else than this (other orders, other counts) is kept as it is: nothing is assumed.
 *
 * Layout  per list of hashes: 1 bit, foretold or raw; then the corrections, see `BitWriter.positions`.
 */
import { HASH256_BYTES } from '../core/hash256.js';
import { ORIENTATIONS, type Orientation } from '../core/vocabulary.js';
import { turnPdqBits } from './pdq-signs.js';

/** Orientations that are kept, and the transposes that follow from them. */
const KEPT: readonly Orientation[] = ['original', 'rotate180', 'flipX', 'flipY'];
const TRANSPOSE_OF: Readonly<Partial<Record<Orientation, Orientation>>> = {
  flipPlus1: 'original',
  flipMinus1: 'rotate180',
  rotate270: 'flipX',
  rotate90: 'flipY',
};
const placeOf = (orientation: Orientation) => ORIENTATIONS.indexOf(orientation);
const KEPT_PLACES = KEPT.map(placeOf);
const TRANSPOSED_PLACES = ORIENTATIONS.flatMap((orientation, to) => {
  const source = TRANSPOSE_OF[orientation];
  return source === undefined ? [] : [[placeOf(source), to] as const];
});
/** The sign rule without transposition turns the same bits of every hash. */
const ZERO = new Uint8Array(HASH256_BYTES);
const SIGN_MASKS = KEPT.map((orientation) => turnPdqBits(ZERO, orientation));

/** Shape: 32 bytes → the hash of the transposed picture: bit (i, j) becomes bit (j, i). Source: Hacker's Delight, 7-3. */
export function transposeBits(hash256: Uint8Array): Uint8Array {
  const rows = new Uint16Array(16);
  for (let row = 0; row < 16; row++) rows[row] = (hash256[30 - 2 * row]! << 8) | hash256[31 - 2 * row]!;
  for (let step = 8, mask = 0x00ff; step > 0; step >>= 1, mask ^= mask << step) {
    for (let row = 0; row < 16; row = ((row | step) + 1) & ~step) {
      const swapped = ((rows[row]! >>> step) ^ rows[row | step]!) & mask;
      rows[row | step]! ^= swapped;
      rows[row]! ^= swapped << step;
    }
  }
  const out = new Uint8Array(HASH256_BYTES);
  for (let row = 0; row < 16; row++) {
    out[30 - 2 * row] = rows[row]! >>> 8;
    out[31 - 2 * row] = rows[row]! & 0xff;
  }
  return out;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(HASH256_BYTES);
  for (let at = 0; at < HASH256_BYTES; at++) out[at] = a[at]! ^ b[at]!;
  return out;
}

const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** A count that says: all 256 bits follow. */
const ALL_BITS = 63;
/** Of gaps between wrong bits: 256 bits over 1 to 62 of them. */
const RICE_MIN = 2;

class BitWriter {
  readonly #bytes: number[] = [];
  #held = 0;
  #bits = 0;

  write(value: number, bits: number): void {
    for (let bit = bits - 1; bit >= 0; bit--) {
      this.#held = (this.#held << 1) | ((value >>> bit) & 1);
      if (++this.#bits < 8) continue;
      this.#bytes.push(this.#held);
      this.#held = 0;
      this.#bits = 0;
    }
  }

  /** 6 bits of count, 2 of Rice parameter, the gaps between set bits in Rice code; or 256 bits where they are many. */
  positions(bits256: Uint8Array): void {
    const gaps: number[] = [];
    let last = -1;
    for (let at = 0; at < 256; at++) {
      if (((bits256[at >> 3]! >> (at & 7)) & 1) === 0) continue;
      gaps.push(at - last - 1);
      last = at;
    }
    if (gaps.length >= ALL_BITS) {
      this.write(ALL_BITS, 6);
      for (const byte of bits256) this.write(byte, 8);
      return;
    }
    this.write(gaps.length, 6);
    if (gaps.length === 0) return;
    const cost = (k: number) => gaps.reduce((sum, gap) => sum + (gap >>> k) + 1 + k, 0);
    const choices = [0, 1, 2, 3].map((choice) => cost(RICE_MIN + choice));
    const choice = choices.indexOf(Math.min(...choices));
    this.write(choice, 2);
    const k = RICE_MIN + choice;
    for (const gap of gaps) {
      for (let ones = gap >>> k; ones > 0; ones--) this.write(1, 1);
      this.write(0, 1);
      this.write(gap & ((1 << k) - 1), k);
    }
  }

  done(): number[] {
    if (this.#bits > 0) this.write(0, 8 - this.#bits);
    return this.#bytes;
  }
}

class BitReader {
  #at = 0;
  constructor(
    readonly bytes: Uint8Array,
    readonly from: number,
  ) {}

  /** Bytes begun. */
  get length(): number {
    return (this.#at + 7) >> 3;
  }

  bit(): number {
    const byte = this.bytes[this.from + (this.#at >> 3)];
    if (byte === undefined) throw new RangeError('the packed hashes end too soon');
    return (byte >> (7 - (this.#at++ & 7))) & 1;
  }

  /** At most 16 bits: they lie in three bytes. */
  read(bits: number): number {
    const end = this.#at + bits;
    const byte = this.from + (this.#at >> 3);
    if (this.from + ((end + 7) >> 3) > this.bytes.length) throw new RangeError('the packed hashes end too soon');
    const three = (this.bytes[byte]! << 16) | ((this.bytes[byte + 1] ?? 0) << 8) | (this.bytes[byte + 2] ?? 0);
    const value = (three >>> (24 - (this.#at & 7) - bits)) & ((1 << bits) - 1);
    this.#at = end;
    return value;
  }

  /** Turns the wrong bits of `foretold`, in place. */
  correct(foretold: Uint8Array): Uint8Array {
    const count = this.read(6);
    if (count === ALL_BITS) {
      for (let at = 0; at < HASH256_BYTES; at++) foretold[at]! ^= this.read(8);
      return foretold;
    }
    if (count === 0) return foretold;
    const k = RICE_MIN + this.read(2);
    let at = -1;
    for (let n = 0; n < count; n++) {
      let high = 0;
      while (this.bit() === 1) high++;
      at += 1 + (high << k) + this.read(k);
      if (at > 255) throw new RangeError('the packed hashes name a bit that there is not');
      foretold[at >> 3]! ^= 1 << (at & 7);
    }
    return foretold;
  }
}

/** What a list's hashes are foretold from: nothing, or the first list. */
function isRegular(hashes: readonly Uint8Array[]): boolean {
  return (
    hashes.length === ORIENTATIONS.length &&
    TRANSPOSED_PLACES.every(([from, to]) => isSame(transposeBits(hashes[from]!), hashes[to]!))
  );
}

/** Shape: lists (families) of 1 or 8 hashes of 32 bytes, in the order of `ORIENTATIONS`. The reader must know the counts. */
export function packTurnedHashes(lists: readonly (readonly Uint8Array[])[]): Uint8Array {
  const bits = new BitWriter();
  const raw = (hash: Uint8Array) => {
    for (const byte of hash) bits.write(byte, 8);
  };
  const first = lists[0];
  const firstRegular = first !== undefined && isRegular(first);
  lists.forEach((hashes, list) => {
    const foretells = isRegular(hashes) && (list === 0 || firstRegular);
    bits.write(foretells ? 1 : 0, 1);
    if (!foretells) {
      hashes.forEach((hash, at) => {
        const before = list > 0 ? first![at] : undefined;
        if (before) bits.positions(xor(hash, before));
        else raw(hash);
      });
      return;
    }
    KEPT_PLACES.forEach((place, at) => {
      if (list > 0) bits.positions(xor(hashes[place]!, first![place]!));
      else if (at === 0) raw(hashes[place]!);
      else bits.positions(xor(hashes[place]!, xor(hashes[0]!, SIGN_MASKS[at]!)));
    });
  });
  return Uint8Array.from(bits.done());
}

/**
 * Shape   `counts`: hashes of each list. Result: the lists, and how many bytes of `bytes` they took.
 * Errors  RangeError: the bytes are not what was packed.
 */
export function unpackTurnedHashes(
  bytes: Uint8Array,
  from: number,
  counts: readonly number[],
): { readonly lists: Uint8Array[][]; readonly length: number } {
  const bits = new BitReader(bytes, from);
  const raw = () => {
    const hash = new Uint8Array(HASH256_BYTES);
    for (let at = 0; at < HASH256_BYTES; at++) hash[at] = bits.read(8);
    return hash;
  };
  const lists: Uint8Array[][] = [];
  counts.forEach((count, list) => {
    const first = lists[0];
    if (bits.bit() === 0) {
      lists.push(
        Array.from({ length: count }, (_, at) => {
          const before = list > 0 ? first![at] : undefined;
          return before ? bits.correct(before.slice()) : raw();
        }),
      );
      return;
    }
    const hashes = new Array<Uint8Array>(ORIENTATIONS.length);
    KEPT_PLACES.forEach((place, at) => {
      if (list > 0) hashes[place] = bits.correct(first![place]!.slice());
      else if (at === 0) hashes[place] = raw();
      else hashes[place] = bits.correct(xor(hashes[0]!, SIGN_MASKS[at]!));
    });
    for (const [source, to] of TRANSPOSED_PLACES) hashes[to] = transposeBits(hashes[source]!);
    lists.push(hashes);
  });
  return { lists, length: bits.length };
}
