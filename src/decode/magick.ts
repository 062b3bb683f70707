/**
 * Ordinary JPEG XL images by ImageMagick in WebAssembly, which has the newest libjxl; loaded with the first of them.
 * It would decode every frame of an animation, and shows some kinds of samples wrongly: `jxl.ts` gives it none of these.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { IMagickImage } from '@imagemagick/magick-wasm';
import { AppError } from '../core/errors.js';
import { collectGarbage } from '../core/garbage.js';
import type { Raster } from '../core/vocabulary.js';
import { WASM_KEPT_BYTES_MAX } from './jsquash.js';

const PACKAGE = '@imagemagick/magick-wasm';
/** Rows copied at once: a copy of the whole image inside WebAssembly would double its memory. */
const ROWS = 128;

type Magick = typeof import('@imagemagick/magick-wasm');
/** Its instance, which the package creates once and never drops. */
type Instance = { _api: { HEAPU8: Uint8Array } | undefined };

let loading: Promise<{ magick: Magick; code: WebAssembly.Module }> | undefined;
/** Resolved once the instance exists; another or undefined after it was dropped. */
let ready: Promise<void> | undefined;

async function load(): Promise<{ magick: Magick; code: WebAssembly.Module }> {
  const wasm = createRequire(import.meta.url).resolve(`${PACKAGE}/magick.wasm`);
  return { magick: await import('@imagemagick/magick-wasm'), code: new WebAssembly.Module(readFileSync(wasm)) };
}

/** Drop the instance: its memory never shrinks, and an instance that stopped midway is not to be trusted. */
function drop(magick: Magick): void {
  (magick.ImageMagick as unknown as Instance)._api = undefined;
  ready = undefined;
}

function rasterOf(image: IMagickImage): Raster {
  image.autoOrient();
  const { width, height, channelCount: channels } = image;
  if (channels !== 1 && channels !== 2 && channels !== 3 && channels !== 4) throw new Error(`${channels} channels`);
  const data = new Uint8Array(width * height * channels);
  image.getPixels((pixels) => {
    for (let y = 0; y < height; y += ROWS) {
      data.set(pixels.getArea(0, y, width, Math.min(ROWS, height - y)), y * width * channels);
    }
  });
  return { width, height, channels, data };
}

/**
 * Decode a codestream.
 *
 * Shape   → as in the file: grey or R G B, with its alpha; oriented as shown.
 * Errors  IMAGE_CORRUPT.
 */
export async function decodeByMagick(codestream: Uint8Array): Promise<Raster> {
  loading ??= load();
  const { magick, code } = await loading;
  for (let awaited: typeof ready; awaited === undefined || awaited !== ready; ) {
    ready ??= magick.initializeImageMagick(code);
    awaited = ready;
    await awaited;
  }
  try {
    return magick.ImageMagick.read(codestream, magick.MagickFormat.Jxl, rasterOf);
  } catch (error) {
    if (!(error instanceof magick.MagickError)) drop(magick);
    throw new AppError('IMAGE_CORRUPT', { format: 'jxl' }, error);
  } finally {
    const bytes = (magick.ImageMagick as unknown as Instance)._api?.HEAPU8.length ?? 0;
    if (bytes > WASM_KEPT_BYTES_MAX) {
      drop(magick);
      setImmediate(collectGarbage);
    }
  }
}
