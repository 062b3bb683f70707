/**
 * NDJSON items to columns. A line of the usual form, an optional id and one value, is read byte by byte and allocates no
 * object; every other line is left to JSON.parse.
 */

import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../check/search-piece.js';
import { VALUE_BYTES } from '../core/vocabulary.js';
import { REFERENCE_CHARACTERS_MAX } from './schemas.js';

export interface HashLines {
  readonly count: number;
  /** Per line the index of its algorithm in `BATCH_ALGORITHMS`, or OTHER. */
  readonly algorithm: Uint8Array;
  /** Per line its position among the lines of its algorithm, or in `others`. */
  readonly position: Uint32Array;
  /** Per line [from, to) of the id's text in the bytes, without quotes; 0 and 0 without an id and in `others`. */
  readonly idFrom: Uint32Array;
  readonly idTo: Uint32Array;
  /** Values of each algorithm, end to end. */
  readonly values: Readonly<Record<BatchAlgorithm, Uint8Array>>;
  /** Line of each value of each algorithm; with room for more. */
  readonly lineOf: Readonly<Record<BatchAlgorithm, Uint32Array>>;
  /** Lines that are not of the usual form, as [from, to) in the bytes. */
  readonly others: readonly (readonly [number, number])[];
}

export const OTHER = 255;

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN, CLOSE, NEWLINE, RETURN, SPACE] = [34, 92, 58, 44, 123, 125, 10, 13, 32];
const ASCII_END = 128;

const NIBBLES = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  NIBBLES[digit.toString(16).charCodeAt(0)] = digit;
  NIBBLES[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Index in BATCH_ALGORITHMS by the key's bytes; ID for `id`, or -1. */
const ID = 254;
const KEYS = new Map<string, number>([...BATCH_ALGORITHMS.entries()].map(([at, name]) => [name, at]));
function keyAt(bytes: Buffer, from: number, to: number): number {
  // The two keys of nearly all lines, without allocating a string.
  if (to - from === 2 && bytes[from] === 105 && bytes[from + 1] === 100) return ID;
  if (to - from === 3 && bytes[from] === 112 && bytes[from + 1] === 100 && bytes[from + 2] === 113) return PDQ;
  return KEYS.get(bytes.toString('latin1', from, to)) ?? -1;
}
const PDQ = BATCH_ALGORITHMS.indexOf('pdq');

/** Byte positions in a scanned line; [from, to) without quotes. */
interface ScannedLine {
  /** Index in `BATCH_ALGORITHMS`; -1 until the value is found. */
  algorithm: number;
  valueFrom: number;
  valueTo: number;
  /** 0 and 0 without an id. */
  idFrom: number;
  idTo: number;
}

function skipSpaces(bytes: Buffer, at: number): number {
  while (bytes[at] === SPACE) at++;
  return at;
}

/** Return the end of an ASCII string without escapes that begins after a quote; -1 otherwise. */
function stringEnd(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH || byte < SPACE || byte >= ASCII_END) return -1;
  }
  return -1;
}

/** Find the id and the value of the line [from, end). False where the line is not of the usual form. */
function scanLine(bytes: Buffer, from: number, end: number, line: ScannedLine): boolean {
  line.algorithm = -1;
  line.idFrom = 0;
  line.idTo = 0;
  let at = skipSpaces(bytes, from);
  if (bytes[at] !== OPEN) return false;
  for (;;) {
    at = skipSpaces(bytes, at + 1);
    if (bytes[at] !== QUOTE) return false;
    const keyEnd = stringEnd(bytes, at + 1, end);
    if (keyEnd < 0) return false;
    const key = keyAt(bytes, at + 1, keyEnd);
    at = skipSpaces(bytes, keyEnd + 1);
    if (bytes[at] !== COLON) return false;
    at = skipSpaces(bytes, at + 1);
    if (bytes[at] !== QUOTE) return false;
    const valueFrom = at + 1;
    const valueEnd = stringEnd(bytes, valueFrom, end);
    if (valueEnd < 0) return false;
    if (key === ID) {
      if (line.idTo !== 0 || valueFrom === valueEnd) return false;
      if (valueEnd - valueFrom > REFERENCE_CHARACTERS_MAX) return false;
      line.idFrom = valueFrom;
      line.idTo = valueEnd;
    } else {
      if (key < 0 || line.algorithm >= 0) return false;
      line.algorithm = key;
      line.valueFrom = valueFrom;
      line.valueTo = valueEnd;
    }
    at = skipSpaces(bytes, valueEnd + 1);
    if (bytes[at] === COMMA) continue;
    return bytes[at] === CLOSE && skipSpaces(bytes, at + 1) >= end && line.algorithm >= 0;
  }
}

