/** Large images in a bound: their estimates, the room that they share, and what happens where there is not enough. */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import sharp, { type Color, type Sharp } from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { WANTS } from '../../bench/hash-wants.js';
import { alphaType, apng, avifItems, codedPicture, multiPicture } from '../../bench/picture-writers.js';
import { IMAGE_BYTES_MAX, IMAGE_CACHE_BYTES_MAX, IMAGE_MEMORY_BYTES_MAX } from '../../src/config/defaults.js';
import { FRAMES_DEFAULT } from '../../src/core/limits.js';
import { memoryForLargest } from '../../src/decode/memory-costs.js';
import { estimateMemory } from '../../src/decode/memory-estimate.js';
import { lacksMemory } from '../../src/decode/memory-faults.js';
import {
  createImageEngine,
  type HashReply,
  type ImageEngine,
  type ImageEngineOptions,
} from '../../src/engine/image-engine.js';
import { MemoryRoom, PROCESS_BYTES, roomBytes, SMALL_BYTES, WORKER_BYTES } from '../../src/engine/memory-room.js';
import { writeRaf } from '../support/raw-writer.js';

const OPTIONS: ImageEngineOptions = {
  workers: 1,
  imageBytesMax: IMAGE_BYTES_MAX,
  imagePixelsMax: 50_000_000,
  decodeMsMax: 60_000,
  memoryBytesMax: IMAGE_MEMORY_BYTES_MAX,
  queuePerWorker: 100,
};
const isLinux = process.platform === 'linux';
const PIXELS_MAX = OPTIONS.imagePixelsMax;

let engine: ImageEngine | undefined;
function start(options: Partial<ImageEngineOptions>): ImageEngine {
  engine = createImageEngine({ ...OPTIONS, ...options });
  return engine;
}
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

/** Return a line of the decoder's status in bytes (Linux). */
function status(name: 'VmRSS' | 'VmHWM'): number {
  const text = readFileSync(`/proc/${engine!.status.pid}/status`, 'latin1');
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)![1]) * 1_024;
}

const flat = (width: number, height: number, background: Color = '#8a5') =>
  sharp({ create: { width, height, channels: 3, background } });
const huge = () => flat(8_160, 6_120);
const small = await flat(160, 120).png().toBuffer();
/** Twelve megapixels, by the estimate 207 MB. */
const avif = await flat(4_032, 3_024).avif({ effort: 0, chromaSubsampling: '4:2:0' }).toBuffer();
const AVIF_BYTES = 4_032 * 3_024 * 17 + 2 * avif.byteLength;

describe('the room of large images', () => {
  test('is what the bound of one worker leaves, or half of all', () => {
    const GB = 1_000_000_000;
    expect(roomBytes({ memoryBytesMax: 2 * GB, workers: 1, cacheBytesMax: 100_000_000 })).toBe(1.612 * GB);
    expect(roomBytes({ memoryBytesMax: 4 * GB, workers: 2, cacheBytesMax: 100_000_000 })).toBe(2 * GB);
    expect(roomBytes({ memoryBytesMax: 0.3 * GB, workers: 1, cacheBytesMax: 100_000_000 })).toBe(0.15 * GB);
  });

  test('is taken in order: one that would fit waits behind one that does not', async () => {
    const room = new MemoryRoom(100);
    // As another worker has it.
    const other = new MemoryRoom(100, room.shared);
    const order: string[] = [];
    const take = async (from: MemoryRoom, name: string, bytes: number) => {
      await from.take(bytes);
      order.push(name);
    };
    await take(room, 'first', 60);
    const waiting = [take(other, 'large', 80), take(room, 'fits', 20)];
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(order).toEqual(['first']);
    room.giveBack(60);
    await Promise.all(waiting);
    expect(order).toEqual(['first', 'large', 'fits']);
    await expect(Promise.race([take(room, 'too much', 1), 'waits'])).resolves.toBe('waits');
  });

  test('is whole once all is given back', async () => {
    const room = new MemoryRoom(100);
    for (let time = 0; time < 20; time++) {
      await room.take(100);
      room.giveBack(100);
    }
    await room.take(100);
  });
});

