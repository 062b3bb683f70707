/**
 * Untrusted bytes → pixels, by whichever decoder is best for the format; `docs/formats.md` has the table.
 *
 * EXIF orientation and ICC profiles are ignored, as the PDQ reference does.
 * Foreign errors are translated in this room, so no room above ever reads a library's message text.
 */
import { AppError } from '../core/errors.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import { isTooSmall } from '../kernels/pdq.js';
import { decodeBmp, largestOfIcon } from './bitmap.js';
import { spreadFrames, type View, viewsOf } from './frames.js';
import { firstFrame } from './gif.js';
import { decodeHeic } from './heic.js';
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
  /** Decoded, but the file is damaged: the pixels may not be what was stored. */
  readonly degraded: boolean;
  /**
   * The other views, one at a time: over white where something is transparent, and the further frames that were asked
   * for. Errors: as `decode`, of a further frame; the views before it are good.
   */
  others(): AsyncGenerator<View>;
}

interface Decoder {
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

/** A decoder for one thread. `takePlane`: where grey JPEGs are decoded to; by default a plane that it keeps. */
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
    // Of a GIF the frame itself, as the PDQ reference has it: an empty border would move its hash.
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

/** The format, once the header has been held against the limits: before memory or time is spent. */
function checkSize(bytes: Uint8Array, pixelsMax: number): ImageFormat {
  const sniffed = sniff(bytes);
  if (!sniffed) throw new AppError('IMAGE_NOT_AN_IMAGE', { bytes: bytes.byteLength });
  const { format, width, height } = sniffed;
  const pixels = (width ?? 0) * (height ?? 0);
  if (pixels > pixelsMax) throw new AppError('IMAGE_TOO_MANY_PIXELS', { format, pixels, pixelsMax });
  if (!DECODED_FORMATS.has(format)) throw new AppError('IMAGE_UNSUPPORTED_FORMAT', { format });
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
