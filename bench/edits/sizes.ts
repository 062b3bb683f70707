/** Copies of another size or shape, whole. */
import { between, oneOf } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Edit, percent, WHOLE } from './edit.js';
import { rasterOf, toSharp } from './rasters.js';

const KERNELS = ['lanczos3', 'cubic', 'mitchell', 'linear'] as const;
/** No side becomes shorter: an image needs a few pixels to be one. */
const SIDE_MIN = 16;
const THUMBNAIL_SIDE = 150;

async function scaled(image: Raster, factorX: number, factorY: number, kernel: (typeof KERNELS)[number]) {
  const width = Math.max(SIDE_MIN, Math.round(image.width * factorX));
  const height = Math.max(SIDE_MIN, Math.round(image.height * factorY));
  return rasterOf(toSharp(image).resize(width, height, { fit: 'fill', kernel }));
}

export const SIZES: readonly Edit[] = [
  {
    name: 'resized',
    group: 'size',
    async make(image, random) {
      const [factor, kernel] = [between(random, 0.25, 0.75), oneOf(random, KERNELS)];
      const raster = await scaled(image, factor, factor, kernel);
      return { raster, truth: WHOLE, parameters: `× ${factor.toFixed(2)}, ${kernel}` };
    },
  },
  {
    name: 'thumbnail',
    group: 'size',
    async make(image, random) {
      const [factor, kernel] = [THUMBNAIL_SIDE / Math.max(image.width, image.height), oneOf(random, KERNELS)];
      const raster = await scaled(image, factor, factor, kernel);
      return { raster, truth: WHOLE, parameters: `${THUMBNAIL_SIDE} pixels, ${kernel}` };
    },
  },
  {
    name: 'squeezed',
    group: 'size',
    async make(image, random) {
      const [share, isWidth] = [between(random, 0.05, 0.2), random() < 0.5];
      const raster = await scaled(image, isWidth ? 1 - share : 1, isWidth ? 1 : 1 - share, 'lanczos3');
      return { raster, truth: WHOLE, parameters: `${isWidth ? 'width' : 'height'} − ${percent(share)}` };
    },
  },
];
