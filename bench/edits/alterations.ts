/** Copies of which a region or every value was replaced. */
import { between, oneOf } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Box, type Edit, percent, WHOLE } from './edit.js';
import { cropped, mapped, overlaid, paste, rasterOf, toSharp } from './rasters.js';

/** Replace squares of a region by their mean. */
async function pixelated(image: Raster, region: Box, squares: number): Promise<Raster> {
  const part = cropped(image, region);
  const small = await rasterOf(
    toSharp(part).resize(squares, Math.max(2, Math.round((squares * region.height) / region.width)), {
      fit: 'fill',
      kernel: 'linear',
    }),
  );
  const coarse = await rasterOf(toSharp(small).resize(region.width, region.height, { fit: 'fill', kernel: 'nearest' }));
  const raster = { ...image, data: Uint8Array.from(image.data) };
  paste(raster, coarse, region.left, region.top);
  return raster;
}

export const ALTERATIONS: readonly Edit[] = [
  {
    name: 'negative',
    group: 'alteration',
    make: async (image) => ({ raster: mapped(image, (old) => 255 - old), truth: WHOLE, parameters: '' }),
  },
  {
    name: 'rounded corners',
    group: 'alteration',
    async make(image, random) {
      const [share, colour] = [between(random, 0.03, 0.15), oneOf(random, ['#fff', '#fff', '#000', '#202225'])];
      const { width: w, height: h } = image;
      const r = Math.min(w, h) * share;
      const outside = `M0 0H${w}V${h}H0ZM${r} 0A${r} ${r} 0 0 0 0 ${r}V${h - r}A${r} ${r} 0 0 0 ${r} ${h}H${w - r}A${r} ${r} 0 0 0 ${w} ${h - r}V${r}A${r} ${r} 0 0 0 ${w - r} 0Z`;
      return {
        raster: await overlaid(image, `<path d="${outside}" fill="${colour}" fill-rule="evenodd"/>`),
        truth: WHOLE,
        parameters: `${percent(share)}, ${colour}`,
      };
    },
  },
  {
    name: 'mosaic',
    group: 'alteration',
    async make(image, random) {
      const area = between(random, 0.05, 0.25);
      const side = Math.sqrt(area);
      const width = Math.max(8, Math.round(image.width * side));
      const height = Math.max(8, Math.round(image.height * side));
      const left = Math.round((image.width - width) * random());
      const top = Math.round((image.height - height) * random());
      const squares = Math.round(between(random, 4, 12));
      return {
        raster: await pixelated(image, { left, top, width, height }, squares),
        truth: WHOLE,
        parameters: `${percent(area)} of the area, ${squares} squares wide`,
      };
    },
  },
];
