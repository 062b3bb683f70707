/** News of other processes: soon, again after a lost connection, and not needed. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { readConfig } from '../../src/config/read-config.js';
import { systemClock } from '../../src/core/clock.js';
import { createIndexPool } from '../../src/index/index-pool.js';
import { Listener } from '../../src/postgres/listener.js';
import { auditStore } from '../../src/service/audited-store.js';
import { followLists } from '../../src/service/follow-lists.js';
import { createLogger } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/prometheus.js';
import { openPostgres } from '../store/backends.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { hasPostgres, PostgresServer, sharedServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

type Opened = Awaited<ReturnType<typeof openPostgres>>;

const SOON = { timeout: 500, interval: 5 };
const LATER = { timeout: 15_000, interval: 20 };

describe.runIf(hasPostgres)('news', () => {
  let direct = '';
  let proxy: PostgresProxy;
  let store: Opened;
  let other: Opened;
  beforeEach(async () => {
    const server = await sharedServer();
    direct = await server.createSchema(await server.createDatabase());
    proxy = await PostgresProxy.to(server);
    store = await openPostgres(proxy.url(direct));
    other = await openPostgres(direct);
    await other.lists.createList({ list: 'a', kind: 'match', radiusBits: 0 });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await Promise.all([store.close(), other.close()]);
    proxy.close();
  });
  const sessions = async () =>
    (await (await sharedServer()).run(`SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`, direct)).length;
  const change = (n: number) =>
    other.lists.addEntries('a', stream([entryRow(n, 'md5', n.toString(16).padStart(32, '0'))]));
  /** Subscribe, and wait until the connection listens, which is news. */
  const subscribe = async () => {
    const called = vi.fn();
    const ignore = store.onNews(called);
    await expect.poll(() => called.mock.calls.length, LATER).toBe(1);
    return { ignore, calls: () => called.mock.calls.length };
  };

  test('of an import come within half a second, to those who still listen', async () => {
    expect(await sessions()).toBe(0);
    const { ignore, calls } = await subscribe();
    const second = vi.fn();
    store.onNews(second);
    await change(1);
    await expect.poll(calls, SOON).toBe(2);
    await expect.poll(() => second.mock.calls.length, SOON).toBe(1);
    expect(await sessions()).toBe(1);
    ignore();
    await change(2);
    await expect.poll(() => second.mock.calls.length, SOON).toBe(2);
    expect(calls()).toBe(2);
  });

  test('come again after the connection was cut, and what was missed is news', async () => {
    const { calls } = await subscribe();
    for (let round = 1; round <= 3; round++) {
      const before = calls();
      proxy.cut();
      await expect.poll(calls, LATER).toBe(before + 1);
      await change(round);
      await expect.poll(calls, SOON).toBe(before + 2);
    }
    expect(await sessions()).toBe(1);
  });

  test('a store that is closed has no connection left, and no further news', async () => {
    const { calls } = await subscribe();
    await store.close();
    await expect.poll(sessions, LATER).toBe(0);
    await change(1);
    await delay(300);
    expect(calls()).toBe(1);
    store = await openPostgres(proxy.url(direct));
  });

  test('lists follow at news without a poll, and by a poll without news', async () => {
    const config = readConfig({ env: {}, flags: { dataDir: tempFolder('follow') } });
    const pool = createIndexPool({ onTable: () => {} });
    const parts = { clock: systemClock, log: createLogger('silent'), metrics: createMetrics(), pool };
    const follow = (of: Opened) =>
      followLists(config, { ...parts, store: { ...of, hasDamage: () => false }, audit: auditStore(of, systemClock) });
    const generation = ({ live }: Awaited<ReturnType<typeof follow>>) => live.snapshot.generation;

    const never = vi.spyOn(globalThis, 'setInterval').mockReturnValue(setTimeout(() => {}, 0));
    const { calls } = await subscribe();
    const byNews = await follow(store);
    await byNews.watch();
    for (let n = 1; n <= 5; n++) await change(n);
    await expect.poll(() => generation(byNews), LATER).toBe(await other.lists.generation());
    expect(calls()).toBeGreaterThan(1);
    await byNews.close();
    await change(6);
    await delay(300);
    expect(generation(byNews)).toBe((await other.lists.generation()) - 1);
    never.mockRestore();

    // As where the connection of the listener is stalled for ever.
    const deaf: Opened = { ...store, onNews: () => () => {} };
    const byPoll = await follow(deaf);
    await byPoll.watch();
    await change(7);
    const startMs = performance.now();
    const newest = await other.lists.generation();
    await expect.poll(() => generation(byPoll), LATER).toBe(newest);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    await byPoll.close();
    await pool.close();
  });
});

describe.runIf(hasPostgres)('a listener', () => {
  test('outlives a server that is gone, and finds the host that is the primary', async () => {
    const [one, two] = await Promise.all([PostgresServer.create(), PostgresServer.create()]);
    await one.becomeStandby();
    const called = vi.fn();
    const listener = new Listener(one.url('postgres', `${one.host},${two.host}`));
    listener.on(called);
    const calls = () => called.mock.calls.length;
    await expect.poll(calls, LATER).toBe(1);
    await two.run(`NOTIFY zeef, 'lists'`);
    await expect.poll(calls, SOON).toBe(2);
    await two.stop();
    await delay(500);
    expect(calls()).toBe(2);
    await one.run('SELECT pg_promote()');
    await expect.poll(calls, LATER).toBe(3);
    await one.run(`NOTIFY zeef, 'lists'`);
    await expect.poll(calls, SOON).toBe(4);
    await one.stop();
    // While it waits for its next try.
    await delay(200);
    await listener.close();
    await one.start();
    await delay(500);
    expect(calls()).toBe(4);
    await one.stop();
  });
});
