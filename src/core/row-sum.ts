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

/** Bits of the sum of one row: six bytes in SQLite's format. One damaged row in 10^14 goes unnoticed. */
const ROW_SUM_BITS = 47;
/** Row sums, and totals of them, are below this number. */
export const ROW_SUM_SPAN = 2 ** ROW_SUM_BITS;
const WORD_SPAN = 2 ** 32;
/** Odd multipliers of the two lanes, each a bijection of 32 bits: one changed value always changes both lanes. */
const LANE_A = 0x9e3779b1;
const LANE_B = 0x5f356495;

type Cell = null | number | string | Uint8Array;

/**
 * Sum of one row of a table, over its cells in order and their types. Equal rows of two tables have different sums. It
 * detects accidents, not forgery: the function is known and has no key.
 *
 * Shape   an integer below `ROW_SUM_SPAN`. A text is taken by its UTF-16 units, as SQLite returns it.
 * Source  two multiplicative lanes, finished as in bryc's cyrb53.
 */
export function sumOfRow(table: string, cells: readonly Cell[]): number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  const take = (unit: number): void => {
    a = Math.imul(a ^ unit, LANE_A);
    b = Math.imul(b ^ unit, LANE_B);
    // Multiplication carries upward only; the shift carries the high bits down.
    a ^= a >>> 15;
    b ^= b >>> 13;
  };
  const takeCell = (cell: Cell): void => {
    if (cell === null) take(1);
    else if (typeof cell === 'number') {
      take(2);
      take(cell | 0);
      take(Math.floor(cell / WORD_SPAN) | 0);
    } else if (typeof cell === 'string') {
      take(3);
      take(cell.length);
      for (let at = 0; at < cell.length; at++) take(cell.charCodeAt(at));
    } else {
      take(4);
      take(cell.length);
      for (let at = 0; at < cell.length; at++) take(cell[at]!);
    }
  };
  takeCell(table);
  for (const cell of cells) takeCell(cell);
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return ((b >>> 0) % 2 ** (ROW_SUM_BITS - 32)) * WORD_SPAN + (a >>> 0);
}
