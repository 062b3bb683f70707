/** The row of a serving process, and what it reads from those of others. */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { type Clock, systemClock } from '../../src/core/clock.js';
import { PACKAGE_VERSION } from '../../src/core/package-root.js';
import { Lag, startReplica } from '../../src/service/replica.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { Replica } from '../../src/store/replicas-contract.js';
import type { Store } from '../../src/store/store.js';
import type { Logger } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/prometheus.js';
import { openPostgres } from '../store/backends.js';
import { hasPostgres, PostgresServer, sharedServer } from '../support/postgres.js';

const BEAT_MS = 5_000;
const MINUTE_MS = 60_000;

const gauge = async (metrics: ReturnType<typeof createMetrics>, name: string) =>
  Number(new RegExp(`^${name} (.*)$`, 'm').exec((await metrics.render()).body)?.[1]);

interface Lines {
  readonly error: unknown[];
  readonly info: unknown[];
}
function logTo(lines: Lines): Logger {
  const note =
    (level: keyof Lines) =>
    (...[facts]: unknown[]) =>
      void lines[level].push(facts);
  return { error: note('error'), info: note('info') } as unknown as Logger;
}

/** Start the replica of a process, whose beats are due by `vi.advanceTimersByTime`. */
function start(
  store: Store,
  { clock = systemClock, generation = () => 7 }: { clock?: Clock; generation?: () => number } = {},
) {
  const lines: Lines = { error: [], info: [] };
  const metrics = createMetrics();
  const live = {
    get snapshot() {
      return { generation: generation() };
    },
  };
  return startReplica(store.replicas, { live, clock, log: logTo(lines), metrics }).then((replica) => ({
    replica,
    lines,
    metrics,
  }));
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

describe('the row of a process', () => {
  test('is there from the start to the end, and names the lists by which it answers', async () => {
    const store = await openSqliteStore(tempFolder('replica'));
    let generation = 7;
    const { replica, metrics, lines } = await start(store, { generation: () => generation });
    const self = { kind: 'serve', host: hostname(), codeVersion: PACKAGE_VERSION, generation: 7, isLive: true };
    expect(await store.replicas.replicas()).toMatchObject([self]);
    const { replica: other, metrics: second } = await start(store);
    expect(await store.replicas.replicas()).toHaveLength(2);
    expect(new Set((await store.replicas.replicas()).map(({ id }) => id)).size).toBe(2);
    expect([await gauge(metrics, 'zeef_replicas_live'), await gauge(second, 'zeef_replicas_live')]).toEqual([1, 2]);
    expect(await gauge(second, 'zeef_clock_skew_ms')).toBe(0);
    await other.close();
    generation = 8;
    await vi.advanceTimersByTimeAsync(BEAT_MS);
    await expect.poll(() => store.replicas.replicas()).toMatchObject([{ ...self, generation: 8 }]);
    await replica.close();
    expect(await store.replicas.replicas()).toEqual([]);
    await vi.advanceTimersByTimeAsync(3 * BEAT_MS);
    expect(await store.replicas.replicas()).toEqual([]);
    expect(lines).toEqual({ error: [], info: [] });
    await store.close();
  });

  test.runIf(hasPostgres)('is written again once the store is there again, with a line at either end', async () => {
    const server = await PostgresServer.create();
    const store = await openPostgres(server.url());
    const { replica, lines, metrics } = await start(store);
    const beat = () => vi.advanceTimersByTimeAsync(BEAT_MS);
    await server.stop();
    await beat();
    await expect.poll(() => lines.error, { timeout: 20_000 }).toMatchObject([{ err: { code: 'STORE_FAILED' } }]);
    const before = await gauge(metrics, 'zeef_replicas_live');
    for (let n = 0; n < 3; n++) await beat();
    await server.start();
    await expect
      .poll(
        async () => {
          await beat();
          return lines.info.length;
        },
        { timeout: 20_000, interval: 100 },
      )
      .toBe(1);
    for (let n = 0; n < 3; n++) {
      await beat();
      await delay(200);
    }
    expect([lines.error.length, lines.info.length, before]).toEqual([1, 1, 1]);
    expect(await store.replicas.replicas()).toMatchObject([{ isLive: true }]);
    await server.stop();
    // The end of a process does not depend on the store.
    await replica.close();
    await store.close();
  });

  test.runIf(hasPostgres)('says by how much the clock is wrong, and when it is right again', async () => {
    const server = await sharedServer();
    const store = await openPostgres(await server.createSchema(server.url()));
    let wrongMs = -MINUTE_MS;
    const clock: Clock = { ...systemClock, nowMs: () => Date.now() + wrongMs };
    const { replica, metrics } = await start(store, { clock });
    expect(replica.status().skewMs).toBeLessThan(-MINUTE_MS / 2);
    expect(await gauge(metrics, 'zeef_clock_skew_ms')).toBe(replica.status().skewMs);
    wrongMs = 0;
    await vi.advanceTimersByTimeAsync(BEAT_MS);
    await expect.poll(() => replica.status().skewMs).toBe(0);
    expect(await gauge(metrics, 'zeef_clock_skew_ms')).toBe(0);
    await replica.close();
    await store.close();
  });

  test('says when another one has long answered by newer lists', async () => {
    const store = await openSqliteStore(tempFolder('replica'));
    let laterMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + laterMs };
    const { replica: other } = await start(store, { generation: () => 9 });
    const { replica } = await start(store, { clock });
    expect(replica.status().isBehind).toBe(false);
    laterMs = 5 * MINUTE_MS;
    expect([replica.status().isBehind, other.status().isBehind]).toEqual([true, false]);
    await replica.close();
    await other.close();
    await store.close();
  });
});

