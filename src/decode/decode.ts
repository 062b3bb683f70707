/**
 * Untrusted bytes → pixels, by the best decoder for each format; `docs/formats.md` has the table.
 *
 * EXIF orientation and ICC profiles are ignored, as in the PDQ reference.
 * Foreign errors are translated in this room, so no room above ever reads a library's message text.
 */
import { AppError } from '../core/errors.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import { isTooSmall } from '../kernels/pdq.js';
import { type Drawn, decodeBmp } from './bitmap.js';
import { candidatesOf, ofRaw, type Source } from './candidates.js';
import { isCutOff } from './cut-off.js';
import { type Candidate, CORRUPT, type Damage, missingRows, type Picture, truncated, worse } from './damage.js';
import { type View, viewsOf } from './frames.js';
import { decodeIcon } from './icon.js';
import { END_BYTES, identify, identifyEnd } from './identify.js';
import { decodeJpeg, ownPlane, type TakePlane } from './jpeg.js';
import { decodeJxl } from './jxl.js';
import { decodeByLibvips } from './libvips.js';
import { findPreview } from './raw-preview.js';
import { DECODED_FORMATS, sniff } from './sniff.js';

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
  /** Yield all views: the first image as stored, then over backgrounds, further parts and frames. Each may be overwritten by the next. */
  views(onDamage: (damage: Damage) => void): AsyncGenerator<View>;
}

interface Decoder {
  /**
   * Decode the first view. `frames`: largest number of frames or pages among the views. An image that cannot be decoded is passed
   * over, where the file has another.
   *
   * Errors  IMAGE_NOT_AN_IMAGE, IMAGE_UNSUPPORTED_FORMAT, IMAGE_TRUNCATED, IMAGE_CORRUPT, IMAGE_TOO_LARGE,
   *         IMAGE_TOO_MANY_PIXELS, IMAGE_TOO_SMALL. The next call may overwrite the raster's bytes.
   */
  decode(bytes: Uint8Array, frames?: number): Promise<Decoded>;
}

/** Create a decoder for one thread. `takePlane`: target of grey JPEGs; by default a plane that the decoder keeps. */
export function createDecoder(limits: DecodeLimits, takePlane: TakePlane = ownPlane()): Decoder {
  const pixelsMax = limits.imagePixelsMax;
  async function decodeSingle(source: Source): Promise<Picture> {
    const { format, bytes } = source;
    if (format === 'jpeg') return decodeJpeg(bytes, pixelsMax, takePlane);
    if (format === 'jxl') return { raster: await decodeJxl(bytes, pixelsMax), damage: null };
    if (format === 'bmp') return pictureOf(decodeBmp(bytes, pixelsMax), false);
    if (format === 'ico') return pictureOf(await decodeIcon(bytes, pixelsMax, decodePngOfIcon), true);
    return decodeByLibvips(source, 0);
  }

  async function decodePngOfIcon(bytes: Uint8Array): Promise<Drawn> {
    const { raster, damage } = await decodeByLibvips({ bytes, format: checkSize(bytes, pixelsMax), pixelsMax }, 0);
    return { raster, degraded: damage !== null };
  }

  return {
    async decode(bytes, frames = 1) {
      if (bytes.byteLength > limits.imageBytesMax) {
        throw new AppError('IMAGE_TOO_LARGE', { bytes: bytes.byteLength, bytesMax: limits.imageBytesMax });
      }
      // Viewers show the preview of a raw photograph.
      const preview = findPreview(bytes);
      const shown = checkSize(preview?.jpeg ?? bytes, pixelsMax);
      const format = preview ? 'raw' : shown;
      const source = { bytes, format, pixelsMax };
      const looked = new Pictures(
        preview ? ofRaw(source, preview, decodeSingle) : candidatesOf(source, frames, decodeSingle),
      );
      const first = await looked.next();
      if (first === null) throw looked.error ?? new AppError('IMAGE_CORRUPT', { format });
      const { width, height } = first.raster;
      // Frames that are not whole are not counted: that they are missing shows in no other way.
      const isCut = LOSES_FRAMES.has(shown) && isCutOff(shown, preview?.jpeg ?? bytes);
      const damage = first.damage ?? (isCut ? truncated(0) : null);
      return {
        format,
        ...{ width, height, raster: first.raster },
        // What could not be decoded before it was the image that people see.
        damage: looked.hasFailed ? worse(damage, { ...CORRUPT, isGrave: true }) : damage,
        views: (onDamage) => looked.viewsFrom(first, onDamage),
      };
    },
  };
}

/** `isReplaced`: where it is damaged, another image of the file may have taken the place of the one that people see. */
function pictureOf({ raster, degraded }: Drawn, isReplaced: boolean): Picture {
  if (!degraded) return { raster, damage: null };
  if (isReplaced) return { raster, damage: { ...CORRUPT, isGrave: true } };
  // Most BMPs begin with their last row.
  const missing = Math.max(missingRows(raster), missingRows(raster, 'start'));
  return { raster, damage: missing > 0 ? truncated(missing / raster.height) : CORRUPT };
}

/** Formats whose decoders pass over frames that a file has no longer. */
const LOSES_FRAMES: ReadonlySet<ImageFormat> = new Set(['gif', 'avif', 'heic']);

/** Codes of an image of which not even a part can be decoded. */
const UNREADABLE: ReadonlySet<string> = new Set(['IMAGE_CORRUPT', 'IMAGE_TRUNCATED', 'IMAGE_UNSUPPORTED_FORMAT']);

type Shown = Pick<View, 'frame' | 'part'> & Picture;

/** The images of one file that can be decoded, one after the other. */
class Pictures {
  /** Of the first image that could not be decoded. */
  error: AppError | null = null;
  /** An image could not be decoded, for another reason than its size. */
  hasFailed = false;

  constructor(readonly candidates: AsyncGenerator<Candidate>) {}

  /** Decode the next image; null: there is none. */
  async next(): Promise<Shown | null> {
    for (;;) {
      let isExpected = true;
      try {
        const { value, done } = await this.candidates.next();
        if (done) return null;
        const { frame, part, isOptional = false } = value;
        isExpected = !isOptional;
        const { raster, damage } = await value.decode();
        const { width, height } = raster;
        if (isTooSmall(raster, 'resized')) throw new AppError('IMAGE_TOO_SMALL', { width, height });
        return { frame, part, raster, damage };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (!isExpected && UNREADABLE.has(error.code)) continue;
        this.error ??= error;
        this.hasFailed ||= error.code !== 'IMAGE_TOO_SMALL';
      }
    }
  }

  async *viewsFrom(first: Shown, onDamage: (damage: Damage) => void): AsyncGenerator<View> {
    this.hasFailed = false;
    for (let shown: Shown | null = first; shown !== null; shown = await this.next()) {
      // The first image was examined: what is wrong with another one is said, and does not take that back.
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
