/**
 * What is odd in a JPEG and no pixel depends on: libjpeg warns of it as of damage, and of the first thing only. Without it the file shows
 * whether there is damage too: wrong codes, data that end too early or too late.
 *
 * Source  ITU-T T.81, annex B; the warnings of libjpeg-turbo (jerror.h).
 */
import { EOI, isBare, isFrame, isProgressive, SOS } from './jpeg-header.js';

/** Stray bytes behind the pixels; more are pixels that could not be decoded. */
const STRAY_BYTES_MAX = 32;
const APP0 = 0xe0;
const APP14 = 0xee;

interface WithoutOddities {
  readonly bytes: Uint8Array;
  /** The file had no end. */
  readonly hadNoEnd: boolean;
}

/** Return the length of the fill behind entropy-coded data: bytes of one value, of which pixels hardly ever have two at their end. */
function strayBytes(bytes: Uint8Array, from: number, end: number): number {
  const value = bytes[end - 1]!;
  let length = 0;
  while (length <= STRAY_BYTES_MAX && end - length > from && bytes[end - 1 - length] === value) length++;
  // Behind an FF a zero belongs to the data.
  if (value === 0 && bytes[end - 1 - length] === 0xff) length--;
  const isFill = value === 0 ? length > 0 : length > 1;
  return isFill && value !== 0xff && length <= STRAY_BYTES_MAX ? length : 0;
}

/** Return where entropy-coded data end: at a marker that is none of a restart, or at the end of the file. */
function endOfScan(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 >= bytes.length) return bytes.length;
    const marker = bytes[at + 1]!;
    if (marker !== 0 && marker !== 0xff && !(isBare(marker) && marker !== 0xd8)) return at;
    at += marker === 0xff ? 1 : 2;
  }
}

/** Return a segment with the values that decoders use in the place of unknown ones. `transform`: Adobe's, of colours. */
function usual(segment: Uint8Array, marker: number, isSequential: boolean, transform: number): Uint8Array {
  const copy = Buffer.from(segment);
  const starts = (mark: string) => copy.toString('latin1', 4, 4 + mark.length) === mark;
  if (marker === APP0 && copy.length >= 14 && starts('JFIF\0')) copy[9] = 1;
  if (marker === APP14 && copy.length >= 16 && starts('Adobe') && copy[15] !== 0) copy[15] = transform;
  // Only progressive scans have parts of the coefficients.
  if (marker === SOS && isSequential) Buffer.from([0, 63, 0]).copy(copy, copy.length - 3);
  return copy;
}

/** Return a JPEG without its oddities, up to the end of its first image; null if it has none, or its segments make no sense. */
export function withoutOddities(bytes: Uint8Array, components: number): WithoutOddities | null {
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  const has = (marker: number) => bytes[at] === 0xff && bytes[at + 1] === marker;
  // YCCK or YCbCr.
  const transform = components === 4 ? 2 : 1;
  let [at, isSequential, hasScan] = [2, true, false];
  while (at + 4 <= bytes.length && !has(EOI)) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0xff || marker === 0 || isBare(marker)) {
      // Behind a scan they may be pixels.
      if (hasScan && bytes[at] !== 0xff) return null;
      at++;
      continue;
    }
    if (isFrame(marker)) isSequential = !isProgressive(marker);
    const end = at + 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (end > bytes.length) return null;
    parts.push(usual(bytes.subarray(at, end), marker, isSequential, transform));
    at = end;
    if (marker !== SOS) continue;
    hasScan = true;
    at = endOfScan(bytes, end);
    parts.push(bytes.subarray(end, at - strayBytes(bytes, end, at)));
  }
  if (!hasScan) return null;
  const mended = Buffer.concat([...parts, Buffer.from([0xff, EOI])]);
  const hadNoEnd = !has(EOI);
  return mended.equals(bytes) ? null : { bytes: mended, hadNoEnd };
}
