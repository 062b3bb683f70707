/** Every format of docs/formats.md, made here from one seeded image, against the hash of that image. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { AppError } from '../../src/core/errors.js';
import { IMAGE_FORMATS, type Raster } from '../../src/core/vocabulary.js';
import { missingRows } from '../../src/decode/damage.js';
import { createDecoder, type Decoded } from '../../src/decode/decode.js';
import {
  alphaOf,
  isTransparent,
  over,
  viewsOf as shownViews,
  spreadFrames,
  type View,
} from '../../src/decode/frames.js';
import { DECODED_FORMATS } from '../../src/decode/sniff.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { jxl } from '../support/jxl.js';
import { sceneRaster } from '../support/random.js';
import { writeRaf } from '../support/raw-writer.js';

const LIMITS = { imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX };
const decoder = createDecoder(LIMITS);
const hasher = createPdqHasher();
const [WIDTH, HEIGHT] = [320, 240];
const scene = sceneRaster(7, WIDTH, HEIGHT, 3);

const hashOf = (raster: Raster) =>
  hasher.hash(raster, { orientations: 'none', families: 'resized' }).families[0]!.hashes[0]!;
const distance = (a: Raster, b: Raster) => hamming256(hashOf(a), hashOf(b));
const image = (raster: Raster = scene) =>
  sharp(raster.data, { raw: { width: raster.width, height: raster.height, channels: raster.channels } });

async function viewsOf(decoded: Decoded): Promise<View[]> {
  const views: View[] = [];
  for await (const view of decoded.views(() => {})) views.push(view);
  return views;
}

/** BITMAPFILEHEADER, BITMAPINFOHEADER and rows of B G R (A), padded to 4 bytes; an oracle that shares no code. */
function bmp(raster: Raster, { bits = 24, topDown = false, forIcon = false } = {}): Buffer {
  const { width, height, data } = raster;
  const stride = Math.ceil((width * bits) / 32) * 4;
  const header = Buffer.alloc(54);
  header.write('BM', 'latin1');
  header.writeUInt32LE(54 + stride * height, 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE((topDown ? -1 : 1) * height * (forIcon ? 2 : 1), 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = (topDown ? y : height - 1 - y) * stride + (x * bits) / 8;
      for (let c = 0; c < 3; c++) rows[to + c] = data[(y * width + x) * 3 + 2 - c]!;
      if (bits === 32) rows[to + 3] = 255;
    }
  }
  if (!forIcon) return Buffer.concat([header, rows]);
  const mask = Buffer.alloc(Math.ceil(width / 32) * 4 * height);
  return Buffer.concat([header.subarray(14), rows, mask]);
}

/** The scene in few colours, and a BMP of it with a palette of those colours, 1, 4 or 8 bits a pixel. */
function paletted(bits: 1 | 4 | 8): { raster: Raster; file: Buffer } {
  const levels = 2 ** bits;
  const index = (pixel: number) => Math.floor((scene.data[pixel * 3 + 1]! * levels) / 256);
  // Red, green and blue differ, so that a wrong order shows.
  const colour = (level: number) =>
    [level, Math.floor(level / 2), 255 - level].map((c) => ((c * 255) / (levels - 1)) & 255);
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  const stride = Math.ceil((WIDTH * bits) / 32) * 4;
  const rows = Buffer.alloc(stride * HEIGHT);
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
    const [x, y] = [pixel % WIDTH, Math.floor(pixel / WIDTH)];
    data.set(colour(index(pixel)), pixel * 3);
    const at = (HEIGHT - 1 - y) * stride + Math.floor((x * bits) / 8);
    rows[at] = rows[at]! | (index(pixel) << (8 - bits - ((x * bits) % 8)));
  }
  const palette = Buffer.from(Array.from({ length: levels }, (_, level) => [...colour(level).reverse(), 0]).flat());
  const header = bmp(scene).subarray(0, 54);
  const file = Buffer.concat([header, palette, rows]);
  file.writeUInt32LE(54 + palette.length, 10);
  file.writeUInt16LE(bits, 28);
  return { raster: { width: WIDTH, height: HEIGHT, channels: 3, data }, file };
}

