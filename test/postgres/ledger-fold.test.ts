/** Folds and news of a ledger with several writers. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../src/core/period.js';
import { openPostgresLedger, type PostgresLedgerOptions } from '../../src/postgres/ledger/ledger.js';
import type { LedgerStore, Sighting } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { hasPostgres, type PostgresServer, sharedServer } from '../support/postgres.js';

describe.runIf(hasPostgres)('the ledger in PostgreSQL', () => {
  let server: PostgresServer;
  let url = '';
  const stores: LedgerStore[] = [];
  const opened = (options?: PostgresLedgerOptions) => {
    const store = openPostgresLedger(url, options);
    stores.push(store);
    return store;
  };
  const close = () => Promise.all(stores.splice(0).map((store) => store.close()));
  const append = (store: LedgerStore, ...sightings: Sighting[]) =>
    store.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)], sightings })] });
  const checkedIn = async (store: LedgerStore) =>
    (await store.counts({ tenant: 'a', fromMs: 0, toMs: 2 * HOUR, interval: null, seriesCells: false })).tenants[0]
      ?.totals.checked ?? 0;
  const run = (sql: string) => server.run(sql, url);
  const count = async (from: string) => Number((await run(`SELECT count(*) AS n FROM ${from}`))[0]!.n);
  const idsOf = async (store: LedgerStore) => (await store.news(100)).news.map(({ id }) => id);
  const hitsOf = async (store: LedgerStore) => (await store.news(100)).news.map(({ hitId }) => hitId);
  /** Hold what a statement locks. Result: releases it. */
  async function hold(sql: string): Promise<() => Promise<void>> {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`SET zeef.tenant = '*'; BEGIN`);
    await client.query(sql);
    return () => client.end();
  }
  beforeEach(async () => {
    server = await sharedServer();
    url = await server.createSchema(server.url());
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await close();
  });

  test('counts are exact at every moment while two processes record and fold', async () => {
    const [one, two, reader] = [opened({ foldGroups: 2 }), opened({ foldGroups: 3 }), opened()];
    let [sent, acknowledged, isEnding, read] = [0, 0, false, 0];
    const writing = [one, two].map(async (store) => {
      for (let n = 0; n < 60; n++) {
        sent++;
        await append(store);
        acknowledged++;
      }
    });
    const reading = (async () => {
      while (!isEnding) {
        const before = acknowledged;
        const found = await checkedIn(reader);
        expect([before <= found, found <= sent], `${before}, ${found}, ${sent}`).toEqual([true, true]);
        read++;
      }
    })();
    await Promise.all(writing);
    isEnding = true;
    await reading;
    expect(read).toBeGreaterThan(5);
    expect(await checkedIn(reader)).toBe(120);
    expect((await reader.verify()).problems).toEqual([]);
    expect(await count('ledger_checkpoint')).toBeGreaterThan(0);
  });

  test('open links are folded a second after the first one, by the process that opens, and by one that closes', async () => {
    const [store, closing] = [opened(), opened()];
    await store.open();
    const release = await hold('SELECT * FROM ledger_head FOR UPDATE');
    await append(store);
    await delay(1_500);
    expect(await count('ledger_link'), 'another process folds').toBe(1);
    await release();
    await expect.poll(() => count('ledger_link'), { timeout: 10_000 }).toBe(0);
    await append(store);
    await opened().open();
    expect(await count('ledger_link')).toBe(0);
    await append(closing);
    await closing.close();
    expect(await count('ledger_link')).toBe(0);
    expect(Object.keys((await store.verify()).heads)).toHaveLength(2);
    expect(await checkedIn(store)).toBe(3);
  });

  test('a chain whose process has ended is forgotten, at once or after a week; verify needs it no more', async () => {
    let nowMs = HOUR;
    const [dead, store] = [opened(), opened({ nowMs: () => nowMs })];
    stores.shift();
    await append(dead, sighting(1, 1));
    await append(store, sighting(2, 2));
    await store.newsMark();
    nowMs += 7 * DAY_MS;
    await append(store);
    await store.newsMark();
    expect(await count('ledger_writer')).toBe(2);
    nowMs += 1;
    await store.newsMark();
    expect(await count('ledger_writer')).toBe(1);
    expect((await store.verify()).problems).toEqual([]);
    await expect(append(dead)).rejects.toMatchObject({ code: 'LEDGER_INVALID' });
    await close();
    expect(await count('ledger_writer')).toBe(0);
    const other = opened();
    expect(await other.verify()).toMatchObject({ ok: true, hits: 2, events: 2, totals: { checked: 3 } });
    await dead.close();
  });

  test('a process that was idle for a day begins a new chain, before its old one is forgotten', async () => {
    const store = opened();
    await append(store);
    const now = performance.now.bind(performance);
    const advance = (ms: number) => vi.spyOn(performance, 'now').mockImplementation(() => now() + ms);
    advance(DAY_MS - HOUR_MS);
    // It changes nothing, so a fold does not see it.
    await store.probe();
    expect(await count('ledger_writer')).toBe(1);
    advance(DAY_MS + HOUR_MS);
    await append(store);
    expect(await count('ledger_writer')).toBe(2);
    expect((await store.verify()).problems).toEqual([]);
  });

  test('links that were changed are not folded, and answers are recorded all the same', async () => {
    const store = opened();
    await append(store);
    await run(`UPDATE ledger_link SET body = replace(body, '"checked":1', '"checked":2')`);
    await expect(store.newsMark()).rejects.toMatchObject({ code: 'LEDGER_INVALID' });
    await append(store);
    expect(await count('ledger_link')).toBe(2);
    expect((await store.verify()).problems).toEqual([expect.stringContaining('changed or moved')]);
  });

  test('a checkpoint an hour is kept, each naming the one before', async () => {
    let nowMs = HOUR;
    const store = opened({ nowMs: () => nowMs });
    for (let n = 0; n < 12; n++) {
      nowMs += HOUR_MS / 4;
      await append(store);
      await store.newsMark();
    }
    expect(await count('ledger_checkpoint')).toBe(4);
    await store.newsMark();
    expect((await run('SELECT no FROM ledger_head'))[0]!.no, 'nothing was folded').toBe('12');
    expect((await store.verify()).problems).toEqual([]);
  });

  test('keys are deleted a day after they were answered', async () => {
    const store = opened({ foldGroups: 1 });
    const keyed = (key: string, atMs: number) =>
      store.append({ atMs, entries: [entry({ idempotency: { key, fingerprint: 'f' } })] });
    await keyed('a', HOUR);
    await keyed('b', HOUR + 1);
    await keyed('c', HOUR + DAY_MS);
    await expect.poll(() => run('SELECT key FROM answered ORDER BY key')).toEqual([{ key: 'b' }, { key: 'c' }]);
  });

  test('more rows than verify reads at a time are all read', async () => {
    const store = opened();
    const files = Array.from({ length: 2_100 }, (_, n) => sighting(n, n));
    await append(store, ...files);
    expect(await store.verify()).toMatchObject({ ok: true, hits: 2_100, events: 2_100 });
    await store.newsMark();
    expect(await store.verify()).toMatchObject({ ok: true, hits: 2_100, events: 2_100 });
    await run(`UPDATE hit SET times_seen = 2 WHERE id = 'H002099'`);
    expect((await store.verify()).problems).toEqual(['hit H002099: differs from its events']);
  });

  test('texts with any character are found, and replayed', async () => {
    const store = opened();
    const reference = 'a\0b\x1a0000 "\\ é \u{1f600}';
    await append(store, sighting(1, 1, { reference, tenant: 'a', evidence: 'x\0' }));
    expect(await store.hits({ tenant: 'a', reference, limit: 9 })).toMatchObject([{ reference, evidence: 'x\0' }]);
    expect((await store.verify()).problems).toEqual([]);
  });

  test('a backup is refused: PostgreSQL makes its own', async () => {
    await expect(opened().backup('/tmp/x')).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      details: { action: expect.stringContaining('pg_dump') },
    });
  });

  test('a mark separates news by their commits, also of a process that commits late', async () => {
    const [late, store] = [opened(), opened()];
    await append(late);
    const release = await hold('SELECT * FROM ledger_writer FOR UPDATE');
    // Its hit is written, and its commit waits.
    const waiting = append(late, sighting(1, 1));
    await expect.poll(() => count(`pg_stat_activity WHERE wait_event_type = 'Lock'`)).toBe(1);
    await append(store, sighting(2, 2));
    const mark = await store.newsMark();
    expect(await hitsOf(store)).toEqual(['H000002']);
    await release();
    await waiting;
    const ids = await idsOf(store);
    expect(ids).toHaveLength(2);
    const young = await store.newsAfter(mark, ids);
    expect((await store.news(9)).news.filter(({ id }) => young.includes(id)).map(({ hitId }) => hitId)).toEqual([
      'H000001',
    ]);
    await store.newsMark();
    expect(await store.newsAfter(mark, ids), 'folded').toEqual(young);
  });

  test('a ledger that was restored from an earlier copy has news for every mark', async () => {
    const store = opened();
    await append(store, sighting(1, 1));
    const before = await store.newsMark();
    const copied = ['hit', 'hit_event', 'hit_news', 'ledger_head', 'ledger_checkpoint', 'ledger_writer', 'tally'];
    for (const table of copied) await run(`CREATE TABLE copy_${table} AS SELECT * FROM ${table}`);
    for (let n = 2; n < 5; n++) await append(store, sighting(n, n));
    const mark = await store.newsMark();
    await close();
    for (const table of copied) await run(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM copy_${table}`);
    const restored = opened();
    for (let n = 10; n < 16; n++) {
      await append(restored, sighting(n, n));
      const ids = await idsOf(restored);
      expect(await restored.newsAfter(mark, ids)).toEqual(ids);
      expect(await restored.newsAfter(before, ids)).toEqual(ids.slice(1));
      await restored.newsMark();
    }
    expect((await restored.verify()).problems).toEqual([]);
  });

  test('at the limit the oldest news are lost and counted until they are reported, and their hits stay', async () => {
    const store = opened({ newsMax: 3 });
    for (let n = 0; n < 5; n++) await append(store, sighting(n, n));
    await store.newsMark();
    expect(await hitsOf(store)).toEqual(['H000002', 'H000003', 'H000004']);
    expect((await store.news(1)).lost).toBe(2);
    await append(store, sighting(5, 5));
    await store.newsMark();
    expect(await store.hits({ tenant: null, limit: 9 })).toHaveLength(6);
    // One was lost since it was read.
    await store.forgetNews([], 2);
    expect((await store.news(1)).lost).toBe(1);
    await store.forgetNews(await idsOf(store), 9);
    expect(await store.news(9)).toEqual({ news: [], lost: 0 });
    expect((await store.verify()).problems).toEqual([]);
  });
});
