/** What viewers show of files with several pictures or odd layouts. Containers are written by the test, pixels encoded by sharp. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import {
  apng,
  avifItems,
  avifSequence,
  type CodedPicture,
  codedPicture,
  multiPicture,
  pngChunk,
  tiff,
} from '../../bench/picture-writers.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { AppError } from '../../src/core/errors.js';
import type { Raster } from '../../src/core/vocabulary.js';
import { isCutOff } from '../../src/decode/cut-off.js';
import type { Damage } from '../../src/decode/damage.js';
import { createDecoder } from '../../src/decode/decode.js';
import type { View } from '../../src/decode/frames.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { corpusPath, hasCorpus } from '../support/corpus.js';
import { sceneRaster } from '../support/random.js';

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const hasher = createPdqHasher();
const [WIDTH, HEIGHT] = [128, 96];
const scenes = Array.from({ length: 6 }, (_, seed) => sceneRaster(40 + seed, WIDTH, HEIGHT, 3));
const [A, B, C] = scenes as [Raster, Raster, Raster];
/** Bits that a lossy codec may cost. */
const LOSSY_BITS = 10;

const hashOf = (raster: Raster) =>
  hasher.hash(raster, { orientations: 'none', families: 'resized' }).families[0]!.hashes[0]!;
const distance = (a: Raster, b: Raster) => hamming256(hashOf(a), hashOf(b));
const image = ({ data, width, height, channels }: Raster) => sharp(data, { raw: { width, height, channels } });
const png = (raster: Raster) => image(raster).png().toBuffer();
const flat: Raster = { ...A, data: new Uint8Array(A.data.length).fill(200) };

interface Shown {
  readonly views: readonly View[];
  readonly damage: Damage | null;
}

async function show(bytes: Uint8Array, frames = 4): Promise<Shown> {
  const decoded = await decoder.decode(bytes, frames);
  let { damage } = decoded;
  const views: View[] = [];
  for await (const view of decoded.views((further) => (damage ??= further))) {
    views.push({ ...view, raster: { ...view.raster, data: Uint8Array.from(view.raster.data) } });
  }
  return { views, damage };
}
const names = ({ views }: Shown) => views.map(({ frame, part, background }) => [frame, part, background]);
const pixelOf = ({ data, width, channels }: Raster, x: number, y: number) => [
  ...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels),
];

