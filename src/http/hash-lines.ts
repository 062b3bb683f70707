/**
 * NDJSON items to columns. A line of the usual form, an id or none and one value, is read byte by byte and makes no
 * object; every other line is left to JSON.parse.
 */

import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../check/check-values.js';
import { VALUE_BYTES } from '../core/vocabulary.js';

export interface HashLines {
  readonly count: number;
  /** Per line the place of its values in `BATCH_ALGORITHMS`, or OTHER. */
  readonly algorithm: Uint8Array;
  /** Per line its position among the lines of its algorithm, or in `others`. */
  readonly position: Uint32Array;
  /** Per line where the id's text begins and ends in the bytes, its quotes not counted; 0 and 0 where it has none. */
  readonly idFrom: Uint32Array;
  readonly idTo: Uint32Array;
  /** Values of each algorithm, end to end. */
  readonly values: Readonly<Record<BatchAlgorithm, Uint8Array>>;
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

/** Place in BATCH_ALGORITHMS by the key's bytes; ID for `id`, or -1. */
const ID = 254;
const KEYS = new Map<string, number>([...BATCH_ALGORITHMS.entries()].map(([at, name]) => [name, at]));
function keyAt(bytes: Buffer, from: number, to: number): number {
  // The two keys of nearly all lines, without a string made.
  if (to - from === 2 && bytes[from] === 105 && bytes[from + 1] === 100) return ID;
  if (to - from === 3 && bytes[from] === 112 && bytes[from + 1] === 100 && bytes[from + 2] === 113) return PDQ;
  return KEYS.get(bytes.toString('latin1', from, to)) ?? -1;
}
const PDQ = BATCH_ALGORITHMS.indexOf('pdq');

/** Lines that end with a newline, or the last of all. Empty ones are passed over. */
export function parseHashLines(bytes: Buffer): HashLines {
  const room = Math.ceil(bytes.length / 3) + 1;
  const algorithm = new Uint8Array(room);
  const position = new Uint32Array(room);
  const idFrom = new Uint32Array(room);
  const idTo = new Uint32Array(room);
  const others: [number, number][] = [];
  const gathered = BATCH_ALGORITHMS.map((name) => ({
    width: VALUE_BYTES[name],
    bytes: new Uint8Array(0),
    used: 0,
  }));
  let count = 0;

  /** Appends the value's bytes; false where it is not one of the algorithm. */
  const appendHex = (at: number, from: number, to: number): boolean => {
    const into = gathered[at]!;
    if (to - from !== into.width * 2) return false;
    if (into.bytes.length === 0) into.bytes = new Uint8Array(Math.ceil(bytes.length / (into.width * 2)) * into.width);
    for (let k = 0; k < into.width; k++) {
      const high = NIBBLES[bytes[from + 2 * k]!]!;
      const low = NIBBLES[bytes[from + 2 * k + 1]!]!;
      if ((high | low) < 0) return false;
      into.bytes[into.used + k] = (high << 4) | low;
    }
    return true;
  };

  /** The end of a string without escapes and of ASCII alone that begins after a quote; -1 otherwise. */
  const stringEnd = (from: number, end: number): number => {
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH || byte < SPACE || byte >= ASCII_END) return -1;
    }
    return -1;
  };
  const skipSpaces = (at: number): number => {
    while (bytes[at] === SPACE) at++;
    return at;
  };

  /** False where the line is not of the usual form; nothing of it is kept then. */
  const parseLine = (from: number, end: number): boolean => {
    let at = skipSpaces(from);
    let found = -1;
    idFrom[count] = 0;
    idTo[count] = 0;
    if (bytes[at] !== OPEN) return false;
    for (;;) {
      at = skipSpaces(at + 1);
      if (bytes[at] !== QUOTE) return false;
      const keyEnd = stringEnd(at + 1, end);
      if (keyEnd < 0) return false;
      const key = keyAt(bytes, at + 1, keyEnd);
      at = skipSpaces(keyEnd + 1);
      if (bytes[at] !== COLON) return false;
      at = skipSpaces(at + 1);
      if (bytes[at] !== QUOTE) return false;
      const valueFrom = at + 1;
      const valueEnd = stringEnd(valueFrom, end);
      if (valueEnd < 0) return false;
      if (key === ID) {
        if (idTo[count] !== 0) return false;
        idFrom[count] = valueFrom;
        idTo[count] = valueEnd;
      } else if (key < 0 || found >= 0 || !appendHex(key, valueFrom, valueEnd)) return false;
      else found = key;
      at = skipSpaces(valueEnd + 1);
      if (bytes[at] === COMMA) continue;
      if (bytes[at] !== CLOSE || skipSpaces(at + 1) < end || found < 0) return false;
      algorithm[count] = found;
      const into = gathered[found]!;
      position[count] = into.used / into.width;
      into.used += into.width;
      return true;
    }
  };

  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, from);
    const next = newline < 0 ? bytes.length : newline + 1;
    let end = newline < 0 ? bytes.length : newline;
    if (end > from && bytes[end - 1] === RETURN) end--;
    if (skipSpaces(from) < end) {
      if (!parseLine(from, end)) {
        algorithm[count] = OTHER;
        position[count] = others.length;
        others.push([from, end]);
      }
      count++;
    }
    from = next;
  }
  const values = Object.fromEntries(
    BATCH_ALGORITHMS.map((name, at) => [name, gathered[at]!.bytes.subarray(0, gathered[at]!.used)]),
  ) as Record<BatchAlgorithm, Uint8Array>;
  return { count, algorithm, position, idFrom, idTo, values, others };
}
