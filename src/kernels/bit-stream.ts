/** Numbers of any number of bits in sequence, the highest bit first, and in Rice code: `value >> k` ones, a zero, and the lowest `k` bits. */

export class BitWriter {
  readonly bytes: number[] = [];
  #bits = 0;

  write(value: number, bits: number): void {
    for (let bit = bits - 1; bit >= 0; bit--) {
      if (this.#bits === 0) this.bytes.push(0);
      this.bytes[this.bytes.length - 1]! |= ((value >>> bit) & 1) << (7 - this.#bits);
      this.#bits = (this.#bits + 1) & 7;
    }
  }

  rice(value: number, k: number): void {
    for (let ones = value >>> k; ones > 0; ones--) this.write(1, 1);
    this.write(0, 1);
    this.write(value & ((1 << k) - 1), k);
  }
}

/** Bit reader. Past the end it reads zeros: the caller checks `end` at last. */
export class BitReader {
  #at: number;
  constructor(
    readonly bytes: Uint8Array,
    from: number,
  ) {
    this.#at = 8 * from;
  }

  /** Position of the first unread byte. */
  get end(): number {
    return (this.#at + 7) >> 3;
  }

  /** Read at most 16 bits, which span at most three bytes. */
  read(bits: number): number {
    const byte = this.#at >> 3;
    const three = ((this.bytes[byte] ?? 0) << 16) | ((this.bytes[byte + 1] ?? 0) << 8) | (this.bytes[byte + 2] ?? 0);
    const value = (three >>> (24 - (this.#at & 7) - bits)) & ((1 << bits) - 1);
    this.#at += bits;
    return value;
  }

  rice(k: number): number {
    let high = 0;
    while (this.read(1) === 1) high++;
    return (high << k) + this.read(k);
  }
}
