/**
 * BMP → pixels, as browsers show them: headers of OS/2 and Windows, palettes, masks, run-length encoding.
 *
 * Source  Microsoft, "Bitmap Storage" and BITMAPV5HEADER; IBM, OS/2 2.x bitmaps (by E. McCreary's and fileformat.info's
 *         descriptions). Where they are silent: what Chromium 156 shows.
 *
 * Libraries were considered: bmp-ts 1.0.9 ignores the offset of the pixels and misplaces run-length encoding; fast-bmp 4.0.1
 * and decode-bmp 0.2.1 have no run-length encoding and few headers.
 */
import { AppError, type ErrorCode } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';

const FILE_HEADER_BYTES = 14;
const CORE_HEADER_BYTES = 12;
const INFO_HEADER_BYTES = 40;
/** OS/2 2.x may end its header behind any field. */
const OS2_HEADER_BYTES = [16, 64] as const;
/** BITMAPV2 to V5: masks of red, green and blue at byte 40; all but V2 also have one of alpha. */
const MASK_HEADERS: ReadonlySet<number> = new Set([52, 56, 108, 124]);

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
/** With 24 bits in OS/2; elsewhere 4 is a JPEG and 5 a PNG for printers. */
const RLE24 = 4;
const ALPHABITFIELDS = 6;
/** Bits a pixel of each compression. With fewer than 8 or 4 bits run-length encoding has a smaller palette. */
const DEPTHS: ReadonlyMap<number, readonly number[]> = new Map([
  [RGB, [1, 2, 4, 8, 16, 24, 32]],
  [RLE8, [1, 2, 4, 8]],
  [RLE4, [1, 2, 4]],
  [BITFIELDS, [16, 32]],
  [RLE24, [24]],
  [ALPHABITFIELDS, [16, 32]],
]);

const END_OF_LINE = 0;
const END_OF_BITMAP = 1;
const DELTA = 2;

/** Pixels, and whether the file is damaged, so that they may differ from the original. */
export interface Drawn {
  readonly raster: Raster;
  readonly degraded: boolean;
}

interface Place {
  /** Of the header that has the size. */
  readonly at: number;
  /** Of the pixels; null in an icon: behind header and palette. There the height counts the mask too, and 32 bits have alpha. */
  readonly pixelsAt: number | null;
  readonly pixelsMax: number;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Red, green, blue, alpha; 0 if there is none. */
  readonly masks: readonly [number, number, number, number];
  /** Colours of the palette by its header, and bytes of each. */
  readonly colours: number;
  readonly colourBytes: number;
  /** First byte behind the header and its masks. */
  readonly end: number;
}

/** Where drawing ended, and whether nothing was missing. */
interface Ended {
  readonly at: number;
  readonly isWhole: boolean;
}

const fault = (code: ErrorCode, details: Readonly<Record<string, number>> = {}) =>
  new AppError(code, { format: 'bmp', ...details });

const hasRuns = ({ compression }: Header) => compression === RLE8 || compression === RLE4 || compression === RLE24;

function checkDepth(compression: number, bits: number, isWindows: boolean): void {
  const depths = DEPTHS.get(compression);
  const isOther =
    // A JPEG, a PNG or CMYK inside; Huffman coding of OS/2; pixels of 64 bits.
    !depths ||
    (compression === RLE24 && (isWindows || bits !== 24)) ||
    (compression === BITFIELDS && bits === 1) ||
    bits > 32;
  if (!isOther && depths.includes(bits)) return;
  throw fault(isOther ? 'IMAGE_UNSUPPORTED_FORMAT' : 'IMAGE_CORRUPT', { bits, compression });
}

function readMasks(view: DataView, at: number, kind: Pick<Header, 'bits' | 'compression'>, isIcon: boolean) {
  const bytes = view.getUint32(at, true);
  const { bits, compression } = kind;
  const maskAt = (index: number) => {
    const from = at + INFO_HEADER_BYTES + index * 4;
    if (from + 4 > view.byteLength) throw fault('IMAGE_TRUNCATED');
    return view.getUint32(from, true);
  };
  const inHeader = MASK_HEADERS.has(bytes);
  const isNamed = compression === BITFIELDS || compression === ALPHABITFIELDS;
  if (isNamed && !inHeader && bytes !== INFO_HEADER_BYTES) throw fault('IMAGE_CORRUPT', { header: bytes, compression });
  const behind = isNamed && !inHeader ? (compression === ALPHABITFIELDS ? 4 : 3) : 0;
  const hasAlpha = inHeader ? bytes > 52 : behind === 4;
  const colours = isNamed ? [maskAt(0), maskAt(1), maskAt(2)] : bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [];
  const [red, green, blue] = colours.length > 0 ? colours : [0xff0000, 0xff00, 0xff];
  // Writers fill the fourth byte arbitrarily: without a mask it is no alpha, except in icons.
  const declared = hasAlpha ? maskAt(3) : 0;
  const isByte = bits === 32 && compression === RGB && (isIcon || declared !== 0);
  const alpha = isByte ? 0xff000000 : isNamed ? declared : 0;
  const inPixel = 2 ** bits - 1;
  const masks = [red!, green!, blue!, alpha].map((mask) => (bits < 32 ? mask & inPixel : mask));
  return { masks: masks as [number, number, number, number], end: at + bytes + behind * 4 };
}

