/** Concurrent requests: bounded, halved where a service asks for less, raised slowly; and what is kept for them. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Held } from '../../../src/scan/bucket/held.js';
import { Pace } from '../../../src/scan/bucket/pace.js';
import { ByteRoom } from '../../../src/scan/byte-room.js';

async function mostAtOnce(pace: Pace, requests: number): Promise<number> {
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: requests }, (_, at) =>
      pace
        .run(async () => {
          most = Math.max(most, ++running);
          await delay(1);
          running--;
          if (at % 5 === 0) throw new Error('failed');
        })
        .catch(() => {}),
    ),
  );
  return most;
}

test('no more requests run than the limit, which rises to 64 and falls by halves to 1', async () => {
  const pace = new Pace();
  expect([pace.limit, await mostAtOnce(pace, 16)]).toEqual([16, 16]);
  expect(await mostAtOnce(pace, 3_000)).toBeLessThanOrEqual(64);
  expect(pace.limit).toBe(64);
  // Those that fail together count as one.
  for (let at = 0; at < 10; at++) pace.slow(1_000_000 + at);
  expect([pace.limit, await mostAtOnce(pace, 100)]).toEqual([32, expect.closeTo(33, 0)]);
  for (let at = 1; at < 20; at++) pace.slow(2_000_000 + at * 1_000);
  expect([pace.limit, await mostAtOnce(pace, 1)]).toEqual([1, 1]);
});

test('a place that fails gives its room to the next', async () => {
  const room = new ByteRoom(10);
  const order: string[] = [];
  const work = (name: string, bytes: number, fails = false) =>
    room
      .hold(bytes, async () => {
        order.push(name);
        await delay(5);
        if (fails) throw new Error(name);
      })
      .catch(() => {});
  // The fourth would fit beside the first, and waits for its turn; the third is larger than all the room.
  await Promise.all([work('a', 6, true), work('b', 5), work('c', 100), work('d', 4)]);
  expect(order).toEqual(['a', 'b', 'c', 'd']);
  let held = 0;
  let most = 0;
  const sizes = Array.from({ length: 60 }, (_, at) => (at * 7) % 11);
  await Promise.all(
    sizes.map((size) =>
      room.hold(size, async () => {
        held += size;
        most = Math.max(most, held);
        await delay(1);
        held -= size;
      }),
    ),
  );
  expect(most).toBeLessThanOrEqual(10);
});

test('the oldest values are dropped beyond a limit of sizes', () => {
  const held = new Held<string>(10);
  held.set('a', 'A', 4);
  held.set('b', 'B', 4);
  held.set('a', 'A again', 5);
  held.set('c', 'C', 3);
  expect(['a', 'b', 'c'].map((key) => held.get(key))).toEqual(['A again', undefined, 'C']);
  held.delete('a');
  held.set('d', 'D', 7);
  expect(['a', 'c', 'd'].map((key) => held.get(key))).toEqual([undefined, 'C', 'D']);
  held.set('large', 'E', 11);
  expect(['c', 'd', 'large'].map((key) => held.get(key))).toEqual([undefined, undefined, undefined]);
});
