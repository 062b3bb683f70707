/** The contract of every store of replicas. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/period.js';
import { REPLICA_LIVE_MS, type Replica, type ReplicaSelf } from '../../src/store/replicas-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Place } from './backends.js';

type Part = Pick<Store, 'replicas' | 'close'>;

const A: ReplicaSelf = { id: 'a1', host: 'b.test', kind: 'serve', codeVersion: '1.2.3', generation: 7 };
const B: ReplicaSelf = { id: 'b1', host: 'a.test', kind: 'scan', codeVersion: '1.2.4-rc.1', generation: 2 ** 40 };

/** No test takes as long. */
const SOON_MS = 10_000;

/** `change`: change what is stored, past the store. */
export function replicasContract(name: string, place: Place<Part> & { change(sql: string): Promise<void> }): void {
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
    const found = async (): Promise<readonly Replica[]> => {
      const [one, two] = [await store.replicas.replicas(), await other.replicas.replicas()];
      const facts = ({ seenMsAgo: _, ...rest }: Replica) => rest;
      expect(one.map(facts)).toEqual(two.map(facts));
      return one;
    };
    const names = async () => (await found()).map(({ id, isLive }) => `${id} ${isLive ? 'live' : 'gone'}`);
    const age = (id: string, ms: number) =>
      place.change(`UPDATE replica SET seen_ms = seen_ms - (${ms}) WHERE id = '${id}'`);

    test('a store without replicas has none; one that never came may leave', async () => {
      expect(await found()).toEqual([]);
      await store.replicas.leave('x');
      expect(await found()).toEqual([]);
    });

    test('each process has one row, which all see, by host and id', async () => {
      expect(await store.replicas.seen(A, Date.now)).toBe(0);
      expect(await other.replicas.seen(B, Date.now)).toBe(0);
      await other.replicas.seen({ ...A, id: 'a0', generation: 0, kind: 'worker' }, Date.now);
      const all = await found();
      expect(all).toMatchObject([B, { ...A, id: 'a0', generation: 0, kind: 'worker' }, A]);
      for (const { seenMsAgo, isLive, skewMs } of all) {
        expect([isLive, skewMs]).toEqual([true, 0]);
        expect(seenMsAgo).toBeGreaterThanOrEqual(0);
        expect(seenMsAgo).toBeLessThan(SOON_MS);
      }
    });

    test('a row is replaced by what its process writes next, and removed when it leaves', async () => {
      await store.replicas.seen(A, Date.now);
      await other.replicas.seen(B, Date.now);
      const newer = { id: A.id, host: 'c.test', kind: 'worker', codeVersion: '2.0.0', generation: 8 } as const;
      await store.replicas.seen(newer, Date.now);
      expect(await found()).toMatchObject([B, newer]);
      await store.replicas.leave(A.id);
      expect(await found()).toMatchObject([B]);
    });

    test('a process that wrote nothing for a while is not live, until it writes again', async () => {
      await store.replicas.seen(A, Date.now);
      await other.replicas.seen(B, Date.now);
      await age(A.id, REPLICA_LIVE_MS - SOON_MS);
      expect(await names()).toEqual(['b1 live', 'a1 live']);
      await age(A.id, SOON_MS);
      expect(await names()).toEqual(['b1 live', 'a1 gone']);
      const [, gone] = await found();
      expect(gone!.seenMsAgo).toBeGreaterThanOrEqual(REPLICA_LIVE_MS);
      expect(gone!.seenMsAgo).toBeLessThan(REPLICA_LIVE_MS + SOON_MS);
      await store.replicas.seen(A, Date.now);
      expect(await names()).toEqual(['b1 live', 'a1 live']);
    });

    test('a row of before the clock was set back is not live for ever', async () => {
      await store.replicas.seen(A, Date.now);
      await age(A.id, -DAY_MS / 2);
      expect(await names()).toEqual(['a1 gone']);
      await age(A.id, -DAY_MS);
      await other.replicas.seen(B, Date.now);
      expect(await names()).toEqual(['b1 live']);
    });

    test('a row that was not written for a day is removed by the next one, and no other', async () => {
      await store.replicas.seen(A, Date.now);
      await other.replicas.seen(B, Date.now);
      await age(A.id, DAY_MS - SOON_MS);
      await other.replicas.seen(B, Date.now);
      expect(await names()).toEqual(['b1 live', 'a1 gone']);
      await age(A.id, SOON_MS);
      await other.replicas.seen(B, Date.now);
      expect(await names()).toEqual(['b1 live']);
    });

    test('processes that write at once have a row each', async () => {
      const all = Array.from({ length: 12 }, (_, n) => ({ ...A, id: `r${String(n).padStart(2, '0')}` }));
      for (let round = 0; round < 3; round++)
        await Promise.all(all.map((self, n) => (n % 2 ? store : other).replicas.seen(self, Date.now)));
      expect((await found()).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
      await Promise.all(all.map(({ id }, n) => (n % 2 ? other : store).replicas.leave(id)));
      expect(await found()).toEqual([]);
    });
  });
}
