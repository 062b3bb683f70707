/**
 * BMP by bmp-ts, and the largest image of an ICO, which is a PNG or a BMP without its file header.
 * Source  Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPINFOHEADER) and the .ICO format.
 */
import { decode } from 'bmp-ts';
import { AppError } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';

const FILE_HEADER_BYTES = 14;
const INFO_HEADER_BYTES = 40;
/**
 * Uncompressed, bit fields, bit fields with alpha. Not RLE8 and RLE4 (1, 2), whose pixels bmp-ts 1.0.9 misplaces; nor 4
 * and 5, which wrap a JPEG or PNG for printers.
 */
const COMPRESSIONS = new Set([0, 3, 6]);
const DEPTHS = new Set([1, 4, 8, 16, 24, 32]);

/**
 * Decode a BMP.
 *
 * Shape   a BMP → R G B; its alpha is ignored, since writers fill the fourth byte arbitrarily.
 * Errors  IMAGE_UNSUPPORTED_FORMAT, IMAGE_TRUNCATED, IMAGE_CORRUPT.
 */
export function decodeBmp(bytes: Uint8Array): Raster {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (source.length < FILE_HEADER_BYTES + INFO_HEADER_BYTES) throw new AppError('IMAGE_TRUNCATED', { format: 'bmp' });
  const [bits, compression] = [source.readUInt16LE(28), source.readUInt32LE(30)];
  if (!COMPRESSIONS.has(compression) || !DEPTHS.has(bits)) {
    throw new AppError('IMAGE_UNSUPPORTED_FORMAT', { format: 'bmp', bits, compression });
  }
  try {
    // The default order, A B G R: with a palette bmp-ts 1.0.9 ignores the requested order.
    const { width, height, data: abgr } = decode(source);
    const data = new Uint8Array(width * height * 3);
    for (let pixel = 0; pixel < width * height; pixel++) {
      for (let c = 0; c < 3; c++) data[pixel * 3 + c] = abgr[pixel * 4 + 3 - c]!;
    }
    return { width, height, channels: 3, data };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    throw new AppError(code === 'ERR_OUT_OF_RANGE' ? 'IMAGE_TRUNCATED' : 'IMAGE_CORRUPT', { format: 'bmp' }, error);
  }
}

interface IconImage {
  readonly bytes: Uint8Array;
  readonly isPng: boolean;
  readonly pixels: number;
}

function iconImage(view: DataView, entry: number): IconImage | null {
  const [length, offset] = [view.getUint32(entry + 8, true), view.getUint32(entry + 12, true)];
  if (length < INFO_HEADER_BYTES || offset + length > view.byteLength) return null;
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, length);
  const inside = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isPng = inside.getUint32(0) === 0x89504e47;
  const [width, height] = isPng
    ? [inside.getUint32(16), inside.getUint32(20)]
    : [inside.getUint32(4, true), inside.getUint32(8, true) >>> 1];
  return { bytes, isPng, pixels: width * height };
}

/** Return a BMP of the icon's colours: the mask below them is dropped, so the height is half of the header's. */
function toBmp({ bytes }: IconImage): Uint8Array {
  const bmp = Buffer.alloc(FILE_HEADER_BYTES + bytes.length);
  bmp.set(bytes, FILE_HEADER_BYTES);
  const bits = bmp.readUInt16LE(FILE_HEADER_BYTES + 14);
  const named = bmp.readUInt32LE(FILE_HEADER_BYTES + 32);
  const colours = bits <= 8 ? named || 1 << bits : named;
  bmp.write('BM', 0, 'latin1');
  bmp.writeUInt32LE(bmp.length, 2);
  bmp.writeUInt32LE(FILE_HEADER_BYTES + bmp.readUInt32LE(FILE_HEADER_BYTES) + colours * 4, 10);
  bmp.writeUInt32LE(bmp.readUInt32LE(FILE_HEADER_BYTES + 8) >>> 1, FILE_HEADER_BYTES + 8);
  return bmp;
}

/**
 * Return the icon's largest image as a separate file: a PNG or a BMP.
 *
 * Errors  IMAGE_TRUNCATED: no image lies inside the file.
 */
export function largestOfIcon(bytes: Uint8Array): { format: 'png' | 'bmp'; bytes: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.byteLength < 6 ? 0 : view.getUint16(4, true);
  let largest: IconImage | null = null;
  for (let at = 6; at < 6 + count * 16 && at + 16 <= view.byteLength; at += 16) {
    const image = iconImage(view, at);
    if (image && image.pixels > (largest?.pixels ?? 0)) largest = image;
  }
  if (!largest) throw new AppError('IMAGE_TRUNCATED', { format: 'ico' });
  return largest.isPng ? { format: 'png', bytes: largest.bytes } : { format: 'bmp', bytes: toBmp(largest) };
}