describe('the estimate', () => {
  const estimate = async (image: Sharp) => {
    const bytes = await image.toBuffer();
    return (estimateMemory(bytes, PIXELS_MAX)! - 2 * bytes.byteLength) / (400 * 300);
  };
  const clear = () => sharp({ create: { width: 400, height: 300, channels: 4, background: '#8a58' } });

  test.each<[string, () => Sharp, number]>([
    ['JPEG', () => flat(400, 300).jpeg(), 6],
    ['progressive JPEG', () => flat(400, 300).jpeg({ progressive: true }), 8],
    ['CMYK', () => flat(400, 300).toColourspace('cmyk').jpeg(), 16],
    ['PNG', () => flat(400, 300).png(), 14],
    ['PNG with alpha', () => clear().png(), 24],
    ['GIF', () => flat(400, 300).gif(), 24],
    ['lossy WebP', () => flat(400, 300).webp(), 14],
    ['lossy WebP with alpha', () => clear().webp(), 24],
    ['lossless WebP', () => flat(400, 300).webp({ lossless: true }), 14],
    ['lossless WebP with alpha', () => clear().webp({ lossless: true }), 24],
    ['AVIF 4:2:0', () => flat(400, 300).avif({ effort: 0, chromaSubsampling: '4:2:0' }), 17],
    ['AVIF 4:4:4', () => flat(400, 300).avif({ effort: 0, chromaSubsampling: '4:4:4' }), 20],
    ['AVIF with alpha', () => clear().avif({ effort: 0, chromaSubsampling: '4:4:4' }), 22],
    ['TIFF of one strip', () => flat(400, 300).tiff({ compression: 'none' }), 14 + (256 / 300) * 3],
    [
      'TIFF in tiles',
      () => flat(400, 300).tiff({ tile: true, tileWidth: 256, tileHeight: 256 }),
      14 + (256 * 256 * 3) / (400 * 300),
    ],
  ])('of %s is by its header', async (_, make, perPixel) => {
    expect(await estimate(make())).toBeCloseTo(perPixel, 1);
  });

  test('of every form is within what is promised for the largest image, with the default of frames too', async () => {
    const most = memoryForLargest(1, 0);
    const frame = { png: await clear().png().toBuffer(), dispose: 2 };
    const rows = [
      apng([frame, frame]),
      await clear().webp({ lossless: true }).toBuffer(),
      await flat(400, 300).gif().toBuffer(),
      await clear().avif({ effort: 0, chromaSubsampling: '4:4:4', bitdepth: 12 }).toBuffer(),
    ];
    for (const bytes of rows) {
      const perPixel = (estimateMemory(bytes, PIXELS_MAX, FRAMES_DEFAULT)! - 2 * bytes.byteLength) / (400 * 300);
      expect(perPixel).toBeLessThanOrEqual(most);
    }
    // An image without further frames costs nothing for them.
    const still = await clear().png().toBuffer();
    expect(estimateMemory(still, PIXELS_MAX, FRAMES_DEFAULT)).toBe(estimateMemory(still, PIXELS_MAX, 1));
  });

  test('of a JPEG file is that of its largest image, and of a raw photograph that of its preview', async () => {
    const small = await flat(40, 30).jpeg().toBuffer();
    const large = await flat(400, 300).jpeg({ progressive: true }).toBuffer();
    for (const bytes of [multiPicture([small, large]), writeRaf(large)])
      expect((estimateMemory(bytes, PIXELS_MAX)! - 2 * bytes.byteLength) / (400 * 300)).toBeCloseTo(8, 1);
  });

  test('of AVIF of 12 bits is more', () => {
    const deep = readFileSync('test/fixtures/avif/twelve-bits.avif');
    expect((estimateMemory(deep, PIXELS_MAX)! - 2 * deep.byteLength) / (4_032 * 3_024)).toBe(28);
  });

  test('of HEIC is by its chroma and depth', () => {
    const heic = Buffer.from(readFileSync('test/fixtures/heic/scene.heic'));
    const perPixel = () => (estimateMemory(heic, PIXELS_MAX)! - 2 * heic.byteLength) / (320 * 240);
    const at = heic.indexOf('hvcC') + 4;
    expect(perPixel()).toBe(16);
    heic[at + 17] = 0xfa;
    expect(perPixel()).toBe(18);
    heic[at + 16] = 0xff;
    expect(perPixel()).toBe(24);
    heic.write('xxxx', at - 4, 'latin1');
    expect(perPixel()).toBe(24);
  });

  test('of a HEIC of several images, cropped or not, is that of the largest; too many pixels of any are refused', () => {
    const one = codedPicture(readFileSync('test/fixtures/heic/scene.heic'));
    const large = { ...one, width: 4_000, height: 3_000 };
    const crop = { width: 40, height: 30, x: 0, y: 0 };
    const several = avifItems([one, large, one], { brand: 'heic', crop });
    const bytes = 2 * several.byteLength;
    expect((estimateMemory(several, PIXELS_MAX, FRAMES_DEFAULT)! - bytes) / 12_000_000).toBe(16);
    expect(estimateMemory(several, 12_000_000 - 1, FRAMES_DEFAULT)).toBe(0);
    // Of the form that takes most it is what is promised for the largest image.
    const config = Buffer.from(one.config!);
    [config[8 + 16], config[8 + 17]] = [0xff, 0xfa];
    const deepest = avifItems([{ ...large, config }, one], { brand: 'heic', crop, more: () => [alphaType()] });
    const estimate = estimateMemory(deepest, PIXELS_MAX, FRAMES_DEFAULT)! - 2 * deepest.byteLength;
    expect(estimate).toBe(memoryForLargest(12_000_000, 0));
  });

  test('is none for what the decoder refuses by its header, and unknown without a size', async () => {
    expect(estimateMemory(Buffer.from('no image'), PIXELS_MAX)).toBe(0);
    expect(estimateMemory(small, 160 * 120 - 1)).toBe(0);
    expect(estimateMemory(small.subarray(0, 20), PIXELS_MAX)).toBe(0);
    const tiff = await flat(400, 300).tiff().toBuffer();
    expect(estimateMemory(tiff.subarray(0, 100), PIXELS_MAX)).toBeNull();
  });

  test.runIf(isLinux)('holds: the peak of the process grows by less', async () => {
    const rgb = () => flat(4_032, 3_024);
    const images = {
      jpeg: rgb().jpeg({ progressive: true }),
      cmyk: rgb().toColourspace('cmyk').jpeg(),
      png: rgb().png({ compressionLevel: 1 }),
      png16: rgb().toColourspace('rgb16').png({ compressionLevel: 1, progressive: true }),
      alpha: rgb().ensureAlpha(0.5).webp({ effort: 0 }),
      tiff: rgb().tiff({ compression: 'lzw' }),
      avif: rgb().avif({ effort: 0, chromaSubsampling: '4:4:4' }),
    };
    start({});
    await engine!.hashBytes(small, WANTS);
    for (const [name, image] of Object.entries(images)) {
      const bytes = await image.toBuffer();
      // The peak starts again.
      writeFileSync(`/proc/${engine!.status.pid}/clear_refs`, '5');
      const before = status('VmRSS');
      expect(await engine!.hashBytes(bytes, WANTS), name).toMatchObject({ ok: true });
      // The first images grow the process itself.
      expect(status('VmHWM') - before, name).toBeLessThan(estimateMemory(bytes, PIXELS_MAX)! + 60_000_000);
    }
  });
});

