/** Photographs of the sample list that are cut off or changed: none of which too much is missing or wrong may pass as examined. */
import { readFileSync } from 'node:fs';
import { constants, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { pngChunk } from '../../bench/picture-writers.js';
import { IMAGE_BYTES_MAX, IMAGE_PIXELS_MAX } from '../../src/config/defaults.js';
import { AppError } from '../../src/core/errors.js';
import type { Raster } from '../../src/core/vocabulary.js';
import type { Damage } from '../../src/decode/damage.js';
import { createDecoder } from '../../src/decode/decode.js';
import { hamming256 } from '../../src/kernels/hamming.js';
import { createPdqHasher } from '../../src/kernels/pdq.js';
import { seeded } from '../support/random.js';

const decoder = createDecoder({ imageBytesMax: IMAGE_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX });
const hasher = createPdqHasher();
const hashOf = (raster: Raster) =>
  hasher.hash(raster, { orientations: 'none', families: 'resized' }).families[0]!.hashes[0]!;
const FOLDER = 'hashlists/sample/pictures/';
const read = (name: string) => readFileSync(`${FOLDER}${name}`);
const FLOWER = 'mate-freshflower.jpg';
const IEND = pngChunk('IEND', Buffer.alloc(0));

const GRAVE = { isGrave: true };
const LIGHT = { isGrave: false };

/** What is said of a file: its damage, null of a whole one, or grave damage if nothing of it can be decoded. */
async function damageOf(bytes: Uint8Array): Promise<Damage | null> {
  try {
    return (await decoder.decode(bytes)).damage;
  } catch (error) {
    if (!(error instanceof AppError) || (error.code !== 'IMAGE_TRUNCATED' && error.code !== 'IMAGE_CORRUPT'))
      throw error;
    return { reason: error.code === 'IMAGE_CORRUPT' ? 'corrupt' : 'truncated', code: error.code, isGrave: true };
  }
}

/** Chunks of a PNG with their places. */
function chunksOf(file: Buffer): { type: string; at: number; end: number }[] {
  const chunks = [];
  for (let at = 8; at + 8 <= file.length; ) {
    const end = at + 12 + file.readUInt32BE(at);
    chunks.push({ type: file.toString('latin1', at + 4, at + 8), at, end });
    at = end;
  }
  return chunks;
}

/** Return how many rows the pixels have that are left of a PNG of so many bytes a row. */
function rowsLeft(file: Buffer, rowBytes: number): number {
  const pieces = chunksOf(file)
    .filter(({ type }) => type === 'IDAT')
    .map(({ at, end }) => file.subarray(at + 8, Math.min(end - 4, file.length)));
  return Math.floor(inflateSync(Buffer.concat(pieces), { finishFlush: constants.Z_SYNC_FLUSH }).length / rowBytes);
}

describe('a PNG of a large photograph', () => {
  const KINDS: readonly (readonly [string, number, (from: Sharp) => Sharp])[] = [
    ['RGB', 3, (from) => from.png({ compressionLevel: 1 })],
    ['RGB, filtered', 3, (from) => from.png({ compressionLevel: 1, adaptiveFiltering: true })],
    ['RGB and alpha', 4, (from) => from.ensureAlpha().png({ compressionLevel: 1 })],
    ['grey', 1, (from) => from.toColourspace('b-w').png({ compressionLevel: 1 })],
    ['palette', 1, (from) => from.png({ palette: true, colours: 256, effort: 1, compressionLevel: 1 })],
  ];

  test.each(KINDS)('%s, cut off: what is missing is counted by its rows', async (_kind, samples, encode) => {
    const file = await encode(sharp(read(FLOWER))).toBuffer();
    const { width, height } = await sharp(file).metadata();
    expect(width).toBeGreaterThan(1_000);
    const seen = new Set<boolean>();
    for (const share of [0.995, 0.985, 0.9, 0.7, 0.5, 0.3, 0.1]) {
      const cut = file.subarray(0, Math.floor(file.length * share));
      const isGrave = 1 - rowsLeft(cut, 1 + width * samples) / height > 1 / 32;
      seen.add(isGrave);
      expect(await damageOf(cut), `${share}`).toMatchObject({ reason: 'truncated', isGrave });
      const edge = chunksOf(file).findLast(({ type, end }) => type === 'IDAT' && end <= cut.length);
      if (!edge || !isGrave) continue;
      const atChunk = file.subarray(0, edge.end);
      expect(await damageOf(atChunk), `${share}, at a chunk`).toMatchObject(GRAVE);
      expect(await damageOf(Buffer.concat([atChunk, IEND])), `${share}, with an end`).toMatchObject(GRAVE);
      const zeros = Buffer.from(file).fill(0, cut.length);
      expect(await damageOf(zeros), `${share}, zeros`).toMatchObject(GRAVE);
    }
    expect(seen).toEqual(new Set([true, false]));
  });

  test('in one chunk: what is missing is counted to the row', async () => {
    const pixels = { width: 900, height: 640, channels: 3 as const };
    const raw = await sharp(read(FLOWER)).resize(900, 640, { fit: 'fill' }).raw().toBuffer();
    const file = await sharp(raw, { raw: pixels }).png({ compressionLevel: 0 }).toBuffer();
    const parts = chunksOf(file);
    const data = Buffer.concat(
      parts.filter(({ type }) => type === 'IDAT').map(({ at, end }) => file.subarray(at + 8, end - 4)),
    );
    const front = file.subarray(0, parts.find(({ type }) => type === 'IDAT')!.at);
    const cutAt = (bytes: number) => Buffer.concat([front, pngChunk('IDAT', data).subarray(0, 8 + bytes)]);
    // A thirty-second is 20 rows.
    let bytes = data.length;
    while (rowsLeft(cutAt(bytes), 2_701) >= 620) bytes -= 64;
    while (rowsLeft(cutAt(bytes), 2_701) < 620) bytes++;
    expect(await damageOf(cutAt(bytes))).toMatchObject({ reason: 'truncated', ...LIGHT });
    expect(await damageOf(cutAt(bytes - 1))).toMatchObject({ reason: 'truncated', ...GRAVE });
    // Nothing vouches for the pixels of a chunk that is damaged and has no checksum.
    const damaged = Buffer.from(cutAt(data.length - 8)).fill(0x55, front.length + 100_000, front.length + 200_000);
    expect(await damageOf(damaged)).toMatchObject(GRAVE);
  });

  test('cut off, and changed before that: the checksums still count', async () => {
    const file = await sharp(read(FLOWER)).resize(900).png({ compressionLevel: 1 }).toBuffer();
    expect(await damageOf(file.subarray(0, -20))).toMatchObject(LIGHT);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: Math.floor(file.length * 0.9) }), async (at) => {
        const bytes = Buffer.from(file.subarray(0, -20));
        bytes[at]! ^= 0x10;
        expect(await damageOf(bytes)).toMatchObject(GRAVE);
      }),
      { numRuns: 12, seed: 5 },
    );
  });
});

