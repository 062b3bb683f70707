/** Decoding by sharp (libvips), from memory, restricted to a few loaders, with translated errors. */
import sharp from 'sharp';
import { AppError, type ErrorCode } from '../core/errors.js';
import type { ImageFormat, Raster } from '../core/vocabulary.js';
import { isCutOff, missingOfTiff } from './cut-off.js';
import { CORRUPT, type Damage, isDamageError, missingRows, type Picture, truncated } from './damage.js';
import type { Rectangle } from './gif.js';
import { missingOfPng } from './png-rows.js';
import { Turns } from './turns.js';

/** Loaders of exactly the decoded formats, from memory: none opens files, runs a delegate or renders text. */
const LOADERS = ['JpegBuffer', 'PngBuffer', 'NsgifBuffer', 'WebpBuffer', 'HeifBuffer', 'TiffBuffer'];

/** Apply libvips settings to the whole process; call in the decoder process before its first image. */
export function restrictLoaders(): void {
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: LOADERS.map((loader) => `VipsForeignLoad${loader}`) });
}

/** libvips collects the messages of all threads in one place, and clears them with any image. */
let turns = new Turns();

/** Take turns with the other threads of the process. */
export function shareTurns(shared: SharedArrayBuffer): void {
  turns = new Turns(shared);
}

/** Messages of libvips and its loaders; any other message means damage. */
const MESSAGES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/exceeds pixel limit|image too large|dimensions? (?:is |are )?too large|too big/i, 'IMAGE_TOO_MANY_PIXELS'],
  // The data of a JPEG, before a marker: an end of the file is said in other words.
  [/premature end of data segment/i, 'IMAGE_CORRUPT'],
  [
    /premature end|unexpected end|end of (?:file|stream|data)|truncated|read past end|not enough data|no image data/i,
    'IMAGE_TRUNCATED',
  ],
  [
    /unsupported image format|support for this compression format|unsupported codec|not supported|not configured/i,
    'IMAGE_UNSUPPORTED_FORMAT',
  ],
];

function translate(error: unknown, { format, bytes }: LibvipsSource): AppError {
  const says = error instanceof Error ? error.message : String(error);
  const code = MESSAGES.find(([pattern]) => pattern.test(says))?.[1] ?? 'IMAGE_CORRUPT';
  // The magic bytes were correct, so a loader that rejects the format has found damage, but for the codecs of a container.
  const isDamage = code === 'IMAGE_UNSUPPORTED_FORMAT' && format !== 'avif' && format !== 'tiff';
  const isCut = code !== 'IMAGE_TOO_MANY_PIXELS' && isCutOff(format, bytes);
  if (isCut) return new AppError('IMAGE_TRUNCATED', { format }, error);
  return new AppError(isDamage ? 'IMAGE_CORRUPT' : code, { format }, error);
}

export interface LibvipsSource {
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  readonly pixelsMax: number;
  /** Decode only this part of the image. */
  readonly part?: Rectangle | null;
}

/** `takesDamage`: the loader passes over what it can, and fills in missing data; otherwise damage is an error. */
const optionsOf = ({ pixelsMax }: LibvipsSource, takesDamage: boolean) => ({
  ignoreIcc: true,
  autoOrient: false,
  failOn: takesDamage ? ('none' as const) : ('warning' as const),
  limitInputPixels: pixelsMax,
  unlimited: false,
  sequentialRead: true,
});

/**
 * Warnings after which no pixel is another: about tags that are not used. The first warning decides; a file can have others behind it.
 */
const HARMLESS =
  /^[^\n]*(?:ASCII (?:value|array) for|does not end in null byte|Unknown (?:field|tag|pseudo-tag)|Incorrect (?:count|value) for|tags are not sorted|iCCP|known incorrect sRGB|gAMA|cHRM|[ti]XTt?|eXIf|tIME|pHYs|bKGD|hIST|sBIT|Wrong data type)/i;
/** sharp says in a line of its own that a warning is an error; the warning is in the next one. */
const firstWarning = (error: AppError): string =>
  (error.cause instanceof Error ? error.cause.message : '').replace(/^Warning treated as error[^\n]*\n/, '');

interface Samples extends Pick<Raster, 'width' | 'height'> {
  readonly channels: number;
  readonly data: Uint8Array | Uint16Array;
}

