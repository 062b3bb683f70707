/**
 * Values between JavaScript and PostgreSQL. Its texts cannot contain NUL, so that character is written as U+001A and four
 * hex digits, and U+001A itself too; all other texts are stored as they are. JSON never contains either one.
 */
import { types } from 'pg';

type SqlScalar = string | number | boolean | null | Uint8Array;
/** An array is one parameter, such as `$1::text[]`. */
export type SqlValue = SqlScalar | readonly SqlScalar[];

const MARK = '\x1a';

const written = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the two characters that are replaced.
  text.replace(/[\0\x1a]/g, (one) => `${MARK}${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
const read = (text: string) =>
  text.includes(MARK)
    ? // biome-ignore lint/suspicious/noControlCharactersInRegex: the mark of a replaced character.
      text.replace(/\x1a([0-9a-f]{4})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : text;

/** Errors: the number exceeds the exact integers of JavaScript. */
function toInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError('a number in the database exceeds 2^53');
  return number;
}

const { INT8, TEXT } = types.builtins;

/** For the driver, which returns an int8 as text: a sum or a sequence that is compared as text is wrong. */
export const parsers = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return toInteger;
    if (oid === TEXT) return read;
    return types.getTypeParser(oid, format as 'text');
  }) as typeof types.getTypeParser,
};

export function toParameters(values: readonly SqlValue[]): SqlValue[] {
  const parameter = <Value>(value: Value) => (typeof value === 'string' ? written(value) : value);
  return values.map((value) => (Array.isArray(value) ? (value as SqlScalar[]).map(parameter) : parameter(value)));
}