describe('a JPEG', () => {
  const NAMES = [FLOWER, 'lxqt-after-the-rain.jpg', 'mate-twowings.jpg', 'lomiri-greentock-by-peter-nerlich.jpg'];

  test.each(NAMES)('%s, of which some bytes are changed, is corrupt if its decoder warns', async (name) => {
    const file = read(name);
    const whole = await decoder.decode(file);
    const hash = hashOf(whole.raster);
    let warned = 0;
    for (const [count, runs] of [
      [3, 4],
      [10, 6],
      [50, 6],
    ] as const) {
      for (let seed = 1; seed <= runs; seed++) {
        const random = seeded(seed * 1_000 + count);
        const bytes = Buffer.from(file);
        for (let change = 0; change < count; change++)
          bytes[2_000 + Math.floor(random() * (bytes.length - 2_002))] = Math.floor(random() * 256);
        const damage = await damageOf(bytes);
        if (damage) warned++;
        if (damage) expect(damage, `${count}, ${seed}`).toMatchObject({ reason: 'corrupt', ...GRAVE });
        // Of three bytes that happen to be codes the decoder cannot know.
        else if (count > 3) expect(hamming256(hashOf((await decoder.decode(bytes)).raster), hash)).toBeLessThan(32);
      }
    }
    expect(warned).toBeGreaterThanOrEqual(13);
  });

  test.each(NAMES)('%s, cut off, is truncated; with an end behind the cut it is corrupt', async (name) => {
    const file = read(name);
    const isProgressive = (await sharp(file).metadata()).isProgressive;
    for (const share of [0.9, 0.5, 0.1]) {
      const cut = file.subarray(0, Math.floor(file.length * share));
      const has = isProgressive && share > 0.1 ? LIGHT : GRAVE;
      expect(await damageOf(cut), `${share}`).toMatchObject({ reason: 'truncated', ...has });
      const ended = Buffer.concat([cut, Buffer.from([0xff, 0xd9])]);
      expect(await damageOf(ended), `${share}, with an end`).toMatchObject(GRAVE);
      // Zeros are codes too: what they draw has more than one colour.
      const zeros = Buffer.from(file).fill(0, cut.length);
      if (!isProgressive) expect(await damageOf(zeros), `${share}, zeros`).toMatchObject(GRAVE);
    }
  });

  test('that is progressive, cut off behind its first scan, is not examined if that has too few pixels', async () => {
    for (const [width, scans, isGrave] of [
      [320, 2, true],
      [320, 3, false],
      [2_048, 2, false],
    ] as const) {
      const file = await sharp(read(FLOWER)).resize(width).jpeg({ quality: 85, progressive: true }).toBuffer();
      let end = file.indexOf(Buffer.from([0xff, 0xc2]));
      for (let scan = 0; scan < scans; scan++) end = file.indexOf(Buffer.from([0xff, 0xda]), end + 2);
      const damage = await damageOf(file.subarray(0, end + 40));
      expect(damage, `${width}, ${scans}`).toMatchObject({ reason: 'truncated', isGrave });
    }
  });

  test('without an end, or with what no pixel depends on, is examined: also several of these at once', async () => {
    const file = read('mate-twowings.jpg');
    // Behind the first segment.
    const at = 4 + file.readUInt16BE(4);
    const [end, stray] = [file.subarray(-2), Buffer.alloc(9, 3)];
    const withStray = (of: Buffer) => Buffer.concat([of.subarray(0, at), stray, of.subarray(at)]);
    const fill = (length: number, value: number) =>
      Buffer.concat([file.subarray(0, -2), Buffer.alloc(length, value), end]);
    expect(await damageOf(file.subarray(0, -2))).toEqual({ reason: 'truncated', code: 'IMAGE_TRUNCATED', ...LIGHT });
    for (const odd of [fill(20, 0), fill(32, 7), withStray(fill(20, 0))])
      expect(await damageOf(odd)).toEqual({ reason: 'corrupt', code: 'IMAGE_CORRUPT', ...LIGHT });
    expect(await damageOf(fill(60, 7))).toMatchObject(GRAVE);
    // The first warning, of stray bytes, hides that of the pixels.
    const both = withStray(file);
    const random = seeded(4);
    for (let change = 0; change < 50; change++)
      both[2_000 + Math.floor(random() * 60_000)] = Math.floor(random() * 256);
    expect(await damageOf(both)).toMatchObject(GRAVE);
  });
});

describe('a TIFF', () => {
  test.each(['lzw', 'jpeg'] as const)('%s, of which a strip is damaged, is not examined', async (compression) => {
    const file = await sharp(read(FLOWER)).resize(900).tiff({ compression }).toBuffer();
    let warned = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const random = seeded(seed);
      const bytes = Buffer.from(file);
      for (let change = 0; change < 10; change++)
        bytes[2_000 + Math.floor(random() * (bytes.length * 0.8))] = Math.floor(random() * 256);
      const damage = await damageOf(bytes);
      if (damage) warned++;
      if (damage) expect(damage, `${seed}`).toMatchObject(GRAVE);
    }
    expect(warned).toBeGreaterThanOrEqual(6);
  });
});
