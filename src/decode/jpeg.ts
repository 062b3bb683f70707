/**
 * JPEG bytes → pixels: in grey by libjpeg-turbo, whose Y channel is the luma that PDQ requires; by libvips if the file
 * is in CMYK, or if libjpeg-turbo warns of damage.
 */
import jpegTurbo from '@julusian/jpeg-turbo';
import { AppError } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';
import { CORRUPT, type Picture, thinnedOut, truncated, worse } from './damage.js';
import { countScans, readJpegHeader } from './jpeg-header.js';
import { withoutOddities } from './jpeg-oddities.js';
import { decodeByLibvips } from './libvips.js';

/** A progressive JPEG has about ten scans; each is a pass over all coefficients, so thousands are a time bomb. */
const JPEG_SCANS_MAX = 100;

/** Returns memory for `bytes` bytes of grey pixels, reused by the next image. */
export type TakePlane = (bytes: number) => Buffer;

/** Return a `TakePlane` with one plane, as large as the largest image so far. */
export function ownPlane(): TakePlane {
  let plane = Buffer.alloc(0);
  return (bytes) => {
    if (plane.byteLength < bytes) plane = Buffer.allocUnsafe(bytes);
    return plane.subarray(0, bytes);
  };
}

/**
 * Decode a JPEG.
 *
 * Errors  IMAGE_TRUNCATED, IMAGE_UNSUPPORTED_FORMAT: more than 8 bits a sample, lossless, JPEG-LS, IMAGE_CORRUPT, IMAGE_TOO_MANY_PIXELS.
 */
export async function decodeJpeg(bytes: Uint8Array, pixelsMax: number, takePlane: TakePlane): Promise<Picture> {
  const header = readJpegHeader(bytes);
  if (!header) throw new AppError('IMAGE_TRUNCATED', { format: 'jpeg' });
  // Of a further image of a file the header is first read here.
  const pixels = header.width * header.height;
  if (pixels > pixelsMax) throw new AppError('IMAGE_TOO_MANY_PIXELS', { format: 'jpeg', pixels, pixelsMax });
  if (header.precision !== 8 || header.isOtherProcess)
    throw new AppError('IMAGE_UNSUPPORTED_FORMAT', { format: 'jpeg', precision: header.precision });
  if (header.progressive && countScans(bytes, JPEG_SCANS_MAX + 1) > JPEG_SCANS_MAX) {
    throw new AppError('IMAGE_CORRUPT', { format: 'jpeg', scansMax: JPEG_SCANS_MAX });
  }
  const isCmyk = header.components === 4;
  const decodeWhole = (file: Uint8Array) =>
    isCmyk ? wholeByLibvips(file, pixelsMax) : decodeGrey(file, header.width, header.height, takePlane);
  const whole = await decodeWhole(bytes);
  if (whole) return { raster: whole, damage: null };
  const mended = withoutOddities(bytes, header.components);
  const odd = mended && (await decodeWhole(mended.bytes));
  if (odd) return { raster: odd, damage: mended.hadNoEnd ? truncated(0) : CORRUPT };
  const { raster, damage } = await decodeByLibvips({ bytes: withoutZeros(bytes), format: 'jpeg', pixelsMax }, 0);
  // libvips looks at neither the last rows nor what is behind them. Pixels behind a wrong code, or too few or too many of them, are wrong.
  if (damage?.reason !== 'truncated') return { raster, damage: { ...CORRUPT, isGrave: true } };
  const isCoarse = header.progressive && hasOneScan(bytes);
  return {
    raster,
    damage: isCoarse ? worse(damage, thinnedOut(Math.max(raster.width, raster.height) / BLOCK)) : damage,
  };
}

/** Rows and columns of a block, of which the first scan of a progressive JPEG has one value. */
const BLOCK = 8;

/** Return whether a progressive JPEG that is cut off has no complete scan but the first. A thumbnail, before the frame header, is not counted. */
function hasOneScan(bytes: Uint8Array): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return countScans(bytes.subarray(Math.max(0, file.lastIndexOf('\xff\xc2', undefined, 'latin1'))), 3) < 3;
}

/** Leave out zeros at the end: those of a file that was not written to its end would be decoded as pixels. */
function withoutZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

/** Decode what libjpeg-turbo does not; null if there is a warning. */
async function wholeByLibvips(bytes: Uint8Array, pixelsMax: number): Promise<Raster | null> {
  const { raster, damage } = await decodeByLibvips({ bytes, format: 'jpeg', pixelsMax }, 0);
  return damage ? null : raster;
}

/** Decode the luma; null if libjpeg-turbo fails. */
function decodeGrey(bytes: Uint8Array, width: number, height: number, takePlane: TakePlane): Raster | null {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const data = takePlane(width * height);
    jpegTurbo.decompressSync(source, data, { format: jpegTurbo.FORMAT_GRAY });
    return { width, height, channels: 1, data };
  } catch {
    // It fails on every warning, without details. libvips has them, and goes further.
    return null;
  }
}
