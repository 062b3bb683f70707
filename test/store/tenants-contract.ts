/** The contract of every store of tenants. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'keys' | 'tenants' | 'close'>;

export function tenantsContract(name: string, place: Place<Part>): void {
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

    test('the template of references is kept beside the limits, and null removes it', async () => {
      const referenceUrl = 'https://admin.example/{reference}';
      expect(await store.tenants.setTenant('a', { limits: { checksPerDay: 1 } })).toMatchObject({ referenceUrl: null });
      expect(await store.tenants.setTenant('a', { referenceUrl })).toMatchObject({ referenceUrl });
      await store.tenants.setTenant('a', { limits: { checksPerDay: null, bytesPerDay: 7 } });
      await expect(store.tenants.setTenant('a', { referenceUrl: 'javascript:{reference}' })).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
      expect(await other.tenants.tenant('a')).toMatchObject({ limits: { bytesPerDay: 7 }, referenceUrl });
      expect((await other.tenants.tenants())[0]!.limits).toEqual({ bytesPerDay: 7 });
      await store.tenants.setTenant('a', { referenceUrl: null });
      expect(await other.tenants.tenant('a')).toMatchObject({ limits: { bytesPerDay: 7 }, referenceUrl: null });
    });

    test('changes by two processes at once are all made, also to a new tenant', async () => {
      await Promise.all([
        store.tenants.setTenant('a', { limits: { checksPerSecond: 1 } }),
        other.tenants.setTenant('a', { limits: { checksPerDay: 2 } }),
        store.tenants.setTenant('a', { disabled: true }),
        other.tenants.setTenant('a', { limits: { bytesPerDay: 3 } }),
      ]);
      expect(await other.tenants.tenant('a')).toMatchObject({
        disabled: true,
        limits: { checksPerSecond: 1, checksPerDay: 2, bytesPerDay: 3 },
      });
      expect(await store.tenants.tenants()).toEqual(await other.tenants.tenants());
    });

    test('usage that two processes add at once adds up', async () => {
      const one = { checks: 1, bytes: 2 ** 40, distinct: new Uint8Array([1]) };
      const added = await Promise.all(
        Array.from({ length: 20 }, async (_, n) => (n % 2 ? store : other).tenants.addUsage('a', '2026-09-14', one)),
      );
      // A store that is busy adds nothing, and says so.
      const sum = added.filter((day) => day !== null).length;
      expect(sum).toBeGreaterThan(0);
      expect(await store.tenants.usage('a', '2026-09-14')).toMatchObject({ checks: sum, bytes: sum * 2 ** 40 });
    });

    test('tenants are ordered by the bytes of their names', async () => {
      for (const name of ['b', 'B', 'a-b', 'a_b', 'ab', 'A']) await store.tenants.setTenant(name, {});
      expect((await other.tenants.tenants()).map(({ tenant }) => tenant)).toEqual(['A', 'B', 'a-b', 'a_b', 'ab', 'b']);
      for (const name of ['', 'a\0b', '\ud800']) expect(await store.tenants.tenant(name)).toBeNull();
    });

    test('usage of all stores adds up by tenant and day; registers are merged by their maximum', async () => {
      const nothing = { checks: 0, bytes: 0, distinct: null };
      const day = '2026-09-14';
      expect(await store.tenants.usage('a', day)).toEqual(nothing);
      await store.tenants.addUsage('a', day, { checks: 2, bytes: 30, distinct: new Uint8Array([1, 5, 0]) });
      const whole = await other.tenants.addUsage('a', day, {
        checks: 3,
        bytes: 4,
        distinct: new Uint8Array([2, 4, 0]),
      });
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
      expect(await other.tenants.usageSeed()).toBe(seed);
      await place.fresh();
      const another = await place.open();
      expect(await another.tenants.usageSeed()).not.toBe(seed);
      await another.close();
    });
  });
}
