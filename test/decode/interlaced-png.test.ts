/** Interlaced PNGs that are cut off or damaged. Files are written and decoded by sharp; what is expected of a cut one is counted pixel by pixel. */
import { constants, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp, { type PngOptions } from 'sharp';
import { describe, expect, test } from 'vitest';
import { pngChunk } from '../../bench/picture-writers.js';
import { AppError } from '../../src/core/errors.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { createDecoder } from '../../src/decode/decode.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { sceneRaster } from '../support/random.js';

const decoder = createDecoder({ imageBytesMax: 50_000_000, imagePixelsMax: 1_000_000 });
const [WIDTH, HEIGHT] = [61, 47];
/** The pass of each pixel of a square of eight, as the specification draws it. */
const ADAM7 = ['16462646', '77777777', '56565656', '77777777', '36463646', '77777777', '56565656', '77777777'];
const passOf = (x: number, y: number) => Number(ADAM7[y % 8]![x % 8]);
/** Every how many columns and rows there is a pixel, with so many passes. */
const steps = (passes: number) => {
  const has = (x: number, y: number) => passOf(x, y) <= passes;
  const [columns, rows] = [[1, 2, 4, 8].find((x) => has(x, 0))!, [1, 2, 4, 8].find((y) => has(0, y))!];
  return [columns, rows] as const;
};

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}
function chunksOf(file: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at))
    chunks.push({
      type: file.toString('latin1', at + 4, at + 8),
      data: file.subarray(at + 8, at + 8 + file.readUInt32BE(at)),
    });
  return chunks;
}
const fileOf = (chunks: readonly Chunk[]) =>
  Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...chunks.map(({ type, data }) => pngChunk(type, data))]);

/** All pixels of the file in one chunk, so that a share of the chunk is a share of the pixels. */
function joined(file: Buffer): { before: Chunk[]; data: Buffer } {
  const chunks = chunksOf(file);
  const first = chunks.findIndex(({ type }) => type === 'IDAT');
  return {
    before: chunks.slice(0, first),
    data: Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)),
  };
}

/** Return how many passes the data have that are complete, and no more than six. */
function passesOf(data: Buffer, width: number, height: number, bits: number): number {
  let left = inflateSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).length;
  for (let pass = 1; pass <= 6; pass++) {
    for (let y = 0; y < height; y++) {
      let pixels = 0;
      for (let x = 0; x < width; x++) if (passOf(x, y) === pass) pixels++;
      if (pixels > 0) left -= 1 + Math.ceil((pixels * bits) / 8);
    }
    if (left < 0) return pass - 1;
  }
  return 6;
}

async function pixelsOf(file: Buffer): Promise<Raster> {
  const { data, info } = await sharp(file, { ignoreIcc: true })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels as Raster['channels'], data };
}

function thinned({ width, height, channels, data }: Raster, passes: number): Raster {
  const [columns, rows] = steps(passes);
  const kept: number[] = [];
  for (let y = 0; y < height; y += rows)
    for (let x = 0; x < width; x += columns)
      for (let c = 0; c < channels; c++) kept.push(data[(y * width + x) * channels + c]!);
  const size = { width: Math.ceil(width / columns), height: Math.ceil(height / rows) };
  return { ...size, channels, data: Uint8Array.from(kept) };
}

const scene = sceneRaster(3, WIDTH, HEIGHT, 3);
const image = ({ data, width, height, channels }: Raster) => sharp(data, { raw: { width, height, channels } });
const PNG: PngOptions = { progressive: true, adaptiveFiltering: true, compressionLevel: 6 };
const alpha = () =>
  image(scene).joinChannel(Buffer.from(sceneRaster(4, WIDTH, HEIGHT, 1).data), {
    raw: { width: WIDTH, height: HEIGHT, channels: 1 },
  });
const palette = (colours: number) => () =>
  image(scene)
    .png({ ...PNG, palette: true, colours, dither: 0 })
    .toBuffer();
/** Numbers of colours become greys. */
const greys = (colours: number) => async () => {
  const chunks = chunksOf(await palette(colours)()).filter(({ type }) => type !== 'PLTE');
  const head = Buffer.from(chunks[0]!.data);
  head[9] = 0;
  return fileOf([{ type: 'IHDR', data: head }, ...chunks.slice(1)]);
};

/** Type of colour, depth, bits of a pixel. */
const KINDS: readonly (readonly [number, number, number, () => Promise<Buffer>])[] = [
  [0, 1, 1, greys(2)],
  [0, 2, 2, greys(4)],
  [0, 4, 4, greys(16)],
  [0, 8, 8, () => image(scene).toColourspace('b-w').png(PNG).toBuffer()],
  [0, 16, 16, () => image(scene).toColourspace('grey16').png(PNG).toBuffer()],
  [2, 8, 24, () => image(scene).png(PNG).toBuffer()],
  [2, 16, 48, () => image(scene).toColourspace('rgb16').png(PNG).toBuffer()],
  [3, 1, 1, palette(2)],
  [3, 2, 2, palette(4)],
  [3, 4, 4, palette(16)],
  [3, 8, 8, palette(200)],
  [4, 8, 16, () => alpha().greyscale().png(PNG).toBuffer()],
  [4, 16, 32, () => alpha().greyscale().toColourspace('grey16').png(PNG).toBuffer()],
  [6, 8, 32, () => alpha().png(PNG).toBuffer()],
  [6, 16, 64, () => alpha().toColourspace('rgb16').png(PNG).toBuffer()],
];

