/** Decoding by sharp (libvips), from memory, restricted to a few loaders, with translated errors. */
import sharp from 'sharp';
import { AppError, type ErrorCode } from '../core/errors.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import type { Rectangle } from './gif.js';

/** Loaders of exactly the decoded formats, from memory: none opens files, runs a delegate or renders text. */
const LOADERS = ['JpegBuffer', 'PngBuffer', 'NsgifBuffer', 'WebpBuffer', 'HeifBuffer', 'TiffBuffer'];

/** Apply libvips settings to the whole process; call in the decoder process before its first image. */
export function restrictLoaders(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS.map((loader) => `VipsForeignLoad${loader}`) });
}

/** Messages of libvips and its loaders; any other message means damage. */
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

function translate(error: unknown, format: ImageFormat): AppError {
  const says = error instanceof Error ? error.message : String(error);
  const code = MESSAGES.find(([pattern]) => pattern.test(says))?.[1] ?? 'IMAGE_CORRUPT';
  // The magic bytes were correct, so a loader that rejects the format has found damage.
  const isDamage = code === 'IMAGE_UNSUPPORTED_FORMAT' && format !== 'avif' && format !== 'tiff';
  return new AppError(isDamage ? 'IMAGE_CORRUPT' : code, { format }, error);
}

export interface LibvipsSource {
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  readonly pixelsMax: number;
  /** Let the loader fill in missing data. By default damage is an error. */
  readonly takesDamage?: boolean;
  /** Decode only this part of the image. */
  readonly part?: Rectangle | null;
}

const optionsOf = ({ pixelsMax, takesDamage = false }: LibvipsSource) => ({
  ignoreIcc: true,
  autoOrient: false,
  failOn: takesDamage ? ('none' as const) : ('warning' as const),
  limitInputPixels: pixelsMax,
  unlimited: false,
  sequentialRead: true,
});

/** Convert CMYK to RGB without a profile, as the PDQ reference's decoder: libvips' own profile moves hashes by 28 bits. */
function cmykToRgb({ width, height, data }: Raster): Raster {
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const light = 255 - data[pixel * 4 + 3]!;
    for (let c = 0; c < 3; c++) rgb[pixel * 3 + c] = Math.round(((255 - data[pixel * 4 + c]!) * light) / 255);
  }
  return { width, height, channels: 3, data: rgb };
}

/** Return whether the image is in CMYK, by its header; only JPEG and TIFF can be. */
async function holdsInk({ bytes, format }: LibvipsSource, options: ReturnType<typeof optionsOf>): Promise<boolean> {
  if (format !== 'jpeg' && format !== 'tiff') return false;
  const { space, channels } = await sharp(bytes, options).metadata();
  return space === 'cmyk' && channels === 4;
}

/** Decode one frame or page, with its alpha. Errors: the `IMAGE_*` of damage, limits and formats. */
export async function decodeByLibvips(source: LibvipsSource, page: number): Promise<Raster> {
  const options = optionsOf(source);
  try {
    const isInk = await holdsInk(source, options);
    const image = sharp(source.bytes, { ...options, pages: 1, page });
    if (isInk) image.pipelineColourspace('cmyk');
    if (source.part) image.extract(source.part);
    const { data, info } = await image
      .toColourspace(isInk ? 'cmyk' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (isInk) return cmykToRgb({ width: info.width, height: info.height, channels: 4, data });
    const channels = info.channels as number;
    if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) throw new Error(`${channels} channels`);
    return { width: info.width, height: info.height, channels, data };
  } catch (error) {
    throw translate(error, source.format);
  }
}

/** Return the number of frames or pages, from the headers. Errors as `decodeByLibvips`. */
export async function countPages(source: LibvipsSource): Promise<number> {
  try {
    return (await sharp(source.bytes, optionsOf(source)).metadata()).pages ?? 1;
  } catch (error) {
    throw translate(error, source.format);
  }
}
