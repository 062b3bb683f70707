/**
 * A checksum of a set of rows: the sum of their SHA-256, so that a row that is added, changed or removed changes it without
 * the rest being read again. It guards against accidents, not against forgers.
 */
const WORDS = 8;

/** Eight sums modulo 2^32 of the words of each row's SHA-256. */
export class RowSum {
  readonly #sums: Uint32Array;

  /** From the hex that `toHex` told, or empty for none. */
  constructor(hex = '') {
    const bytes = Buffer.from(hex, 'hex');
    this.#sums = Uint32Array.from({ length: WORDS }, (_, word) =>
      bytes.length > 0 ? bytes.readUInt32BE(word * 4) : 0,
    );
  }

  /** `sign`: 1 for a row that comes, -1 for one that goes. Shape: digest, 32 bytes. */
  change(digest: Buffer, sign: 1 | -1): void {
    // A typed array keeps each sum modulo 2^32.
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