describe('a replica is behind', () => {
  const SELF = { id: 'me', host: 'h', kind: 'serve', codeVersion: '1', generation: 0 } as const;
  const other = (id: string, generation: number, more: Partial<Replica> = {}): Replica => ({
    ...SELF,
    ...{ id, generation, skewMs: 0, seenMsAgo: 0, isLive: true },
    ...more,
  });
  /** Note these rows, [minute, own generation, rows of others], and return whether it is behind after each of them. */
  const behind = (...notes: readonly (readonly [number, number, ...Replica[]])[]) => {
    const lag = new Lag();
    return notes.map(([minute, generation, ...others]) => {
      lag.note({ ...SELF, generation }, [other('me', generation), ...others], minute * MINUTE_MS);
      return lag.isBehind(minute * MINUTE_MS, generation);
    });
  };

  test('five minutes after another one has newer lists, and not while all load them', () => {
    const [old, loaded] = [other('b', 1), other('b', 2)];
    expect(behind([0, 1, old], [60, 1, old], [61, 1, loaded], [65.9, 1, loaded], [66, 1, loaded])).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test('not once it has them, whatever the rows last said', () => {
    const lag = new Lag();
    lag.note({ ...SELF, generation: 1 }, [other('b', 2)], 0);
    expect([1, 2].map((generation) => lag.isBehind(6 * MINUTE_MS, generation))).toEqual([true, false]);
  });

  test('until it has loaded them', () => {
    expect(behind([0, 1, other('b', 2)], [6, 1, other('b', 2)], [7, 2, other('b', 2)])).toEqual([false, true, false]);
  });

  test('not while it follows, later than the other one', () => {
    const each = Array.from({ length: 20 }, (_, minute) => [minute, minute, other('b', minute + 1)] as const);
    expect(behind(...each)).not.toContain(true);
  });

  test('also while the other one goes further ahead', () => {
    const each = Array.from({ length: 7 }, (_, minute) => [minute, 1, other('b', minute + 2)] as const);
    expect(behind(...each)).toEqual([false, false, false, false, false, true, true]);
  });

  test('not of one that is gone, of a scan, or of itself', () => {
    const gone = other('b', 2, { isLive: false });
    const scan = other('c', 2, { kind: 'scan' });
    expect(behind([0, 1, gone, scan], [60, 1, gone, scan])).toEqual([false, false]);
    // The last one that is left answers.
    expect(behind([0, 1, other('b', 2)], [6, 1, other('b', 2)], [7, 1, gone])).toEqual([false, true, false]);
  });
});