function readHeader(view: DataView, { at, pixelsAt, pixelsMax }: Place): Header {
  if (at + 4 > view.byteLength) throw fault('IMAGE_TRUNCATED');
  const bytes = view.getUint32(at, true);
  const isCore = bytes === CORE_HEADER_BYTES;
  const isOs2 = bytes >= OS2_HEADER_BYTES[0] && bytes <= OS2_HEADER_BYTES[1];
  if (!isCore && !isOs2 && !MASK_HEADERS.has(bytes)) throw fault('IMAGE_CORRUPT', { header: bytes });
  if (at + bytes > view.byteLength) throw fault('IMAGE_TRUNCATED');
  const width = isCore ? view.getUint16(at + 4, true) : view.getInt32(at + 4, true);
  const stored = isCore ? view.getUint16(at + 6, true) : view.getInt32(at + 8, true);
  const isIcon = pixelsAt === null;
  const height = Math.trunc(Math.abs(stored) / (isIcon ? 2 : 1));
  const bits = view.getUint16(at + (isCore ? 10 : 14), true);
  const compression = bytes >= 20 ? view.getUint32(at + 16, true) : RGB;
  if (width <= 0 || height === 0) throw fault('IMAGE_CORRUPT', { width, height });
  const pixels = width * height;
  if (pixels > pixelsMax) throw fault('IMAGE_TOO_MANY_PIXELS', { pixels, pixelsMax });
  checkDepth(compression, bits, bytes === INFO_HEADER_BYTES || MASK_HEADERS.has(bytes));
  const named = bytes >= 36 ? view.getUint32(at + 32, true) : 0;
  const colours = bits > 8 ? 0 : named > 0 && named <= 1 << bits ? named : 1 << bits;
  const isTopDown = stored < 0;
  const kind = { bits, compression };
  return {
    width,
    height,
    isTopDown,
    ...kind,
    ...readMasks(view, at, kind, isIcon),
    colours,
    colourBytes: isCore ? 3 : 4,
  };
}

/** Return 256 colours, R G B; those that the file does not have are black. */
function readPalette(bytes: Uint8Array, { colours, colourBytes, end }: Header): Uint8Array {
  const palette = new Uint8Array(256 * 3);
  const present = Math.min(colours, Math.floor((bytes.length - end) / colourBytes));
  for (let colour = 0; colour < present; colour++) {
    for (let c = 0; c < 3; c++) palette[colour * 3 + c] = bytes[end + colour * colourBytes + 2 - c]!;
  }
  return palette;
}

interface Channel {
  readonly mask: number;
  readonly shift: number;
  /** The highest 8 bits of the field → 0..255. */
  readonly values: Uint8Array;
}

function channelOf(mask: number): Channel {
  if (mask === 0) return { mask, shift: 0, values: new Uint8Array(256) };
  const lowest = 31 - Math.clz32(mask & -mask);
  const width = 32 - Math.clz32(mask) - lowest;
  if (mask >>> lowest !== 2 ** width - 1) throw fault('IMAGE_CORRUPT', { mask });
  const shift = lowest + Math.max(0, width - 8);
  const most = 2 ** Math.min(width, 8) - 1;
  return { mask, shift, values: Uint8Array.from({ length: 256 }, (_, value) => Math.round((value * 255) / most)) };
}

type DrawRow = (from: number, to: number) => void;

function rowOfPalette(bytes: Uint8Array, header: Header, palette: Uint8Array, raster: Raster): DrawRow {
  const { width, bits } = header;
  const { channels, data } = raster;
  // Pixels a byte, as a power of 2: the first is in the highest bits.
  const power = 3 - Math.log2(bits);
  const [inByte, inPixel] = [(1 << power) - 1, (1 << bits) - 1];
  return (from, to) => {
    for (let x = 0; x < width; x++, to += channels) {
      const colour = ((bytes[from + (x >> power)]! >> ((inByte - (x & inByte)) * bits)) & inPixel) * 3;
      data[to] = palette[colour]!;
      data[to + 1] = palette[colour + 1]!;
      data[to + 2] = palette[colour + 2]!;
      if (channels === 4) data[to + 3] = 255;
    }
  };
}

