/**
 * Untrusted bytes → pixels. JPEG in grey by libjpeg-turbo, whose Y channel is the luma that PDQ asks for;
 * all else, and every JPEG that libjpeg-turbo finds fault with, by sharp (libvips).
 *
 * EXIF orientation, ICC profile and alpha are ignored, as the PDQ reference does; first frame or page only.
 * Foreign errors are translated here, so no room above ever reads a library's message text.
 */
import jpegTurbo from '@julusian/jpeg-turbo';
import sharp from 'sharp';
import { AppError, type ErrorCode } from '../core/errors.js';
import { JPEG_SCANS_MAX } from '../core/limits.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import { isTooSmall } from '../kernels/pdq.js';
import { countScans, readJpegHeader } from './jpeg-header.js';
import { type Sniffed, sniff } from './sniff.js';

export interface DecodeLimits {
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
}

export interface Decoded {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  readonly raster: Raster;
  /** Decoded, but the file is damaged: the pixels may not be what was stored. */
  readonly degraded: boolean;
}

export interface Decoder {
  /**
   * Errors  IMAGE_NOT_AN_IMAGE, IMAGE_UNSUPPORTED_FORMAT, IMAGE_TRUNCATED, IMAGE_CORRUPT, IMAGE_TOO_LARGE,
   *         IMAGE_TOO_MANY_PIXELS, IMAGE_TOO_SMALL. The raster's bytes are the decoder's own until the next call.
   */
  decode(bytes: Uint8Array): Promise<Decoded>;
}

/** Formats that are decoded; the others are known by their first bytes and refused as `unsupported_format`. */
export const DECODED_FORMATS: ReadonlySet<ImageFormat> = new Set(['jpeg', 'png', 'gif', 'webp', 'avif', 'tiff']);

/** libvips loaders for exactly those formats, from memory: none that opens files, runs a delegate or renders text. */
const LOADERS = ['JpegBuffer', 'PngBuffer', 'NsgifBuffer', 'WebpBuffer', 'HeifBuffer', 'TiffBuffer'];

/** Settings of libvips that hold for a whole process; for the decoder process, before its first picture. */
export function restrictLoaders(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS.map((loader) => `VipsForeignLoad${loader}`) });
}

/** libvips and its loaders say these; the rest is damage. */
const MESSAGES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/exceeds pixel limit|image too large|dimensions? (?:is |are )?too large|too big/i, 'IMAGE_TOO_MANY_PIXELS'],
  [
    /premature end|unexpected end|end of (?:file|stream|data)|truncated|read past end|not enough data|no image data/i,
    'IMAGE_TRUNCATED',
  ],
  [
    /unsupported image format|support for this compression format|unsupported codec|not supported/i,
    'IMAGE_UNSUPPORTED_FORMAT',
  ],
];

function translate(error: unknown, sniffed: Sniffed): AppError {
  const says = error instanceof Error ? error.message : String(error);
  const code = MESSAGES.find(([pattern]) => pattern.test(says))?.[1] ?? 'IMAGE_CORRUPT';
  // Its own magic bytes were right, so a loader that does not know it has met damage.
  const isDamage = code === 'IMAGE_UNSUPPORTED_FORMAT' && sniffed.format !== 'avif' && sniffed.format !== 'tiff';
  return new AppError(isDamage ? 'IMAGE_CORRUPT' : code, { format: sniffed.format }, error);
}

async function decodeBySharp(bytes: Uint8Array, sniffed: Sniffed, limits: DecodeLimits): Promise<Raster> {
  try {
    const { data, info } = await sharp(bytes, {
      ignoreIcc: true,
      autoOrient: false,
      failOn: 'warning',
      limitInputPixels: limits.imagePixelsMax,
      unlimited: false,
      sequentialRead: true,
      pages: 1,
    })
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 1 && info.channels !== 3) throw new Error(`${info.channels} channels`);
    return { width: info.width, height: info.height, channels: info.channels, data };
  } catch (error) {
    throw translate(error, sniffed);
  }
}

/** A decoder for one thread: it keeps one grey plane and reuses it. */
export function createDecoder(limits: DecodeLimits): Decoder {
  let plane = Buffer.alloc(0);

  function decodeGrey(bytes: Uint8Array, width: number, height: number): Raster | null {
    if (plane.byteLength < width * height) plane = Buffer.allocUnsafe(width * height);
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      const grey = jpegTurbo.decompressSync(source, plane, { format: jpegTurbo.FORMAT_GRAY });
      return { width: grey.width, height: grey.height, channels: 1, data: plane.subarray(0, width * height) };
    } catch {
      // It fails on every warning, without saying which. sharp is asked next, and its word is translated.
      return null;
    }
  }

  async function decodeJpeg(bytes: Uint8Array, sniffed: Sniffed): Promise<{ raster: Raster; degraded: boolean }> {
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
    return { raster: await decodeBySharp(bytes, sniffed, limits), degraded: !isCmyk };
  }

  return {
    async decode(bytes) {
      if (bytes.byteLength > limits.imageBytesMax) {
        throw new AppError('IMAGE_TOO_LARGE', { bytes: bytes.byteLength, bytesMax: limits.imageBytesMax });
      }
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
      const { raster, degraded } =
        format === 'jpeg'
          ? await decodeJpeg(bytes, sniffed)
          : { raster: await decodeBySharp(bytes, sniffed, limits), degraded: false };
      if (isTooSmall(raster, 'resized')) {
        throw new AppError('IMAGE_TOO_SMALL', { format, width: raster.width, height: raster.height });
      }
      return { format, width: raster.width, height: raster.height, raster, degraded };
    },
  };
}