/**
 * Convert CMYK, with more channels or without, to RGB without a profile, as the PDQ reference's decoder: libvips' own profile
 * moves hashes by 28 bits.
 */
function cmykToRgb({ width, height, channels, data }: Samples): Raster {
  const rgb = new Uint8Array(width * height * 3);
  const full = data instanceof Uint16Array ? 65_535 : 255;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const light = full - data[pixel * channels + 3]!;
    for (let c = 0; c < 3; c++) {
      const colour = (full - data[pixel * channels + c]!) / full;
      rgb[pixel * 3 + c] = Math.round((colour * light * 255) / full);
    }
  }
  return { width, height, channels: 3, data: rgb };
}

/** Keep the colours and the alpha of an image with further channels, which no viewer shows. */
function withoutExtras({ width, height, channels, data }: Samples): Raster {
  const kept = new Uint8Array(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++)
    for (let c = 0; c < 4; c++) kept[pixel * 4 + c] = data[pixel * channels + c]!;
  return { width, height, channels: 4, data: kept };
}

/** Return how many bits an ink of a CMYK image has, by its header; null for others. Only JPEG and TIFF can be in CMYK. */
async function bitsOfInk(
  { bytes, format }: LibvipsSource,
  options: ReturnType<typeof optionsOf>,
): Promise<8 | 16 | null> {
  if (format !== 'jpeg' && format !== 'tiff') return null;
  const { space, channels, depth } = await sharp(bytes, options).metadata();
  if (space !== 'cmyk' || channels < 4) return null;
  return depth === 'ushort' ? 16 : 8;
}

/** Do an operation of libvips; its error has the message of this operation. Errors as `translate`. */
async function withLibvips<Result>(source: LibvipsSource, work: () => Promise<Result>): Promise<Result> {
  try {
    return await turns.withOwnMessage(work);
  } catch (error) {
    throw translate(error, source);
  }
}

function decodeOnce(source: LibvipsSource, page: number, takesDamage: boolean): Promise<Raster> {
  const options = optionsOf(source, takesDamage);
  return withLibvips(source, async () => {
    const inkBits = await bitsOfInk(source, options);
    const image = sharp(source.bytes, { ...options, pages: 1, page });
    if (inkBits !== null) image.pipelineColourspace('cmyk');
    if (source.part) image.extract(source.part);
    const { data, info } = await image
      .toColourspace(inkBits === null ? 'srgb' : 'cmyk')
      .raw({ depth: inkBits === 16 ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const channels = info.channels as number;
    if (inkBits !== null) {
      const inks = inkBits === 16 ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
      return cmykToRgb({ width, height, channels, data: inks });
    }
    if (channels > 4) return withoutExtras({ width, height, channels, data });
    return { width, height, channels: channels as Raster['channels'], data };
  });
}

/** Return what is wrong with an image that was decoded in spite of an error. */
async function damageOf(error: AppError, raster: Raster, { format, bytes }: LibvipsSource): Promise<Damage> {
  // What the decoder says that it passed over: no pixel depends on it.
  if (error.code !== 'IMAGE_TRUNCATED') return { ...CORRUPT, isGrave: !HARMLESS.test(firstWarning(error)) };
  if (format === 'png') return truncated(await missingOfPng(bytes));
  if (format === 'tiff') {
    const share = missingOfTiff(bytes);
    return share > 0 ? truncated(share) : { ...CORRUPT, isGrave: true };
  }
  return truncated(missingRows(raster) / raster.height);
}

/**
 * Decode one frame or page, with its alpha; of a damaged file what is there.
 * Errors  the `IMAGE_*` of damage, limits and formats: nothing of it could be decoded.
 */
export async function decodeByLibvips(source: LibvipsSource, page: number): Promise<Picture> {
  try {
    return { raster: await decodeOnce(source, page, false), damage: null };
  } catch (error) {
    if (!isDamageError(error)) throw error;
    const raster = await decodeOnce(source, page, true).catch(() => Promise.reject(error));
    return { raster, damage: await damageOf(error, raster, source) };
  }
}

/** Return the number of frames or pages, and which of them is the primary one. Errors as `decodeByLibvips`. */
export function readPages(source: LibvipsSource): Promise<{ readonly count: number; readonly primary: number }> {
  return withLibvips(source, async () => {
    const { pages = 1, pagePrimary = 0 } = await sharp(source.bytes, optionsOf(source, true)).metadata();
    return { count: pages, primary: pagePrimary };
  });
}
