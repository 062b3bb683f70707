/** sharp (libvips): every format that it reads from memory, held to a few loaders, its messages translated. */
import sharp from 'sharp';
import { AppError, type ErrorCode } from '../core/errors.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import type { Rectangle } from './gif.js';

/** libvips loaders for exactly the decoded formats, from memory: none that opens files, runs a delegate or renders text. */
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

function translate(error: unknown, format: ImageFormat): AppError {
  const says = error instanceof Error ? error.message : String(error);
  const code = MESSAGES.find(([pattern]) => pattern.test(says))?.[1] ?? 'IMAGE_CORRUPT';
  // Its own magic bytes were right, so a loader that does not know it has met damage.
  const isDamage = code === 'IMAGE_UNSUPPORTED_FORMAT' && format !== 'avif' && format !== 'tiff';
  return new AppError(isDamage ? 'IMAGE_CORRUPT' : code, { format }, error);
}

export interface LibvipsSource {
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  readonly pixelsMax: number;
  /** What is missing is made up by the loader. By default damage is an error. */
  readonly takesDamage?: boolean;
  /** Only this part of the picture. */
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

/** Ink to light without a profile, as the PDQ reference's decoder has it: libvips' own profile moves hashes by 28 bits. */
function cmykToRgb({ width, height, data }: Raster): Raster {
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const light = 255 - data[pixel * 4 + 3]!;
    for (let c = 0; c < 3; c++) rgb[pixel * 3 + c] = Math.round(((255 - data[pixel * 4 + c]!) * light) / 255);
  }
  return { width, height, channels: 3, data: rgb };
}

/** JPEG and TIFF can hold inks; only their header tells. */
async function holdsInk({ bytes, format }: LibvipsSource, options: ReturnType<typeof optionsOf>): Promise<boolean> {
  if (format !== 'jpeg' && format !== 'tiff') return false;
  const { space, channels } = await sharp(bytes, options).metadata();
  return space === 'cmyk' && channels === 4;
}

/** One frame or page, its alpha kept. Errors: the `IMAGE_*` of damage, limits and formats. */
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

/** How many frames or pages there are, from the headers. Errors as above. */
export async function countPages(source: LibvipsSource): Promise<number> {
  try {
    return (await sharp(source.bytes, optionsOf(source)).metadata()).pages ?? 1;
  } catch (error) {
    throw translate(error, source.format);
  }
}
