/**
 * ICO and CUR: the image that a browser shows, which is the largest by the directory.
 * Source  Microsoft, the .ICO format: ICONDIR and ICONDIRENTRY.
 */
import { AppError } from '../core/errors.js';
import { type Drawn, decodeIconBmp } from './bitmap.js';

const DIRECTORY_BYTES = 6;
const ENTRY_BYTES = 16;
/** The size is in the first bytes of a BMP or PNG. */
const IMAGE_BYTES_MIN = 24;
const PNG_MARK = 0x89504e47;
/** Images tried until one is not damaged: an icon may name thousands, and each may be of the largest size. */
const IMAGES_TRIED_MAX = 4;

interface IconImage {
  readonly bytes: Uint8Array;
  readonly isPng: boolean;
  /** By the directory, which browsers follow; a size of 0 is 256 or more, by the image itself. */
  readonly pixels: number;
  readonly bits: number;
}

function iconImage(view: DataView, entry: number, isCursor: boolean): IconImage | null {
  // To the end of the file: Chromium does not read the length, which may be wrong.
  const offset = view.getUint32(entry + 12, true);
  if (offset + IMAGE_BYTES_MIN > view.byteLength) return null;
  const inside = new DataView(view.buffer, view.byteOffset + offset, view.byteLength - offset);
  const isPng = inside.getUint32(0) === PNG_MARK;
  const [width, height] = isPng
    ? [inside.getUint32(16), inside.getUint32(20)]
    : [inside.getUint32(4, true), Math.abs(inside.getInt32(8, true)) >>> 1];
  const pixels = (view.getUint8(entry) || width) * (view.getUint8(entry + 1) || height);
  // A cursor has its hot spot there.
  const bits = isCursor ? 0 : view.getUint16(entry + 6, true);
  return { bytes: new Uint8Array(inside.buffer, inside.byteOffset, inside.byteLength), isPng, pixels, bits };
}

/** Return the images, the largest first, and of equal ones that with the most colours. */
function imagesOf(bytes: Uint8Array): IconImage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.byteLength < DIRECTORY_BYTES ? 0 : view.getUint16(4, true);
  const isCursor = bytes[2] === 2;
  const images: IconImage[] = [];
  for (let entry = 0; entry < count; entry++) {
    const at = DIRECTORY_BYTES + entry * ENTRY_BYTES;
    if (at + ENTRY_BYTES > view.byteLength) break;
    const image = iconImage(view, at, isCursor);
    if (image) images.push(image);
  }
  return images.sort((a, b) => b.pixels - a.pixels || b.bits - a.bits);
}

const isDamage = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'IMAGE_CORRUPT' || error.code === 'IMAGE_TRUNCATED');

/**
 * Decode the largest image; if it is too damaged, the next one, which is `degraded`.
 *
 * Errors  IMAGE_TRUNCATED: no image lies inside the file; as `decodeBmp` and `decodePng` for the largest image.
 */
export async function decodeIcon(
  bytes: Uint8Array,
  pixelsMax: number,
  decodePng: (png: Uint8Array) => Promise<Drawn>,
): Promise<Drawn> {
  let damage: AppError | null = null;
  for (const image of imagesOf(bytes).slice(0, IMAGES_TRIED_MAX)) {
    try {
      const { raster, degraded } = image.isPng ? await decodePng(image.bytes) : decodeIconBmp(image.bytes, pixelsMax);
      return { raster, degraded: degraded || damage !== null };
    } catch (error) {
      if (!isDamage(error)) throw error;
      damage ??= error;
    }
  }
  throw damage ?? new AppError('IMAGE_TRUNCATED', { format: 'ico' });
}
