/** Rasters of three channels, and sharp's part of drawing on them. */
import { strict as assert } from 'node:assert';
import sharp, { type Sharp } from 'sharp';
import type { Raster } from '../../src/core/vocabulary.js';
import type { Box, Size } from './edit.js';

export type Rgb = readonly [number, number, number];

export const toSharp = ({ data, width, height, channels }: Raster): Sharp =>
  sharp(data, { raw: { width, height, channels } });

/** Run a pipeline; its result has three channels, grey ones too. */
export async function rasterOf(image: Sharp): Promise<Raster> {
  const { data, info } = await image.toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  if (info.channels === 3) return { width, height, channels: 3, data };
  const grey = new Uint8Array(width * height * 3);
  for (let at = 0; at < grey.length; at++) grey[at] = data[Math.floor(at / 3)]!;
  return { width, height, channels: 3, data: grey };
}

export function blank({ width, height }: Size, [red, green, blue]: Rgb): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < data.length; at += 3) {
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
  }
  return { width, height, channels: 3, data };
}

/** Write an image into `ground`, which must have room for it there. */
export function paste(ground: Raster, image: Raster, left: number, top: number): void {
  const rowBytes = image.width * 3;
  for (let row = 0; row < image.height; row++)
    ground.data.set(image.data.subarray(row * rowBytes, (row + 1) * rowBytes), ((top + row) * ground.width + left) * 3);
}

export function cropped(image: Raster, { left, top, width, height }: Box): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const from = ((top + row) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), row * width * 3);
  }
  return { width, height, channels: 3, data };
}

/** `fill` squeezes, `cover` crops the longer direction on both sides. */
export const resized = (image: Raster, { width, height }: Size, fit: 'fill' | 'cover' = 'fill'): Promise<Raster> =>
  rasterOf(toSharp(image).resize(width, height, { fit, kernel: 'lanczos3' }));

/** Return an image scaled to fit into a box, its shape kept. */
export function within(image: Raster, box: Size): Promise<Raster> {
  const factor = Math.min(box.width / image.width, box.height / image.height);
  return resized(image, {
    width: Math.max(1, Math.min(box.width, Math.round(image.width * factor))),
    height: Math.max(1, Math.min(box.height, Math.round(image.height * factor))),
  });
}

function svgOf({ width, height }: Size, body: string): Buffer {
  assert(!body.includes('<text'), 'text depends on the fonts of the machine: draw strokes');
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${body}</svg>`);
}

/** Draw shapes over an image. `body`: elements of SVG without `<text>`. */
export const overlaid = (image: Raster, body: string): Promise<Raster> =>
  rasterOf(toSharp(image).composite([{ input: svgOf(image, body) }]));

export const drawn = (size: Size, body: string): Promise<Raster> => rasterOf(sharp(svgOf(size, body)));

/** Return the image with each value of a channel replaced; `value` is called once for each of 256. */
export function mapped(image: Raster, value: (old: number) => number): Raster {
  const table = Uint8ClampedArray.from({ length: 256 }, (_, old) => Math.round(value(old)));
  return { ...image, data: image.data.map((old) => table[old]!) };
}

/** Return the image with each pixel made lighter or darker: `light` by the position, shares of the sides. */
export function lit(image: Raster, light: (x: number, y: number) => number): Raster {
  const { width, height } = image;
  const data = new Uint8ClampedArray(image.data.length);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const factor = light((column + 0.5) / width, (row + 0.5) / height);
      const at = (row * width + column) * 3;
      for (let c = at; c < at + 3; c++) data[c] = Math.round(image.data[c]! * factor);
    }
  return { ...image, data: new Uint8Array(data.buffer) };
}
