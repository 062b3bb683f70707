/**
 * JPEG bytes → pixels: in grey by libjpeg-turbo, whose Y channel is the luma that PDQ requires; by libvips if the file
 * is in CMYK, or if libjpeg-turbo warns of damage.
 */
import jpegTurbo from '@julusian/jpeg-turbo';
import { AppError } from '../core/errors.js';
import type { Raster } from '../core/vocabulary.js';
import { missingRows } from './frames.js';
import { countScans, readJpegHeader } from './jpeg-header.js';
import { decodeByLibvips } from './libvips.js';

/** A progressive JPEG has about ten scans; each is a pass over all coefficients, so thousands are a time bomb. */
const JPEG_SCANS_MAX = 100;

/**
 * A JPEG that lost only its last rows can still match: an eighth of one colour at the edge changes a PDQ hash by less than
 * most matches allow. With more rows lost, `no_match` would be unreliable.
 */
const MISSING_ROWS_SHARE_MAX = 1 / 8;

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
 * Decode a JPEG. `degraded`: the file is damaged, and the pixels may differ from the original.
 *
 * Errors  IMAGE_TRUNCATED, IMAGE_UNSUPPORTED_FORMAT: more than 8 bits a sample, lossless, JPEG-LS, IMAGE_CORRUPT, IMAGE_TOO_MANY_PIXELS.
 */
export async function decodeJpeg(
  bytes: Uint8Array,
  pixelsMax: number,
  takePlane: TakePlane,
): Promise<{ raster: Raster; degraded: boolean }> {
  const header = readJpegHeader(bytes);
  if (!header) throw new AppError('IMAGE_TRUNCATED', { format: 'jpeg' });
  if (header.precision !== 8 || header.isOtherProcess)
    throw new AppError('IMAGE_UNSUPPORTED_FORMAT', { format: 'jpeg', precision: header.precision });
  if (header.progressive && countScans(bytes, JPEG_SCANS_MAX + 1) > JPEG_SCANS_MAX) {
    throw new AppError('IMAGE_CORRUPT', { format: 'jpeg', scansMax: JPEG_SCANS_MAX });
  }
  const isCmyk = header.components === 4;
  const grey = isCmyk ? null : decodeGrey(bytes, header.width, header.height, takePlane);
  if (grey) return { raster: grey, degraded: false };
  const source = { bytes, format: 'jpeg', pixelsMax } as const;
  try {
    return { raster: await decodeByLibvips(source, 0), degraded: !isCmyk };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'IMAGE_TRUNCATED') throw error;
    const raster = await decodeByLibvips({ ...source, takesDamage: true }, 0);
    if (missingRows(raster) > raster.height * MISSING_ROWS_SHARE_MAX) throw error;
    return { raster, degraded: true };
  }
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
