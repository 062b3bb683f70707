/**
 * Untrusted bytes → pixels, by the best decoder for each format; `docs/formats.md` has the table.
 *
 * EXIF orientation and ICC profiles are ignored, as in the PDQ reference.
 * Foreign errors are translated in this room, so no room above ever reads a library's message text.
 */
import { AppError } from '../core/errors.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import { isTooSmall } from '../kernels/pdq.js';
import { decodeBmp, largestOfIcon } from './bitmap.js';
import { spreadFrames, type View, viewsOf } from './frames.js';
import { firstFrame } from './gif.js';
import { decodeHeic } from './heic.js';
import { END_BYTES, identify, identifyEnd } from './identify.js';
import { decodeJpeg, ownPlane, type TakePlane } from './jpeg.js';
import { countPages, decodeByLibvips, type LibvipsSource } from './libvips.js';
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
  /** Decoded from a damaged file: the pixels may differ from the original. */
  readonly degraded: boolean;
  /**
   * Yield the other views: over white if a pixel is transparent, and the further frames requested.
   *
   * Errors  as `decode`, for a further frame; the views before it are valid.
   */
  others(): AsyncGenerator<View>;
}

interface Decoder {
  /**
   * Decode the first view. `frames`: largest number of frames or pages among the views.
   *
   * Errors  IMAGE_NOT_AN_IMAGE, IMAGE_UNSUPPORTED_FORMAT, IMAGE_TRUNCATED, IMAGE_CORRUPT, IMAGE_TOO_LARGE,
   *         IMAGE_TOO_MANY_PIXELS, IMAGE_TOO_SMALL. The next call may overwrite the raster's bytes.
   */
  decode(bytes: Uint8Array, frames?: number): Promise<Decoded>;
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
]);

/** Formats with several frames or pages that can be decoded one by one. */
const FRAMED_FORMATS: ReadonlySet<ImageFormat> = new Set(['gif', 'webp', 'tiff']);

/** Create a decoder for one thread. `takePlane`: target of grey JPEGs; by default a plane that the decoder keeps. */
export function createDecoder(limits: DecodeLimits, takePlane: TakePlane = ownPlane()): Decoder {
  const pixelsMax = limits.imagePixelsMax;

  async function decodeFirst(format: ImageFormat, bytes: Uint8Array): Promise<{ raster: Raster; degraded: boolean }> {
    if (format === 'jpeg') return decodeJpeg(bytes, pixelsMax, takePlane);
    if (format === 'heic') return { raster: await decodeHeic(bytes, pixelsMax), degraded: false };
    if (format === 'bmp') return { raster: decodeBmp(bytes), degraded: false };
    if (format === 'ico') {
      const largest = largestOfIcon(bytes);
      checkSize(largest.bytes, pixelsMax);
      return decodeFirst(largest.format, largest.bytes);
    }
    // A GIF's frame without the screen around it, as in the PDQ reference: an empty border would change the hash.
    const part = format === 'gif' ? firstFrame(bytes) : null;
    return { raster: await decodeByLibvips({ bytes, format, pixelsMax, part }, 0), degraded: false };
  }

  return {
    async decode(bytes, frames = 1) {
      if (bytes.byteLength > limits.imageBytesMax) {
        throw new AppError('IMAGE_TOO_LARGE', { bytes: bytes.byteLength, bytesMax: limits.imageBytesMax });
      }
      const format = checkSize(bytes, pixelsMax);
      const { raster, degraded } = await decodeFirst(format, bytes);
      const { width, height } = raster;
      if (isTooSmall(raster, 'resized')) throw new AppError('IMAGE_TOO_SMALL', { format, width, height });
      const source = { bytes, format, pixelsMax };
      return { format, width, height, raster, degraded, others: () => otherViews(source, raster, frames) };
    },
  };
}

/** Return the error of a file without a decodable format: some have a magic number nevertheless. */
function unknownError(bytes: Uint8Array): AppError {
  const { group, name } = identify(bytes) ?? identifyEnd(bytes.subarray(-END_BYTES)) ?? { group: 'archive', name: '' };
  if (group === 'archive') return new AppError('IMAGE_NOT_AN_IMAGE', { bytes: bytes.byteLength });
  return new AppError('IMAGE_UNSUPPORTED_FORMAT', { format: name });
}

/** Check the header against the limits, before memory or time is spent, and return the format. */
function checkSize(bytes: Uint8Array, pixelsMax: number): ImageFormat {
  const sniffed = sniff(bytes);
  if (!sniffed) throw unknownError(bytes);
  const { format, width, height } = sniffed;
  const pixels = (width ?? 0) * (height ?? 0);
  if (pixels > pixelsMax) throw new AppError('IMAGE_TOO_MANY_PIXELS', { format, pixels, pixelsMax });
  // A raw photograph of a Canon is a TIFF whose first image is a preview in a form that no decoder reads.
  if (!DECODED_FORMATS.has(format) || (format === 'tiff' && identify(bytes) !== null))
    throw new AppError('IMAGE_UNSUPPORTED_FORMAT', { format });
  if (width === 0 || height === 0)
    throw new AppError('IMAGE_CORRUPT', { format, width: width ?? 0, height: height ?? 0 });
  return format;
}

async function* otherViews(source: LibvipsSource, first: Raster, frames: number): AsyncGenerator<View> {
  const [, ...shown] = viewsOf(0, first);
  yield* shown;
  if (frames <= 1 || !FRAMED_FORMATS.has(source.format)) return;
  const [, ...further] = spreadFrames(await countPages(source), frames);
  for (const frame of further) {
    const raster = await decodeByLibvips(source, frame);
    if (!isTooSmall(raster, 'resized')) yield* viewsOf(frame, raster);
  }
}