/** An ICO of the images given, each a PNG or a BMP without its file header. */
function ico(pictures: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(6 + 16 * pictures.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(pictures.length, 4);
  let at = head.length;
  pictures.forEach((picture, entry) => {
    head.writeUInt32LE(picture.length, 6 + entry * 16 + 8);
    head.writeUInt32LE(at, 6 + entry * 16 + 12);
    at += picture.length;
  });
  return Buffer.concat([head, ...pictures]);
}

const to = (encode: (from: Sharp) => Sharp) => () => encode(image()).toBuffer();

/** Format, variant, the file, and the most bits that its losses may cost. */
const FILES: readonly [string, string, () => Promise<Buffer> | Buffer, number][] = [
  ['jpeg', 'baseline', to((i) => i.jpeg({ quality: 92 })), 6],
  ['jpeg', 'progressive', to((i) => i.jpeg({ quality: 92, progressive: true })), 6],
  ['jpeg', '4:4:4', to((i) => i.jpeg({ quality: 92, chromaSubsampling: '4:4:4' })), 6],
  ['jpeg', 'CMYK', to((i) => i.toColourspace('cmyk').jpeg({ quality: 95 })), 31],
  ['jpeg', 'trailing garbage', async () => Buffer.concat([await to((i) => i.jpeg())(), Buffer.alloc(5_000, 7)]), 8],
  ['png', 'RGB', to((i) => i.png()), 0],
  ['png', 'interlaced', to((i) => i.png({ progressive: true })), 0],
  ['png', 'palette', to((i) => i.png({ palette: true, colours: 256 })), 8],
  ['png', '16 bits', to((i) => i.toColourspace('rgb16').png()), 0],
  ['gif', 'one frame', to((i) => i.gif()), 8],
  ['webp', 'lossy', to((i) => i.webp({ quality: 90 })), 8],
  ['webp', 'lossless', to((i) => i.webp({ lossless: true })), 0],
  ['avif', '8 bits', to((i) => i.avif({ quality: 80, effort: 0 })), 10],
  ['heic', 'as heif-enc writes it', () => readFileSync('test/fixtures/heic/scene.heic'), 10],
  ['jxl', 'lossless', () => jxl([scene]), 0],
  ['jxl', 'lossy', () => jxl([scene], 90), 6],
  ['jxl', 'a JPEG repacked by cjxl', () => readFileSync('test/fixtures/jxl/repacked.jxl'), 6],
  ['tiff', 'LZW', to((i) => i.tiff({ compression: 'lzw' })), 0],
  ['bmp', '24 bits', () => bmp(scene), 0],
  ['bmp', '32 bits, top row first', () => bmp(scene, { bits: 32, topDown: true }), 0],
  [
    'ico',
    'the largest of three',
    async () => {
      const small = await image().resize(32, 24).png().toBuffer();
      return ico([small, bmp(scene, { forIcon: true }), small]);
    },
    0,
  ],
  ['ico', 'a PNG inside', async () => ico([await to((i) => i.png())()]), 0],
  ['raw', 'RAF', async () => writeRaf(await to((i) => i.jpeg({ quality: 92 }))()), 6],
];

// libheif prints damage to stdout; the decoder process has none.
beforeAll(() => void vi.spyOn(console, 'log').mockImplementation(() => {}));
afterAll(() => void vi.restoreAllMocks());

describe('formats', () => {
  test.each(FILES)('%s, %s: the hash is that of the image itself', async (format, _says, make, mostBits) => {
    const decoded = await decoder.decode(await make());
    expect(decoded).toMatchObject({ format, width: WIDTH, height: HEIGHT, damage: null });
    expect(distance(decoded.raster, scene)).toBeLessThanOrEqual(mostBits);
    expect(await viewsOf(decoded)).toHaveLength(1);
  });

  test('each decoded format has a file above; the others are refused by name', async () => {
    expect(new Set(FILES.map(([format]) => format))).toEqual(new Set(DECODED_FORMATS));
    const magics: Record<string, Buffer> = {
      jp2: Buffer.from('0000000c6a5020200d0a870a', 'hex'),
      svg: Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'),
      pdf: Buffer.from('%PDF-1.7\n'),
    };
    for (const format of IMAGE_FORMATS.filter((one) => !DECODED_FORMATS.has(one))) {
      await expect(decoder.decode(magics[format]!)).rejects.toMatchObject({
        code: 'IMAGE_UNSUPPORTED_FORMAT',
        details: { format },
      });
    }
  });

  test.each([
    ['lossless', 0xc3],
    ['hierarchical', 0xc5],
    ['JPEG-LS', 0xf7],
  ])('a JPEG that is %s is unsupported', async (_name, marker) => {
    const file = await to((i) => i.jpeg())();
    const at = file.indexOf(Buffer.from([0xff, 0xc0]));
    file[at + 1] = marker;
    const expected = { code: 'IMAGE_UNSUPPORTED_FORMAT', details: { format: 'jpeg' } };
    await expect(decoder.decode(file)).rejects.toMatchObject(expected);
  });

  test.each([
    ['bmp', () => bmp(scene).subarray(0, 30), 'IMAGE_TRUNCATED'],
    ['bmp', () => bmp(scene).subarray(0, 54), 'IMAGE_TRUNCATED'],
    ['ico', () => ico([bmp(scene, { forIcon: true })]).subarray(0, 40), 'IMAGE_TRUNCATED'],
    ['ico', () => Buffer.from('000001000000', 'hex'), 'IMAGE_TRUNCATED'],
    ['heic', () => readFileSync('test/fixtures/heic/scene.heic').subarray(0, 3_000), 'IMAGE_TRUNCATED'],
  ])('a truncated %s is refused', async (_format, make, code) => {
    await expect(decoder.decode(make())).rejects.toMatchObject({ code });
  });

  test.each([1, 4, 8] as const)('bmp with a palette, %i bits: the exact colours', async (bits) => {
    const { raster, file } = paletted(bits);
    expect((await decoder.decode(file)).raster).toEqual(raster);
  });

  test('a GIF whose frame is a part of the screen is decoded as that frame', async () => {
    const file = await to((i) => i.gif())();
    const { raster } = await decoder.decode(file);
    // The screen grows by 40 and 30, the frame moves by 20 and 10; its data stay as they are.
    file.writeUInt16LE(WIDTH + 40, 6);
    file.writeUInt16LE(HEIGHT + 30, 8);
    const descriptor = file.indexOf(
      Buffer.from([0x2c, 0, 0, 0, 0, WIDTH & 255, WIDTH >> 8, HEIGHT & 255, HEIGHT >> 8]),
    );
    expect(descriptor).toBeGreaterThan(0);
    file.writeUInt16LE(20, descriptor + 1);
    file.writeUInt16LE(10, descriptor + 3);
    const decoded = await decoder.decode(file);
    expect(decoded).toMatchObject({ width: WIDTH, height: HEIGHT });
    expect(distance(decoded.raster, raster)).toBe(0);
  });

  test('a BMP of another encoding is unsupported; one with a header of a gigapixel is refused', async () => {
    const file = bmp(scene);
    const wrapped = Buffer.from(file);
    wrapped.writeUInt32LE(4, 30);
    await expect(decoder.decode(wrapped)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED_FORMAT' });
    const huge = Buffer.from(file);
    huge.writeInt32LE(40_000, 18);
    huge.writeInt32LE(40_000, 22);
    await expect(decoder.decode(huge)).rejects.toMatchObject({ code: 'IMAGE_TOO_MANY_PIXELS' });
    const icon = bmp(scene, { forIcon: true });
    icon.writeInt32LE(40_000, 4);
    icon.writeInt32LE(80_000, 8);
    await expect(decoder.decode(ico([icon]))).rejects.toMatchObject({ code: 'IMAGE_TOO_MANY_PIXELS' });
  });

  test('damaged bytes of the formats without libvips are decoded or refused with a code', async () => {
    const files = [bmp(scene), ico([bmp(scene, { forIcon: true })]), readFileSync('test/fixtures/heic/scene.heic')];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (file, changes) => {
          const bytes = Buffer.from(file);
          for (const [at, value] of changes) bytes[at] = value;
          const outcome = await decoder.decode(bytes).catch((error: unknown) => error);
          expect(outcome instanceof AppError || 'raster' in (outcome as object), String(outcome)).toBe(true);
        },
      ),
      { numRuns: 150, seed: 4 },
    );
  });
});

