/** Reloads in the background, on a clock that is set by hand. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PacedReloads } from '../../src/service/paced-reloads.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Reloads that take as long as they are told to. */
function paced(takesMs: number) {
  const startedMs: number[] = [];
  const reloads = new PacedReloads(
    () => {
      startedMs.push(Date.now() - beganMs);
      return new Promise((resolve) => setTimeout(resolve, takesMs));
    },
    { monotonicMs: () => Date.now() },
  );
  const beganMs = Date.now();
  return { reloads, startedMs };
}

test('news during a reload begin another one after it, and after a pause of four times its length', async () => {
  const { reloads, startedMs } = paced(100);
  reloads.hear();
  await vi.advanceTimersByTimeAsync(50);
  // Twice: they are one.
  reloads.hear();
  reloads.hear();
  await vi.advanceTimersByTimeAsync(449);
  expect(startedMs).toEqual([0]);
  await vi.advanceTimersByTimeAsync(1);
  expect(startedMs).toEqual([0, 500]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(startedMs).toEqual([0, 500]);
  reloads.hear();
  await vi.advanceTimersByTimeAsync(0);
  expect(startedMs.length).toBe(3);
});

test('a poll waits for no pause, and begins nothing beside a reload', async () => {
  const { reloads, startedMs } = paced(100);
  reloads.poll();
  reloads.poll();
  await vi.advanceTimersByTimeAsync(99);
  reloads.poll();
  expect(startedMs).toEqual([0]);
  await vi.advanceTimersByTimeAsync(1);
  reloads.poll();
  expect(startedMs).toEqual([0, 100]);
});

test('once closed nothing begins, and what runs is waited for', async () => {
  const { reloads, startedMs } = paced(100);
  reloads.hear();
  await vi.advanceTimersByTimeAsync(10);
  reloads.hear();
  let isClosed = false;
  const closing = reloads.close().then(() => {
    isClosed = true;
  });
  await vi.advanceTimersByTimeAsync(50);
  expect(isClosed).toBe(false);
  await vi.advanceTimersByTimeAsync(50);
  await closing;
  reloads.hear();
  reloads.poll();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(startedMs).toEqual([0]);
});