describe('an animated PNG', () => {
  test('whose default image is no frame is shown as its first frame, and as the default image', async () => {
    const shown = await show(apng([{ png: await png(A) }, { png: await png(B) }], await png(C)));
    expect(names(shown)).toEqual([
      [0, null, null],
      [0, 'default_image', null],
      [1, null, null],
    ]);
    expect([A, C, B].map((scene, at) => distance(shown.views[at]!.raster, scene))).toEqual([0, 0, 0]);
    expect(shown.damage).toBeNull();
  });

  test('whose first frame is the default image has no other view of it; frames= bounds the frames', async () => {
    const file = apng(await Promise.all(scenes.map(async (scene) => ({ png: await png(scene) }))));
    expect(names(await show(file, 1))).toEqual([[0, null, null]]);
    const shown = await show(file, 4);
    expect(names(shown).map(([frame]) => frame)).toEqual([0, 2, 3, 5]);
    for (const { frame, raster } of shown.views) expect(distance(raster, scenes[frame]!)).toBe(0);
  });

  const patch = (value: number, alpha: number): Raster => {
    const data = new Uint8Array(16 * 8 * 4);
    for (let at = 0; at < data.length; at += 4) data.set([value, value, value, alpha], at);
    return { width: 16, height: 8, channels: 4, data };
  };

  test.each([
    ['left', 0, 0, [100, 100, 100, 128]],
    ['left, and composited', 0, 1, null],
    ['cleared', 1, 0, [0, 0, 0, 0]],
    ['put back as it was', 2, 0, null],
  ] as const)('a part that is %s shows so in the next frame', async (_says, dispose, blend, expected) => {
    const last = { png: await png(patch(50, 255)), x: 100, y: 80 };
    const part = { png: await png(patch(100, 128)), x: 20, y: 10, dispose, blend };
    const base = await png({ ...A, channels: 4, data: withAlpha(A) });
    const { views } = await show(apng([{ png: base }, part, last]), 3);
    const stored = views.filter(({ background }) => background === null);
    expect(stored.map(({ frame }) => frame)).toEqual([0, 1, 2]);
    const before = pixelOf(A, 25, 12);
    const mixed = [...before.map((value) => Math.round((100 * 128 + value * 127) / 255)), 255];
    const seen = expected ?? (blend === 1 ? mixed : [...before, 255]);
    expect(pixelOf(stored[2]!.raster, 25, 12)).toEqual(seen);
    expect(pixelOf(stored[1]!.raster, 25, 12)).toEqual(blend === 1 ? mixed : [100, 100, 100, 128]);
    expect(pixelOf(stored[2]!.raster, 105, 84)).toEqual([50, 50, 50, 255]);
    expect(pixelOf(stored[2]!.raster, 99, 84)).toEqual([...pixelOf(A, 99, 84), 255]);
  });

  test('a frame that is damaged is passed over, and said; one off the canvas ends the animation', async () => {
    const good = await png(A);
    const bad = await png(B);
    bad.fill(0x55, bad.indexOf('IDAT') + 40, bad.length - 20);
    const shown = await show(apng([{ png: good }, { png: bad }, { png: await png(C) }]), 3);
    expect(shown.damage).toMatchObject({ reason: 'corrupt', isGrave: false });
    expect(shown.views.some(({ frame, raster }) => frame === 2 && distance(raster, C) === 0)).toBe(true);
    const off = apng([{ png: good }, { png: await png(C), x: 1 }]);
    expect(names(await show(off))).toEqual([[0, null, null]]);
  });

  test('of more than 100,000 chunks is refused', async () => {
    const whole = apng([{ png: await png(A) }]);
    const end = whole.length - 12;
    const withEmpty = (count: number) =>
      Buffer.concat([
        whole.subarray(0, end),
        ...Array.from({ length: count }, () => pngChunk('fdAT', Buffer.alloc(0))),
        whole.subarray(end),
      ]);
    // Beside them: IHDR, acTL, fcTL, two of IDAT, and IEND.
    expect(names(await show(withEmpty(99_994)))).toEqual([[0, null, null]]);
    await expect(decoder.decode(withEmpty(99_995))).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });

  test('without a frame that makes sense it is its default image', async () => {
    const off = apng([{ png: await png(B), x: 5 }], await png(A));
    const shown = await show(off);
    expect(names(shown)).toEqual([[0, null, null]]);
    expect(distance(shown.views[0]!.raster, A)).toBe(0);
  });
});

