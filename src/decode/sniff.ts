/**
 * Format detection by first bytes and headers: never by a file's name, never by decoding.
 * Sizes are read if the header gives them cheaply, so that a bomb is refused before memory or time is spent.
 */
import type { ImageFormat } from '../core/vocabulary.js';
import { readJpegHeader } from './jpeg-header.js';
import { readJxlHeader } from './jxl-header.js';
import { TiffReader } from './tiff-directories.js';

interface Sniffed {
  readonly format: ImageFormat;
  /** Pixels; null if the header does not give the size. */
  readonly width: number | null;
  readonly height: number | null;
}

/** Decoded formats; other known formats are refused as `unsupported_format`. */
export const DECODED_FORMATS: ReadonlySet<ImageFormat> = new Set([
  'jpeg',
  'png',
  'gif',
  'webp',
  'avif',
  'heic',
  'tiff',
  'bmp',
  'ico',
  'raw',
  'jxl',
]);

/** The required boxes are at the front of an AVIF, before the pixels. */
const ISO_BOXES_BYTES_MAX = 65_536;
/** An SVG names itself early, after a declaration and comments. */
const SVG_SEARCH_BYTES = 4_096;

type Size = Omit<Sniffed, 'format'>;
const UNKNOWN: Size = { width: null, height: null };

function sizePng(view: DataView): Size {
  return view.byteLength < 24 ? UNKNOWN : { width: view.getUint32(16), height: view.getUint32(20) };
}

function sizeGif(view: DataView): Size {
  return view.byteLength < 10 ? UNKNOWN : { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/** RFC 9649: the first chunk is VP8 (lossy), VP8L (lossless) or VP8X (extended). */
function sizeWebp(view: DataView): Size {
  if (view.byteLength < 30) return UNKNOWN;
  const chunk = view.getUint32(12);
  if (chunk === 0x56503820)
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (chunk === 0x5650384c) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  return chunk === 0x56503858 ? { width: uint24(24) + 1, height: uint24(27) + 1 } : UNKNOWN;
}

/** TIFF 6.0: tags 256 and 257 of the first directory. */
function sizeTiff(view: DataView): Size {
  const directory = new TiffReader(view).first();
  return { width: directory?.value(256) ?? null, height: directory?.value(257) ?? null };
}

function sizeBmp(view: DataView): Size {
  if (view.byteLength < 26) return UNKNOWN;
  if (view.getUint32(14, true) === 12) return { width: view.getUint16(18, true), height: view.getUint16(20, true) };
  return { width: Math.abs(view.getInt32(18, true)), height: Math.abs(view.getInt32(22, true)) };
}

/**
 * A cursor, whose mark is weak: its first image lies behind the directory. A TGA of true colour begins alike, but has no
 * images.
 */
function isCursor(view: DataView): boolean {
  if (view.byteLength < 22) return false;
  const count = view.getUint16(4, true);
  return count > 0 && view.getUint8(9) === 0 && view.getUint32(18, true) >= 6 + 16 * count;
}

/** ISO/IEC 23008-12: the largest `ispe` property; a tiled image has one for the whole and one for each tile. */
function sizeIso(view: DataView): Size {
  const end = Math.min(view.byteLength, ISO_BOXES_BYTES_MAX) - 16;
  let size = UNKNOWN;
  for (let at = 0; at < end; at++) {
    if (view.getUint32(at) !== 0x69737065) continue;
    const [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (width * height > (size.width ?? 0) * (size.height ?? 0)) size = { width, height };
  }
  return size;
}

function isoFormat(brands: string): ImageFormat | null {
  if (/avif|avis/.test(brands)) return 'avif';
  if (/heic|heix|hevc|hevx|heim|heis|mif1|msf1/.test(brands)) return 'heic';
  return null;
}

/** Return the image format that the bytes claim; null if they are not an image. Errors: none, for any bytes. */
export function sniff(bytes: Uint8Array): Sniffed | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SVG_SEARCH_BYTES)).toString(
    'latin1',
  );
  const starts = (magic: string) => head.startsWith(magic);
  if (starts('\xff\xd8\xff')) {
    const header = readJpegHeader(bytes);
    return { format: 'jpeg', width: header?.width ?? null, height: header?.height ?? null };
  }
  if (starts('\x89PNG\r\n\x1a\n')) return { format: 'png', ...sizePng(view) };
  if (starts('GIF87a') || starts('GIF89a')) return { format: 'gif', ...sizeGif(view) };
  if (starts('RIFF') && head.slice(8, 12) === 'WEBP') return { format: 'webp', ...sizeWebp(view) };
  if (starts('II*\0') || starts('MM\0*') || starts('II+\0') || starts('MM\0+'))
    return { format: 'tiff', ...sizeTiff(view) };
  if (head.slice(4, 8) === 'ftyp' && bytes.length >= 12) {
    const format = isoFormat(head.slice(8, Math.min(Math.max(view.getUint32(0), 16), 256)));
    return format && { format, ...sizeIso(view) };
  }
  if (starts('BM') && bytes.length >= 26) return { format: 'bmp', ...sizeBmp(view) };
  if (starts('\0\0\x01\0') || (starts('\0\0\x02\0') && isCursor(view))) return { format: 'ico', ...UNKNOWN };
  if (starts('\0\0\0\x0cjP  \r\n\x87\n') || starts('\xff\x4f\xff\x51')) return { format: 'jp2', ...UNKNOWN };
  if (starts('\xff\x0a') || starts('\0\0\0\x0cJXL \r\n\x87\n')) {
    const header = readJxlHeader(bytes);
    return { format: 'jxl', width: header?.width ?? null, height: header?.height ?? null };
  }
  if (starts('%PDF-')) return { format: 'pdf', ...UNKNOWN };
  return /<svg[\s>:]/i.test(head) ? { format: 'svg', ...UNKNOWN } : null;
}
