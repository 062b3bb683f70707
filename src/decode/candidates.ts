/** The images of a file, in the order in which they are looked at: what most viewers show first. */
import { AppError } from '../core/errors.js';
import type { ImageFormat } from '../core/vocabulary.js';
import { type Animation, Canvas, reachable } from './animation.js';
import { readPngAnimation } from './apng.js';
import { filledUp, isCutOff } from './cut-off.js';
import { type Candidate, CORRUPT, isDamageError, type Picture, thinnedOut, truncated, worse } from './damage.js';
import { spreadFrames } from './frames.js';
import { furtherImages } from './further-images.js';
import { firstFrame } from './gif.js';
import { decodeHeic } from './heic.js';
import { completePasses } from './interlaced-png.js';
import { hasPrimaryItem, type ImageItem, imageItems } from './iso-items.js';
import { decodableFrames, pictureTrack, stillOf } from './iso-track.js';
import { decodeByLibvips, type LibvipsSource, readPages } from './libvips.js';
import { withEnd } from './png-chunks.js';
import { missingOfPng } from './png-rows.js';
import type { Preview } from './raw-preview.js';

export interface Source {
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  readonly pixelsMax: number;
}

type Candidates = AsyncGenerator<Candidate>;
/** Decodes a JPEG, or a file with one image. */
type DecodeSingle = (source: Source) => Promise<Picture>;

/** Frames of an animation, each put together from those that it needs. */
function ofAnimation(animation: Animation, source: Source, frames: number): Candidate[] {
  let canvas = new Canvas(animation);
  let next = 0;
  const compose = async ({ frame, first }: { frame: number; first: number }): Promise<Picture> => {
    let damage: Picture['damage'] = null;
    if (first > next) {
      canvas = new Canvas(animation);
      next = first;
    }
    while (next <= frame) {
      const at = next++;
      try {
        const one = await decodeByLibvips({ ...source, bytes: animation.file(at) }, 0);
        canvas.put(animation.frames[at]!, one.raster);
        damage = worse(damage, one.damage);
      } catch (error) {
        // Without it the frames behind it may be shown all the same.
        if (at === frame || !isDamageError(error)) throw error;
      }
    }
    return { raster: canvas.raster, damage };
  };
  const within = reachable(animation);
  return spreadFrames(within.length, frames).map((at) => {
    const chain = within[at]!;
    return { frame: chain.frame, part: null, decode: () => compose(chain) };
  });
}

/** Decode a PNG; of one that is cut off what is there. */
async function decodeStillPng(source: Source): Promise<Picture> {
  const isCut = isCutOff('png', source.bytes);
  try {
    const bytes = isCut ? withEnd(source.bytes) : source.bytes;
    const { raster, damage } = await decodeByLibvips({ ...source, bytes }, 0);
    return { raster, damage: damage && isCut ? truncated(await missingOfPng(source.bytes)) : damage };
  } catch (error) {
    if (!isDamageError(error)) throw error;
    const picture = await decodePasses(source, isCut);
    if (picture === null) throw isCut ? new AppError('IMAGE_TRUNCATED', { format: 'png' }, error) : error;
    return picture;
  }
}

/** Decode the complete passes of an interlaced PNG, of which libvips refuses what is damaged; null if there are none. */
async function decodePasses(source: Source, isCut: boolean): Promise<Picture | null> {
  try {
    const passes = await completePasses(source.bytes, source.pixelsMax);
    if (passes === null) return null;
    const { raster } = await decodeByLibvips({ ...source, bytes: passes.file }, 0);
    return { raster, damage: isCut ? thinnedOut(passes.side) : { ...CORRUPT, isGrave: true } };
  } catch (error) {
    if (isDamageError(error)) return null;
    throw error;
  }
}

/** An animation first: viewers that play it do not show a default image that is none of its frames. */
async function* ofPng(source: Source, frames: number): Candidates {
  const animation = readPngAnimation(source.bytes);
  const decodeDefault = () => decodeStillPng(source);
  if (animation === null) {
    yield { frame: 0, part: null, decode: decodeDefault };
    return;
  }
  const [first, ...further] = ofAnimation(animation, source, frames);
  yield first!;
  if (animation.hidesDefault) yield { frame: 0, part: 'default_image', decode: decodeDefault };
  yield* further;
}

/** The first frame without the screen around it, as in the PDQ reference: an empty border would change the hash. */
async function* ofGif(source: Source, frames: number): Candidates {
  const part = firstFrame(source.bytes);
  if (part) yield { frame: 0, part: null, decode: () => decodeByLibvips({ ...source, part }, 0) };
  const [canvas, ...further] = await pagesOf(source, frames);
  yield { ...canvas!, part: part ? 'canvas' : null };
  yield* further;
}

/** Decode a file as far as it goes, by a decoder that decodes nothing of a truncated one. */
async function decodeFilled(source: LibvipsSource, decode: (bytes: Uint8Array) => Promise<Picture>): Promise<Picture> {
  try {
    return await decode(source.bytes);
  } catch (error) {
    const filled = isDamageError(error) ? filledUp(source.format, source.bytes) : null;
    if (filled === null) throw error;
    const { raster } = await decode(filled.bytes).catch(() => Promise.reject(error));
    return { raster, damage: truncated(filled.share) };
  }
}

async function* ofPages(source: Source, frames: number): Candidates {
  yield* await pagesOf(source, frames);
}

async function pagesOf(source: Source, frames: number): Promise<Candidate[]> {
  const bytes = filledUp(source.format, source.bytes)?.bytes ?? source.bytes;
  const { count } = frames > 1 ? await readPages({ ...source, bytes }) : { count: 1 };
  // A frame of a GIF or WebP is found by decoding all before it. All in one pass, in memory for all, was not faster.
  return spreadFrames(count, frames).map((frame) => ({
    frame,
    part: null,
    decode: () => decodeFilled(source, (bytes) => decodeByLibvips({ ...source, bytes }, frame)),
  }));
}

