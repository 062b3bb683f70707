/**
 * Retention in PostgreSQL: hits are erased in portions, each as a whole, whatever becomes of the connection, and once, whoever else does
 * it. Open cases stay with all their events, and hold up the erasure of none.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { HITS_AT_A_TIME } from '../../src/postgres/ledger/retention.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { hasPostgres, type PostgresServer, sharedServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

/** Of them, each twentieth is open, also the first one. Hit `n` is seen and closed at `HOUR + n`. */
const HITS = 640;
const isOpen = (n: number) => n % 20 === 0;
const hitsWhere = (is: (n: number) => boolean) => Array.from({ length: HITS }, (_, n) => n).filter(is);
const FIRST_LIMIT = 555;

/** Rows of a table that were read so far. A session reports its own when it ends. */
const readsOf = async (server: PostgresServer, url: string, table: string) =>
  Number(
    (
      await server.run(
        `SELECT idx_tup_fetch + seq_tup_read AS rows FROM pg_stat_user_tables WHERE relid = '${table}'::regclass`,
        url,
      )
    )[0]!.rows,
  );

describe.runIf(hasPostgres)('erasing hits', () => {
  let server: PostgresServer;
  let proxy: PostgresProxy;
  let url = '';
  let direct: LedgerStore;

  beforeAll(async () => {
    server = await sharedServer();
    url = await server.createSchema(server.url());
    proxy = await PostgresProxy.to(server);
    direct = openPostgresLedger(url, { foldGroups: 10_000 });
    await direct.append({
      atMs: HOUR,
      entries: hitsWhere(() => true).map((n) => entry({ sightings: [sighting(n, n)] })),
    });
    const closers = [1, 2, 3, 4].map(() => openPostgresLedger(url, { foldGroups: 10_000 }));
    const closed = hitsWhere((n) => !isOpen(n));
    const close = async (store: LedgerStore) => {
      for (let n = closed.pop(); n !== undefined; n = closed.pop()) {
        const atMs = HOUR + n;
        const change = {
          atMs,
          status: 'false_positive',
          note: null,
          by: 'k',
          startedMs: atMs,
          stoppedMs: atMs,
        } as const;
        expect(await store.changeHit('a', sighting(n, n).hitId, 'open', change)).toBe(true);
      }
    };
    await Promise.all(closers.map(close));
    await Promise.all(closers.map((store) => store.close()));
  }, 60_000);
  afterAll(async () => {
    await direct?.close();
    proxy?.close();
  });

  const retain = (store: LedgerStore, beforeN: number) =>
    store.retain({ hitsStoppedBeforeMs: HOUR + beforeN, hoursBeforeMs: null, atMs: HOUR });
  /** The hits that are there, with the number of their events. */
  const held = async () =>
    (await server.run('SELECT hit.id, count(*) AS events FROM hit JOIN hit_event ON hit = hit.id GROUP BY hit.id', url))
      .map(({ id, events }) => [Number(String(id).slice(1)), Number(events)] as const)
      .sort(([a], [b]) => a - b);
  const expected = (limit: number) => hitsWhere((n) => isOpen(n) || n >= limit).map((n) => [n, isOpen(n) ? 1 : 2]);
  const problems = async () => (await direct.verify()).problems;

  test('a portion is erased as a whole or not at all, at whatever statement the connection is lost', async () => {
    const store = openPostgresLedger(proxy.url(url), { foldGroups: 10_000 });
    await store.open();
    const refused = { code: 'LEDGER_FAILED' };
    for (const text of [
      'UPDATE hit_event SET body',
      'DELETE FROM hit WHERE',
      'SELECT min(number)',
      'UPDATE ledger_head',
    ]) {
      let wasCut = false;
      proxy.cutAt(text, () => {
        wasCut = true;
      });
      await expect(retain(store, FIRST_LIMIT), text).rejects.toMatchObject(refused);
      expect(wasCut, text).toBe(true);
      expect(await held(), text).toEqual(expected(0));
      expect(await problems(), text).toEqual([]);
    }
    // Committed, and the process does not know.
    proxy.loseReply('COMMIT\0');
    await expect(retain(store, FIRST_LIMIT)).rejects.toMatchObject(refused);
    expect(await held()).toHaveLength(HITS - HITS_AT_A_TIME);
    expect(await problems()).toEqual([]);
    // Both sides of the edge: the clock of hit 554 stopped before, that of 555 did not.
    const gone = hitsWhere((n) => !isOpen(n) && n < FIRST_LIMIT).length;
    expect(await retain(store, FIRST_LIMIT)).toEqual({ hits: gone - HITS_AT_A_TIME, hours: 0 });
    expect(await held()).toEqual(expected(FIRST_LIMIT));
    expect(await problems()).toEqual([]);
    await store.close();
  }, 60_000);

  test('events behind an open case are not read again by later portions', async () => {
    const erased = Number((await server.run('SELECT count(*) FROM hit_event WHERE body IS NULL', url))[0]!.count);
    expect(erased).toBeGreaterThan(1_000);
    // What the test before has read is reported now.
    await direct.close();
    direct = openPostgresLedger(url, { foldGroups: 10_000 });
    const retained = async (limit: number) => {
      const before = await readsOf(server, url, 'hit_event');
      const store = openPostgresLedger(url, { foldGroups: 10_000 });
      const { hits } = await retain(store, limit);
      await store.close();
      return { hits, rows: (await readsOf(server, url, 'hit_event')) - before };
    };
    const none = await retained(FIRST_LIMIT);
    expect(none.hits).toBe(0);
    const { hits, rows } = await retained(FIRST_LIMIT + 1);
    expect(hits).toBe(1);
    // Its own events, and a beginning of the chain.
    expect(rows - none.rows).toBeGreaterThan(0);
    expect(rows - none.rows).toBeLessThan(erased / 10);
  });

  test('two processes erase each hit once, while a third one records and a fourth one verifies', async () => {
    const limit = HITS - 15;
    const [one, other, recorder] = [1, 2, 3].map(() => openPostgresLedger(url, { foldGroups: 5 })) as [
      LedgerStore,
      LedgerStore,
      LedgerStore,
    ];
    let isEnding = false;
    let [answers, wrong] = [0, [] as readonly string[]];
    const recording = (async () => {
      for (let n = 0; !isEnding; n++, answers++) {
        const file = (n % 32) * 20;
        const sightings = [sighting(file, file, { atMs: HOUR + n })];
        await recorder.append({ atMs: HOUR + n, entries: [entry({ tallies: [tally('a', HOUR)], sightings })] });
      }
    })();
    const verifying = (async () => {
      while (!isEnding) wrong = [...wrong, ...(await problems())];
    })();
    await expect.poll(() => answers).toBeGreaterThan(5);
    const erased = await Promise.all([one, other].map((store) => retain(store, limit)));
    await expect.poll(() => answers).toBeGreaterThan(40);
    isEnding = true;
    await Promise.all([recording, verifying]);
    expect(wrong).toEqual([]);
    expect(erased.reduce((sum, { hits }) => sum + hits, 0)).toBe(
      hitsWhere((n) => !isOpen(n) && n > FIRST_LIMIT && n < limit).length,
    );
    expect((await held()).map(([n]) => n)).toEqual(expected(limit).map(([n]) => n));
    const seen = await direct.hits({ tenant: 'a', status: 'open', limit: HITS });
    expect(seen.reduce((sum, { timesSeen }) => sum + timesSeen, 0)).toBe(hitsWhere(isOpen).length + answers);
    // No text of what was erased is left anywhere.
    const left = await server.run('SELECT DISTINCT hit FROM hit_event WHERE body IS NOT NULL', url);
    expect(left.map(({ hit }) => Number(String(hit).slice(1))).sort((a, b) => a - b)).toEqual(
      expected(limit).map(([n]) => n),
    );
    expect(await problems()).toEqual([]);
    await Promise.all([one, other, recorder].map((store) => store.close()));
  }, 60_000);
});

