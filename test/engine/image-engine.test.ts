import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import {
  createImageEngine,
  type HashWants,
  type ImageEngine,
  type ImageEngineOptions,
} from '../../src/engine/image-engine.js';
import { blockhash256 } from '../../src/kernels/blockhash.js';
import { loadPdqHasher } from '../../src/kernels/pdq-wasm.js';
import { hashWindows } from '../../src/kernels/windows/hash-windows.js';
import { decoderPids } from '../support/decoder-pids.js';
import { sceneRaster } from '../support/random.js';

const WANTS: HashWants = {
  digests: ['md5', 'sha1', 'sha256'],
  orientations: 'all',
  families: 'both',
  algorithms: ['pdq', 'blockhash'],
  frames: 1,
  detail: 'plain',
};
const OPTIONS: ImageEngineOptions = {
  workers: 2,
  imageBytesMax: 5_000_000,
  imagePixelsMax: 20_000_000,
  decodeMsMax: 60_000,
  memoryBytesMax: 2_147_483_648,
  queuePerWorker: 100,
};

const raster = sceneRaster(5, 320, 240, 3);
const png = await sharp(raster.data, { raw: { width: 320, height: 240, channels: 3 } })
  .png()
  .toBuffer();

let engine: ImageEngine | undefined;
function start(options: Partial<ImageEngineOptions> = {}): ImageEngine {
  engine = createImageEngine({ ...OPTIONS, ...options });
  return engine;
}
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

describe('hashing', () => {
  test('bytes and a file give the same hashes, those of the hasher, and the same digests', async () => {
    const path = join(tempFolder('engine'), 'a.png');
    writeFileSync(path, png);
    start();
    const reply = await engine!.hashBytes(png, WANTS);
    expect(reply).toMatchObject({
      ok: true,
      format: 'png',
      width: 320,
      height: 240,
      bytes: png.length,
      damage: null,
    });
    if (!reply.ok) throw new Error('unreachable');
    const { families } = loadPdqHasher().hash(raster, { orientations: 'all', families: 'both' });
    expect(reply.views).toEqual([
      { frame: 0, background: null, part: null, families, blockhash: blockhash256(raster), windows: [] },
    ]);
    expect(reply.digests.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await engine!.hashPath(path, WANTS)).toEqual(reply);
  });

  test('windows arrive as they were hashed, of an image and of its first views', async () => {
    start();
    const hasher = loadPdqHasher();
    hasher.hash(raster, { orientations: 'all', families: 'both' });
    for (const detail of ['standard', 'deep'] as const) {
      const reply = await engine!.hashBytes(png, { ...WANTS, detail });
      if (!reply.ok) throw new Error('unreachable');
      expect(reply.views[0]!.windows).toEqual(hashWindows(hasher.surface(), detail, true));
      expect(reply.views[0]!.windows.length).toBeGreaterThan(0);
    }
  });

  test('HEIC is decoded; its decoder is loaded with the first image', async () => {
    start();
    const heic = readFileSync('test/fixtures/heic/scene.heic');
    for (let time = 0; time < 3; time++) {
      expect(await engine!.hashBytes(heic, WANTS)).toMatchObject({ ok: true, format: 'heic', width: 320, height: 240 });
    }
  });

  test('a file that cannot be decoded has its digests and a reason', async () => {
    start();
    expect(await engine!.hashBytes(Buffer.from('not a picture'), WANTS)).toMatchObject({
      ok: false,
      reason: 'not_an_image',
      digests: { sha256: createHash('sha256').update('not a picture').digest('hex') },
    });
    expect(await engine!.hashPath('/nowhere/at/all.jpg', WANTS)).toMatchObject({ ok: false, reason: 'unreadable' });
    expect(await engine!.hashPath(tmpdir(), WANTS)).toMatchObject({ ok: false, reason: 'unreadable' });
    expect(await engine!.hashBytes(Buffer.alloc(5_000_001), WANTS)).toMatchObject({ ok: false, reason: 'too_large' });
    expect(await engine!.hashBytes(Buffer.alloc(5_000_000), WANTS)).toMatchObject({
      ok: false,
      reason: 'not_an_image',
    });
  });

  test('a damaged image is hashed as far as it goes, and says so; its further frames too', async () => {
    start();
    expect(await engine!.hashBytes(png.subarray(0, png.length / 2), WANTS)).toMatchObject({
      ok: true,
      damage: { reason: 'truncated', isGrave: true },
      views: [{ frame: 0 }],
    });
    const scenes = [1, 2, 3].map((seed) => sceneRaster(seed, 96, 80, 3).data);
    const raw = { width: 96, height: 240, channels: 3, pageHeight: 80 } as const;
    const gif = await sharp(Buffer.concat(scenes), { raw }).gif().toBuffer();
    const reply = await engine!.hashBytes(gif.subarray(0, gif.length - 600), { ...WANTS, frames: 3 });
    expect(reply).toMatchObject({ ok: true, damage: { isGrave: false } });
  });

  test('with `degraded` not_checked, slight damage is grave too', async () => {
    start({ degraded: 'not_checked' });
    const jpeg = await sharp(png).jpeg().toBuffer();
    const at = 4 + jpeg.readUInt16BE(4);
    const odd = Buffer.concat([jpeg.subarray(0, at), Buffer.from([0, 1, 2, 3]), jpeg.subarray(at)]);
    expect(await engine!.hashBytes(odd, WANTS)).toMatchObject({
      ok: true,
      damage: { reason: 'corrupt', isGrave: true },
    });
    expect(await engine!.hashBytes(jpeg, WANTS)).toMatchObject({ ok: true, damage: null });
  });
});

