/** JPEG XL files of an image, by the encoder of ImageMagick in WebAssembly, and their boxes. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import {
  initializeImageMagick,
  MagickFormat,
  MagickImage,
  MagickImageCollection,
  MagickReadSettings,
} from '@imagemagick/magick-wasm';
import type { Raster } from '../../src/core/vocabulary.js';

const wasm = createRequire(import.meta.url).resolve('@imagemagick/magick-wasm/magick.wasm');
const FORMATS = { 1: MagickFormat.Gray, 2: MagickFormat.Graya, 3: MagickFormat.Rgb, 4: MagickFormat.Rgba };

function magickImage(raster: Raster, quality: number) {
  const { width, height, channels, data } = raster;
  const settings = new MagickReadSettings({ width, height, format: FORMATS[channels], depth: 8 });
  const image = MagickImage.create(data, settings);
  image.quality = quality;
  // Frames that last no time are layers of one.
  image.animationDelay = 10;
  return image;
}

/** Return a bare codestream; lossless with quality 100. Several images are the frames of an animation. */
export async function jxl(rasters: readonly Raster[], quality = 100): Promise<Buffer> {
  // The decoder drops the instance that they share.
  await initializeImageMagick(readFileSync(wasm));
  const images = MagickImageCollection.create();
  for (const raster of rasters) images.push(magickImage(raster, quality));
  try {
    return images.write(MagickFormat.Jxl, (bytes) => Buffer.from(bytes));
  } finally {
    images.dispose();
  }
}

export function box(type: string, ...contents: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + contents.reduce((sum, { length }) => sum + length, 0));
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, ...contents]);
}

/** Return a container with the boxes given. */
export function container(...boxes: readonly Buffer[]): Buffer {
  const kind = box('ftyp', Buffer.from('jxl \0\0\0\0jxl ', 'latin1'));
  return Buffer.concat([box('JXL ', Buffer.from('0d0a870a', 'hex')), kind, ...boxes]);
}

/** Return a container whose codestream is in `count` boxes, with others between them. */
export function inParts(codestream: Buffer, count: number): Buffer {
  const parts = Array.from({ length: count }, (_, at) => {
    const part = codestream.subarray(
      Math.floor((codestream.length * at) / count),
      Math.floor((codestream.length * (at + 1)) / count),
    );
    const index = Buffer.alloc(4);
    index.writeUInt32BE(at === count - 1 ? at + 2 ** 31 : at);
    return [box('jxlp', index, part), box('xml ', Buffer.from('<x/>'))];
  });
  return container(...parts.flat());
}
