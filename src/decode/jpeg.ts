/**
 * JPEG bytes → pixels: in grey by libjpeg-turbo, whose Y channel is the luma that PDQ requires; by libvips if the file
 * is in CMYK, or if libjpeg-turbo warns of damage.
 */
import jpegTurbo from '@julusian/jpeg-turbo';
import { AppError } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';
import { CORRUPT, type Picture } from './damage.js';
import { countScans, readJpegHeader } from './jpeg-header.js';
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
  const grey = isCmyk ? null : decodeGrey(bytes, header.width, header.height, takePlane);
  if (grey) return { raster: grey, damage: null };
  const picture = await decodeByLibvips({ bytes, format: 'jpeg', pixelsMax }, 0);
  // libjpeg-turbo warned of something that libvips passes over.
  return isCmyk || picture.damage ? picture : { ...picture, damage: CORRUPT };
}

/** Decode the luma; null if libjpeg-turbo fails. */
function decodeGrey(bytes: Uint8Array, width: number, height: number, takePlane: TakePlane): Raster | null {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const data = takePlane(width * height);
    jpegTurbo.decompressSync(source, data, { format: jpegTurbo.FORMAT_GRAY });
    return { width, height, channels: 1, data };
  } catch {
    // It fails on every warning, without details. libvips is next, and its message is translated.
    return null;
  }
}
