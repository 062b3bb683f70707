/** Two processes on one store admit what one would, within the stated bound. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { AppError } from '../../src/core/errors.js';
import type { Store } from '../../src/store/store.js';
import { SHARE_FLOOR, SHARE_LEASE_MS } from '../../src/tenants/shares.js';
import type { TenantGate } from '../../src/tenants/tenant-gate.js';
import { createTenantGates, type TenantGates } from '../../src/tenants/tenant-gates.js';
import { backends } from '../store/backends.js';
import { UNLIMITED } from '../support/unlimited.js';

const RATE = 200;
const BURST = 400;
const REQUESTS = 40;

function admits(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return false;
  }
}

for (const place of backends) {
  describe(place.name, () => {
    const opened: { store: Store; gates: TenantGates }[] = [];
    beforeEach(() => place.fresh());
    afterEach(async () => {
      for (const { store, gates } of opened.splice(0)) {
        await gates.close();
        await store.close();
      }
    });
    async function start(): Promise<TenantGate> {
      const store = await place.open();
      const gates = createTenantGates(store.tenants, {
        clock: systemClock,
        shares: store.shares,
        defaults: { ...UNLIMITED, checksPerSecond: RATE, checksBurst: BURST, concurrentRequests: REQUESTS },
        alarmedPerSecond: 0,
        onSaveError: (error) => {
          throw error;
        },
      });
      opened.push({ store, gates });
      return gates.of('t');
    }
    /** Ask each for as much as it admits. Result: admitted by each, and the time. */
    async function ask(gates: readonly TenantGate[], forMs: number) {
      const admitted = gates.map(() => 0);
      const startMs = performance.now();
      while (performance.now() - startMs < forMs) {
        for (const [at, gate] of gates.entries()) while (admits(() => gate.takeChecks(1))) admitted[at]!++;
        await delay(5);
      }
      return { admitted, sum: admitted.reduce((a, b) => a + b), seconds: (performance.now() - startMs) / 1000 };
    }

    test('rate, burst and requests of both together are those of the tenant; one that ends leaves its part', async () => {
      const a = await start();
      const b = await start();
      const joining = await ask([a, b], SHARE_LEASE_MS + 3_000);
      expect(joining.sum).toBeLessThanOrEqual((BURST + RATE * joining.seconds) * (1 + 2 * SHARE_FLOOR));
      expect(joining.admitted[0]!).toBeGreaterThan(BURST);
      const settled = await ask([a, b], 2_000);
      // Both ask for all they can get: half each. Timers of a busy machine are late, so a little less than the rate is usual.
      expect(settled.sum).toBeLessThanOrEqual(RATE * settled.seconds * 1.05 + 10);
      expect(Math.min(...settled.admitted)).toBeGreaterThan(settled.sum / 4);
      const entered = [a, b].map((gate) => {
        let count = 0;
        while (admits(() => gate.enter())) count++;
        return count;
      });
      expect(entered[0]! + entered[1]!).toBeLessThanOrEqual(REQUESTS * (1 + 2 * SHARE_FLOOR));
      expect(Math.min(...entered)).toBeGreaterThanOrEqual(1);
      const first = opened.shift()!;
      await first.gates.close();
      await first.store.close();
      await delay(1_500);
      const alone = await ask([b], 2_000);
      expect(alone.sum).toBeGreaterThan(RATE * alone.seconds * 0.8);
    }, 60_000);

    test('a batch larger than a part of the burst is admitted, and paid for', async () => {
      await start();
      const b = await start();
      expect(admits(() => b.takeChecks(BURST))).toBe(true);
      expect(() => b.takeChecks(1)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
      expect(() => b.takeChecks(BURST + 1)).toThrow(expect.objectContaining({ code: 'TOO_MANY_ITEMS' }));
    });
  });
}