describe('transparency', () => {
  /** The scene with its left half fully transparent. */
  const half: Raster = (() => {
    const data = new Uint8Array(WIDTH * HEIGHT * 4);
    for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
      data.set(scene.data.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
      data[pixel * 4 + 3] = pixel % WIDTH < WIDTH / 2 ? 0 : 255;
    }
    return { width: WIDTH, height: HEIGHT, channels: 4, data };
  })();
  const shown: Raster = {
    ...scene,
    data: scene.data.map((value, at) => (Math.floor(at / 3) % WIDTH < WIDTH / 2 ? 255 : value)),
  };

  const onBlack: Raster = {
    ...shown,
    data: shown.data.map((value, at) => (Math.floor(at / 3) % WIDTH < WIDTH / 2 ? 0 : value)),
  };

  test('a picture that only the alpha carries is found', async () => {
    const grey = await image().greyscale().raw().toBuffer();
    const data = new Uint8Array(WIDTH * HEIGHT * 4);
    for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) data[pixel * 4 + 3] = grey[pixel]!;
    const file = await image({ width: WIDTH, height: HEIGHT, channels: 4, data }).png().toBuffer();
    const alpha = (await viewsOf(await decoder.decode(file))).find(({ background }) => background === 'alpha')!;
    expect(distance(alpha.raster, { width: WIDTH, height: HEIGHT, channels: 1, data: grey })).toBe(0);
  });

  test.each(['png', 'webp', 'tiff'] as const)('%s: as stored, on white, on black, and the alpha', async (format) => {
    const options = { webp: { lossless: true, exact: true }, tiff: { compression: 'lzw' as const }, png: {} }[format];
    const views = await viewsOf(await decoder.decode(await image(half).toFormat(format, options).toBuffer()));
    expect(views.map(({ frame, background, part }) => [frame, background, part])).toEqual([
      [0, null, null],
      [0, 'white', null],
      [0, 'black', null],
      [0, 'alpha', null],
    ]);
    expect(distance(views[0]!.raster, scene)).toBe(0);
    expect(distance(views[1]!.raster, shown)).toBe(0);
    expect(distance(views[2]!.raster, onBlack)).toBe(0);
    expect(views[3]!.raster).toMatchObject({ width: WIDTH, height: HEIGHT, channels: 1 });
    expect(distance(scene, shown)).toBeGreaterThan(31);
  });

  test('full alpha adds no second view', async () => {
    const opaque = await image({ ...half, data: half.data.map((value, at) => (at % 4 === 3 ? 255 : value)) })
      .png()
      .toBuffer();
    expect(await viewsOf(await decoder.decode(opaque))).toHaveLength(1);
  });

  test('colours are mixed with the background by their alpha; without transparency there is one view', () => {
    const colour: Raster = { width: 1, height: 2, channels: 4, data: Uint8Array.of(10, 200, 0, 51, 1, 2, 3, 255) };
    expect([...over(colour, 255).data]).toEqual([206, 244, 204, 1, 2, 3]);
    expect([...over(colour, 0).data]).toEqual([2, 40, 0, 1, 2, 3]);
    expect([...alphaOf(colour).data]).toEqual([51, 255]);
    const grey: Raster = { width: 1, height: 1, channels: 2, data: Uint8Array.of(10, 51) };
    expect([...over(grey, 255).data]).toEqual([206]);
    expect([grey, { ...grey, data: Uint8Array.of(10, 255) }, scene].map(isTransparent)).toEqual([true, false, false]);
    expect([...shownViews({ frame: 3, part: null }, scene)]).toEqual([
      { frame: 3, part: null, background: null, raster: scene },
    ]);
  });
});