/** libvips looks at the brand of the file only, and does not know that of a sequence. */
function asAvif(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  if (copy.toString('latin1', 8, 12) === 'avif') return bytes;
  copy.write('avif', 8, 'latin1');
  return copy;
}

/**
 * Frames of the track, where there is one, as viewers with animations show them; then the primary item, which others show.
 * The whole of a cropped image is asked too, since viewers differ.
 */
async function* ofIso(source: Source, frames: number): Candidates {
  const isAvif = source.format === 'avif';
  const decodeStill = (bytes: Uint8Array): Promise<Picture> =>
    isAvif ? decodeByLibvips({ ...source, bytes }, 0) : decodeWholeHeic({ ...source, bytes });
  const track = pictureTrack(source.bytes);
  const stills = track ? decodableFrames(track) : [];
  const wanted = spreadFrames(stills.length, frames).map((at) => stills[at]!);
  const [first, ...further] = wanted.map(({ frame, first }) => ({
    frame,
    part: null,
    decode: () => decodeStill(stillOf(source.bytes, track!, { frame, first })),
  }));
  if (first) yield first;
  if (!first || hasPrimaryItem(source.bytes)) yield* itemsOf(source, frames, first !== undefined);
  yield* further;
}

/** libheif says of a truncated file that it is damaged. */
async function decodeWholeHeic(source: LibvipsSource): Promise<Picture> {
  const decode = async (some: Uint8Array): Promise<Picture> => {
    try {
      return { raster: await decodeHeic(some, source.pixelsMax, source.part), damage: null };
    } catch (error) {
      if (!isDamageError(error) || !isCutOff('heic', some)) throw error;
      throw new AppError('IMAGE_TRUNCATED', { format: 'heic' }, error);
    }
  };
  return decodeFilled(source, decode);
}

/** Decode the primary item of an AVIF or HEIC. */
function decodeItem(source: LibvipsSource): Promise<Picture> {
  if (source.format === 'heic') return decodeWholeHeic(source);
  return decodeFilled(source, async (bytes) => {
    const { primary } = await readPages({ ...source, bytes });
    return decodeByLibvips({ ...source, bytes }, primary);
  });
}

/**
 * The primary image, cropped and as a whole, then the others of the file; crop and whole of one of those count as two. Beside a track the primary one
 * alone: the others are what the track shows.
 */
function* itemsOf(source: Source, frames: number, isDefault: boolean): Generator<Candidate> {
  const bytes = source.format === 'avif' ? asAvif(source.bytes) : source.bytes;
  const found = imageItems(bytes);
  // Of boxes that make no sense the decoder says what is wrong.
  const items: ImageItem[] = found.length > 0 ? found : [{ part: null, file: () => bytes }];
  const candidates = items.map(({ part, file }, frame): Candidate[] => {
    const decode = (shown: ImageItem['part']) => decodeItem({ ...source, bytes: file(), part: shown });
    const cropped: Candidate = { frame, part: isDefault ? 'default_image' : null, decode: () => decode(part) };
    return part ? [cropped, { frame, part: 'uncropped', decode: () => decode(null) }] : [cropped];
  });
  yield* candidates[0]!;
  if (isDefault) return;
  const others = candidates.slice(1).flat();
  const [, ...wanted] = spreadFrames(1 + others.length, frames);
  for (const at of wanted) yield others[at - 1]!;
}

/** The first image of a JPEG, and further ones behind it: the other eye, a smaller copy, a gain map. */
async function* ofJpeg(source: Source, frames: number, decodeSingle: DecodeSingle): Candidates {
  yield { frame: 0, part: null, decode: () => decodeSingle(source) };
  if (frames <= 1) return;
  const others = furtherImages(source.bytes);
  const [, ...wanted] = spreadFrames(others.length + 1, frames);
  for (const frame of wanted)
    yield { frame, part: null, decode: () => decodeSingle({ ...source, bytes: others[frame - 1]! }) };
}

/**
 * A raw photograph: the preview that viewers show, and the first image of the TIFF that it is too, which programs without a look at
 * previews show. Of most cameras that is the preview itself, in a form that libvips does not read.
 */
export async function* ofRaw(source: Source, { jpeg, hasFirstImage }: Preview, decodeSingle: DecodeSingle): Candidates {
  yield { frame: 0, part: null, decode: () => decodeSingle({ ...source, bytes: jpeg, format: 'jpeg' }) };
  if (!hasFirstImage) return;
  const decode = () => decodeByLibvips({ ...source, format: 'tiff' }, 0);
  yield { frame: 1, part: null, isOptional: true, decode };
}

async function* ofSingle(source: Source, _frames: number, decodeSingle: DecodeSingle): Candidates {
  yield { frame: 0, part: null, decode: () => decodeSingle(source) };
}

const BY_FORMAT: Partial<
  Record<ImageFormat, (source: Source, frames: number, decodeSingle: DecodeSingle) => Candidates>
> = {
  jpeg: ofJpeg,
  png: ofPng,
  gif: ofGif,
  webp: ofPages,
  tiff: ofPages,
  avif: ofIso,
  heic: ofIso,
};

/** Yield the images of a file. `frames`: largest number of frames or pages among them. Errors as `Candidate.decode`. */
export function candidatesOf(source: Source, frames: number, decodeSingle: DecodeSingle): Candidates {
  return (BY_FORMAT[source.format] ?? ofSingle)(source, frames, decodeSingle);
}
