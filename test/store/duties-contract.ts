/** The contract of every store of duties. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/store/duties-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'duties' | 'close'>;

/** No test takes as long. */
const LONG_MS = 600_000;

export function dutiesContract(name: string, place: Place<Part>): void {
  describe(name, () => {
    let store: Part;
    let other: Part;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
      other = await place.open();
    });
    afterEach(async () => {
      await store.close();
      await other.close();
    });
    const isHeld = async () => (await other.duties.state('sync')).isHeld;

    test('a duty that was never taken is free', async () => {
      expect(await store.duties.state('sync')).toEqual({ isHeld: false, endedMs: null });
      expect(await store.duties.holds({ duty: 'sync', fence: 0 })).toBe(false);
      expect(await store.duties.extend({ duty: 'sync', fence: 1 }, LONG_MS)).toBe(false);
      await store.duties.end({ duty: 'sync', fence: 1 }, 5);
      expect(await store.duties.state('sync')).toEqual({ isHeld: false, endedMs: null });
    });

    test('of processes that take a duty at once, one has it; of another duty, another one may', async () => {
      const taken = await Promise.all(
        Array.from({ length: 12 }, (_, n) => (n % 2 ? store : other).duties.take('sync', LONG_MS)),
      );
      expect(taken.filter((lease) => lease !== null)).toEqual([{ duty: 'sync', fence: 1 }]);
      expect(await isHeld()).toBe(true);
      expect(await other.duties.take('sync', LONG_MS)).toBeNull();
      expect(await other.duties.take('watch', LONG_MS)).toEqual({ duty: 'watch', fence: 1 });
    });

    test('an ended duty is free at once, and its end is known to all; the fence rises', async () => {
      const lease = (await store.duties.take('sync', LONG_MS))!;
      await store.duties.end(lease, 1_789_000_000_123);
      expect(await other.duties.state('sync')).toEqual({ isHeld: false, endedMs: 1_789_000_000_123 });
      const next = (await other.duties.take('sync', LONG_MS))!;
      expect(next.fence).toBeGreaterThan(lease.fence);
      expect(await store.duties.state('sync')).toEqual({ isHeld: true, endedMs: 1_789_000_000_123 });
    });

    test('a lease that ended is taken over; its holder then neither holds, extends nor ends the duty', async () => {
      const stale = (await store.duties.take('sync', 1))!;
      await expect.poll(isHeld).toBe(false);
      // While no other process took it, it is the newest.
      expect(await store.duties.holds(stale)).toBe(true);
      const lease = (await other.duties.take('sync', LONG_MS)) as Lease;
      expect(lease.fence).toBeGreaterThan(stale.fence);
      expect(await store.duties.holds(stale)).toBe(false);
      expect(await store.duties.extend(stale, LONG_MS)).toBe(false);
      await store.duties.end(stale, 7);
      expect(await store.duties.state('sync')).toEqual({ isHeld: true, endedMs: null });
      expect(await other.duties.holds(lease)).toBe(true);
    });

    test('an extension counts from now on, and also revives a lease that no other process took', async () => {
      const lease = (await store.duties.take('sync', LONG_MS))!;
      expect(await store.duties.extend(lease, 1)).toBe(true);
      await expect.poll(isHeld).toBe(false);
      expect(await store.duties.extend(lease, LONG_MS)).toBe(true);
      expect(await isHeld()).toBe(true);
      expect(await other.duties.take('sync', LONG_MS)).toBeNull();
    });

    test('a lease lasts as long as it was taken for, after reopening too', async () => {
      await store.duties.take('sync', 2_000);
      await store.close();
      store = await place.open();
      expect(await isHeld()).toBe(true);
      await delay(2_000);
      expect(await isHeld()).toBe(false);
    });
  });
}
