/** JPEG XL: its header without decoding, and both of its decoders, against the images that were encoded. */

import { readFileSync } from 'node:fs';
import { ImageMagick } from '@imagemagick/magick-wasm';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { AppError } from '../../src/core/errors.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { createDecoder } from '../../src/decode/decode.js';
import { decodeByJsquash } from '../../src/decode/jsquash.js';
import { decodeJxl } from '../../src/decode/jxl.js';
import { jxlCodestream, readJxlHeader } from '../../src/decode/jxl-header.js';
import { sniff } from '../../src/decode/sniff.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { box, container, inParts, jxl } from '../support/jxl.js';
import { sceneRaster, seeded, turnRaster } from '../support/random.js';

const [WIDTH, HEIGHT] = [320, 240];
const scene = sceneRaster(7, WIDTH, HEIGHT, 3);
const hasher = createPdqHasher();
const hashOf = (raster: Raster) =>
  hasher.hash(raster, { orientations: 'none', families: 'resized' }).families[0]!.hashes[0]!;
const distance = (a: Raster, b: Raster) => hamming256(hashOf(a), hashOf(b));
const fixture = (name: string) => readFileSync(`test/fixtures/jxl/${name}.jxl`);
const decoded = (bytes: Uint8Array) => decodeJxl(bytes, IMAGE_PIXELS_MAX);
const refusal = (code: string) =>
  expect.objectContaining({ code, details: expect.objectContaining({ format: 'jxl' }) });

const transparent: Raster = (() => {
  const data = new Uint8Array(WIDTH * HEIGHT * 4);
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
    data.set(scene.data.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
    data[pixel * 4 + 3] = pixel % 256;
  }
  return { width: WIDTH, height: HEIGHT, channels: 4, data };
})();

/** Bits of a codestream, least significant first: `[value, count]`. */
function codestream(...fields: readonly (readonly [number, number])[]): Buffer {
  const bits = fields.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, bit) => Math.floor(value / 2 ** bit) % 2),
  );
  const bytes = Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
    bits.slice(at * 8, at * 8 + 8).reduce((sum, bit, place) => sum + bit * 2 ** place, 0),
  );
  return Buffer.from([0xff, 0x0a, ...bytes]);
}