test.runIf(hasPostgres)(
  'old Idempotency-Keys are deleted by their age, and the others are not read for it',
  async () => {
    const server = await sharedServer();
    const url = await server.createSchema(server.url());
    const DAY = 86_400_000;
    const first = openPostgresLedger(url);
    await first.open();
    await first.close();
    await server.run(
      `INSERT INTO answered SELECT 'a', 'scan s 1 0 ' || n, 1, 'f' FROM generate_series(1, 3000) AS n;
     INSERT INTO answered SELECT 'a', 'old ' || n, ${HOUR} - n, 'f' FROM generate_series(0, 6) AS n;
     INSERT INTO answered SELECT 'a', 'young ' || n, ${HOUR} + n, 'f' FROM generate_series(1, 3000) AS n;
     ANALYZE answered`,
      url,
    );
    const before = await readsOf(server, url, 'answered');
    const store = openPostgresLedger(url, { foldGroups: 1 });
    await store.append({ atMs: HOUR, steadyMs: HOUR + DAY, entries: [entry({ tallies: [tally('a', HOUR)] })] });
    await store.close();
    const kinds = `SELECT split_part(key, ' ', 1) AS kind, count(*)::int4 AS keys FROM answered GROUP BY 1 ORDER BY 1`;
    const rows = (await readsOf(server, url, 'answered')) - before;
    expect(await server.run(kinds, url)).toEqual([
      { kind: 'scan', keys: 3_000 },
      { kind: 'young', keys: 3_000 },
    ]);
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThan(100);
  },
);
