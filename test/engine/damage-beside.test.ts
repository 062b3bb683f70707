/** What is said of a damaged image does not depend on the images that other threads of the process decode meanwhile. */
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import { WANTS } from '../../bench/hash-wants.js';
import { Turns } from '../../src/decode/turns.js';
import { createImageEngine, type HashReply, type ImageEngine } from '../../src/engine/image-engine.js';
import { sceneRaster } from '../support/random.js';

const { data } = sceneRaster(7, 640, 480, 3);
const scene = sharp(data, { raw: { width: 640, height: 480, channels: 3 } });
const png = await scene.clone().png({ compressionLevel: 1 }).toBuffer();
const jpeg = await scene.clone().jpeg().toBuffer();

function flipped(file: Buffer, at: number): Buffer {
  const copy = Buffer.from(file);
  copy[at]! ^= 0x55;
  return copy;
}

const FILES: readonly (readonly [string, Buffer])[] = [
  ['whole', png],
  ['corrupt in the middle', flipped(png, png.length >> 1)],
  ['cut-off png', png.subarray(0, png.length * 0.9)],
  ['cut-off jpeg', jpeg.subarray(0, jpeg.length * 0.9)],
  ['stray bytes before the end', Buffer.concat([jpeg.subarray(0, -2), Buffer.alloc(8, 1), jpeg.subarray(-2)])],
];

let engine: ImageEngine | undefined;
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

const damageOf = (reply: HashReply) => (reply.ok ? reply.damage : reply.code);

describe('the damage of an image', () => {
  test('is the same beside others as alone', async () => {
    engine = createImageEngine({
      workers: 4,
      imageBytesMax: 5_000_000,
      imagePixelsMax: 20_000_000,
      decodeMsMax: 60_000,
      memoryBytesMax: 2_147_483_648,
      queuePerWorker: 200,
      cacheBytesMax: 0,
    });
    const alone: unknown[] = [];
    for (const [, bytes] of FILES) alone.push(damageOf(await engine.hashBytes(bytes, WANTS)));
    expect(alone).toEqual([
      null,
      { reason: 'corrupt', code: 'IMAGE_CORRUPT', isGrave: true },
      { reason: 'truncated', code: 'IMAGE_TRUNCATED', isGrave: true },
      { reason: 'truncated', code: 'IMAGE_TRUNCATED', isGrave: true },
      { reason: 'corrupt', code: 'IMAGE_CORRUPT', isGrave: false },
    ]);
    const asked = Array.from({ length: 40 }, () => FILES.map(([name, bytes], at) => ({ name, bytes, at }))).flat();
    const replies = await Promise.all(asked.map(({ bytes }) => engine!.hashBytes(bytes, WANTS)));
    expect(asked.map(({ name }, n) => [name, damageOf(replies[n]!)])).toEqual(
      asked.map(({ name, at }) => [name, alone[at]]),
    );
  });
});

describe('turns', () => {
  /** A library with one message for all: the last one, cleared by whichever operation ends. */
  function library() {
    let message = '';
    let underWay = 0;
    let most = 0;
    const operation = async (name: string, ms: number, fails: boolean): Promise<string> => {
      most = Math.max(most, ++underWay);
      if (fails) message = name;
      await delay(ms);
      const said = message;
      message = '';
      underWay--;
      if (fails) throw new Error(said);
      return name;
    };
    return { operation, most: () => most };
  }

  test('of several threads: each error has its own message, and whole ones run beside one another', async () => {
    const { operation, most } = library();
    const first = new Turns();
    const threads = [first, new Turns(first.shared), new Turns(first.shared)];
    let calls = 0;
    const work = threads.flatMap((turns, thread) =>
      Array.from({ length: 30 }, async (_, n) => {
        const name = `${thread}.${n}`;
        const fails = n % 3 === 0;
        await delay(n * 2);
        const said = await turns
          .withOwnMessage(() => {
            calls++;
            return operation(name, 1 + (n % 5), fails);
          })
          .catch((error: Error) => error.message);
        expect(said).toBe(name);
      }),
    );
    await Promise.all(work);
    expect(most()).toBeGreaterThan(1);
    expect(calls).toBeGreaterThan(90);
  });

  test.each(['before', 'after'] as const)(
    'an operation that fails beside one that began %s it is done again, alone',
    async (when) => {
      const turns = new Turns();
      let isBeside = false;
      const slow = () =>
        turns.withOwnMessage(async () => {
          isBeside = true;
          await delay(60);
          isBeside = false;
        });
      const seen: boolean[] = [];
      const first = when === 'before' ? slow() : null;
      const failing = turns.withOwnMessage(async () => {
        await delay(10);
        seen.push(isBeside);
        throw new Error('own');
      });
      const second = when === 'after' ? slow() : null;
      await expect(failing).rejects.toThrow('own');
      expect(seen).toEqual([true, false]);
      await Promise.all([first, second]);
    },
  );

  test('an operation that fails with none beside it is done once', async () => {
    const turns = new Turns();
    let calls = 0;
    const fail = () => {
      calls++;
      return Promise.reject(new Error('own'));
    };
    await expect(turns.withOwnMessage(fail)).rejects.toThrow('own');
    await expect(turns.withOwnMessage(fail)).rejects.toThrow('own');
    expect(calls).toBe(2);
    expect(await turns.withOwnMessage(() => Promise.resolve(3))).toBe(3);
  });
});