describe('the header', () => {
  // ISO/IEC 18181-1: small, height in eighths or in one of four lengths, ratio, width.
  test.each([
    [
      'small and square',
      [
        [1, 1],
        [3, 5],
        [1, 3],
      ],
      32,
      32,
    ],
    [
      'small, both sides',
      [
        [1, 1],
        [3, 5],
        [0, 3],
        [9, 5],
      ],
      80,
      32,
    ],
    [
      '9 bits, 12:10',
      [
        [0, 1],
        [0, 2],
        [299, 9],
        [2, 3],
      ],
      360,
      300,
    ],
    [
      '13 bits, 4:3',
      [
        [0, 1],
        [1, 2],
        [2999, 13],
        [3, 3],
      ],
      4000,
      3000,
    ],
    [
      '13 bits, 3:2',
      [
        [0, 1],
        [1, 2],
        [1000, 13],
        [4, 3],
      ],
      1501,
      1001,
    ],
    [
      '13 bits, 16:9',
      [
        [0, 1],
        [1, 2],
        [1079, 13],
        [5, 3],
      ],
      1920,
      1080,
    ],
    [
      '18 bits, 5:4',
      [
        [0, 1],
        [2, 2],
        [9_999, 18],
        [6, 3],
      ],
      12_500,
      10_000,
    ],
    [
      '30 bits, 2:1',
      [
        [0, 1],
        [3, 2],
        [2 ** 30 - 1, 30],
        [7, 3],
      ],
      2 ** 31,
      2 ** 30,
    ],
    [
      '30 bits and 9',
      [
        [0, 1],
        [3, 2],
        [2 ** 30 - 1, 30],
        [0, 3],
        [0, 2],
        [0, 9],
      ],
      1,
      2 ** 30,
    ],
  ] as const)('size: %s', (_says, size, width, height) => {
    const bytes = codestream(...size, [1, 1]);
    expect(readJxlHeader(bytes)).toEqual({ width, height, bits: 8, isPlain: true, isLinear: false });
    expect(sniff(bytes)).toEqual({ format: 'jxl', width, height });
    expect(readJxlHeader(container(box('jxlc', bytes)))).toEqual({
      width,
      height,
      bits: 8,
      isPlain: true,
      isLinear: false,
    });
  });

  test.each([1, 2, 7])('a codestream in %i boxes is put together', async (count) => {
    const bytes = await jxl([scene]);
    const file = inParts(bytes, count);
    expect(bytes.equals(jxlCodestream(file).bytes)).toBe(true);
    expect(jxlCodestream(file).isCut).toBe(false);
    expect(jxlCodestream(file.subarray(0, -20)).isCut).toBe(true);
    expect(readJxlHeader(file)).toMatchObject({ width: WIDTH, height: HEIGHT });
  });

  test('a box of 64 bits, and one to the end of the file', () => {
    const bytes = codestream([1, 1], [3, 5], [1, 3], [1, 1]);
    const long = Buffer.concat([Buffer.from('000000016a786c63', 'hex'), Buffer.alloc(8), bytes]);
    long.writeBigUInt64BE(BigInt(long.length), 8);
    const open = Buffer.concat([Buffer.from('000000006a786c63', 'hex'), bytes]);
    for (const part of [long, open]) expect(readJxlHeader(container(part))).toMatchObject({ width: 32, height: 32 });
  });

  test('kinds that need another decoder are known by it', async () => {
    const plain = { bits: 8, isPlain: true, isLinear: false };
    expect(readJxlHeader(await jxl([scene]))).toMatchObject(plain);
    expect(readJxlHeader(await jxl([scene], 90))).toMatchObject(plain);
    expect(readJxlHeader(await jxl([transparent]))).toMatchObject(plain);
    expect(readJxlHeader(await jxl([scene, scene]))).toMatchObject({ isPlain: false });
    expect(readJxlHeader(fixture('linear'))).toMatchObject({ isPlain: true, isLinear: true });
    expect(readJxlHeader(fixture('repacked'))).toMatchObject({ width: WIDTH, height: HEIGHT, isPlain: true });
    expect(readJxlHeader(fixture('repacked-turned'))).toMatchObject({ width: HEIGHT, height: WIDTH, isPlain: true });
  });

  test('any bytes are read or refused, and none throw', () => {
    const front = fc.constantFrom(Buffer.from([0xff, 0x0a]), container(), Buffer.concat([container(), box('jxlc')]));
    fc.assert(
      fc.property(front, fc.uint8Array({ maxLength: 80 }), (start, rest) => {
        const header = readJxlHeader(Buffer.concat([start, rest]));
        if (header) expect(Math.min(header.width, header.height)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 5_000, seed: 5 },
    );
  });

  test('cut at each byte: never another size', async () => {
    const bytes = inParts(await jxl([scene]), 3);
    for (let length = 0; length < 300; length++) {
      const header = readJxlHeader(bytes.subarray(0, length));
      if (header) expect(header).toMatchObject({ width: WIDTH, height: HEIGHT });
    }
    expect(readJxlHeader(bytes.subarray(0, 300))).not.toBeNull();
  });
});

describe('pixels', () => {
  test('lossless: exactly the image, in its own channels', async () => {
    expect(await decoded(await jxl([scene]))).toEqual(scene);
    expect(await decoded(inParts(await jxl([scene]), 5))).toEqual(scene);
    expect(await decoded(await jxl([transparent]))).toEqual(transparent);
    const grey = sceneRaster(9, WIDTH, HEIGHT, 1);
    expect(await decoded(await jxl([grey]))).toEqual(grey);
  });

  test('lossy: near the image', async () => {
    const file = await jxl([scene], 90);
    const raster = await decoded(file);
    expect(distance(raster, scene)).toBeLessThanOrEqual(6);
    // The other decoder is another release of libjxl, and manages colours.
    expect(distance(await decodeByJsquash(file), raster)).toBeLessThanOrEqual(2);
  });

  test('an animation is its first frame', async () => {
    const frames = [scene, sceneRaster(8, WIDTH, HEIGHT, 3), sceneRaster(9, WIDTH, HEIGHT, 3)];
    expect(distance(await decoded(await jxl(frames)), scene)).toBe(0);
  });

  test('a JPEG that was repacked without loss hashes as the JPEG', async () => {
    const jpeg = sharp(scene.data, { raw: scene }).jpeg({ quality: 90 });
    const { data, info } = await sharp(await jpeg.toBuffer())
      .raw()
      .toBuffer({ resolveWithObject: true });
    const original: Raster = { width: info.width, height: info.height, channels: 3, data };
    expect(distance(await decoded(fixture('repacked')), original)).toBeLessThanOrEqual(2);
    const turned = await decoded(fixture('repacked-turned'));
    expect(turned).toMatchObject({ width: HEIGHT, height: WIDTH });
    expect(distance(turned, turnRaster(original, 'rotate270'))).toBeLessThanOrEqual(2);
  });

  test('linear samples are shown in sRGB', async () => {
    // IEC 61966-2-1.
    const curve = (linear: number) => (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055);
    const shown: Raster = { ...scene, data: scene.data.map((value) => Math.round(255 * curve(value / 255))) };
    const raster = await decoded(fixture('linear'));
    expect(distance(raster, await decodeByJsquash(fixture('linear')))).toBeLessThanOrEqual(4);
    let sum = 0;
    raster.data.forEach((value, at) => {
      sum += Math.abs(value - shown.data[at]!);
    });
    expect(sum / shown.data.length).toBeLessThan(3);
  });
});

describe('limits and damage', () => {
  test('too many pixels by the header are refused before decoding', async () => {
    const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
    const huge = codestream([0, 1], [3, 2], [2 ** 30 - 1, 30], [7, 3], [1, 1]);
    await expect(decoder.decode(huge)).rejects.toMatchObject({ code: 'IMAGE_TOO_MANY_PIXELS' });
    await expect(decoder.decode(container(box('jxlc', huge)))).rejects.toMatchObject({ code: 'IMAGE_TOO_MANY_PIXELS' });
    await expect(decodeJxl(await jxl([scene]), WIDTH * HEIGHT - 1)).rejects.toEqual(refusal('IMAGE_TOO_MANY_PIXELS'));
    expect(await decodeJxl(await jxl([scene]), WIDTH * HEIGHT)).toEqual(scene);
  });

  // 16 bits, and linear: 5,000 × 8,000 pixels within the limit of pixels are beyond that of memory.
  test.each([
    ['8 bits, all that the limit allows', [[0, 2]], 0, 'IMAGE_CORRUPT'],
    [
      '16 bits',
      [
        [3, 2],
        [15, 6],
      ],
      0,
      'IMAGE_TOO_MANY_PIXELS',
    ],
    ['8 bits, animated', [[0, 2]], 1, 'IMAGE_TOO_MANY_PIXELS'],
  ] as const)('memory: %s', async (_says, depth, animated, code) => {
    const size = [
      [0, 1],
      [1, 2],
      [4_999, 13],
      [0, 3],
      [1, 2],
      [7_999, 13],
    ] as const;
    const animation = [
      [1, 1],
      [0, 3],
      [0, 1],
      [0, 1],
      [1, 1],
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 1],
    ] as const;
    const metadata = [[0, 1], ...(animated ? animation : ([[0, 1]] as const)), [0, 1], ...depth] as const;
    const bytes = codestream(...size, ...metadata, [1, 1], [0, 2], [0, 1], [1, 1], [0, 2]);
    expect(readJxlHeader(bytes)).toMatchObject({ width: 8_000, height: 5_000, isPlain: animated === 0 });
    await expect(decoded(bytes)).rejects.toEqual(refusal(code));
  });

  const files = async () => [
    await jxl([scene]),
    inParts(await jxl([scene], 90), 4),
    await jxl([scene, transparent], 90),
    fixture('repacked'),
    fixture('linear'),
  ];

  test('cut at every tenth: refused, as truncated where a box says so', async () => {
    for (const [at, file] of (await files()).entries()) {
      for (let tenth = 0; tenth < 10; tenth++) {
        const cut = file.subarray(0, Math.floor((file.length * tenth) / 10));
        const error = await decoded(cut).catch((thrown: unknown) => thrown);
        // The first frame of the animation is whole.
        if (at === 2 && tenth >= 5 && !(error instanceof AppError)) continue;
        expect(error, `file ${at}, ${tenth} tenths`).toBeInstanceOf(AppError);
        if (at === 1 && tenth > 0) expect(error).toEqual(refusal('IMAGE_TRUNCATED'));
      }
    }
  });

  test('flipped bits: decoded or refused with a code, and the next image is decoded', async () => {
    const random = seeded(11);
    const whole = await files();
    for (let round = 0; round < 120; round++) {
      const bytes = Buffer.from(whole[round % whole.length]!);
      const reach = round % 2 === 0 ? 200 : bytes.length;
      for (let flip = 0; flip < 3; flip++) bytes[Math.floor(random() * reach)]! ^= 1 << Math.floor(random() * 8);
      const outcome = await decoded(bytes).catch((error: unknown) => error);
      expect(outcome instanceof AppError || 'data' in (outcome as object), `${round}: ${outcome}`).toBe(true);
      if (round % 20 === 0) expect(await decoded(whole[0]!)).toEqual(scene);
    }
    expect(await decoded(whole[0]!)).toEqual(scene);
    expect(distance(await decoded(whole[2]!), scene)).toBeLessThanOrEqual(6);
  });

  test('the memory of a large image is given back', async () => {
    const flat = { width: 4_000, height: 3_000, channels: 1, data: new Uint8Array(12_000_000).fill(90) } as const;
    const large = await jxl([flat]);
    const kept = () => (ImageMagick as unknown as { _api: { HEAPU8: Uint8Array } | undefined })._api;
    expect(kept()?.HEAPU8.length).toBeGreaterThan(134_217_728);
    // Both wait for the code, and one finds the instance of the other dropped.
    const [raster] = await Promise.all([decoded(large), decoded(fixture('repacked'))]);
    expect(raster).toMatchObject({ width: 4_000, height: 3_000, channels: 1 });
    expect(Buffer.compare(raster.data, flat.data)).toBe(0);
    expect(kept()?.HEAPU8.length ?? 0).toBeLessThan(134_217_728);
    expect(await decoded(await jxl([scene]))).toEqual(scene);
  });
});
