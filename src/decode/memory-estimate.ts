/** Memory that decoding and hashing an image takes, by its header, before any of it is taken. */
import type { ImageFormat } from '../core/vocabulary.js';
import { furtherImages } from './further-images.js';
import { readJpegHeader } from './jpeg-header.js';
import { jxlBytesPerPixel } from './jxl.js';
import {
  AVIF,
  BYTES_PER_PIXEL_MAX,
  CANVAS,
  COPIES,
  FURTHER_FRAMES,
  HEIC,
  JPEG,
  KEEPS_FIRST,
  OPAQUE,
  TRANSPARENT,
} from './memory-costs.js';
import { findPreview } from './raw-preview.js';
import { DECODED_FORMATS, sniff } from './sniff.js';
import { readTiffPages } from './tiff-pages.js';

/** As `ISO_BOXES_BYTES_MAX` of `sniff.ts`. */
const ISO_BOXES_BYTES_MAX = 65_536;

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function ofJpeg(bytes: Uint8Array): number {
  const header = readJpegHeader(bytes);
  if (header?.components === 4) return JPEG.cmyk;
  return header?.progressive ? JPEG.progressive : JPEG.grey;
}

/** PNG 1.2, 11.2.2: grey, R G B and palette, with alpha 4 and 6; a palette or a colour may be transparent by another chunk. */
function ofPng(bytes: Uint8Array): number {
  const head = headOf(bytes);
  const isOpaque = bytes.length > 25 && [0, 2, 3].includes(bytes[25]!) && head.indexOf('tRNS') < 0;
  return (isOpaque ? OPAQUE : TRANSPARENT) + (head.includes('acTL') ? CANVAS : 0);
}

/** RFC 9649: a lossy image without the extended header has no alpha; the others say so in a bit. */
function ofWebp(bytes: Uint8Array): number {
  const chunk = headOf(bytes).slice(12, 16);
  const hasAlpha = chunk === 'VP8L' ? (bytes[24]! & 0x10) !== 0 : chunk === 'VP8X' && (bytes[20]! & 0x10) !== 0;
  return hasAlpha ? TRANSPARENT : OPAQUE;
}

function headOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, ISO_BOXES_BYTES_MAX)).toString(
    'latin1',
  );
}

/**
 * Chroma and depth of all coded images of a file, by their decoder configurations; the most where there is none. Source: AV1 Codec ISO Media
 * File Format Binding, 2.3.3; ISO/IEC 14496-15, 8.3.3.1.2.
 */
function ofIso(bytes: Uint8Array, name: 'av1C' | 'hvcC', costs: typeof AVIF | typeof HEIC): number {
  const head = headOf(bytes);
  let [isDeep, isFull, isFound] = [false, false, false];
  for (let at = head.indexOf(name); at >= 0 && at + 24 < bytes.length; at = head.indexOf(name, at + 4)) {
    isFound = true;
    const byte = (offset: number) => bytes[at + 4 + offset]!;
    isDeep ||= name === 'av1C' ? (byte(2) & 0x40) !== 0 : (byte(17) & 7) > 0 || (byte(18) & 7) > 0;
    isFull ||= name === 'av1C' ? (byte(2) & 0x0c) !== 0x0c : (byte(16) & 3) > 1;
  }
  // Grey and 4:2:2 are counted as the next larger.
  const { chroma420, chroma444, chroma420Deep, chroma444Deep, alpha } = costs;
  const [plain, deep] = isFull || !isFound ? [chroma444, chroma444Deep] : [chroma420, chroma420Deep];
  return (isDeep || !isFound ? deep : plain) + (/auxC.{4}urn:[^\0]*(alpha|auxid:1)/s.test(head) ? alpha : 0);
}

function perPixel(format: ImageFormat, bytes: Uint8Array): number {
  if (format === 'png') return ofPng(bytes);
  if (format === 'webp') return ofWebp(bytes);
  if (format === 'avif') return ofIso(bytes, 'av1C', AVIF);
  if (format === 'heic') return ofIso(bytes, 'hvcC', HEIC);
  if (format === 'gif') return TRANSPARENT;
  if (format === 'jxl') return jxlBytesPerPixel(bytes);
  return format === 'bmp' ? OPAQUE : BYTES_PER_PIXEL_MAX;
}

/** The largest page, and the largest piece that is unpacked at once. */
function ofTiff(bytes: Uint8Array, pixelsMax: number): number | null {
  const pages = readTiffPages(viewOf(bytes)).filter(({ width, height }) => width * height <= pixelsMax);
  if (pages.length === 0) return null;
  return Math.max(
    ...pages.map(({ width, height, samples, pieceBytes }) => {
      const each = samples === 2 || samples > 3 ? TRANSPARENT : OPAQUE;
      return width * height * each + pieceBytes;
    }),
  );
}

/** The first image of a JPEG file, or a further one that takes more: each may have any size. */
function ofJpegFile(bytes: Uint8Array, pixelsMax: number): number {
  const each = [bytes, ...furtherImages(bytes)].map((one) => {
    const header = readJpegHeader(one);
    const pixels = header ? header.width * header.height : 0;
    return pixels > pixelsMax ? 0 : pixels * ofJpeg(one);
  });
  return Math.max(...each);
}

/**
 * Return the bytes for an image, decoded and hashed; 0 if its decoder refuses it by its header; null if its size is not known.
 * `frames`: largest number of frames or pages.
 */
export function estimateMemory(bytes: Uint8Array, pixelsMax: number, frames = 1): number | null {
  const preview = findPreview(bytes);
  if (preview) {
    const first = preview.hasFirstImage ? (ofTiff(bytes, pixelsMax) ?? 0) : 0;
    return Math.max(ofJpegFile(preview.jpeg, pixelsMax), first) + bytes.byteLength * COPIES;
  }
  const sniffed = sniff(bytes);
  if (!sniffed || !DECODED_FORMATS.has(sniffed.format)) return 0;
  const { format, width, height } = sniffed;
  const pixels = (width ?? 0) * (height ?? 0);
  if (pixels > pixelsMax) return 0;
  if (format === 'jpeg') return ofJpegFile(bytes, pixelsMax) + (pixels > 0 ? bytes.byteLength * COPIES : 0);
  const further = pixels * (frames > 1 && KEEPS_FIRST.has(format) ? FURTHER_FRAMES : 0);
  if (format === 'tiff') {
    const tiff = ofTiff(bytes, pixelsMax);
    return tiff === null ? null : tiff + further + bytes.byteLength * COPIES;
  }
  // The decoder finds the images of an icon by itself: they are of 256 pixels a side, and may be of any size.
  if (width === null || height === null) return format === 'png' || format === 'gif' ? 0 : null;
  return pixels * perPixel(format, bytes) + further + bytes.byteLength * COPIES;
}