function withAlpha(raster: Raster): Uint8Array {
  const data = new Uint8Array(raster.width * raster.height * 4).fill(255);
  for (let pixel = 0; pixel < raster.width * raster.height; pixel++)
    data.set(raster.data.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
  return data;
}

describe('an animation', () => {
  const animated = (format: 'gif' | 'webp', rasters: readonly Raster[]) => {
    const raw = { width: WIDTH, height: HEIGHT * rasters.length, channels: 3, pageHeight: HEIGHT } as const;
    const all = sharp(Buffer.concat(rasters.map(({ data }) => data)), { raw });
    return format === 'gif' ? all.gif().toBuffer() : all.webp({ lossless: true }).toBuffer();
  };

  test.each(['gif', 'webp'] as const)('%s: behind a blank first frame the picture is found', async (format) => {
    const { views } = await show(await animated(format, [flat, flat, B, B, B]));
    expect(views.some(({ raster }) => distance(raster, B) <= LOSSY_BITS)).toBe(true);
  });

  test('a GIF whose first frame is a part of the screen is shown as that frame, and with the screen', async () => {
    const gif = await animated('gif', [A]);
    const at = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, WIDTH & 255, WIDTH >> 8, HEIGHT & 255, HEIGHT >> 8]));
    gif.writeUInt16LE(WIDTH * 2, 6);
    gif.writeUInt16LE(HEIGHT * 2, 8);
    gif.writeUInt16LE(30, at + 1);
    const shown = await show(gif);
    expect(names(shown).slice(0, 2)).toEqual([
      [0, null, null],
      [0, 'canvas', null],
    ]);
    expect(shown.views[1]!.raster).toMatchObject({ width: WIDTH * 2, height: HEIGHT * 2 });
    expect(distance(shown.views[0]!.raster, A)).toBeLessThanOrEqual(LOSSY_BITS);
    expect(shown.damage).toBeNull();
  });

  test('a frame that is damaged is said behind one that is too small', async () => {
    const tiny = { ...A, width: 3, height: 2, data: A.data.slice(0, 18) };
    const frames = await Promise.all([tiny, tiny, tiny].map(async (one) => ({ png: await png(one) })));
    await expect(decoder.decode(apng(frames))).rejects.toMatchObject({ code: 'IMAGE_TOO_SMALL' });
    const index = multiPicture([
      await image(tiny).jpeg().toBuffer(),
      Buffer.from('ffd8ffd9', 'hex'),
      await image(A).jpeg().toBuffer(),
    ]);
    const shown = await show(index, 16);
    expect(names(shown)).toEqual([[2, null, null]]);
    expect(shown.damage).toMatchObject({ isGrave: true });
  });

  test('a GIF of which the end is missing is damaged, even where no whole frame is', async () => {
    const gif = await animated('gif', [A, B, C]);
    expect((await show(gif)).damage).toBeNull();
    expect((await show(gif.subarray(0, gif.length - 1))).damage).toEqual({
      reason: 'truncated',
      code: 'IMAGE_TRUNCATED',
      isGrave: false,
    });
  });
});

describe('an AVIF', () => {
  const coded = async (raster: Raster): Promise<CodedPicture> =>
    codedPicture(await image(raster).avif({ quality: 80, effort: 0 }).toBuffer());

  test.each([0, 1, 2])('of three items shows the primary one, %i; the others follow as frames', async (primary) => {
    const pictures = await Promise.all([A, B, C].map(coded));
    const shown = await show(avifItems(pictures, { primary, firstId: 1000 }));
    expect(names(shown)).toEqual([0, 1, 2].map((frame) => [frame, null, null]));
    const others = [A, B, C].filter((_, at) => at !== primary);
    for (const [at, scene] of [[A, B, C][primary]!, ...others].entries())
      expect(distance(shown.views[at]!.raster, scene)).toBeLessThanOrEqual(LOSSY_BITS);
    expect(names(await show(avifItems(pictures, { primary }), 1))).toEqual([[0, null, null]]);
  });

  test.each([false, true])(
    'that is cropped is shown as cropped, and as a whole; wide associations: %s',
    async (isWide) => {
      const crop = { width: 64, height: 48, x: 0, y: 0 };
      const file = avifItems([await coded(B), await coded(A)], { primary: 1, crop, isWide });
      const shown = await show(file, 1);
      expect(names(shown)).toEqual([
        [0, null, null],
        [0, 'uncropped', null],
      ]);
      expect(shown.views.map(({ raster: { width, height } }) => [width, height])).toEqual([
        [64, 48],
        [WIDTH, HEIGHT],
      ]);
      expect(distance(shown.views[1]!.raster, A)).toBeLessThanOrEqual(LOSSY_BITS);
    },
  );

  test('whose crop leaves next to nothing is shown as a whole', async () => {
    const shown = await show(avifItems([await coded(A)], { crop: { width: 2, height: 2, x: 0, y: 0 } }));
    expect(names(shown)).toEqual([[0, 'uncropped', null]]);
    expect(shown.damage).toBeNull();
    expect(distance(shown.views[0]!.raster, A)).toBeLessThanOrEqual(LOSSY_BITS);
  });

  test('that is a sequence without an item is shown frame by frame', async () => {
    const file = avifSequence(await Promise.all(scenes.map(coded)));
    expect(names(await show(file, 1))).toEqual([[0, null, null]]);
    const shown = await show(file, 4);
    expect(names(shown).map(([frame]) => frame)).toEqual([0, 2, 3, 5]);
    for (const { frame, raster } of shown.views)
      expect(distance(raster, scenes[frame]!), `frame ${frame}`).toBeLessThanOrEqual(LOSSY_BITS);
  });

  test('frames that need others are decoded from the last one that needs none', async () => {
    const pictures = await Promise.all(scenes.map(coded));
    const shown = await show(avifSequence(pictures, { keys: [1, 4] }), 16);
    expect(names(shown).map(([frame]) => frame)).toEqual([1, 2, 3, 4, 5]);
    for (const { frame, raster } of shown.views)
      expect(distance(raster, scenes[frame]!), `frame ${frame}`).toBeLessThanOrEqual(LOSSY_BITS);
  });

  test('with the brand of a sequence and an item only is shown as its item', async () => {
    const shown = await show(avifItems([await coded(A)], { brand: 'avis' }));
    expect(names(shown)).toEqual([[0, null, null]]);
    expect(distance(shown.views[0]!.raster, A)).toBeLessThanOrEqual(LOSSY_BITS);
  });

  test('that is cut off is truncated', async () => {
    const file = avifItems([await coded(A)]);
    await expect(decoder.decode(file.subarray(0, file.length - 40))).rejects.toMatchObject({ code: 'IMAGE_TRUNCATED' });
  });

  test('boxes that make no sense are an error with a code, or passed over', { timeout: 60_000 }, async () => {
    const one = await coded(A);
    const files = [
      avifItems([one, one], { primary: 1, crop: { width: 64, height: 48, x: 0, y: 0 } }),
      avifSequence([one, one, one], { keys: [0, 2] }),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(900), fc.constantFrom(0, 1, 127, 128, 255)), { minLength: 1, maxLength: 4 }),
        async (file, changes) => {
          const bytes = Buffer.from(file);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const outcome = await show(bytes).catch((error: unknown) => error);
          expect(outcome instanceof AppError || 'views' in (outcome as object), String(outcome)).toBe(true);
        },
      ),
      { numRuns: 100, seed: 6 },
    );
  });
});

