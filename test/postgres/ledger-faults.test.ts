/** Whatever fails between processes and PostgreSQL: each answer is counted once, or the loss is noticed. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import type { Appended, LedgerEntry, LedgerStore } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { checkedIn, expectExactly, Load, seenIn } from '../support/ledger-load.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, PostgresServer, sharedServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

const canKill = orLeftOut(hasPostgres && process.platform === 'linux', 'No PostgreSQL on Linux', 'tests of its kill');

/** As it is sent; the beginning of a transaction names the level READ COMMITTED. */
const COMMIT = 'COMMIT\0';

describe.runIf(canKill)('a server that is killed while three processes record', () => {
  test('has every acknowledged answer and hit once', async () => {
    const server = await PostgresServer.create();
    const stores = [1, 2, 3].map(() => openPostgresLedger(server.url(), { foldGroups: 20 }));
    await Promise.all(stores.map((store) => store.open()));
    const load = new Load(stores);
    for (let round = 0; round < 2; round++) {
      await load.more(60);
      await server.killAll();
      await server.start();
    }
    await load.more(30);
    await load.end();
    await expectExactly(stores[0]!, load);
    await Promise.all(stores.map((store) => store.close()));
    await server.stop();
  });
});

describe.runIf(hasPostgres)('the ledger in PostgreSQL', () => {
  let server: PostgresServer;
  let proxy: PostgresProxy;
  let url = '';
  let stores: LedgerStore[] = [];
  const opened = (by = url) => {
    const store = openPostgresLedger(by, { foldGroups: 20 });
    stores.push(store);
    return store;
  };
  const append = (store: LedgerStore, over: Partial<LedgerEntry> = {}) =>
    store.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)], ...over })] });
  beforeEach(async () => {
    server = await sharedServer();
    url = await server.createSchema(server.url());
    proxy = await PostgresProxy.to(server);
    stores = [];
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await Promise.all(stores.map((store) => store.close()));
    proxy.close();
  });

  async function expectNoDeadlock(): Promise<void> {
    expect((await stores.at(-1)!.verify()).problems).toEqual([]);
    // Sessions that end have reported what they met.
    await Promise.all(stores.splice(0).map((store) => store.close()));
    const [after] = await server.run('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()');
    expect(after).toEqual({ deadlocks: '0' });
  }

  test('counts each answer once while connections are cut', async () => {
    const load = new Load([1, 2, 3].map(() => opened(proxy.url(url))));
    for (let cuts = 0; cuts < 8; cuts++) {
      await load.more(12);
      proxy.cut();
    }
    await load.more(12);
    await load.end();
    await expectExactly(opened(), load);
  });

  test('counts each answer once after a network that delivered nothing for a while', async () => {
    const load = new Load([1, 2].map(() => opened(proxy.url(url))));
    await load.more(20);
    proxy.stall();
    await delay(2_000);
    proxy.flow();
    await load.more(20);
    await load.end();
    expect(load.slowest.ms).toBeGreaterThan(1_500);
    expect(load.slowest.ms).toBeLessThan(10_000);
    await expectExactly(opened(), load);
  });

  test.each([
    ['counts alone', 'UPDATE ledger_writer', {}],
    ['a hit', COMMIT, { sightings: [sighting(1, 1)] }],
    ['an Idempotency-Key', COMMIT, { idempotency: { key: 'k', fingerprint: 'f' } }],
  ])('a group is on record once where the reply of its commit is lost: %s', async (_name, text, over) => {
    const store = opened(proxy.url(url));
    await append(store);
    proxy.loseReply(text);
    const [appended] = await append(store, over);
    expect(proxy.lostReplies).toBe(1);
    expect(appended).toEqual({
      outcome: 'recorded',
      hits: 'sightings' in over ? [{ id: 'H000001', isNew: true }] : [],
    });
    expect(await checkedIn(store)).toBe(2);
    await append(store);
    expect((await store.verify()).problems).toEqual([]);
  });

  test.each([
    ['committed', 'loseReply', 3],
    ['not committed', 'cutAt', 2],
  ] as const)(
    'a group whose outcome stays unknown is LEDGER_FAILED; the next one finds that it was %s',
    async (_name, fault, checked) => {
      const store = opened(proxy.url(url));
      await append(store);
      const now = performance.now.bind(performance);
      // The patience of the group has ended.
      proxy[fault]('UPDATE ledger_writer', () => {
        vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
      });
      await expect(append(store)).rejects.toMatchObject({ code: 'LEDGER_FAILED' });
      await append(store, { sightings: [sighting(1, 1)] });
      expect(await checkedIn(store)).toBe(checked);
      expect((await store.verify()).problems).toEqual([]);
    },
  );

  test('a change of a hit is made once where the reply of its commit is lost', async () => {
    const store = opened(proxy.url(url));
    await append(store, { sightings: [sighting(1, 1)] });
    proxy.loseReply(COMMIT);
    const change = { atMs: HOUR, status: 'notified', note: null, by: 'k', startedMs: HOUR, stoppedMs: null } as const;
    expect(await store.changeHit('a', 'H000001', 'open', change)).toBe(true);
    expect(proxy.lostReplies).toBe(1);
    expect((await store.hit('a', 'H000001'))!.history).toHaveLength(1);
    expect((await store.verify()).problems).toEqual([]);
  });

  test('a change that was not committed is tried again, where another process has made it meanwhile', async () => {
    const [store, other] = [opened(proxy.url(url)), opened()];
    await append(store, { sightings: [sighting(1, 1)] });
    await append(other);
    const change = { atMs: HOUR, status: 'notified', note: null, by: 'k', startedMs: HOUR, stoppedMs: null } as const;
    let made: Promise<boolean> | undefined;
    proxy.cutAt(COMMIT, () => {
      made = other.changeHit('a', 'H000001', 'open', change);
    });
    expect(await store.changeHit('a', 'H000001', 'open', change)).toBe(false);
    expect(await made).toBe(true);
    await append(store);
    expect((await store.hit('a', 'H000001'))!.history).toHaveLength(1);
    expect((await store.verify()).problems).toEqual([]);
  });

  test('a failover that lost commits is noticed by their process, which then records nothing; others do', async () => {
    const [store, other] = [opened(), opened()];
    await append(store);
    const [before] = await server.run('SELECT seq, hash FROM ledger_writer', url);
    await append(store);
    // As the standby has it that did not get the second one.
    const hash = (before!.hash as Buffer).toString('hex');
    await server.run(
      `DELETE FROM ledger_link WHERE seq = 2; UPDATE ledger_writer SET seq = 1, hash = '\\x${hash}'`,
      url,
    );
    const lost = {
      code: 'LEDGER_INVALID',
      details: { why: expect.stringContaining('lost'), action: expect.any(String) },
    };
    await expect(store.probe()).rejects.toMatchObject(lost);
    for (let n = 0; n < 2; n++) await expect(append(store)).rejects.toMatchObject(lost);
    await expect(append(store, { sightings: [sighting(1, 1)] })).rejects.toMatchObject(lost);
    await append(other);
    expect(await checkedIn(store)).toBe(2);
    expect((await other.verify()).problems).toEqual([]);
  });

  test.each([
    ['counts alone', {}],
    ['a hit', { sightings: [sighting(1, 1)] }],
  ])('lost commits are noticed by the next group: %s', async (_name, over) => {
    const store = opened();
    await append(store);
    await server.run('DELETE FROM ledger_link; DELETE FROM ledger_writer', url);
    await expect(append(store, over)).rejects.toMatchObject({ code: 'LEDGER_INVALID' });
    expect(await seenIn(store)).toBe(0);
  });

  test('one Idempotency-Key at two processes at once is counted once, whatever the order of keys and hits', async () => {
    const both = [opened(), opened()];
    const keys = Array.from({ length: 60 }, (_, n) => n);
    const group = (of: number, round: number): LedgerEntry[] =>
      (of === 0 ? keys : [...keys].reverse()).map((n) =>
        entry({
          idempotency: { key: `${round} ${n}`, fingerprint: 'f' },
          tallies: [tally('a', HOUR)],
          sightings: [sighting(10_000 * of + 100 * round + n, n)],
        }),
      );
    for (let round = 0; round < 8; round++) {
      const outcomes = await Promise.all(
        both.map((store, of) => store.append({ atMs: HOUR, entries: group(of, round) })),
      );
      const names = (appended: readonly Appended[]) => appended.map(({ outcome }) => outcome);
      expect(names(outcomes[0]!).map((name, at) => [name, names(outcomes[1]!)[keys.length - 1 - at]].sort())).toEqual(
        keys.map(() => ['recorded', 'repeated']),
      );
    }
    expect(await checkedIn(both[0]!)).toBe(8 * keys.length);
    expect(await seenIn(both[0]!)).toBe(8 * keys.length);
    await expectNoDeadlock();
  });

  test('processes that see the same hits in opposite order do not wait in a circle', async () => {
    const both = [opened(), opened()];
    const files = Array.from({ length: 60 }, (_, n) => n);
    for (let round = 0; round < 15; round++) {
      await Promise.all(
        both.map((store, of) => {
          const seen = files.map((n) => sighting(10_000 * of + 100 * round + n, n + 30 * round));
          return append(store, { sightings: of === 0 ? seen : seen.reverse() });
        }),
      );
    }
    expect(await seenIn(both[0]!)).toBe(2 * 15 * files.length);
    await expectNoDeadlock();
  });

  test('of two people who change one case at once, one does', async () => {
    const both = [opened(), opened()];
    await append(both[0]!, { sightings: [sighting(1, 1)] });
    const change = { atMs: HOUR, note: null, by: 'k', startedMs: HOUR, stoppedMs: null } as const;
    const made = await Promise.all(
      both.map((store, of) =>
        store.changeHit('a', 'H000001', 'open', { ...change, status: of === 0 ? 'notified' : 'confirmed' }),
      ),
    );
    expect(made.sort()).toEqual([false, true]);
    expect((await both[0]!.verify()).problems).toEqual([]);
  });
});
