/** Variants of an image: hashed from one surface, each as the hash of the copy that shows this part alone. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cropped, rasterOf } from '../../bench/edits/rasters.js';
import { unwarped } from '../../bench/edits/warp.js';
import { VARIANTS_MAX } from '../../src/cases/variants.js';
import type { Raster } from '../../src/core/vocabulary.js';
import type { Place } from '../../src/core/window.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { hashWindows } from '../../src/kernels/windows/hash-windows.js';
import { plainSurface } from '../../src/kernels/windows/plain-surface.js';
import { variantPlaces } from '../../src/kernels/windows/variant-places.js';
import { sceneRaster } from '../support/random.js';
import { PHOTOGRAPHS } from '../support/running.js';

const hasher = loadPdqHasher();

function variantsOf(raster: Raster) {
  hasher.hash(raster, { orientations: 'none', families: 'resized' });
  return hashWindows(hasher.surface(), 'variants', false);
}

/** Cut the place out of the pixels themselves. */
function copyOf(raster: Raster, { rectangle, degrees }: Place): Raster {
  const [left, top] = [Math.round(rectangle.left * raster.width), Math.round(rectangle.top * raster.height)];
  const width = Math.round(rectangle.right * raster.width) - left;
  const height = Math.round(rectangle.bottom * raster.height) - top;
  if (degrees === 0) return cropped(raster, { left, top, width, height });
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const corner = (right: number, down: number) => {
    const [x, y] = [(right - 0.5) * width, (down - 0.5) * height];
    return { x: 0.5 + (c * x - s * y) / raster.width, y: 0.5 + (s * x + c * y) / raster.height };
  };
  return unwarped(raster, [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)], width, height);
}

describe('places', () => {
  const SIZES: [number, number][] = [
    [800, 600],
    [600, 800],
    [500, 500],
  ];

  test.each(SIZES)('of %i × %i: each once, inside the image, and no more than are stored', (width, height) => {
    const places = variantPlaces(width, height);
    expect(places).toHaveLength(39);
    expect(places.length).toBeLessThanOrEqual(VARIANTS_MAX);
    expect(new Set(places.map((place) => JSON.stringify(place))).size).toBe(places.length);
    for (const { rectangle, degrees, kind } of places) {
      expect(kind).toBe(degrees === 0 ? 'crop' : 'rotation');
      const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
      const [wide, high] = [(rectangle.right - rectangle.left) * width, (rectangle.bottom - rectangle.top) * height];
      // The bounding box of the turned rectangle.
      expect(Math.abs(c) * wide + Math.abs(s) * high).toBeLessThanOrEqual(width + 1e-6);
      expect(Math.abs(s) * wide + Math.abs(c) * high).toBeLessThanOrEqual(height + 1e-6);
      expect(rectangle.left).toBeGreaterThanOrEqual(0);
      expect(rectangle.bottom).toBeLessThanOrEqual(1);
    }
  });

  test('a panorama has no rotations of which little would be left', () => {
    const degrees = (width: number, height: number) => variantPlaces(width, height).map((place) => place.degrees);
    expect(Math.max(...degrees(800, 600))).toBe(7.25);
    expect(Math.max(...degrees(4_000, 400))).toBe(3.5);
    expect(degrees(400, 4_000).sort()).toEqual(degrees(4_000, 400).sort());
  });
});

test.each<[number, number, 1 | 3]>([
  [64, 64, 1],
  [300, 211, 3],
  [1025, 700, 3],
])('the kernel and its twin are equal: %i × %i, %i channels', (width, height, channels) => {
  const raster = sceneRaster(width, width, height, channels);
  const variants = variantsOf(raster);
  expect(variants).toEqual(hashWindows(plainSurface(raster), 'variants', false));
  expect(variants.length).toBeGreaterThan(30);
});

/** Bits by which sampling and cutting differ: in the median, and at most. */
const DIFFERENCE = { median: 8, most: 26 };

test('a variant of a photograph is the hash of the copy that was cut out of its pixels', {
  timeout: 120_000,
}, async () => {
  const names = readdirSync(PHOTOGRAPHS).filter((name) => name.endsWith('.jpg'));
  expect(names.length).toBeGreaterThan(4);
  const bits: number[] = [];
  for (const name of names.slice(0, 12)) {
    const image = sharp(join(PHOTOGRAPHS, name)).resize(480, 480, { fit: 'inside' });
    const raster = await rasterOf(image);
    for (const { window, hashes } of variantsOf(raster)) {
      const copy = hasher.hash(copyOf(raster, window), { orientations: 'none', families: 'both' });
      bits.push(Math.min(...copy.families.map((family) => hamming256(family.hashes[0]!, hashes[0]!))));
    }
  }
  bits.sort((a, b) => a - b);
  expect(bits.length).toBeGreaterThan(150);
  expect(bits[bits.length >> 1]).toBeLessThanOrEqual(DIFFERENCE.median);
  expect(bits.at(-1)).toBeLessThanOrEqual(DIFFERENCE.most);
});