describe('an interlaced PNG that is cut off', () => {
  test.each(KINDS)(
    'of colour type %i, depth %i: the pixels of its complete passes',
    async (colour, depth, bits, make) => {
      const file = await make();
      const { before, data } = joined(file);
      expect([...before[0]!.data.subarray(8)]).toEqual([depth, colour, 0, 0, 1]);
      const whole = await pixelsOf(file);
      const seen = new Set<number>();
      for (let share = 1; share < 24; share++) {
        const cut = data.subarray(0, Math.floor((data.length * share) / 24));
        const passes = passesOf(cut, WIDTH, HEIGHT, bits);
        // The last chunk is shorter than it says.
        const bytes = fileOf([...before, { type: 'IDAT', data }]).subarray(0, -(data.length - cut.length) - 4);
        const outcome = await decoder.decode(bytes).catch((error: unknown) => error);
        const expected = passes === 0 ? null : thinned(whole, passes);
        seen.add(passes);
        if (expected === null) {
          expect(outcome).toMatchObject({ code: 'IMAGE_TRUNCATED' });
          continue;
        }
        expect(outcome).toMatchObject({ damage: { reason: 'truncated', isGrave: true } });
        const { raster } = outcome as { raster: Raster };
        expect({ ...raster, data: Buffer.from(raster.data) }, `${share}/24`).toEqual({
          ...expected,
          data: Buffer.from(expected.data),
        });
      }
      expect(seen.size).toBeGreaterThanOrEqual(4);
    },
  );

  test('of any size', async () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 2, 3, 4, 5, 8, 9));
    await fc.assert(
      fc.asyncProperty(size, size, fc.double({ min: 0.05, max: 0.99, noNaN: true }), async (width, height, share) => {
        const file = await image(sceneRaster(7, width, height, 3))
          .png(PNG)
          .toBuffer();
        const { before, data } = joined(file);
        const cut = data.subarray(0, Math.floor(data.length * share));
        const passes = passesOf(cut, width, height, 24);
        const outcome = await decoder.decode(fileOf([...before, { type: 'IDAT', data: cut }])).catch((e: unknown) => e);
        const expected = passes === 0 ? null : thinned(await pixelsOf(file), passes);
        if (expected === null || Math.min(expected.width, expected.height) < 5) {
          expect((outcome as AppError).code).toMatch(/IMAGE_TRUNCATED|IMAGE_TOO_SMALL/);
          return;
        }
        const { raster } = outcome as { raster: Raster };
        expect({ ...raster, data: Buffer.from(raster.data) }).toEqual({
          ...expected,
          data: Buffer.from(expected.data),
        });
      }),
      { numRuns: 60 },
    );
  });

  test('is examined with 256 pixels left on its longer side, and its hash is near that of the whole', async () => {
    const hasher = createPdqHasher();
    const hashOf = (raster: Raster) =>
      hasher.hash(raster, { orientations: 'none', families: 'resized' }).families[0]!.hashes[0]!;
    for (const [width, isGrave] of [
      [512, false],
      [510, true],
    ] as const) {
      const large = sceneRaster(9, width, 300, 3);
      const { before, data } = joined(await image(large).png(PNG).toBuffer());
      let end = data.length;
      while (passesOf(data.subarray(0, end), width, 300, 24) > 5) end -= 500;
      const cut = await decoder.decode(fileOf([...before, { type: 'IDAT', data: data.subarray(0, end) }]));
      expect(cut).toMatchObject({ width: width / 2, height: 150 });
      expect(cut.damage).toEqual({ reason: 'truncated', code: 'IMAGE_TRUNCATED', isGrave });
      expect(hamming256(hashOf(cut.raster), hashOf(large))).toBeLessThanOrEqual(31);
    }
  });

  test('of which only the end is missing is whole', async () => {
    const file = await image(scene).png(PNG).toBuffer();
    const decoded = await decoder.decode(file.subarray(0, -12));
    expect(decoded.damage).toBeNull();
    expect(Buffer.from(decoded.raster.data).equals(Buffer.from(scene.data))).toBe(true);
  });
});

describe('an interlaced PNG that is damaged', () => {
  test('behind its sixth pass has the rows of six passes; what it lacks is not known', async () => {
    const { before, data } = joined(await image(scene).png(PNG).toBuffer());
    const damaged = Buffer.from(data).fill(0xff, Math.floor(data.length * 0.9));
    const file = fileOf([...before, { type: 'IDAT', data: damaged }, { type: 'IEND', data: Buffer.alloc(0) }]);
    const { raster, damage } = await decoder.decode(file);
    expect(damage).toEqual({ reason: 'corrupt', code: 'IMAGE_CORRUPT', isGrave: true });
    expect(Buffer.from(raster.data).equals(Buffer.from(thinned(scene, 6).data))).toBe(true);
  });

  test('by a wrong checksum of a chunk is whole, and degraded', async () => {
    const file = await image(scene).png(PNG).toBuffer();
    const at = file.indexOf('IDAT', 0, 'latin1');
    const end = at + 4 + file.readUInt32BE(at - 4);
    file[end] = file[end]! ^ 0xff;
    const { raster, damage } = await decoder.decode(file);
    expect(damage).toMatchObject({ reason: 'corrupt' });
    expect(Buffer.from(raster.data).equals(Buffer.from(scene.data))).toBe(true);
  });

  test('in any byte is decoded or refused', async () => {
    const file = (await image(scene).png(PNG).toBuffer()).subarray(0, -300);
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.nat(255), async (at, value) => {
        const bytes = Buffer.from(file);
        bytes[at] = value;
        const outcome = await decoder.decode(bytes).catch((error: unknown) => error);
        expect(outcome instanceof AppError || 'raster' in (outcome as object), String(outcome)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