describe('large images', () => {
  const hashed = (replies: readonly HashReply[]) => replies.filter(({ ok }) => ok).length;

  test.each([1, 2])(
    'many at once with %d worker(s): all are hashed within the bound, and none ends the decoder',
    async (workers) => {
      const causes: string[] = [];
      // Room for one of them. What earlier ones leave would fill the bound soon.
      start({ workers, memoryBytesMax: 2.2 * AVIF_BYTES, onRestart: (cause) => causes.push(cause) });
      const replies = await Promise.all(Array.from({ length: 8 }, () => engine!.hashBytes(avif, WANTS)));
      expect(hashed(replies)).toBe(8);
      expect(causes).toEqual([]);
    },
  );

  test.runIf(isLinux)('leave nothing behind', async () => {
    start({});
    const deep = readFileSync('test/fixtures/avif/twelve-bits.avif');
    const hashAll = async () => {
      for (const image of [avif, deep, deep, deep, deep])
        expect(await engine!.hashBytes(image, WANTS)).toMatchObject({ ok: true });
    };
    // The first images grow the process itself, by how much depends on the allocator.
    await hashAll();
    const before = status('VmRSS');
    await hashAll();
    // The pixels of a deep one are 73 MB, and copies of them are made at several steps. Some are freed in the background.
    await expect.poll(() => status('VmRSS') - before, { timeout: 10_000 }).toBeLessThan(2 * 73_000_000);
  });

  test.runIf(isLinux)(
    'leave nothing behind where nothing follows: only a forced collection frees their pixels',
    async () => {
      start({});
      for (let time = 0; time < 3; time++) await engine!.hashBytes(small, WANTS);
      const before = status('VmRSS');
      expect(await engine!.hashBytes(await huge().png({ compressionLevel: 1 }).toBuffer(), WANTS)).toMatchObject({
        ok: true,
      });
      // Without it 300 MB are left until V8 notices that the thread is idle, which takes seconds; with it 20 at once.
      await expect.poll(() => status('VmRSS') - before, { timeout: 1_000 }).toBeLessThan(120_000_000);
    },
  );

  test.runIf(isLinux)('that are damaged JPEGs take more than their estimate, and no more than the bound', async () => {
    const whole = await huge().jpeg({ chromaSubsampling: '4:4:4' }).toBuffer();
    const damaged = whole.subarray(0, Math.floor(whole.length * 0.9));
    const estimate = estimateMemory(damaged, PIXELS_MAX)!;
    const causes: string[] = [];
    const memoryBytesMax = 2 * IMAGE_MEMORY_BYTES_MAX;
    start({ workers: 2, memoryBytesMax, onRestart: (cause) => causes.push(cause) });
    for (let time = 0; time < 3; time++) await engine!.hashBytes(small, WANTS);
    const grown = async (count: number) => {
      writeFileSync(`/proc/${engine!.status.pid}/clear_refs`, '5');
      const before = status('VmRSS');
      const replies = await Promise.all(Array.from({ length: count }, () => engine!.hashBytes(damaged, WANTS)));
      for (const reply of replies) expect(reply).toMatchObject({ ok: true, damage: { reason: 'truncated' } });
      return status('VmHWM') - before;
    };
    // It is decoded twice: in grey, and by libvips in colours.
    const beyond = 5 * PIXELS_MAX;
    expect(await grown(1)).toBeLessThan(estimate + beyond);
    expect(await grown(4)).toBeLessThan(2 * (estimate + beyond));
    expect(causes).toEqual([]);
    // Each worker decodes one large image at a time, beside a small one.
    const cacheBytesMax = IMAGE_CACHE_BYTES_MAX;
    const room = (workers: number) =>
      roomBytes({ memoryBytesMax: workers * IMAGE_MEMORY_BYTES_MAX, workers, cacheBytesMax });
    expect(estimate + beyond).toBeLessThan(room(1));
    for (let workers = 2; workers <= 64; workers++) {
      const left = workers * IMAGE_MEMORY_BYTES_MAX - room(workers);
      expect(PROCESS_BYTES + cacheBytesMax + workers * (WORKER_BYTES + SMALL_BYTES + beyond)).toBeLessThan(left);
    }
  });

  test('of 50 megapixels: several at once by the default bound, of which nothing is kept', async () => {
    const causes: string[] = [];
    const large = await huge().avif({ effort: 0, chromaSubsampling: '4:4:4' }).toBuffer();
    start({ cacheBytesMax: IMAGE_CACHE_BYTES_MAX, onRestart: (cause) => causes.push(cause) });
    await engine!.hashBytes(small, WANTS);
    const before = isLinux ? status('VmRSS') : 0;
    const replies = await Promise.all(Array.from({ length: 3 }, () => engine!.hashBytes(large, WANTS)));
    expect(hashed(replies)).toBe(3);
    expect(causes).toEqual([]);
    // The pixels of one are 150 MB.
    if (isLinux) await expect.poll(() => status('VmRSS') - before).toBeLessThan(120_000_000);
  });

  test('small ones go on while a large one waits', async () => {
    start({ memoryBytesMax: 2.2 * AVIF_BYTES });
    await engine!.hashBytes(small, WANTS);
    const order: string[] = [];
    const hash = async (name: string, bytes: Uint8Array) => {
      const { ok } = await engine!.hashBytes(bytes, WANTS);
      if (ok) order.push(name);
    };
    await Promise.all([hash('large', avif), hash('large', avif), hash('small', small)]);
    expect(order.toSorted()).toEqual(['large', 'large', 'small']);
    expect(order.at(-1)).toBe('large');
  });

  test('one that the bound can never hold is refused by its header, and the decoder goes on', async () => {
    const causes: string[] = [];
    start({ memoryBytesMax: 1.9 * AVIF_BYTES, onRestart: (cause) => causes.push(cause) });
    expect(await engine!.hashBytes(avif, WANTS)).toMatchObject({
      ok: false,
      reason: 'too_many_pixels',
      code: 'IMAGE_OVER_MEMORY',
      format: 'avif',
      width: 4_032,
      height: 3_024,
      digests: { sha256: createHash('sha256').update(avif).digest('hex') },
    });
    expect(await engine!.hashBytes(small, WANTS)).toMatchObject({ ok: true });
    expect(causes).toEqual([]);
  });

  test('a file that its decoder had no memory for is tried again', async () => {
    const causes: string[] = [];
    // Less than any process takes.
    start({ memoryBytesMax: 1_000_000, onRestart: (cause) => causes.push(cause) });
    const sha256 = createHash('sha256').update(small).digest('hex');
    for (let time = 1; time <= 2; time++) {
      const before = causes.filter((cause) => cause === 'memory').length;
      expect(await engine!.hashBytes(small, WANTS, sha256)).toMatchObject({ ok: false, reason: 'decoder_crash' });
      // A remembered one is answered without a decoder.
      expect(causes.filter((cause) => cause === 'memory').length).toBeGreaterThan(before);
    }
  });
});

test('errors of memory are told from those of an image', () => {
  const errorOf = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      return error;
    }
    throw new Error('no error');
  };
  expect(lacksMemory(errorOf(() => new ArrayBuffer(Number.MAX_SAFE_INTEGER)))).toBe(true);
  expect(lacksMemory(new Error('VipsImage: out of memory -- size == 900MB'))).toBe(true);
  expect(lacksMemory(errorOf(() => new Uint8Array(-1)))).toBe(false);
  expect(lacksMemory(new Error('pngload: libspng read error'))).toBe(false);
});