function rowOfMasks(bytes: Uint8Array, header: Header, raster: Raster): DrawRow {
  const { width, bits, masks } = header;
  const { channels, data } = raster;
  const [red, green, blue, alpha] = masks.map(channelOf) as [Channel, Channel, Channel, Channel];
  const fieldOf = ({ mask, shift, values }: Channel, pixel: number) => values[((pixel & mask) >>> shift) & 255]!;
  return (from, to) => {
    for (let x = 0; x < width; x++, from += bits >> 3, to += channels) {
      let pixel = bytes[from]! | (bytes[from + 1]! << 8);
      if (bits > 16) pixel |= bytes[from + 2]! << 16;
      if (bits > 24) pixel |= bytes[from + 3]! << 24;
      data[to] = fieldOf(red, pixel);
      data[to + 1] = fieldOf(green, pixel);
      data[to + 2] = fieldOf(blue, pixel);
      if (channels === 4) data[to + 3] = alpha.mask === 0 ? 255 : fieldOf(alpha, pixel);
    }
  };
}

/** Draw the rows that the file has; others stay as they are. */
function drawRows(bytes: Uint8Array, header: Header, start: number, raster: Raster, drawRow: DrawRow): Ended {
  const { width, height, bits, isTopDown } = header;
  const rowBytes = Math.ceil((width * bits) / 8);
  const stride = Math.ceil((width * bits) / 32) * 4;
  // The last row may lack its padding.
  const rows = Math.max(0, Math.min(height, Math.floor((bytes.length - start - rowBytes) / stride) + 1));
  for (let row = 0; row < rows; row++) {
    drawRow(start + row * stride, (isTopDown ? row : height - 1 - row) * width * raster.channels);
  }
  return { at: start + rows * stride, isWhole: rows === height };
}

/** Draws the pixel in `x` of `row`, in the order of the file, in the colour of the pixel `index` at `from`. */
type Dot = (x: number, row: number, from: number, index: number) => void;

function dotOf(bytes: Uint8Array, header: Header, palette: Uint8Array, { data }: Raster): Dot {
  const { width, height, isTopDown, compression } = header;
  return (x, row, from, index) => {
    const to = ((isTopDown ? row : height - 1 - row) * width + x) * 4;
    data[to + 3] = 255;
    if (compression === RLE24) {
      for (let c = 0; c < 3; c++) data[to + c] = bytes[from + index * 3 + 2 - c]!;
      return;
    }
    const both = bytes[compression === RLE4 ? from + (index >> 1) : from + index]!;
    const colour = compression === RLE8 ? both : index & 1 ? both & 15 : both >> 4;
    for (let c = 0; c < 3; c++) data[to + c] = palette[colour * 3 + c]!;
  };
}

/**
 * Draw run-length encoding. Each step reads at least two bytes and draws only pixels of the row, so the work is bounded by
 * the bytes and the pixels. Pixels past a row are dropped, and a jump ends at the edge. Pixels that nothing draws stay black
 * and transparent: Chromium shows them black, Firefox what is behind the image.
 */
function drawRuns(bytes: Uint8Array, header: Header, start: number, dot: Dot): Ended {
  const { width, height, compression } = header;
  const bitsOfPixel = compression === RLE24 ? 24 : compression === RLE8 ? 8 : 4;
  let [x, row, at, isInside] = [0, 0, start, true];
  while (at + 2 <= bytes.length) {
    const [count, code] = [bytes[at]!, bytes[at + 1]!];
    if (count === 0 && code === END_OF_BITMAP) return { at: at + 2, isWhole: isInside };
    if (row >= height) return { at, isWhole: isInside };
    if (count > 0) {
      const colourBytes = compression === RLE24 ? 3 : 1;
      if (at + 1 + colourBytes > bytes.length) break;
      for (let left = Math.min(count, width - x), i = 0; left > 0; left--, i++) {
        dot(x++, row, at + 1, compression === RLE4 ? i & 1 : 0);
      }
      at += 1 + colourBytes;
    } else if (code === END_OF_LINE) {
      [x, row, at] = [0, row + 1, at + 2];
    } else if (code === DELTA) {
      if (at + 4 > bytes.length) break;
      const [right, on] = [x + bytes[at + 2]!, row + bytes[at + 3]!];
      isInside &&= right <= width && on < height;
      [x, row, at] = [Math.min(right, width), on, at + 4];
    } else {
      const length = Math.ceil((code * bitsOfPixel) / 16) * 2;
      const present = Math.min(code, Math.floor(((bytes.length - at - 2) * 8) / bitsOfPixel));
      // Firefox shows only what is before pixels past the row.
      isInside &&= x + code <= width;
      for (let i = 0; i < present && x < width; i++) dot(x++, row, at + 2, i);
      if (present < code) break;
      at += 2 + length;
    }
  }
  const isDrawn = row >= height || (row === height - 1 && x === width);
  return { at: bytes.length, isWhole: isInside && isDrawn };
}