test('a file over the size limit has its digests, and others are decoded meanwhile', async () => {
  start({ workers: 1 });
  const large = join(tempFolder('large'), 'large.jpg');
  const bytes = Buffer.concat([png, Buffer.alloc(6_000_001, 7)]);
  writeFileSync(large, bytes);
  const [reply, other] = await Promise.all([
    engine!.hashPath(pathBytesOf(large), WANTS),
    engine!.hashBytes(png, WANTS),
  ]);
  expect(reply).toEqual({
    ok: false,
    reason: 'too_large',
    code: 'IMAGE_TOO_LARGE',
    bytes: bytes.length,
    format: null,
    width: null,
    height: null,
    digests: Object.fromEntries(
      WANTS.digests.map((algorithm) => [algorithm, createHash(algorithm).update(bytes).digest('hex')]),
    ),
  });
  expect(other).toMatchObject({ ok: true });
});

describe('the queue', () => {
  test('QUEUE_FULL is returned at capacity, and there is room again later', async () => {
    start({ workers: 1, queuePerWorker: 2 });
    expect(engine!.status.capacity).toBe(3);
    const taken = [1, 2, 3].map(() => engine!.hashBytes(png, WANTS));
    await expect(engine!.hashBytes(png, WANTS)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await engine!.whenRoom();
    taken.push(engine!.hashBytes(png, WANTS));
    expect((await Promise.all(taken)).every((reply) => reply.ok)).toBe(true);
  });

  test('a caller that waits is never refused, and takes no room that there is not', async () => {
    start({ workers: 1, queuePerWorker: 2 });
    const taken = Array.from({ length: 20 }, () => engine!.hashWaiting({ bytes: png }, WANTS));
    const { queued, inFlight, capacity } = engine!.status;
    expect(queued + inFlight).toBe(capacity);
    await expect(engine!.hashBytes(png, WANTS)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    const closed = engine!.close();
    await expect(engine!.hashWaiting({ bytes: png }, WANTS)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await closed;
    expect((await Promise.all(taken)).every((reply) => reply.ok)).toBe(true);
  });

  test('close() answers requests in flight and accepts no more', async () => {
    start();
    const taken = Array.from({ length: 20 }, () => engine!.hashBytes(png, WANTS));
    const closed = engine!.close();
    await expect(engine!.hashBytes(png, WANTS)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await closed;
    expect((await Promise.all(taken)).every((reply) => reply.ok)).toBe(true);
  });
});

describe('a decoder process that dies', () => {
  test('an image whose second process does not start is a timeout, not a crash of its decoder', async () => {
    start({ workers: 1 });
    await engine!.hashBytes(png, WANTS);
    const main = engine!.status.pid!;
    process.kill(main, 'SIGSTOP');
    const reply = engine!.hashBytes(png, WANTS);
    const before = new Set(decoderPids());
    process.kill(main, 'SIGKILL');
    // The process for suspects, and the successor: both are stopped before they can decode.
    await expect.poll(() => decoderPids().filter((pid) => !before.has(pid)).length, { interval: 2 }).toBeGreaterThan(0);
    const late = setInterval(() => {
      for (const pid of decoderPids()) if (!before.has(pid)) process.kill(pid, 'SIGSTOP');
    }, 2);
    const realNow = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + 31_000);
    try {
      expect(await reply).toMatchObject({ ok: false, reason: 'timeout', code: 'IMAGE_TIMEOUT' });
    } finally {
      clock.mockRestore();
      clearInterval(late);
    }
  });

  test.each(['SIGSEGV', 'SIGKILL', 'SIGABRT'])(
    'by %s with 50 images waiting: all are answered, and so is the next',
    async (signal) => {
      const causes: string[] = [];
      start({ onRestart: (cause) => causes.push(cause) });
      await engine!.hashBytes(png, WANTS);
      const taken = Array.from({ length: 50 }, () => engine!.hashBytes(png, WANTS));
      process.kill(engine!.status.pid!, signal);
      const replies = await Promise.all(taken);
      expect(replies.filter((reply) => !reply.ok)).toEqual([]);
      expect(replies).toHaveLength(50);
      expect(causes).toEqual(['crash']);
      expect(await engine!.hashBytes(png, WANTS)).toMatchObject({ ok: true });
    },
  );

  test('repeatedly, also during the retry: the image in flight is decoder_crash', async () => {
    start({ workers: 1 });
    await engine!.hashBytes(png, WANTS);
    // The process that has the image is killed, and then each one that could retry it, as soon as it exists.
    const children = () =>
      readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter(Boolean)
        .map(Number);
    let isAnswered = false;
    const taken = engine!.hashBytes(png, WANTS).finally(() => {
      isAnswered = true;
    });
    for (const pid of children()) process.kill(pid, 'SIGKILL');
    while (!isAnswered) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const pid of children()) if (pid !== engine!.status.pid) process.kill(pid, 'SIGKILL');
    }
    expect(await taken).toMatchObject({ ok: false, reason: 'decoder_crash' });
    expect(await engine!.hashBytes(png, WANTS)).toMatchObject({ ok: true });
  });

  test('by hanging: the image is timeout, and the next process hashes the others', async () => {
    const causes: string[] = [];
    start({ workers: 1, decodeMsMax: 2_500, onRestart: (cause) => causes.push(cause) });
    // On a busy machine the first process may take longer to start than the deadline.
    while (!(await engine!.hashBytes(png, WANTS)).ok);
    causes.length = 0;
    process.kill(engine!.status.pid!, 'SIGSTOP');
    const [first, second] = await Promise.all([engine!.hashBytes(png, WANTS), engine!.hashBytes(png, WANTS)]);
    expect(first).toMatchObject({ ok: false, reason: 'timeout', code: 'IMAGE_TIMEOUT' });
    expect(second).toMatchObject({ ok: true });
    expect(causes).toEqual(['timeout']);
  });

  test('by exceeding its memory limit: the image is decoder_crash', async () => {
    const causes: string[] = [];
    start({ workers: 1, memoryBytesMax: 1_000_000, onRestart: (cause) => causes.push(cause) });
    expect(await engine!.hashBytes(png, WANTS)).toMatchObject({ ok: false, reason: 'decoder_crash' });
    expect(causes).toContain('memory');
  });

  test('its environment has no variable of the service', async () => {
    process.env.ZEEF_SECRET_FOR_TEST = 'must-not-be-inherited';
    start();
    await engine!.hashBytes(png, WANTS);
    const environment = execFileSync('cat', [`/proc/${engine!.status.pid}/environ`], { encoding: 'latin1' });
    delete process.env.ZEEF_SECRET_FOR_TEST;
    expect(environment).toContain('VIPS_BLOCK_UNTRUSTED=1');
    expect(environment).not.toContain('ZEEF_');
  });

  test('its environment has the settings of the allocator, and nothing else', async () => {
    const mapsOf = (pid: number) => readFileSync(`/proc/${pid}/maps`, 'latin1');
    // An empty part of glibc that nothing else loads.
    const library = 'libutil.so.1';
    expect(mapsOf(process.pid)).not.toContain(library);
    const allocator = { LD_PRELOAD: library, MALLOC_ARENA_MAX: '3', MALLOC_CONF: 'narenas:2' };
    const env = { ...allocator, PATH: '/usr/bin', HOME: '/root', LD_LIBRARY_PATH: '/usr/lib', ZEEF_LIST_KEY: 'secret' };
    start({ decodeMsMax: 60_000, env });
    expect(await engine!.hashBytes(png, WANTS)).toMatchObject({ ok: true });
    const { pid } = engine!.status;
    const entries = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').filter(Boolean);
    expect(Object.fromEntries(entries.map((entry) => entry.split('=')))).toEqual({
      ...allocator,
      VIPS_BLOCK_UNTRUSTED: '1',
      VIPS_DISC_THRESHOLD: '1000g',
      UV_THREADPOOL_SIZE: '4',
    });
    expect(mapsOf(pid!)).toContain(library);
  });
});
