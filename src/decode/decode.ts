/**
 * Untrusted bytes → pixels, by whichever decoder is best for the format; `docs/formats.md` has the table.
 * JPEG in grey by libjpeg-turbo, whose Y channel is the luma that PDQ asks for.
 *
 * EXIF orientation and ICC profiles are ignored, as the PDQ reference does.
 * Foreign errors are translated in this room, so no room above ever reads a library's message text.
 */
import jpegTurbo from '@julusian/jpeg-turbo';
import { AppError } from '../core/errors.js';
import { JPEG_SCANS_MAX } from '../core/limits.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import { isTooSmall } from '../kernels/pdq.js';
import { decodeBmp, largestOfIcon } from './bitmap.js';
import { missingRows, spreadFrames, type View, viewsOf } from './frames.js';
import { firstFrame } from './gif.js';
import { decodeHeic } from './heic.js';
import { countScans, readJpegHeader } from './jpeg-header.js';
import { countPages, decodeByLibvips } from './libvips.js';
import { sniff } from './sniff.js';

export interface DecodeLimits {
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
}

export interface Decoded {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  /** The first view: the first frame, its alpha ignored. */
  readonly raster: Raster;
  /** Decoded, but the file is damaged: the pixels may not be what was stored. */
  readonly degraded: boolean;
  /**
   * The other views, one at a time: over white where something is transparent, and the further frames that were asked
   * for. Errors: as `decode`, of a further frame; the views before it are good.
   */
  others(): AsyncGenerator<View>;
}

export interface Decoder {
  /**
   * Unit    `frames`: at most so many frames or pages are among the views.
   * Errors  IMAGE_NOT_AN_IMAGE, IMAGE_UNSUPPORTED_FORMAT, IMAGE_TRUNCATED, IMAGE_CORRUPT, IMAGE_TOO_LARGE,
   *         IMAGE_TOO_MANY_PIXELS, IMAGE_TOO_SMALL. The raster's bytes are the decoder's own until the next call.
   */
  decode(bytes: Uint8Array, frames?: number): Promise<Decoded>;
}

/** Formats that are decoded; the others are known by their first bytes and refused as `unsupported_format`. */
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
]);

/** Formats that hold several frames or pages, and whose decoder can be asked for each. */
const FRAMED_FORMATS: ReadonlySet<ImageFormat> = new Set(['gif', 'webp', 'tiff']);

/**
 * A JPEG that lost no more than its last rows is still the picture: an eighth of one colour at its edge moves a PDQ hash
 * less than most matches allow. More, and `no_match` would say too much.
 */
const MISSING_ROWS_SHARE_MAX = 1 / 8;

/** Memory for so many bytes of grey pixels, to be reused by the next picture. */
export type TakePlane = (bytes: number) => Buffer;

function ownPlane(): TakePlane {
  let plane = Buffer.alloc(0);
  return (bytes) => {
    if (plane.byteLength < bytes) plane = Buffer.allocUnsafe(bytes);
    return plane.subarray(0, bytes);
  };
}

