/** Lists that another connection changes, with SQLite: followed at once where that costs little, and not over and over. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { listRows } from '../../bench/list-rows.js';
import { pdqLike } from '../../bench/pdq-like.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { readConfig } from '../../src/config/read-config.js';
import { systemClock } from '../../src/core/clock.js';
import { createIndexPool, type IndexPool } from '../../src/index/index-pool.js';
import { auditStore } from '../../src/service/audited-store.js';
import { followLists } from '../../src/service/follow-lists.js';
import { type OpenedStore, storeFrom } from '../../src/service/open-stores.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { Store } from '../../src/store/store.js';
import { createLogger } from '../../src/telemetry/log.js';
import { NO_METRICS } from '../../src/telemetry/metrics.js';

const POLL_MS = 1_000;
const log = createLogger('silent');
const config = readConfig({ env: {}, flags: { dataDir: tempFolder('news') } });

let [store, other, pool]: [OpenedStore, Store, IndexPool] = [null!, null!, null!];
beforeEach(async () => {
  pool = createIndexPool();
  store = await storeFrom(config, { log, metrics: NO_METRICS, env: {} });
  other = await openSqliteStore(config.dataDir);
  if ((await other.lists.lists()).length === 0)
    await other.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  // News alone.
  const start = globalThis.setInterval;
  const without = (act: () => void, ms?: number) => (ms === POLL_MS ? setTimeout(() => {}, 0) : start(act, ms));
  vi.spyOn(globalThis, 'setInterval').mockImplementation(without as typeof setInterval);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await store.close();
  await other.close();
  await pool.close();
});

const change = (entries: number, seed: number) =>
  other.lists.replaceEntries('a', listRows('pdq', pdqLike(entries, seed)));
const follow = () =>
  followLists(config, {
    store,
    audit: auditStore(store, systemClock),
    pool,
    clock: systemClock,
    log,
    metrics: NO_METRICS,
  });

describe('changes by another connection', () => {
  test('are in force without a poll, each of them', async () => {
    const followed = await follow();
    await followed.watch();
    for (let round = 1; round <= 10; round++) {
      await change(50 + round, round);
      await expect
        .poll(() => followed.live.snapshot.entryCounts.pdq, { timeout: 10_000, interval: 5 })
        .toBe(50 + round);
    }
    await followed.close();
    await change(7, 7);
    await delay(400);
    expect(followed.live.snapshot.entryCounts.pdq).toBe(60);
  });

  test('whose loads take long are loaded with pauses, and the last of them is not forgotten', async () => {
    const followed = await follow();
    await followed.watch();
    const now = store.lists.changes.bind(store.lists);
    const changes = vi.spyOn(store.lists, 'changes').mockImplementation(async (since) => {
      await delay(150);
      return now(since);
    });
    const untilMs = performance.now() + 2_500;
    let round = 0;
    while (performance.now() < untilMs) {
      await change(80 + ++round, round);
      await delay(20);
    }
    // A load and its pause take 750 ms; without pauses some fifteen would have fitted.
    expect(changes.mock.calls.length).toBeGreaterThan(0);
    expect(changes.mock.calls.length).toBeLessThan(8);
    await expect.poll(() => followed.live.snapshot.entryCounts.pdq, { timeout: 10_000 }).toBe(80 + round);
    await followed.close();
  });
});