describe('a HEIC', () => {
  const file = readFileSync('test/fixtures/heic/scene.heic');
  const one = codedPicture(file);

  test('that is cropped is shown as cropped, and as a whole', async () => {
    const whole = (await decoder.decode(file)).raster;
    const original = { ...whole, data: Uint8Array.from(whole.data) };
    const crop = { width: 280, height: 200, x: 0, y: 0 };
    const shown = await show(avifItems([one], { crop, brand: 'heic' }), 1);
    expect(shown.views.map(({ part, raster: { width, height } }) => [part, width, height])).toEqual([
      [null, 280, 200],
      ['uncropped', whole.width, whole.height],
    ]);
    expect(distance(shown.views[1]!.raster, original)).toBe(0);
  });

  test('that is cropped to a small part, which libheif 1.23 refuses, is shown so, and as a whole', async () => {
    const crop = { width: 160, height: 120, x: 0, y: 0 };
    const shown = await show(avifItems([one], { crop, brand: 'heic' }), 1);
    expect(names(shown)).toEqual([
      [0, null, null],
      [0, 'uncropped', null],
    ]);
    expect(shown.views[0]!.raster).toMatchObject({ width: 160, height: 120 });
    expect(shown.damage).toBeNull();
  });

  test('that is a sequence is shown by its keys', async () => {
    const whole = (await decoder.decode(file)).raster;
    const original = { ...whole, data: Uint8Array.from(whole.data) };
    const shown = await show(avifSequence([one, one, one], { keys: [0, 2] }), 16);
    expect(names(shown)).toEqual([
      [0, null, null],
      [2, null, null],
    ]);
    for (const { raster } of shown.views) expect(distance(raster, original)).toBe(0);
  });
});

