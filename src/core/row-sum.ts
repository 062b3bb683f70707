/**
 * Checksum of a set of rows: the sum of their SHA-256. Adding, changing or removing a row updates it without reading the
 * other rows. It detects accidents, not forgery.
 */
const WORDS = 8;

/** Eight sums modulo 2^32, one for each word of the rows' SHA-256. */
export class RowSum {
  readonly #sums: Uint32Array;

  /** `hex`: as returned by `toHex`; empty for no rows. */
  constructor(hex = '') {
    const bytes = Buffer.from(hex, 'hex');
    this.#sums = Uint32Array.from({ length: WORDS }, (_, word) =>
      bytes.length > 0 ? bytes.readUInt32BE(word * 4) : 0,
    );
  }

  /** Add or remove a row. `sign`: 1 to add, -1 to remove. Shape: digest, 32 bytes. */
  change(digest: Buffer, sign: 1 | -1): void {
    // Uint32Array reduces each sum modulo 2^32.
    for (let word = 0; word < WORDS; word++)
      this.#sums[word] = this.#sums[word]! + sign * digest.readUInt32BE(word * 4);
  }

  toHex(): string {
    const bytes = Buffer.alloc(WORDS * 4);
    this.#sums.forEach((sum, word) => {
      bytes.writeUInt32BE(sum, word * 4);
    });
    return bytes.toString('hex');
  }
}
