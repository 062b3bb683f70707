/** `ZEEF_LEDGER_SYNC=hits` in PostgreSQL: what an answer waits for, and what a crash of the server leaves. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { openPostgresLedger, type PostgresLedgerOptions } from '../../src/postgres/ledger/ledger.js';
import type { LedgerEntry, LedgerStore } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { checkedIn, expectExactly, Load, seenIn } from '../support/ledger-load.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, PostgresServer } from '../support/postgres.js';

const canKill = orLeftOut(hasPostgres && process.platform === 'linux', 'No PostgreSQL on Linux', 'tests of its kill');

describe.runIf(canKill)('counts that are flushed after their answer', () => {
  let server: PostgresServer;
  let stores: LedgerStore[] = [];
  const opened = (options: PostgresLedgerOptions = {}) => {
    const store = openPostgresLedger(server.url(), { sync: 'hits', foldGroups: 10_000, ...options });
    stores.push(store);
    return store;
  };
  const append = (store: LedgerStore, over: Partial<LedgerEntry> = {}) =>
    store.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)], ...over })] });
  const isPending = async (answer: Promise<unknown>) =>
    (await Promise.race([answer.then(() => 'done'), delay(500, 'pending')])) === 'pending';
  /** Wait for a standby that is not there, or for none: a commit that waits for its flush waits for that too. */
  const waitFor = async (standby: string) => {
    await server.run(`ALTER SYSTEM SET synchronous_standby_names = '${standby}'`);
    await server.run('SELECT pg_reload_conf()');
    await delay(200);
  };
  beforeEach(async () => {
    server = await PostgresServer.create();
    // Only Zeef flushes what nothing waits for.
    await server.run(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
    await server.run('SELECT pg_reload_conf()');
    stores = [];
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await server.stop();
  });

  test('answers with a hit or an Idempotency-Key wait, counts alone do not; by default all do', async () => {
    const [hits, answers] = [opened(), opened({ sync: 'answers' })];
    for (const store of stores) await append(store);
    const waiting = async (store: LedgerStore, over: Partial<LedgerEntry> = {}) => {
      await waitFor('nobody');
      const answer = append(store, over);
      const isWaiting = await isPending(answer);
      await waitFor('');
      await answer;
      return isWaiting;
    };
    expect(await waiting(answers)).toBe(true);
    expect(await waiting(hits)).toBe(false);
    expect(await waiting(hits, { sightings: [sighting(1, 1)] })).toBe(true);
    expect(await waiting(hits, { idempotency: { key: 'k', fingerprint: 'f' } })).toBe(true);
    expect(await checkedIn(hits)).toBe(6);
    expect((await answers.verify()).problems).toEqual([]);
  }, 60_000);

  test.each([false, true])(
    'a process sends again what a crashed server has lost; first a hit: %s',
    async (isHit) => {
      const [store, other] = [opened(), opened()];
      await append(store, { sightings: [sighting(1, 1)] });
      await append(other, { sightings: [sighting(2, 2)] });
      for (let round = 0; round < 3; round++) {
        const before = await checkedIn(other);
        for (let n = 0; n < 4; n++) await append(store);
        await server.killAll();
        await server.start();
        // The four are lost, or this process has sent them again in the meantime.
        await append(store, isHit ? { sightings: [sighting(10 + round, 10 + round)] } : {});
        expect(await checkedIn(other)).toBe(before + 5);
      }
      expect(await seenIn(other)).toBe(2 + (isHit ? 3 : 0));
      expect((await other.verify()).problems).toEqual([]);
    },
    60_000,
  );

  test('a crash of the server and of the process loses counts of a moment, and no hit', async () => {
    await append(opened());
    const counts = JSON.stringify({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)] })] });
    const hit = JSON.stringify({ atMs: HOUR, entries: [entry({ sightings: [sighting(1, 1)] })] });
    const file = join(tempFolder('late-flush'), 'process.mjs');
    writeFileSync(
      file,
      `import { openPostgresLedger } from ${JSON.stringify(artefact('src', 'postgres', 'ledger', 'ledger.js'))};
      const store = openPostgresLedger(${JSON.stringify(server.url())}, { sync: 'hits' });
      for (let n = 0; n < 10; n++) await store.append(${counts});
      await new Promise((resolve) => setTimeout(resolve, 500));
      await store.append(${hit});
      for (let n = 0; n < 4; n++) await store.append(${counts});
      process.kill(process.pid, 'SIGKILL');`,
    );
    const child = spawn(process.execPath, [file], { env: childEnv(), stdio: 'inherit' });
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
    await server.killAll();
    await server.start();
    const next = opened();
    const checked = await checkedIn(next);
    expect(checked).toBeGreaterThanOrEqual(11);
    expect(checked).toBeLessThan(15);
    expect(await seenIn(next)).toBe(1);
    expect((await next.verify()).problems).toEqual([]);
    await append(next);
    expect(await checkedIn(next)).toBe(checked + 1);
  }, 60_000);

  test('a server that is killed while three processes record has every acknowledged answer once', async () => {
    for (let n = 0; n < 3; n++) opened({ foldGroups: 20 });
    await Promise.all(stores.map((store) => store.open()));
    const load = new Load(stores);
    for (let round = 0; round < 3; round++) {
      await load.more(60);
      await server.killAll();
      await server.start();
    }
    await load.more(30);
    await load.end();
    await expectExactly(stores[0]!, load);
  }, 60_000);

  test('what nothing waits for is flushed within the promised time, and then nothing is', async () => {
    const syncs: boolean[] = [];
    const store = opened({ onSync: (ok) => syncs.push(ok) });
    const position = async (of: string) =>
      Number((await server.run(`SELECT pg_wal_lsn_diff(${of}, '0/0') AS at`))[0]!.at);
    for (let n = 1; n < 4; n++) {
      await append(store);
      const written = await position('pg_current_wal_insert_lsn()');
      await expect.poll(() => syncs.length, { interval: 5 }).toBe(n);
      expect(await position('pg_current_wal_flush_lsn()')).toBeGreaterThanOrEqual(written);
    }
    await delay(300);
    expect(syncs).toEqual([true, true, true]);
  }, 60_000);
});
