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
/** Odd multipliers of the two lanes, each a bijection of 32 bits: one changed word always changes both lanes. */
const LANE_A = 0x9e3779b1;
const LANE_B = 0x5f356495;
/** First word of a cell: its type. */
const TYPES = { null: 1, number: 2, text: 3, bytes: 4 } as const;

type Cell = null | number | string | Uint8Array;

/** Words of the row that is summed, kept between the calls; grows with the largest row. */
let words = new Int32Array(1_024);

function withRoom(count: number): Int32Array {
  if (count > words.length) {
    const larger = new Int32Array(count * 2);
    larger.set(words);
    words = larger;
  }
  return words;
}

/** Put the words of a cell from `at` on. Result: the place after them. */
function putCell(cell: Cell, at: number): number {
  if (cell === null) {
    withRoom(at + 1)[at] = TYPES.null;
    return at + 1;
  }
  if (typeof cell === 'number') {
    const out = withRoom(at + 3);
    out[at] = TYPES.number;
    out[at + 1] = cell | 0;
    out[at + 2] = Math.floor(cell / WORD_SPAN);
    return at + 3;
  }
  const { length } = cell;
  let to = at + 2;
  if (typeof cell === 'string') {
    const out = withRoom(to + length);
    out[at] = TYPES.text;
    // Two units a word; a single last one beside the length.
    for (let unit = 0; unit < length; unit += 2)
      out[to++] = cell.charCodeAt(unit) | (unit + 1 < length ? cell.charCodeAt(unit + 1) << 16 : 0);
  } else {
    const out = withRoom(to + length);
    out[at] = TYPES.bytes;
    let byte = 0;
    for (; byte + 4 <= length; byte += 4)
      out[to++] = cell[byte]! | (cell[byte + 1]! << 8) | (cell[byte + 2]! << 16) | (cell[byte + 3]! << 24);
    for (; byte < length; byte++) out[to++] = cell[byte]!;
  }
  words[at + 1] = length;
  return to;
}

/**
 * Sum of one row of a table, over its cells in order and their types. Equal rows of two tables have different sums. It
 * detects accidents, not forgery: the function is known and has no key.
 *
 * Shape   an integer below `ROW_SUM_SPAN`. `count`: of the cells that are summed, the first ones. A text is taken by its
 *         UTF-16 units, as SQLite returns it.
 * Source  two multiplicative lanes, finished as in bryc's cyrb53.
 */
export function sumOfRow(table: string, cells: readonly Cell[], count = cells.length): number {
  let end = putCell(table, 0);
  for (let cell = 0; cell < count; cell++) end = putCell(cells[cell]!, end);
  const row = words;
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let at = 0; at < end; at++) {
    const word = row[at]!;
    a = Math.imul(a ^ word, LANE_A);
    b = Math.imul(b ^ word, LANE_B);
    // Multiplication carries upward only; the shift carries the high bits down.
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return ((b >>> 0) % 2 ** (ROW_SUM_BITS - 32)) * WORD_SPAN + (a >>> 0);
}