describe('a TIFF', () => {
  const inks = new Uint8Array(WIDTH * HEIGHT * 4);
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
    for (let c = 0; c < 3; c++) inks[pixel * 4 + c] = 255 - A.data[pixel * 3 + c]!;
  }
  const wider = (values: Uint8Array, samples: number, extra: number): Uint8Array => {
    const all = new Uint8Array(WIDTH * HEIGHT * (samples + 1)).fill(extra);
    for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++)
      all.set(values.subarray(pixel * samples, (pixel + 1) * samples), pixel * (samples + 1));
    return all;
  };
  const size = { width: WIDTH, height: HEIGHT };

  test.each([
    ['CMYK of 8 bits', inks, { samples: 4, bits: 8, photometric: 5 }],
    ['CMYK of 16 bits', inks, { samples: 4, bits: 16, photometric: 5 }],
    ['CMYK of 8 bits, a plane for each ink', inks, { samples: 4, bits: 8, photometric: 5, isPlanar: true }],
    ['CMYK of 16 bits, a plane for each ink', inks, { samples: 4, bits: 16, photometric: 5, isPlanar: true }],
    ['CMYK with a fifth channel', wider(inks, 4, 90), { samples: 5, bits: 8, photometric: 5, extra: [0] }],
    ['CMYK of 16 bits with a fifth channel', wider(inks, 4, 90), { samples: 5, bits: 16, photometric: 5, extra: [0] }],
    ['RGB of 16 bits', A.data, { samples: 3, bits: 16, photometric: 2 }],
    ['RGB, a plane for each colour', A.data, { samples: 3, bits: 8, photometric: 2, isPlanar: true }],
    [
      'RGB with alpha and a fifth channel',
      wider(wider(A.data, 3, 255), 4, 33),
      { samples: 5, bits: 8, photometric: 2, extra: [2, 0] },
    ],
  ] as const)('in %s has the pixels of the image', async (_says, values, options) => {
    const shown = await show(tiff(values, { ...size, ...options }));
    expect(shown.damage).toBeNull();
    expect(distance(shown.views[0]!.raster, A)).toBeLessThanOrEqual(2);
    expect(pixelOf(shown.views[0]!.raster, 70, 30).slice(0, 3)).toEqual(pixelOf(A, 70, 30));
  });

  test('with a text tag that does not end as it should is hashed, and is degraded', async () => {
    // GeoAsciiParams, four characters without a zero.
    const more = [[34_737, 2, 4, 0x41414141]] as const;
    const file = tiff(A.data, { ...size, samples: 3, bits: 8, photometric: 2, more });
    const shown = await show(file);
    expect(shown.damage).toMatchObject({ reason: 'corrupt', isGrave: false });
    expect(distance(shown.views[0]!.raster, A)).toBe(0);
  });

  test('that names the places of its strips again and again costs no more than one that does not', async () => {
    const entries = 60_000;
    const head = Buffer.from('49492a0008000000', 'hex');
    const directory = Buffer.alloc(2 + entries * 12 + 4);
    directory.writeUInt16LE(entries);
    for (let entry = 0; entry < entries; entry++) {
      directory.writeUInt16LE(273, 2 + entry * 12);
      directory.writeUInt16LE(4, 4 + entry * 12);
      directory.writeUInt32LE(1_000_000, 6 + entry * 12);
      directory.writeUInt32LE(8, 10 + entry * 12);
    }
    const file = Buffer.concat([head, directory, Buffer.alloc(4_000_000)]);
    expect(isCutOff('tiff', file)).toBe(true);
    // BigTIFF has another directory, which is not read here.
    expect(isCutOff('tiff', Buffer.concat([Buffer.from('49492b0008000000', 'hex'), file.subarray(8)]))).toBe(false);
    await expect(decoder.decode(file)).rejects.toBeInstanceOf(AppError);
  });

  test('in a compression that is not built in is unsupported; one without its directory is truncated', async () => {
    const file = tiff(A.data, { ...size, samples: 3, bits: 8, photometric: 2 });
    const at = file.indexOf(Buffer.from([3, 1, 3, 0, 1, 0, 0, 0, 1, 0]));
    expect(at).toBeGreaterThan(0);
    const old = Buffer.from(file);
    old.writeUInt16LE(6, at + 8);
    await expect(decoder.decode(old)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED_FORMAT' });
    await expect(decoder.decode(file.subarray(0, file.length - 300))).rejects.toMatchObject({
      code: 'IMAGE_TRUNCATED',
    });
  });
});

