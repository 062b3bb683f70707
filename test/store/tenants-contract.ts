/** The contract of every store of tenants. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';

export function tenantsContract(name: string, place: { fresh(): void; open(): Promise<Store> }): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());

    test('a tenant is created by its first key or by setTenant, never by a query', async () => {
      expect(await store.tenants.tenant('a')).toBeNull();
      await store.keys.createKey({ tenant: 'b', scopes: ['check'], expiresAt: null });
      await store.tenants.setTenant('a', {});
      const all = await store.tenants.tenants();
      expect(all.map(({ tenant }) => tenant)).toEqual(['a', 'b']);
      expect(all[1]).toMatchObject({ disabled: false, limits: {}, alarm: null });
      await expect(store.tenants.setTenant('a b', {})).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    });

    test('setTenant keeps what is not named, null restores the default, and all is kept after reopening', async () => {
      const alarm = { at: '2026-09-14T00:00:00.000Z', kind: 'edge', queries: 40 } as const;
      await store.tenants.setTenant('a', { limits: { checksPerSecond: 5, checksPerDay: 0 }, alarm });
      await store.tenants.setTenant('a', { disabled: true, limits: { bytesPerDay: 7 } });
      await store.close();
      store = await place.open();
      expect(await store.tenants.tenant('a')).toMatchObject({
        disabled: true,
        limits: { checksPerSecond: 5, checksPerDay: 0, bytesPerDay: 7 },
        alarm,
      });
      await store.tenants.setTenant('a', { disabled: false, limits: { checksPerSecond: null }, alarm: null });
      const now = await store.tenants.tenant('a');
      expect(now).toMatchObject({ disabled: false, limits: { checksPerDay: 0, bytesPerDay: 7 }, alarm: null });
      expect(now!.limits).not.toHaveProperty('checksPerSecond');
    });

    test('usage of all stores adds up by tenant and day; registers are merged by their maximum', async () => {
      const nothing = { checks: 0, bytes: 0, distinct: null };
      const day = '2026-09-14';
      expect(await store.tenants.usage('a', day)).toEqual(nothing);
      await store.tenants.addUsage('a', day, { checks: 2, bytes: 30, distinct: new Uint8Array([1, 5, 0]) });
      const other = await place.open();
      const whole = await other.tenants.addUsage('a', day, {
        checks: 3,
        bytes: 4,
        distinct: new Uint8Array([2, 4, 0]),
      });
      await other.close();
      expect(whole).toMatchObject({ checks: 5, bytes: 34 });
      expect([...whole!.distinct!]).toEqual([2, 5, 0]);
      expect([...(await store.tenants.addUsage('a', day, { checks: 0, bytes: 0, distinct: null }))!.distinct!]).toEqual(
        [2, 5, 0],
      );
      expect(await store.tenants.usage('b', day)).toEqual(nothing);
      expect(await store.tenants.usage('a', '2026-09-15')).toEqual(nothing);
    });

    test('usage older than a week is removed', async () => {
      const one = { checks: 1, bytes: 0, distinct: null };
      for (const day of ['2026-09-06', '2026-09-07', '2026-09-14']) await store.tenants.addUsage('a', day, one);
      expect((await store.tenants.usage('a', '2026-09-06')).checks).toBe(0);
      expect((await store.tenants.usage('a', '2026-09-07')).checks).toBe(1);
    });

    test('each store has a seed of its own, and keeps it', async () => {
      const seed = await store.tenants.usageSeed();
      await store.close();
      store = await place.open();
      expect(await store.tenants.usageSeed()).toBe(seed);
      place.fresh();
      const other = await place.open();
      expect(await other.tenants.usageSeed()).not.toBe(seed);
      await other.close();
    });
  });
}