describe('frames', () => {
  const COUNT = 7;
  const scenes = Array.from({ length: COUNT }, (_, at) => sceneRaster(100 + at, 96, 80, 3));
  const animation = () => {
    const data = Buffer.concat(scenes.map((one) => one.data));
    return sharp(data, { raw: { width: 96, height: 80 * COUNT, channels: 3, pageHeight: 80 } });
  };
  const files = {
    gif: () => animation().gif().toBuffer(),
    webp: () => animation().webp({ lossless: true }).toBuffer(),
  };

  test.each(['gif', 'webp'] as const)('%s: the first frame, unless more are requested', async (format) => {
    const file = await files[format]();
    expect((await viewsOf(await decoder.decode(file))).map(({ frame }) => frame)).toEqual([0]);
    for (const [asked, frames] of [
      [3, [0, 3, 6]],
      [7, [0, 1, 2, 3, 4, 5, 6]],
      [16, [0, 1, 2, 3, 4, 5, 6]],
    ] as const) {
      const views = await viewsOf(await decoder.decode(file, asked));
      expect(views.map(({ frame }) => frame)).toEqual(frames);
      for (const { frame, raster } of views) expect(distance(raster, scenes[frame]!)).toBeLessThanOrEqual(8);
    }
  });

  test('frames are spread evenly, with the first and the last, each once', () => {
    expect(spreadFrames(100, 4)).toEqual([0, 33, 66, 99]);
    expect(spreadFrames(0, 4)).toEqual([]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 16 }), (count, wanted) => {
        const frames = spreadFrames(count, wanted);
        expect(frames).toHaveLength(Math.min(count, wanted));
        expect(new Set(frames).size).toBe(frames.length);
        expect(frames[0]).toBe(0);
        expect(frames.at(-1)).toBe(wanted === 1 ? 0 : count - 1);
      }),
    );
  });
});

