/** The skew of a process's clock against the server's. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.js';
import { openPostgres } from '../store/backends.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

const SELF = { id: 'r1', host: 'a.test', kind: 'serve', codeVersion: '1.2.3', generation: 1 } as const;

describe.runIf(hasPostgres)('a clock', () => {
  let proxy: PostgresProxy;
  let store: Store;
  beforeAll(async () => {
    const server = await sharedServer();
    proxy = await PostgresProxy.to(server);
    store = await openPostgres(proxy.url(await server.createSchema(server.url())));
  });
  afterAll(async () => {
    await store.close();
    proxy.close();
  });

  test.each([3_000, -3_000, 180_000])('that is wrong by %i ms is found to be, less the round trip', async (wrongMs) => {
    await store.replicas.replicas();
    const startMs = performance.now();
    const skewMs = await store.replicas.seen(SELF, () => Date.now() + wrongMs);
    const tookMs = performance.now() - startMs;
    expect(Math.abs(skewMs)).toBeLessThanOrEqual(Math.abs(wrongMs) + 1);
    expect(Math.abs(skewMs)).toBeGreaterThan(Math.abs(wrongMs) - tookMs - 1);
    expect(Math.sign(skewMs)).toBe(Math.sign(wrongMs));
    expect(await store.replicas.replicas()).toMatchObject([{ ...SELF, skewMs, isLive: true }]);
  });

  test.each([
    ['right', 0, [0, 0]],
    ['ahead by less than the round trip', 200, [0, 0]],
    ['behind', -3_000, [-3_001, -2_500]],
  ] as const)('that is %s is not found to be more by a slow round trip', async (_, wrongMs, [from, to]) => {
    await store.replicas.replicas();
    proxy.stall();
    // The query waits on its way: the naive difference of the clocks is 500 ms more behind.
    const seen = store.replicas.seen(SELF, () => Date.now() + wrongMs);
    await delay(500);
    proxy.flow();
    const skewMs = await seen;
    expect(skewMs).toBeGreaterThanOrEqual(from);
    expect(skewMs).toBeLessThanOrEqual(to);
  });
});
