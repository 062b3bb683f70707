/** The contract of every store of webhooks. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import type { NewWebhookEvent, WebhookEvent } from '../../src/store/webhooks-contract.js';

const HOUR_MS = 3_600_000;
const START_MS = Date.parse('2026-09-14T10:00:00Z');
const event = (n: number, kind: NewWebhookEvent['kind'] = 'hit.new'): NewWebhookEvent => ({
  kind,
  subject: `hit-${n}`,
  body: `{"n":${n}}`,
});

export function webhooksContract(name: string, place: { fresh(): void; open(): Promise<Store> }): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      place.fresh();
      store = await place.open();
    });
    afterEach(() => store.close());
    const add = (tenant: string | null = null) =>
      store.webhooks.addWebhook({ tenant, url: 'http://127.0.0.1:1/', secretEnv: 'SECRET', nowMs: START_MS });
    /** Claim due events of all webhooks. */
    const claim = async (nowMs: number, limit = 100, leaseMs = 60_000, { webhooks } = store) => {
      const events: WebhookEvent[] = [];
      for (const { id } of await webhooks.due(nowMs))
        events.push(...(await webhooks.claim(id, { nowMs, leaseMs, limit })));
      return events;
    };
    const claimed = async (nowMs: number, limit = 100, leaseMs = 60_000) =>
      (await claim(nowMs, limit, leaseMs)).map(({ subject }) => subject);

    test('a webhook starts at its creation, is listed by tenant, and is removed with its events', async () => {
      const [all, a] = [await add(), await add('a')];
      expect(all).toMatchObject({ tenant: null, url: 'http://127.0.0.1:1/', secretEnv: 'SECRET', waiting: 0, dead: 0 });
      expect(await store.webhooks.position(a.id)).toBe(START_MS);
      expect((await store.webhooks.webhooks('a')).map(({ id }) => id)).toEqual([a.id]);
      expect(await store.webhooks.webhooks('b')).toEqual([]);
      expect(await store.webhooks.webhooks(null)).toHaveLength(2);
      await store.webhooks.addEvents(a.id, [event(1)], null, START_MS);
      await expect(store.webhooks.removeWebhook('b', a.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store.webhooks.removeWebhook(null, a.id)).toMatchObject({ waiting: 1 });
      expect(await claimed(START_MS)).toEqual([]);
      expect(await store.webhooks.addEvents(a.id, [event(2)], null, START_MS)).toBe(0);
      await expect(store.webhooks.position(a.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('an event is added once by kind and subject, also after delivery and reopening', async () => {
      const { id } = await add();
      const other = await add();
      expect(await store.webhooks.addEvents(id, [event(1), event(2), event(1)], START_MS + 5, START_MS)).toBe(2);
      expect(await store.webhooks.addEvents(id, [event(2), event(2, 'case.overdue')], START_MS + 3, START_MS)).toBe(1);
      expect(await store.webhooks.addEvents(other.id, [event(1)], null, START_MS)).toBe(1);
      expect(await store.webhooks.position(id)).toBe(START_MS + 5);
      const [first] = await store.webhooks.claim(id, { nowMs: START_MS, leaseMs: 1_000, limit: 1 });
      expect(first).toMatchObject({ webhookId: id, kind: 'hit.new', subject: 'hit-1', body: '{"n":1}', attempts: 0 });
      await store.webhooks.done(first!.id, START_MS);
      await store.close();
      store = await place.open();
      expect(await store.webhooks.addEvents(id, [event(1)], null, START_MS)).toBe(0);
      expect((await store.webhooks.webhooks(null))[0]).toMatchObject({ waiting: 2, dead: 0 });
    });

    test('an event that waits for a person is due when woken or when its time is up, and loses no attempt', async () => {
      const [{ id }, other] = [await add(), await add()];
      await store.webhooks.addEvents(id, [event(1), event(2)], null, START_MS);
      await store.webhooks.addEvents(other.id, [event(3)], null, START_MS);
      for (const one of await claim(START_MS)) await store.webhooks.hold(one, START_MS + HOUR_MS);
      expect(await claimed(START_MS + HOUR_MS - 1)).toEqual([]);
      expect((await store.webhooks.webhooks(null)).map(({ waiting }) => waiting)).toEqual([2, 1]);
      await store.webhooks.wake(id);
      const woken = await claim(START_MS);
      expect(woken.map(({ subject, attempts, lastError }) => [subject, attempts, lastError])).toEqual([
        ['hit-1', 0, null],
        ['hit-2', 0, null],
      ]);
      await store.webhooks.hold({ ...woken[0]!, claims: woken[0]!.claims - 1 }, START_MS);
      expect(await claimed(START_MS), 'an earlier claimant changes nothing').toEqual([]);
      await store.webhooks.failed(woken[0]!, { error: 'status 500', nowMs: START_MS, pauseMs: 2 * HOUR_MS });
      await store.webhooks.wake(id);
      expect(await claimed(START_MS + HOUR_MS), 'a failed event keeps its pause').toEqual(['hit-3']);
    });

    test('a claimed event is exclusive until its lease ends', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(id, [event(1), event(2), event(3)], null, START_MS);
      const other = await place.open();
      const leaseMs = 400;
      const [first, second] = await claim(START_MS, 2, leaseMs);
      expect([first, second]).toMatchObject([{ subject: 'hit-1', claims: 1 }, { subject: 'hit-2' }]);
      expect(await claim(START_MS, 5, leaseMs, other)).toMatchObject([{ subject: 'hit-3' }]);
      expect(await claimed(START_MS + HOUR_MS), 'whatever the time of day').toEqual([]);
      await delay(leaseMs + 50);
      const again = await claim(START_MS, 100, leaseMs, other);
      expect(again.map(({ subject, claims }) => [subject, claims])).toEqual([
        ['hit-1', 2],
        ['hit-2', 2],
        ['hit-3', 2],
      ]);
      await store.webhooks.failed(first!, { error: 'late', nowMs: START_MS, pauseMs: null });
      expect(await store.webhooks.dead(null, id, 9), 'an earlier claimant cannot give an event up').toEqual([]);
      await other.webhooks.done(again[0]!.id, START_MS);
      await store.webhooks.failed(second!, { error: 'late', nowMs: START_MS, pauseMs: 0 });
      await delay(leaseMs + 50);
      expect(await claimed(START_MS)).toEqual(['hit-2', 'hit-3']);
      await other.close();
    });

    test('a failed event waits; one that is given up is a dead letter until it is retried', async () => {
      const { id } = await add('a');
      await store.webhooks.addEvents(id, [event(1)], null, START_MS);
      const [one] = await claim(START_MS, 1);
      await store.webhooks.failed(one!, { error: 'status 500', nowMs: START_MS, pauseMs: 50 });
      expect(await claimed(START_MS + 49)).toEqual([]);
      const [again] = await claim(START_MS + 50, 1);
      expect(again).toMatchObject({ attempts: 1, lastError: 'status 500' });
      await store.webhooks.failed(again!, { error: 'status 502', nowMs: START_MS + 50, pauseMs: null });
      expect(await claimed(START_MS + 1e9)).toEqual([]);
      const dead = [{ id: one!.id, attempts: 2, lastError: 'status 502' }];
      expect(await store.webhooks.dead(null, id, 10)).toMatchObject(dead);
      expect(await store.webhooks.dead('a', id, 10)).toMatchObject(dead);
      await expect(store.webhooks.dead('b', id, 10)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(store.webhooks.dead(null, 'nobody', 10)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await store.webhooks.webhooks('a'))[0]).toMatchObject({ waiting: 0, dead: 1 });
      await expect(store.webhooks.retry('b', id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await store.webhooks.retry('a', id)).toBe(1);
      expect(await claim(START_MS + 60, 1)).toMatchObject([{ id: one!.id, attempts: 0 }]);
    });

    test('a clock that is set back delays neither a new event nor a retry beyond its pause', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(id, [event(1), event(2)], null, START_MS);
      const [one] = await claim(START_MS, 1);
      await store.webhooks.failed(one!, { error: 'status 500', nowMs: START_MS, pauseMs: HOUR_MS });
      expect(await claimed(START_MS - HOUR_MS)).toEqual(['hit-1', 'hit-2']);
    });

    test('old delivered events are removed by kind; undelivered ones never are', async () => {
      const { id } = await add();
      await store.webhooks.addEvents(id, [event(1), event(1, 'case.overdue'), event(2)], null, START_MS);
      for (const { id: eventId, subject } of await claim(START_MS, 10)) {
        if (subject === 'hit-1') await store.webhooks.done(eventId, START_MS);
      }
      await store.webhooks.forget(['hit.new'], START_MS);
      expect(await store.webhooks.addEvents(id, [event(1)], null, START_MS)).toBe(0);
      await store.webhooks.forget(['hit.new'], START_MS + 1);
      expect(await store.webhooks.addEvents(id, [event(1), event(2), event(1, 'case.overdue')], null, START_MS)).toBe(
        1,
      );
    });
  });
}
