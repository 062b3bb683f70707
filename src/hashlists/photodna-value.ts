/**
 * PhotoDNA values, 144 bytes, as tools write them: hex in pieces, base64 in pieces, or decimal numbers. Plain hex and base64
 * are those of every algorithm and are read before.
 */
import { VALUE_BYTES } from '../core/vocabulary.js';

const BYTES = VALUE_BYTES.photodna;
/** One byte as text: `  0x1f,` and a line break, with room for indentation. */
const CHARS_PER_BYTE_MAX = 16;
/** The shortest spelling is one digit and one separator for each byte, or base64. */
const CHARS_MIN = (BYTES * 4) / 3;

const BRACKETED = /^(?:\[.*\]|\(.*\)|\{.*\})$/;
const HEX_PIECE = /^(?:[0-9a-f]{2})+$/i;
/** A number padded to two digits is a hex byte. */
const DECIMAL = /^(?:0|[1-9][0-9]{0,2}|[0-9]{3})$/;

/**
 * Return the value as 288 lower-case hex digits; null for other text, another count, or a number over 255. Text that is one
 * value as hex and another as decimal numbers is null too.
 */
export function photoDnaHex(text: string): string | null {
  // Checked first: a line may have 65,536 characters.
  if (text.length < CHARS_MIN || text.length > BYTES * CHARS_PER_BYTE_MAX) return null;
  const spaced = text.replaceAll(/\s+/g, ' ').trim();
  const body = BRACKETED.test(spaced) ? spaced.slice(1, -1).trim() : spaced;
  const pieces = body.split(/ ?[,;:-] ?| /);
  const hex = hexOf(pieces);
  const decimal = /[:-]/.test(body) ? null : decimalOf(pieces);
  if (hex !== null && decimal !== null) return hex === decimal ? hex : null;
  return hex ?? decimal ?? base64Of(spaced);
}

/** Pieces of whole bytes, each with or without `0x`. */
function hexOf(pieces: readonly string[]): string | null {
  const digits = pieces.map((piece) => (/^0x[0-9a-f]$/i.test(piece) ? `0${piece[2]}` : piece.replace(/^0x/i, '')));
  const hex = digits.join('').toLowerCase();
  return hex.length === BYTES * 2 && digits.every((piece) => HEX_PIECE.test(piece)) ? hex : null;
}

function decimalOf(pieces: readonly string[]): string | null {
  if (pieces.length !== BYTES) return null;
  const isByte = (piece: string) => DECIMAL.test(piece) && Number(piece) <= 0xff;
  return pieces.every(isByte) ? Buffer.from(pieces.map(Number)).toString('hex') : null;
}

/** A list of too few numbers may have as many digits as base64: hex digits alone are not read as base64. */
function base64Of(spaced: string): string | null {
  const joined = spaced.replaceAll(' ', '');
  const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(joined) && joined.replace(/=+$/, '').length === CHARS_MIN;
  return isBase64 && !/^[0-9a-f]+$/i.test(joined) ? Buffer.from(joined, 'base64').toString('hex') : null;
}
