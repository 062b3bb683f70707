/** Copies that were only saved again, in each common format. */
import pLimit from 'p-limit';
import sharp, { type Sharp } from 'sharp';
import { between, type Random, whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Edit, WHOLE } from './edit.js';
import { rasterOf, toSharp } from './rasters.js';

/** Encode and decode again. */
export const throughFile = async (image: Sharp): Promise<Raster> => rasterOf(sharp(await image.toBuffer()));

const alone = pLimit(1);

/** Encode and decode again with one thread: the encoder of AVIF divides an image by the threads that it has. */
const throughFileAlone = (image: Sharp): Promise<Raster> =>
  alone(async () => {
    const threads = sharp.concurrency();
    sharp.concurrency(1);
    try {
      return await throughFile(image);
    } finally {
      sharp.concurrency(threads);
    }
  });

function encoding(name: string, encode: (image: Sharp, random: Random) => { file: Sharp; parameters: string }): Edit {
  return {
    name,
    group: 'encoding',
    async make(image, random) {
      const { file, parameters } = encode(toSharp(image), random);
      return { raster: await throughFileAlone(file), truth: WHOLE, parameters };
    },
  };
}

export const ENCODINGS: readonly Edit[] = [
  encoding('jpeg', (image, random) => {
    const quality = whole(random, 10, 90);
    const chromaSubsampling = random() < 0.7 ? '4:2:0' : '4:4:4';
    return { file: image.jpeg({ quality, chromaSubsampling }), parameters: `quality ${quality}, ${chromaSubsampling}` };
  }),
  encoding('webp', (image, random) => {
    const quality = whole(random, 10, 90);
    return { file: image.webp({ quality, effort: 2 }), parameters: `quality ${quality}` };
  }),
  encoding('avif', (image, random) => {
    const quality = whole(random, 20, 70);
    return { file: image.avif({ quality, effort: 0 }), parameters: `quality ${quality}` };
  }),
  encoding('palette GIF', (image, random) => {
    const [colours, dither] = [2 ** whole(random, 4, 8), between(random, 0, 1)];
    return {
      file: image.gif({ colours, dither, effort: 1 }),
      parameters: `${colours} colours, dither ${dither.toFixed(2)}`,
    };
  }),
  encoding('palette PNG', (image, random) => {
    const [colours, dither] = [2 ** whole(random, 3, 8), between(random, 0, 1)];
    return {
      file: image.png({ palette: true, colours, dither, effort: 1, compressionLevel: 1 }),
      parameters: `${colours} colours, dither ${dither.toFixed(2)}`,
    };
  }),
];