describe('a truncated JPEG', () => {
  const whole = () =>
    image(sceneRaster(8, 640, 960, 3))
      .jpeg({ quality: 90 })
      .toBuffer();

  test('that lacks its last rows is hashed, flagged as degraded, and near the whole', async () => {
    const file = await whole();
    const { raster } = await decoder.decode(file);
    const cut = await decoder.decode(file.subarray(0, Math.floor(file.length * 0.97)));
    expect(cut).toMatchObject({
      format: 'jpeg',
      width: 640,
      height: 960,
      damage: { reason: 'truncated', isGrave: false },
    });
    expect(missingRows(cut.raster)).toBeGreaterThan(4);
    expect(missingRows(cut.raster)).toBeLessThanOrEqual(30);
    expect(distance(cut.raster, raster)).toBeLessThanOrEqual(31);
  });

  test.each([0.9, 0.5, 0.1])(
    'that has %f of its bytes is hashed as far as it goes, and the damage is grave',
    async (share) => {
      const file = await whole();
      const cut = await decoder.decode(file.subarray(0, Math.floor(file.length * share)));
      expect(cut.damage).toEqual({ reason: 'truncated', code: 'IMAGE_TRUNCATED', isGrave: true });
      const rows = 960 - missingRows(cut.raster);
      expect(rows).toBeGreaterThan(960 * share * 0.5);
      expect(
        Buffer.from(cut.raster.data.subarray(0, 640 * cut.raster.channels)).some(
          (value) => value !== cut.raster.data[0],
        ),
      ).toBe(true);
    },
  );

  test('missing rows are the whole rows of one colour at the end', () => {
    const grey = (data: number[], width: number): Raster => {
      return { width, height: data.length / width, channels: 1, data: Uint8Array.from(data) };
    };
    expect(missingRows(grey([1, 2, 3, 4, 5, 5, 5, 5], 2))).toBe(2);
    expect(missingRows(grey([1, 2, 3, 5, 5, 5, 5, 5], 2))).toBe(2);
    expect(missingRows(grey([1, 2, 3, 4, 5, 6], 2))).toBe(0);
    expect(missingRows(grey([1, 1, 1, 1], 2))).toBe(2);
  });
});
