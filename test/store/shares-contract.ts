/** The contract of every store of shares. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ShareClaim } from '../../src/store/shares-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'shares' | 'close'>;

/** No test takes as long. */
const LONG_MS = 600_000;

const claim = (tenant: string, use: number, part: number): ShareClaim => ({
  tenant,
  use: { checks: use, requests: use / 2 },
  claim: { checks: part, requests: part / 2 },
});

export function sharesContract(name: string, place: Place<Part>): void {
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

    test('a process alone has no others; its own claims are not among them', async () => {
      for (let n = 0; n < 2; n++) {
        expect(await store.shares.exchange('a', [claim('t', 3, 1)], LONG_MS)).toEqual({
          others: 0,
          tenants: new Map(),
        });
      }
    });

    test('each reads the sums of the others, of the tenants that it claims too', async () => {
      await store.shares.exchange('a', [claim('t', 3, 0.5), claim('u', 1, 0.25)], LONG_MS);
      await other.shares.exchange('b', [claim('t', 5, 0.25)], LONG_MS);
      const now = await other.shares.exchange('c', [claim('t', 1, 0.05), claim('v', 1, 1)], LONG_MS);
      expect(now.others).toBe(2);
      expect([...now.tenants]).toEqual([
        ['t', { holders: 2, use: { checks: 8, requests: 4 }, claim: { checks: 0.75, requests: 0.375 } }],
      ]);
    });

    test('a claim replaces the one before, and what is not claimed any more is free', async () => {
      await store.shares.exchange('a', [claim('t', 3, 0.5), claim('u', 1, 0.25)], LONG_MS);
      await store.shares.exchange('a', [claim('t', 4, 0.75)], LONG_MS);
      const now = await other.shares.exchange('b', [claim('t', 1, 0.25), claim('u', 1, 1)], LONG_MS);
      expect([...now.tenants.keys()]).toEqual(['t']);
      expect(now.tenants.get('t')!.claim.checks).toBe(0.75);
    });

    test('a process that leaves is gone at once; one that died, once its lease ends', async () => {
      await store.shares.exchange('a', [claim('t', 3, 0.5)], LONG_MS);
      await store.shares.exchange('dead', [claim('t', 3, 0.5)], 1_000);
      const both = await other.shares.exchange('b', [claim('t', 1, 0.25)], LONG_MS);
      expect([both.others, both.tenants.get('t')!.holders]).toEqual([2, 2]);
      await store.shares.leave('a');
      const one = await other.shares.exchange('b', [claim('t', 1, 0.25)], LONG_MS);
      expect([one.others, one.tenants.get('t')!.holders]).toEqual([1, 1]);
      await delay(1_000);
      expect(await other.shares.exchange('b', [claim('t', 1, 0.25)], LONG_MS)).toEqual({
        others: 0,
        tenants: new Map(),
      });
    });

    test('of two that claim at once, at least one sees the other', async () => {
      for (let round = 0; round < 20; round++) {
        const seen = await Promise.all([
          store.shares.exchange(`a${round}`, [claim(`t${round}`, 1, 1)], LONG_MS),
          other.shares.exchange(`b${round}`, [claim(`t${round}`, 1, 1)], LONG_MS),
        ]);
        expect(seen.some(({ tenants }) => tenants.has(`t${round}`))).toBe(true);
      }
    });

    test('processes that claim many tenants in different orders do not wait in a circle', async () => {
      const claims = Array.from({ length: 50 }, (_, n) => claim(`t${n}`, 1, 0.1));
      await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          (n % 2 ? store : other).shares.exchange(`p${n % 4}`, n % 2 ? claims : claims.toReversed(), LONG_MS),
        ),
      );
      expect((await store.shares.exchange('me', claims, LONG_MS)).tenants.get('t7')!.holders).toBe(4);
    });
  });
}