describe('a JPEG', () => {
  const jpeg = (raster: Raster) => image(raster).jpeg({ quality: 92 }).toBuffer();
  /** Positions of the segments between the start and the first scan. */
  function segments(file: Buffer): number[] {
    const found: number[] = [];
    for (let at = 2; file[at + 1] !== 0xda; at += 2 + file.readUInt16BE(at + 2)) found.push(at);
    return found;
  }

  test('with stray bytes before any segment is hashed, and is degraded', async () => {
    const file = await jpeg(A);
    const whole = (await decoder.decode(file)).raster;
    for (const at of segments(file).slice(1)) {
      const odd = Buffer.concat([file.subarray(0, at), Buffer.from([0, 1, 2, 3]), file.subarray(at)]);
      const shown = await show(odd);
      expect(shown.damage, `at ${at}`).toMatchObject({ reason: 'corrupt', isGrave: false });
      expect(distance(shown.views[0]!.raster, whole), `at ${at}`).toBeLessThanOrEqual(LOSSY_BITS);
    }
  });

  test('with scan parameters of another kind of JPEG, or an unknown transform, is hashed, and is degraded', async () => {
    const file = await jpeg(A);
    const scan = file.indexOf(Buffer.from([0xff, 0xda]));
    const end = scan + 2 + file.readUInt16BE(scan + 2);
    const odd = Buffer.from(file);
    odd[end - 2] = 0;
    const adobe = Buffer.from('ffee000e41646f626500640000000007', 'hex');
    // In place of the JFIF segment, which would decide.
    const after = file[3] === 0xe0 ? segments(file)[1]! : 2;
    const transformed = Buffer.concat([file.subarray(0, 2), adobe, file.subarray(after)]);
    for (const bytes of [odd, transformed]) {
      const shown = await show(bytes);
      expect(shown.damage).toMatchObject({ reason: 'corrupt', isGrave: false });
      expect(distance(shown.views[0]!.raster, A)).toBeLessThanOrEqual(LOSSY_BITS);
    }
  });

  test('whose pixels are no code of its tables is refused: they would be garbage', async () => {
    const file = await jpeg(A);
    // No code is all ones: FF in the pixels is written with a zero behind it.
    for (let at = Math.floor(file.length / 2); at < file.length - 3; at += 2) file.set([0xff, 0], at);
    await expect(decoder.decode(file)).rejects.toMatchObject({ code: 'IMAGE_CORRUPT' });
  });

  test('of several images shows the first, and the others as frames', async () => {
    const file = multiPicture(await Promise.all([A, B, C].map(jpeg)));
    expect(names(await show(file, 1))).toEqual([[0, null, null]]);
    const shown = await show(file, 16);
    expect(names(shown)).toEqual([0, 1, 2].map((frame) => [frame, null, null]));
    for (const [at, scene] of [A, B, C].entries())
      expect(distance(shown.views[at]!.raster, scene)).toBeLessThanOrEqual(LOSSY_BITS);
  });

  test('of which a further image claims too many pixels says that one is missing', async () => {
    const huge = await jpeg(B);
    huge.writeUInt32BE(0xfff0fff0, huge.indexOf(Buffer.from([0xff, 0xc0])) + 5);
    const shown = await show(multiPicture([await jpeg(A), huge, await jpeg(C)]));
    expect(names(shown).map(([frame]) => frame)).toEqual([0, 2]);
    expect(shown.damage).toMatchObject({ reason: 'corrupt', isGrave: false });
  });

  test('an index of images that makes no sense is passed over', async () => {
    const file = multiPicture(await Promise.all([A, B].map(jpeg)));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 110 }), fc.nat(255), async (at, value) => {
        const bytes = Buffer.from(file);
        bytes[at] = value;
        const outcome = await show(bytes).catch((error: unknown) => error);
        expect(outcome instanceof AppError || 'views' in (outcome as object), String(outcome)).toBe(true);
      }),
      { numRuns: 60, seed: 2 },
    );
  });
});

