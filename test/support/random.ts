/** Seeded randomness and images made from it. */
import { seeded } from '../../bench/pdq-like.js';
import type { Raster } from '../../src/core/vocabulary.js';

export { seeded };

export function randomBytes(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

export function noiseRaster(seed: number, width: number, height: number, channels: 1 | 3): Raster {
  return { width, height, channels, data: randomBytes(seeded(seed), width * height * channels) };
}

/** An image with structure at many scales: overlapping discs of random grey and colour; quality 100. */
export function sceneRaster(seed: number, width: number, height: number, channels: 1 | 3): Raster {
  const random = seeded(seed);
  const discs = Array.from({ length: 60 }, () => ({
    x: random() * width,
    y: random() * height,
    r: (0.02 + 0.25 * random() ** 2) * Math.max(width, height),
    colour: [random() * 255, random() * 255, random() * 255],
  }));
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let colour = [(x / width) * 120 + 40, (y / height) * 120 + 40, 90];
      for (const disc of discs) if ((x - disc.x) ** 2 + (y - disc.y) ** 2 < disc.r ** 2) colour = disc.colour;
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = colour[c]!;
    }
  }
  return { width, height, channels, data };
}

/** Return the image in another orientation, pixel by pixel, by the reference's names. */
export function turnRaster(raster: Raster, orientation: string): Raster {
  const { width: w, height: h, channels, data } = raster;
  const swaps = ['rotate90', 'rotate270', 'flipPlus1', 'flipMinus1'].includes(orientation);
  const width = swaps ? h : w;
  const height = swaps ? w : h;
  const from: Record<string, (x: number, y: number) => [number, number]> = {
    original: (x, y) => [x, y],
    rotate90: (x, y) => [w - 1 - y, x],
    rotate180: (x, y) => [w - 1 - x, h - 1 - y],
    rotate270: (x, y) => [y, h - 1 - x],
    flipX: (x, y) => [x, h - 1 - y],
    flipY: (x, y) => [w - 1 - x, y],
    flipPlus1: (x, y) => [y, x],
    flipMinus1: (x, y) => [w - 1 - y, h - 1 - x],
  };
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sx, sy] = from[orientation]!(x, y);
      for (let c = 0; c < channels; c++) out[(y * width + x) * channels + c] = data[(sy * w + sx) * channels + c]!;
    }
  }
  return { width, height, channels, data: out };
}
