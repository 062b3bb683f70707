/** The contract of every store of webhooks. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Store } from '../../src/store/store.js';
import type { NewWebhookEvent, WebhookEvent } from '../../src/store/webhooks-contract.js';
import type { Place } from './backends.js';

const HOUR_MS = 3_600_000;
/** Longer than a few statements on a busy disk. */
const PAUSE_MS = 1_500;
const START_MS = Date.parse('2026-09-14T10:00:00Z');
const event = (n: number, kind: NewWebhookEvent['kind'] = 'hit.new'): NewWebhookEvent => ({
  kind,
  subject: `hit-${n}`,
  body: `{"n":${n}}`,
});

export function webhooksContract(name: string, place: Place<Pick<Store, 'webhooks' | 'close'>>): void {
  describe(name, () => {
    let store: Pick<Store, 'webhooks' | 'close'>;
    beforeEach(async () => {
      await place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());
    const add = (tenant: string | null = null, mark = 'm') =>
      store.webhooks.addWebhook({ tenant, url: 'http://127.0.0.1:1/', secretEnv: 'SECRET', mark, nowMs: START_MS });
    /** Claim due events of all webhooks. */
    const claim = async (limit = 100, leaseMs = 60_000, { webhooks } = store) => {
      const events: WebhookEvent[] = [];
      for (const { id } of await webhooks.due()) events.push(...(await webhooks.claim(id, { leaseMs, limit })));
      return events;
    };
    const claimed = async (...args: Parameters<typeof claim>) => (await claim(...args)).map(({ subject }) => subject);

    test('a webhook keeps its mark, is listed by tenant, and is removed with its events', async () => {
      const [all, a] = [await add(null, 'first'), await add('a', 'second')];
      expect(all).toMatchObject({ tenant: null, url: 'http://127.0.0.1:1/', secretEnv: 'SECRET', waiting: 0, dead: 0 });
      expect(await store.webhooks.receivers()).toEqual([
        { id: all.id, tenant: null, mark: 'first' },
        { id: a.id, tenant: 'a', mark: 'second' },
      ]);
      expect((await store.webhooks.webhooks('a')).map(({ id }) => id)).toEqual([a.id]);
      expect(await store.webhooks.webhooks('b')).toEqual([]);
      expect(await store.webhooks.webhooks(null)).toHaveLength(2);
      await store.webhooks.addEvents(a.id, [event(1)], START_MS);
      await expect(store.webhooks.removeWebhook('b', a.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store.webhooks.removeWebhook(null, a.id)).toMatchObject({ waiting: 1 });
      expect(await claimed()).toEqual([]);
      expect(await store.webhooks.addEvents(a.id, [event(2)], START_MS)).toBe(0);
      expect((await store.webhooks.receivers()).map(({ id }) => id)).toEqual([all.id]);
    });

    test('an event is added once by kind and subject, also after delivery and reopening, by any process', async () => {
      const { id } = await add();
      const other = await add();
      const second = await place.open();
      const both = [store, second].map(({ webhooks }) =>
        webhooks.addEvents(id, [event(1), event(2), event(1)], START_MS),
      );
      expect((await Promise.all(both)).sort()).toEqual([0, 2]);
      await second.close();
      expect(await store.webhooks.addEvents(id, [event(2), event(2, 'case.overdue')], START_MS)).toBe(1);
      expect(await store.webhooks.addEvents(other.id, [event(1)], START_MS)).toBe(1);
      const [first] = await store.webhooks.claim(id, { leaseMs: 1_000, limit: 1 });
      expect(first).toMatchObject({ webhookId: id, kind: 'hit.new', subject: 'hit-1', body: '{"n":1}', attempts: 0 });
      await store.webhooks.done(first!.id, START_MS);
      await store.close();
      store = await place.open();
      expect(await store.webhooks.addEvents(id, [event(1)], START_MS)).toBe(0);
      expect((await store.webhooks.webhooks(null))[0]).toMatchObject({ waiting: 2, dead: 0 });
    });

    test('an event that waits for a person is due when woken or when its time is up, and loses no attempt', async () => {
      const [{ id }, other] = [await add(), await add()];
      await store.webhooks.addEvents(id, [event(1), event(2)], START_MS);
      await store.webhooks.addEvents(other.id, [event(3)], START_MS);
      for (const one of await claim()) await store.webhooks.hold(one, one.subject === 'hit-3' ? PAUSE_MS : HOUR_MS);
      expect(await claimed()).toEqual([]);
      expect((await store.webhooks.webhooks(null)).map(({ waiting }) => waiting)).toEqual([2, 1]);
      await store.webhooks.wake(id);
      const woken = await claim();
      expect(woken.map(({ subject, attempts, lastError }) => [subject, attempts, lastError])).toEqual([
        ['hit-1', 0, null],
        ['hit-2', 0, null],
      ]);
      await store.webhooks.hold({ ...woken[0]!, claims: woken[0]!.claims - 1 }, 0);
      expect(await claimed(), 'an earlier claimant changes nothing').toEqual([]);
      await store.webhooks.failed(woken[0]!, { error: 'status 500', pauseMs: 2 * HOUR_MS });
      await store.webhooks.wake(id);
      await delay(PAUSE_MS);
      expect(await claimed(), 'a failed event keeps its pause').toEqual(['hit-3']);
    });

    test('an event that waited for a person and is in flight is not woken', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(id, [event(1)], START_MS);
      await store.webhooks.hold((await claim())[0]!, 0);
      expect(await claimed()).toEqual(['hit-1']);
      await store.webhooks.wake(id);
      expect(await claimed()).toEqual([]);
    });

    test('a claimed event is exclusive until its lease ends', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(id, [event(1), event(2), event(3)], START_MS);
      const other = await place.open();
      const leaseMs = 400;
      const [first, second] = await claim(2, leaseMs);
      expect([first, second]).toMatchObject([{ subject: 'hit-1', claims: 1 }, { subject: 'hit-2' }]);
      expect(await claim(5, leaseMs, other)).toMatchObject([{ subject: 'hit-3' }]);
      expect(await claimed()).toEqual([]);
      await delay(leaseMs + 50);
      const again = await claim(100, leaseMs, other);
      expect(again.map(({ subject, claims }) => [subject, claims]).sort()).toEqual([
        ['hit-1', 2],
        ['hit-2', 2],
        ['hit-3', 2],
      ]);
      await store.webhooks.failed(first!, { error: 'late', pauseMs: null });
      expect(await store.webhooks.dead(null, id, 9), 'an earlier claimant cannot give an event up').toEqual([]);
      await other.webhooks.done(again.find(({ subject }) => subject === 'hit-1')!.id, START_MS);
      await store.webhooks.failed(second!, { error: 'late', pauseMs: 0 });
      await delay(leaseMs + 50);
      expect((await claimed()).sort()).toEqual(['hit-2', 'hit-3']);
      await other.close();
    });

    test('two processes that claim at once share the events', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(
        id,
        Array.from({ length: 40 }, (_, n) => event(n)),
        START_MS,
      );
      const other = await place.open();
      const shares: string[][] = [];
      for (let n = 0; n < 5; n++)
        shares.push(...(await Promise.all([claimed(4, 60_000, store), claimed(4, 60_000, other)])));
      await other.close();
      expect(shares.flat()).toHaveLength(40);
      expect(new Set(shares.flat()).size).toBe(40);
    });

    test('a clock of a process that is set ahead or back moves neither a lease nor a pause', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(id, [event(1), event(2), event(3)], START_MS);
      const [, two, three] = await claim();
      await store.webhooks.failed(two!, { error: 'status 500', pauseMs: HOUR_MS });
      await store.webhooks.hold(three!, HOUR_MS);
      const other = await place.open();
      const real = Date.now();
      vi.useFakeTimers({ toFake: ['Date'] });
      for (const offMs of [-365 * 24 * HOUR_MS, -180_000, 180_000, 365 * 24 * HOUR_MS]) {
        vi.setSystemTime(real + offMs);
        expect(await claimed(100, 60_000, other), `${offMs}`).toEqual([]);
      }
      vi.useRealTimers();
      await other.close();
    });

    test('a failed event waits; one that is given up is a dead letter until it is retried', async () => {
      const { id } = await add('a');
      await store.webhooks.addEvents(id, [event(1)], START_MS);
      const [one] = await claim(1);
      await store.webhooks.failed(one!, { error: 'status 500', pauseMs: PAUSE_MS });
      expect(await claimed()).toEqual([]);
      await delay(PAUSE_MS);
      const [again] = await claim(1);
      expect(again).toMatchObject({ attempts: 1, lastError: 'status 500' });
      await store.webhooks.failed(again!, { error: 'status 502', pauseMs: null });
      expect(await claimed()).toEqual([]);
      const dead = [{ id: one!.id, attempts: 2, lastError: 'status 502' }];
      expect(await store.webhooks.dead(null, id, 10)).toMatchObject(dead);
      expect(await store.webhooks.dead('a', id, 10)).toMatchObject(dead);
      await expect(store.webhooks.dead('b', id, 10)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(store.webhooks.dead(null, 'none', 10)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await store.webhooks.webhooks('a'))[0]).toMatchObject({ waiting: 0, dead: 1 });
      await expect(store.webhooks.retry('b', id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store.webhooks.retry('a', id)).toBe(1);
      expect(await claim(1)).toMatchObject([{ id: one!.id, attempts: 0 }]);
    });

    test('old delivered events are removed by kind; undelivered ones never are', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(id, [event(1), event(1, 'case.overdue'), event(2)], START_MS);
      for (const { id: eventId, subject } of await claim(10)) {
        if (subject === 'hit-1') await store.webhooks.done(eventId, START_MS);
      }
      await store.webhooks.forget(['hit.new'], START_MS);
      expect(await store.webhooks.addEvents(id, [event(1)], START_MS)).toBe(0);
      await store.webhooks.forget(['hit.new'], START_MS + 1);
      expect(await store.webhooks.addEvents(id, [event(1), event(2), event(1, 'case.overdue')], START_MS)).toBe(1);
    });
  });
}