describe('a WebP and a PNG that are cut off', () => {
  test.each([
    [0.97, false],
    [0.7, true],
  ])('with %f of their bytes are hashed; grave: %s', async (share, isGrave) => {
    const large = sceneRaster(9, 512, 512, 3);
    for (const file of [await image(large).webp({ quality: 90 }).toBuffer(), await png(large)]) {
      const cut = await show(file.subarray(0, Math.floor(file.length * share)));
      expect(cut.damage).toEqual({ reason: 'truncated', code: 'IMAGE_TRUNCATED', isGrave });
      if (!isGrave) expect(distance(cut.views[0]!.raster, large)).toBeLessThanOrEqual(31);
    }
  });
});

describe(
  hasCorpus ? 'files that were wrong once' : 'files that were wrong once (left out: ZEEF_CORPUS is not set)',
  () => {
    const read = (name: string) => readFileSync(corpusPath('cases/pictures', name));

    test.runIf(hasCorpus)('an AVIF with its primary item behind others', async () => {
      expect(await decoder.decode(read('01-pitm.avif'))).toMatchObject({ width: 4096, height: 800 });
    });

    test.runIf(hasCorpus)('animated PNGs with another default image', async () => {
      const listed = await decoder.decode(read('R23-listed.png'));
      const hidden = await show(read('R23-apng-hidden-frame.png'), 1);
      expect(distance(hidden.views[0]!.raster, listed.raster)).toBeLessThanOrEqual(LOSSY_BITS);
      expect(names(await show(read('03-apng-hidden-default.png'), 1))).toEqual([
        [0, null, null],
        [0, 'default_image', null],
      ]);
    });

    test.runIf(hasCorpus)('an animated WebP with a blank first frame', async () => {
      const { views } = await show(read('04-blank-first.webp'));
      expect(views.map(({ frame }) => frame)).toEqual([0, 1]);
      expect(hasher.hash(views[1]!.raster, { orientations: 'none', families: 'resized' }).families[0]!.quality).toBe(
        100,
      );
    });

    test.runIf(hasCorpus)('CMYK of 16 bits: as the same image by its 8 high bits', async () => {
      const { raster } = await decoder.decode(read('08-tiff_strip_cmyk_16l_jpeg.tif'));
      const { data } = await sharp(read('08-tiff_strip_cmyk_16l_jpeg.tif'))
        .pipelineColourspace('cmyk')
        .toColourspace('cmyk')
        .raw({ depth: 'ushort' })
        .toBuffer({ resolveWithObject: true });
      const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
      const inks = Uint8Array.from(samples, (value) => value >> 8);
      const eight = await decoder.decode(tiff(inks, { width: 100, height: 100, samples: 4, bits: 8, photometric: 5 }));
      expect(distance(raster, eight.raster)).toBeLessThanOrEqual(2);
    });

    test.runIf(hasCorpus)(
      'JPEGs with stray bytes and odd scan parameters, a TIFF with a text tag: degraded',
      async () => {
        for (const name of ['11-junk_jpeg_header.jpg', 'R21-sos-se0.jpg', '14-bonne.geo.tif']) {
          const { damage } = await show(read(name));
          expect(damage, name).toMatchObject({ reason: 'corrupt', isGrave: false });
        }
      },
    );

    test.runIf(hasCorpus)('an AVIF that is a sequence; a TIFF of old-style JPEG', async () => {
      const { views } = await show(read('17-colors-animated-8bpc.avif'), 16);
      const colours = views.filter(({ part }) => part === null).map(({ raster }) => pixelOf(raster, 75, 75));
      expect(colours).toHaveLength(5);
      expect(new Set(colours.map(String)).size).toBe(5);
      await expect(decoder.decode(read('24-ojpeg-strip.tif'))).rejects.toMatchObject({
        code: 'IMAGE_UNSUPPORTED_FORMAT',
      });
    });
  },
);