/** Make pixels transparent where the mask of an icon has a 1. */
function drawMask(bytes: Uint8Array, header: Header, start: number, raster: Raster): Ended {
  const isSet = (from: number, x: number) => (bytes[from + (x >> 3)]! >> (7 - (x & 7))) & 1;
  const hide: DrawRow = (from, to) => {
    for (let x = 0; x < header.width; x++) if (isSet(from, x)) raster.data[to + x * 4 + 3] = 0;
  };
  return drawRows(bytes, { ...header, bits: 1 }, start, raster, hide);
}

function someAlpha({ data }: Raster, is: (alpha: number) => boolean): boolean {
  for (let at = 3; at < data.length; at += 4) if (is(data[at]!)) return true;
  return false;
}

/** Drop an alpha that hides nothing, or everything, in place. */
function withoutIdleAlpha(raster: Raster): Raster {
  const { width, height, channels, data } = raster;
  if (channels !== 4 || (someAlpha(raster, (alpha) => alpha > 0) && someAlpha(raster, (alpha) => alpha < 255)))
    return raster;
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) data[pixel * 3 + c] = data[pixel * 4 + c]!;
  }
  return { width, height, channels: 3, data: data.subarray(0, width * height * 3) };
}

function draw(bytes: Uint8Array, place: Place): Drawn {
  const header = readHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), place);
  const { width, height, bits, masks, colours, colourBytes, end } = header;
  const isIcon = place.pixelsAt === null;
  const start = place.pixelsAt ?? end + colours * colourBytes;
  const hasPixels = bytes.length >= start + (hasRuns(header) ? 2 : Math.ceil((width * bits) / 8));
  if (!hasPixels) throw fault('IMAGE_TRUNCATED');
  const palette = readPalette(bytes, header);
  const channels = hasRuns(header) || isIcon || masks[3] !== 0 ? 4 : 3;
  const raster: Raster = { width, height, channels, data: new Uint8Array(width * height * channels) };
  let ended: Ended;
  if (hasRuns(header)) {
    ended = drawRuns(bytes, header, start, dotOf(bytes, header, palette, raster));
  } else {
    const drawRow = bits > 8 ? rowOfMasks(bytes, header, raster) : rowOfPalette(bytes, header, palette, raster);
    ended = drawRows(bytes, header, start, raster, drawRow);
  }
  const hasOwnAlpha = masks[3] !== 0 && someAlpha(raster, (alpha) => alpha > 0);
  if (isIcon && !hasOwnAlpha) {
    if (masks[3] !== 0) for (let at = 3; at < raster.data.length; at += 4) raster.data[at] = 255;
    // Icons without a mask are common.
    if (ended.isWhole && ended.at < bytes.length) ended = drawMask(bytes, header, ended.at, raster);
  }
  // Chromium draws pixels that begin inside the header; Firefox refuses the file.
  return { raster: withoutIdleAlpha(raster), degraded: !ended.isWhole || start < end };
}

/**
 * Decode a BMP.
 *
 * Shape   a BMP → R G B; R G B A where pixels are transparent: by a declared alpha that is not 0 everywhere, or since no run
 *         draws them. Rows that the file lacks are black, or transparent if there is an alpha.
 * Errors  IMAGE_UNSUPPORTED_FORMAT, IMAGE_TRUNCATED: no row of pixels, IMAGE_CORRUPT, IMAGE_TOO_MANY_PIXELS.
 */
export function decodeBmp(bytes: Uint8Array, pixelsMax: number): Drawn {
  if (bytes.length < FILE_HEADER_BYTES) throw fault('IMAGE_TRUNCATED');
  const pixelsAt = new DataView(bytes.buffer, bytes.byteOffset, FILE_HEADER_BYTES).getUint32(10, true);
  return draw(bytes, { at: FILE_HEADER_BYTES, pixelsAt, pixelsMax });
}

/** Decode the BMP in an icon: without its file header, and with a mask behind the pixels. Errors as `decodeBmp`. */
export function decodeIconBmp(bytes: Uint8Array, pixelsMax: number): Drawn {
  return draw(bytes, { at: 0, pixelsAt: null, pixelsMax });
}
