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
import { candidatesOf, type Source } from './candidates.js';
import { type View, viewsOf } from './frames.js';
import { END_BYTES, identify, identifyEnd } from './identify.js';
import { decodeJpeg, ownPlane, type TakePlane } from './jpeg.js';
import { decodeByLibvips } from './libvips.js';
import { type Candidate, CORRUPT, type Damage, type Picture, worse } from './picture.js';
import { sniff } from './sniff.js';

export interface DecodeLimits {
  readonly imageBytesMax: number;
  readonly imagePixelsMax: number;
}

export interface Decoded {
  readonly format: ImageFormat;
  /** Of the first view. */
  readonly width: number;
  readonly height: number;
  readonly raster: Raster;
  readonly damage: Damage | null;
  /** Yield all views: the first picture as stored, then over backgrounds, further parts and frames. Each may be overwritten by the next. */
  views(onDamage: (damage: Damage) => void): AsyncGenerator<View>;
}

interface Decoder {
  /**
   * Decode the first view. `frames`: largest number of frames or pages among the views. A picture that cannot be decoded is passed
   * over, where the file has another.
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

/** Create a decoder for one thread. `takePlane`: target of grey JPEGs; by default a plane that the decoder keeps. */
export function createDecoder(limits: DecodeLimits, takePlane: TakePlane = ownPlane()): Decoder {
  const pixelsMax = limits.imagePixelsMax;
  async function decodeSingle(source: Source): Promise<Picture> {
    const { format, bytes } = source;
    if (format === 'jpeg') return decodeJpeg(bytes, pixelsMax, takePlane);
    if (format === 'bmp') return { raster: decodeBmp(bytes), damage: null };
    if (format === 'ico') {
      const largest = largestOfIcon(bytes);
      checkSize(largest.bytes, pixelsMax);
      return decodeSingle({ ...source, ...largest });
    }
    return decodeByLibvips(source, 0);
  }

  return {
    async decode(bytes, frames = 1) {
      if (bytes.byteLength > limits.imageBytesMax) {
        throw new AppError('IMAGE_TOO_LARGE', { bytes: bytes.byteLength, bytesMax: limits.imageBytesMax });
      }
      const format = checkSize(bytes, pixelsMax);
      const looked = new Pictures(candidatesOf({ bytes, format, pixelsMax }, frames, decodeSingle));
      const first = await looked.next();
      if (first === null) throw looked.error ?? new AppError('IMAGE_CORRUPT', { format });
      const { width, height } = first.raster;
      return {
        format,
        ...{ width, height, raster: first.raster },
        // What could not be decoded before it was the picture that people see.
        damage: looked.hasFailed ? worse(first.damage, { ...CORRUPT, isGrave: true }) : first.damage,
        views: (onDamage) => looked.viewsFrom(first, onDamage),
      };
    },
  };
}

type Shown = Pick<View, 'frame' | 'part'> & Picture;

/** The pictures of one file that can be decoded, one after the other. */
class Pictures {
  /** Of the first picture that could not be decoded. */
  error: AppError | null = null;

  constructor(readonly candidates: AsyncGenerator<Candidate>) {}

  /** A picture could not be decoded, for another reason than its size. */
  get hasFailed(): boolean {
    return this.error !== null && this.error.code !== 'IMAGE_TOO_SMALL';
  }

  /** Decode the next picture; null: there is none. */
  async next(): Promise<Shown | null> {
    for (;;) {
      try {
        const { value, done } = await this.candidates.next();
        if (done) return null;
        const { frame, part } = value;
        const { raster, damage } = await value.decode();
        const { width, height } = raster;
        if (isTooSmall(raster, 'resized')) throw new AppError('IMAGE_TOO_SMALL', { width, height });
        return { frame, part, raster, damage };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        this.error ??= error;
      }
    }
  }

  async *viewsFrom(first: Shown, onDamage: (damage: Damage) => void): AsyncGenerator<View> {
    this.error = null;
    for (let shown: Shown | null = first; shown !== null; shown = await this.next()) {
      // The first picture was examined: what is wrong with another one is said, and does not take that back.
      if (shown !== first && shown.damage) onDamage({ ...shown.damage, isGrave: false });
      yield* viewsOf(shown, shown.raster);
    }
    if (this.hasFailed) onDamage(CORRUPT);
  }
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