/** The values of one algorithm, decoded from hex, end to end. Memory is allocated with the first value. */
class ValueColumn {
  /** Line of each value. */
  lineOf = new Uint32Array(0);
  #values = new Uint8Array(0);
  #used = 0;

  constructor(
    readonly bytes: Buffer,
    readonly width: number,
  ) {}

  get count(): number {
    return this.#used / this.width;
  }

  get values(): Uint8Array {
    return this.#values.subarray(0, this.#used);
  }

  /** Append the value at [from, to) of a line; return false, and append nothing, where it is not a value of this width. */
  append(from: number, to: number, line: number): boolean {
    const { bytes, width } = this;
    if (to - from !== width * 2) return false;
    if (this.#values.length === 0) {
      const room = Math.ceil(bytes.length / (width * 2));
      this.#values = new Uint8Array(room * width);
      this.lineOf = new Uint32Array(room);
    }
    const values = this.#values;
    const used = this.#used;
    for (let k = 0; k < width; k++) {
      const high = NIBBLES[bytes[from + 2 * k]!]!;
      const low = NIBBLES[bytes[from + 2 * k + 1]!]!;
      if ((high | low) < 0) return false;
      values[used + k] = (high << 4) | low;
    }
    this.lineOf[this.count] = line;
    this.#used += width;
    return true;
  }
}

/** Parse lines that end with a newline or at the end of the bytes. Empty lines are skipped. */
export function parseHashLines(bytes: Buffer): HashLines {
  // A line that is not empty has a character and a newline; the last may have no newline.
  const room = Math.ceil(bytes.length / 2);
  const algorithm = new Uint8Array(room);
  const position = new Uint32Array(room);
  const idFrom = new Uint32Array(room);
  const idTo = new Uint32Array(room);
  const others: [number, number][] = [];
  const columns = BATCH_ALGORITHMS.map((name) => new ValueColumn(bytes, VALUE_BYTES[name]));
  const line: ScannedLine = { algorithm: -1, valueFrom: 0, valueTo: 0, idFrom: 0, idTo: 0 };
  let count = 0;

  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const next = newline < 0 ? bytes.length : newline + 1;
    let end = newline < 0 ? bytes.length : newline;
    if (end > from && bytes[end - 1] === RETURN) end--;
    if (skipSpaces(bytes, from) < end) {
      if (scanLine(bytes, from, end, line) && columns[line.algorithm]!.append(line.valueFrom, line.valueTo, count)) {
        algorithm[count] = line.algorithm;
        position[count] = columns[line.algorithm]!.count - 1;
        idFrom[count] = line.idFrom;
        idTo[count] = line.idTo;
      } else {
        algorithm[count] = OTHER;
        position[count] = others.length;
        others.push([from, end]);
      }
      count++;
    }
    from = next;
  }
  const byAlgorithm = <T>(of: (column: ValueColumn) => T) =>
    Object.fromEntries(BATCH_ALGORITHMS.map((name, at) => [name, of(columns[at]!)])) as Record<BatchAlgorithm, T>;
  const values = byAlgorithm((column) => column.values);
  const lineOf = byAlgorithm((column) => column.lineOf);
  return { count, algorithm, position, idFrom, idTo, values, lineOf, others };
}
