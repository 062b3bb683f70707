/** Copies whose pixels are each where they were, with other values. */
import { between, type Random, whole } from '../../scripts/canary/canvas.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { type Edit, WHOLE } from './edit.js';
import { bell, signed } from './random.js';
import { lit, mapped, rasterOf, toSharp } from './rasters.js';

function filter(
  name: string,
  apply: (image: Raster, random: Random) => { raster: Raster | Promise<Raster>; parameters: string },
): Edit {
  return {
    name,
    group: 'filter',
    async make(image, random) {
      const { raster, parameters } = apply(image, random);
      return { raster: await raster, truth: WHOLE, parameters };
    },
  };
}

/** Add noise as of a sensor: mostly of the brightness, a little of each colour. */
export function noisy(image: Raster, random: Random, sigma: number): Raster {
  const data = new Uint8ClampedArray(image.data.length);
  for (let at = 0; at < data.length; at += 3) {
    const brightness = bell(random) * sigma;
    for (let c = at; c < at + 3; c++) data[c] = Math.round(image.data[c]! + brightness + (random() - 0.5) * sigma);
  }
  return { ...image, data: new Uint8Array(data.buffer) };
}

/** A radius that means the same in images of any size: a share of the longer side of 512. */
const scaleOf = ({ width, height }: Raster) => Math.max(width, height) / 512;

const SEPIA: [[number, number, number], [number, number, number], [number, number, number]] = [
  [0.393, 0.769, 0.189],
  [0.349, 0.686, 0.168],
  [0.272, 0.534, 0.131],
];

export const FILTERS: readonly Edit[] = [
  filter('blur', (image, random) => {
    const sigma = between(random, 0.6, 3);
    return {
      raster: rasterOf(toSharp(image).blur(Math.max(0.3, sigma * scaleOf(image)))),
      parameters: `σ ${sigma.toFixed(2)}`,
    };
  }),
  filter('sharpen', (image, random) => {
    const [sigma, m2] = [between(random, 0.6, 2), between(random, 1, 5)];
    return {
      raster: rasterOf(toSharp(image).sharpen({ sigma, m1: 1, m2 })),
      parameters: `σ ${sigma.toFixed(2)}, × ${m2.toFixed(1)}`,
    };
  }),
  filter('noise', (image, random) => {
    const sigma = between(random, 5, 25);
    return { raster: noisy(image, random, sigma), parameters: `σ ${sigma.toFixed(1)}` };
  }),
  filter('grey', (image) => ({ raster: rasterOf(toSharp(image).greyscale()), parameters: '' })),
  filter('sepia', (image) => ({ raster: rasterOf(toSharp(image).recomb(SEPIA)), parameters: '' })),
  filter('hue', (image, random) => {
    const [turn, saturation] = [Math.round(signed(random, 30, 180)), between(random, 0.6, 1.6)];
    return {
      raster: rasterOf(toSharp(image).modulate({ hue: turn, saturation })),
      parameters: `${turn}°, saturation × ${saturation.toFixed(2)}`,
    };
  }),
  filter('vignette', (image, random) => {
    const [depth, from] = [between(random, 0.3, 0.9), between(random, 0.3, 0.6)];
    const light = (x: number, y: number) => {
      const outwards = Math.max(0, Math.hypot(x - 0.5, y - 0.5) / Math.SQRT1_2 - from) / (1 - from);
      return 1 - depth * outwards ** 2;
    };
    return { raster: lit(image, light), parameters: `corners − ${Math.round(depth * 100)} %` };
  }),
  filter('gamma', (image, random) => {
    const gamma = 2 ** signed(random, 0.2, 1);
    return { raster: mapped(image, (old) => 255 * (old / 255) ** gamma), parameters: gamma.toFixed(2) };
  }),
  filter('brightness', (image, random) => {
    const factor = random() < 0.5 ? between(random, 0.6, 0.9) : between(random, 1.1, 1.5);
    return { raster: mapped(image, (old) => old * factor), parameters: `× ${factor.toFixed(2)}` };
  }),
  filter('contrast', (image, random) => {
    const factor = random() < 0.5 ? between(random, 0.4, 0.85) : between(random, 1.15, 1.8);
    return { raster: mapped(image, (old) => 128 + (old - 128) * factor), parameters: `× ${factor.toFixed(2)}` };
  }),
  filter('posterise', (image, random) => {
    const steps = whole(random, 3, 8) - 1;
    return {
      raster: mapped(image, (old) => (Math.round((old / 255) * steps) / steps) * 255),
      parameters: `${steps + 1} levels`,
    };
  }),
];
