/** Raw photographs, laid out as cameras do: decoded as the preview that viewers show. */
import fc from 'fast-check';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import type { Damage } from '../../src/decode/damage.js';
import { createDecoder, type Decoded } from '../../src/decode/decode.js';
import type { View } from '../../src/decode/frames.js';
import { findPreview } from '../../src/decode/raw-preview.js';
import { sceneRaster } from '../support/random.js';
import {
  box,
  colours,
  type Directory,
  jpegOf,
  olympusNote,
  sensor,
  strip,
  writeCr3,
  writeRaf,
  writeTiff,
} from '../support/raw-writer.js';

const decoder = createDecoder({ imageBytesMax: 10_000_000, imagePixelsMax: 1_000_000 });
const sceneJpeg = (seed: number, width: number, height: number) =>
  sharp(sceneRaster(seed, width, height, 3).data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
const [WIDTH, HEIGHT] = [96, 64];
let [large, small, lossless]: Buffer[] = [];
const first = sceneRaster(3, 40, 30, 3);
const thumbnail = colours(40, 30, Buffer.from(first.data));

beforeAll(async () => {
  large = await sceneJpeg(1, WIDTH, HEIGHT);
  small = await sceneJpeg(2, 48, 32);
  // A sensor's values as a lossless JPEG (ITU-T T.81, SOF3), of more pixels than any preview.
  lossless = await sceneJpeg(4, 200, 150);
  lossless[lossless.indexOf(Buffer.from([0xff, 0xc0])) + 1] = 0xc3;
});

async function viewsOf(decoded: Decoded): Promise<View[]> {
  const views: View[] = [];
  for await (const view of decoded.views(() => {})) views.push(view);
  // Without the preview.
  return views.slice(1);
}

const FAX = { compression: 'ccittfax4', bitdepth: 1 } as const;
/** The one strip of a TIFF of the least significant byte first. */
function stripOf(tiff: Buffer): Buffer {
  const at = tiff.readUInt32LE(4);
  const entries = Array.from({ length: tiff.readUInt16LE(at) }, (_, entry) => tiff.subarray(at + 2 + entry * 12));
  const valueOfTag = (tag: number) => {
    const entry = entries.find((one) => one.readUInt16LE(0) === tag)!;
    return entry.readUInt16LE(2) === 3 ? entry.readUInt16LE(8) : entry.readUInt32LE(8);
  };
  return tiff.subarray(valueOfTag(273), valueOfTag(273) + valueOfTag(279));
}

const CR2 = { more: 'CR\x02\0\0\0\0\0' };
const CAMERAS: readonly (readonly [string, () => Buffer])[] = [
  [
    'CR2',
    () =>
      writeTiff([strip(large!, 6), jpegOf(small!), colours(40, 30, Buffer.from(first.data)), strip(lossless!, 6)], CR2),
  ],
  ['NEF', () => writeTiff([{ ...thumbnail, 330: [jpegOf(large!), sensor(lossless!)] }], { mark: 'MM\0*' })],
  ['ARW', () => writeTiff([{ 259: 6, ...jpegOf(large!), 330: sensor(lossless!, 32_767) }, jpegOf(small!)])],
  [
    'DNG',
    () =>
      writeTiff([
        {
          ...thumbnail,
          330: [sensor(lossless!, 7), strip(small!, 7), strip(large!, 7)],
          50706: Buffer.from([1, 4, 0, 0]),
        },
      ]),
  ],
  [
    'DNG whose first image is the sensor',
    () => writeTiff([{ ...sensor(lossless!, 7), 330: [strip(large!, 7)], 50706: Buffer.from([1, 4, 0, 0]) }]),
  ],
  ['PEF', () => writeTiff([sensor(lossless!, 65_535), jpegOf(small!), jpegOf(large!)], { mark: 'MM\0*' })],
  ['SRW', () => writeTiff([{ ...jpegOf(large!), 330: [sensor(lossless!, 32_770)] }])],
  [
    'ORF',
    () => writeTiff([{ ...sensor(lossless!, 1), 34665: { 37500: olympusNote(large!, 'OLYMPUS') } }], { mark: 'IIRO' }),
  ],
  ['ORF of OM System', () => writeTiff([{ 34665: { 37500: olympusNote(large!, 'OM SYSTEM') } }], { mark: 'IIRS' })],
  [
    'ORF whose settings are named as bytes',
    () => writeTiff([{ 34665: { 37500: olympusNote(large!, 'OLYMPUS', 'II', 7) } }], { mark: 'IIRO' }),
  ],
  [
    'ORF, most significant byte first',
    () => writeTiff([{ 34665: { 37500: olympusNote(large!, 'OLYMPUS', 'MM') } }], { mark: 'MMOR' }),
  ],
  ['RW2', () => writeTiff([{ 46: large!, ...strip(lossless!, 34_316) }], { mark: 'IIU\0' })],
  ['RAF', () => writeRaf(large!)],
  ['CR3', () => writeCr3({ thumbnail: small!, preview: small!, full: large! })],
  ['CR3 that ExifTool changed', () => writeCr3({ thumbnail: small!, preview: small!, full: large!, isOneSize: true })],
  ['CR3 whose main data are missing', () => writeCr3({ thumbnail: small!, preview: large!, full: null })],
];

describe('a raw photograph', () => {
  test.each(CAMERAS)('%s is decoded as its largest preview', async (_name, make) => {
    const file = make();
    const decoded = await decoder.decode(file);
    expect(decoded).toMatchObject({ format: 'raw', width: WIDTH, height: HEIGHT, damage: null });
    const pixels = Buffer.from(decoded.raster.data);
    expect(pixels.equals((await decoder.decode(large!)).raster.data)).toBe(true);
    expect(Buffer.from(findPreview(file)!.jpeg).subarray(0, large!.length).equals(large!)).toBe(true);
  });

  test('a first image that other programs show is a further view', async () => {
    for (const name of ['NEF', 'DNG']) {
      const [, make] = CAMERAS.find(([camera]) => camera === name)!;
      const views = await viewsOf(await decoder.decode(make()));
      expect(views.map(({ frame, background }) => [frame, background])).toEqual([[1, null]]);
      expect(Buffer.from(views[0]!.raster.data).equals(first.data)).toBe(true);
    }
    for (const name of ['ARW', 'PEF', 'RAF']) {
      const [, make] = CAMERAS.find(([camera]) => camera === name)!;
      expect(await viewsOf(await decoder.decode(make()))).toEqual([]);
    }
  });

  test('a first image in an unusual form is a further view, whatever its size; one of too many pixels is said to be missing', async () => {
    const { data } = sceneRaster(6, 200, 150, 1);
    const grey = sharp(data, { raw: { width: 200, height: 150, channels: 1 } }).toColourspace('b-w');
    const fax = stripOf(await grey.tiff(FAX).toBuffer());
    const file = (height: number) =>
      writeTiff([
        { ...colours(200, height, fax), 258: 1, 259: 4, 262: 0, 277: 1, 330: [sensor(lossless!), jpegOf(large!)] },
      ]);
    const decoded = await decoder.decode(file(150));
    expect(decoded).toMatchObject({ format: 'raw', width: WIDTH });
    const [view, ...others] = await viewsOf(decoded);
    expect(others).toEqual([]);
    expect(view).toMatchObject({ frame: 1, background: null, raster: { width: 200, height: 150 } });
    const damages: Damage[] = [];
    const tall = await decoder.decode(file(60_000));
    for await (const { frame } of tall.views((damage) => damages.push(damage))) expect(frame).toBe(0);
    expect(damages).toHaveLength(1);
  });

  test('a first image of as many pixels as the preview is decoded as before', async () => {
    const raster = sceneRaster(5, WIDTH, HEIGHT, 3);
    const file = (width: number) =>
      writeTiff([{ ...colours(width, HEIGHT, Buffer.from(raster.data)), 330: [sensor(lossless!), jpegOf(large!)] }]);
    expect(await decoder.decode(file(WIDTH))).toMatchObject({ format: 'tiff', width: WIDTH });
    expect(await decoder.decode(file(WIDTH - 1))).toMatchObject({ format: 'raw', width: WIDTH });
  });

  test('a TIFF without a sensor is none, whatever JPEG it has', async () => {
    const file = writeTiff([{ ...thumbnail, 330: [jpegOf(large!), strip(large!, 7)] }]);
    expect(findPreview(file)).toBeNull();
    expect(await decoder.decode(file)).toMatchObject({ format: 'tiff', width: 40, height: 30 });
  });

  test.each<[string, () => Buffer]>([
    ['CR2', () => writeTiff([strip(lossless!, 6)], CR2)],
    ['ORF', () => writeTiff([sensor(lossless!, 1)], { mark: 'IIRO' })],
    ['RW2', () => writeTiff([strip(lossless!, 34_316)], { mark: 'IIU\0' })],
    ['RAF', () => writeRaf(lossless!)],
    ['CR3', () => writeCr3({ thumbnail: lossless!, preview: null, full: lossless! })],
  ])('%s without a preview is unsupported', async (_name, make) => {
    expect(findPreview(make())).toBeNull();
    await expect(decoder.decode(make())).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED_FORMAT' });
  });

  test('a preview is limited and damaged as any JPEG', async () => {
    const huge = Buffer.from(large!);
    huge.writeUInt32BE(0x40004000, huge.indexOf(Buffer.from([0xff, 0xc0])) + 5);
    await expect(decoder.decode(writeRaf(huge))).rejects.toMatchObject({ code: 'IMAGE_TOO_MANY_PIXELS' });
    expect((await decoder.decode(writeRaf(large!).subarray(0, 1_000))).damage).toMatchObject({ isGrave: true });
    const cut = writeRaf(large!).subarray(0, 148 + Math.floor(large!.length * 0.95));
    expect(await decoder.decode(cut)).toMatchObject({ format: 'raw', damage: { reason: 'truncated' } });
  });
});

describe('bounds', () => {
  const chain = (count: number, last: Directory): Buffer =>
    writeTiff([sensor(lossless!), ...Array.from({ length: count - 2 }, (_, at) => ({ 256: at })), last]);

  test('24 directories are read, with 512 entries each', () => {
    expect(findPreview(chain(24, jpegOf(large!)))).not.toBeNull();
    expect(findPreview(chain(25, jpegOf(large!)))).toBeNull();
    // Entries are in the order of their tags: the JPEG's are behind as many others as are written before tag 513.
    const after = (before: number): Directory => ({
      ...Object.fromEntries(Array.from({ length: before }, (_, at) => [at, 1])),
      ...Object.fromEntries(Object.entries(jpegOf(large!)).map(([tag, value]) => [Number(tag), value])),
    });
    const file = (before: number) => writeTiff([sensor(lossless!), after(before)]);
    const within = file(500);
    expect(findPreview(within)).not.toBeNull();
    // A directory with the same two entries behind others: 510 of them and the two are read, 511 are not.
    for (const [others, isRead] of [
      [510, true],
      [511, false],
    ] as const) {
      const directory = Buffer.alloc(2 + (others + 2) * 12 + 4);
      directory.writeUInt16LE(others + 2);
      const written = within.readUInt32LE(
        within.readUInt32LE(4) + 2 + within.readUInt16LE(within.readUInt32LE(4)) * 12,
      );
      within.copy(directory, 2 + others * 12, written + 2 + 500 * 12, written + 2 + 502 * 12);
      const moved = Buffer.concat([within, directory]);
      const head = moved.readUInt32LE(4);
      moved.writeUInt32LE(within.length, head + 2 + moved.readUInt16LE(head) * 12);
      expect(findPreview(moved) !== null).toBe(isRead);
    }
  });

  test('a loop of directories ends', () => {
    const file = writeTiff([sensor(lossless!), jpegOf(large!)]);
    const at = file.readUInt32LE(4);
    const end = at + 2 + file.readUInt16LE(at) * 12;
    const second = file.readUInt32LE(end);
    file.writeUInt32LE(at, second + 2 + file.readUInt16LE(second) * 12);
    expect(findPreview(file)).not.toBeNull();
    file.writeUInt32LE(at, end);
    expect(findPreview(file)).toBeNull();
  });

  test('32 JPEGs are considered', () => {
    // Two thumbnails, the copies, and the large one, which is the last.
    const file = (copies: number) =>
      Buffer.concat([
        writeCr3({ thumbnail: small!, preview: small!, full: null, copies }),
        writeCr3({ thumbnail: small!, preview: large!, full: null }).subarray(24),
      ]);
    const isLarge = (copies: number) => findPreview(file(copies))!.jpeg.length === large!.length;
    expect([isLarge(29), isLarge(30)]).toEqual([true, false]);
  });

  test('boxes in boxes, and boxes of no size, end', () => {
    let deep = box('trak');
    for (let level = 0; level < 10_000; level++) deep = box('trak', deep);
    const head = box('ftyp', Buffer.from('crx \0\0\0\x01crx isom', 'latin1'));
    expect(findPreview(Buffer.concat([head, deep]))).toBeNull();
    expect(findPreview(Buffer.concat([head, Buffer.alloc(100_000)]))).toBeNull();
    expect(findPreview(Buffer.concat([head, ...Array.from({ length: 5_000 }, () => box('free'))]))).toBeNull();
  });

  test('any changes and any end: a preview inside the file, or none', async () => {
    const files = CAMERAS.map(([, make]) => make());
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(30_000), fc.nat(255)), { maxLength: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (file, changes, part) => {
          const bytes = Buffer.from(file.subarray(0, Math.ceil(file.length * part)));
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
          const preview = findPreview(bytes);
          if (preview) expect(preview.jpeg.length).toBeLessThanOrEqual(bytes.length);
          const outcome = await decoder.decode(bytes).catch((error: unknown) => error);
          expect(outcome instanceof AppError || 'raster' in (outcome as object), String(outcome)).toBe(true);
        },
      ),
      { numRuns: 400 },
    );
  });
});