/** A decoder for one thread. `takePlane`: where grey JPEGs are decoded to; by default a plane that it keeps. */
export function createDecoder(limits: DecodeLimits, takePlane: TakePlane = ownPlane()): Decoder {
  function decodeGrey(bytes: Uint8Array, width: number, height: number): Raster | null {
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      const data = takePlane(width * height);
      jpegTurbo.decompressSync(source, data, { format: jpegTurbo.FORMAT_GRAY });
      return { width, height, channels: 1, data };
    } catch {
      // It fails on every warning, without saying which. sharp is asked next, and its word is translated.
      return null;
    }
  }

  async function decodeJpeg(bytes: Uint8Array): Promise<{ raster: Raster; degraded: boolean }> {
    const header = readJpegHeader(bytes);
    if (!header) throw new AppError('IMAGE_TRUNCATED', { format: 'jpeg' });
    if (header.precision !== 8)
      throw new AppError('IMAGE_UNSUPPORTED_FORMAT', { format: 'jpeg', precision: header.precision });
    if (header.progressive && countScans(bytes, JPEG_SCANS_MAX + 1) > JPEG_SCANS_MAX) {
      throw new AppError('IMAGE_CORRUPT', { format: 'jpeg', scansMax: JPEG_SCANS_MAX });
    }
    const isCmyk = header.components === 4;
    const grey = isCmyk ? null : decodeGrey(bytes, header.width, header.height);
    if (grey) return { raster: grey, degraded: false };
    const source = { bytes, format: 'jpeg', pixelsMax: limits.imagePixelsMax } as const;
    try {
      return { raster: await decodeByLibvips(source, 0), degraded: !isCmyk };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'IMAGE_TRUNCATED') throw error;
      const raster = await decodeByLibvips({ ...source, takesDamage: true }, 0);
      if (missingRows(raster) > raster.height * MISSING_ROWS_SHARE_MAX) throw error;
      return { raster, degraded: true };
    }
  }

  async function decodeFirst(format: ImageFormat, bytes: Uint8Array): Promise<{ raster: Raster; degraded: boolean }> {
    if (format === 'jpeg') return decodeJpeg(bytes);
    if (format === 'heic') return { raster: await decodeHeic(bytes, limits.imagePixelsMax), degraded: false };
    if (format === 'bmp') return { raster: decodeBmp(bytes), degraded: false };
    if (format === 'ico') {
      const picture = largestOfIcon(bytes);
      checkSize(picture.bytes);
      return decodeFirst(picture.format, picture.bytes);
    }
    // Of a GIF the frame itself, as the PDQ reference has it: an empty border would move its hash.
    const part = format === 'gif' ? firstFrame(bytes) : null;
    const source = { bytes, format, pixelsMax: limits.imagePixelsMax, part };
    return { raster: await decodeByLibvips(source, 0), degraded: false };
  }

  /** The format, once the header has been held against the limits: before memory or time is spent. */
  function checkSize(bytes: Uint8Array): ImageFormat {
    const sniffed = sniff(bytes);
    if (!sniffed) throw new AppError('IMAGE_NOT_AN_IMAGE', { bytes: bytes.byteLength });
    const { format, width, height } = sniffed;
    const pixels = (width ?? 0) * (height ?? 0);
    if (pixels > limits.imagePixelsMax) {
      throw new AppError('IMAGE_TOO_MANY_PIXELS', { format, pixels, pixelsMax: limits.imagePixelsMax });
    }
    if (!DECODED_FORMATS.has(format)) throw new AppError('IMAGE_UNSUPPORTED_FORMAT', { format });
    if (width === 0 || height === 0)
      throw new AppError('IMAGE_CORRUPT', { format, width: width ?? 0, height: height ?? 0 });
    return format;
  }

  async function* otherViews(bytes: Uint8Array, format: ImageFormat, first: Raster, frames: number) {
    const [, ...shown] = viewsOf(0, first);
    yield* shown;
    if (frames <= 1 || !FRAMED_FORMATS.has(format)) return;
    const source = { bytes, format, pixelsMax: limits.imagePixelsMax };
    const [, ...further] = spreadFrames(await countPages(source), frames);
    for (const frame of further) {
      const raster = await decodeByLibvips(source, frame);
      if (!isTooSmall(raster, 'resized')) yield* viewsOf(frame, raster);
    }
  }

  return {
    async decode(bytes, frames = 1) {
      if (bytes.byteLength > limits.imageBytesMax) {
        throw new AppError('IMAGE_TOO_LARGE', { bytes: bytes.byteLength, bytesMax: limits.imageBytesMax });
      }
      const format = checkSize(bytes);
      const { raster, degraded } = await decodeFirst(format, bytes);
      const { width, height } = raster;
      if (isTooSmall(raster, 'resized')) throw new AppError('IMAGE_TOO_SMALL', { format, width, height });
      return { format, width, height, raster, degraded, others: () => otherViews(bytes, format, raster, frames) };
    },
  };
}
