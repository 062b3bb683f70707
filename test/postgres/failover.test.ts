/** A primary that dies, and the standby that is promoted in its place: two servers, and the URL of both. */
import { describe, expect, test } from 'vitest';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import type { LedgerEntry, LedgerStore } from '../../src/store/ledger-contract.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { checkedIn, expectExactly, Load, seenIn } from '../support/ledger-load.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, PostgresServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

const canKill = orLeftOut(hasPostgres && process.platform === 'linux', 'No PostgreSQL on Linux', 'tests of failovers');

const NAME = 'standby';
const GAP_MS_MAX = 10_000;

const append = (store: LedgerStore, over: Partial<LedgerEntry> = {}) =>
  store.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)], ...over })] });
const bytesAt = async (server: PostgresServer, lsn: string) =>
  BigInt(String((await server.run(`SELECT ${lsn} - '0/0'::pg_lsn AS bytes`))[0]!.bytes));

describe.runIf(canKill)('a failover while processes record', () => {
  test('to a synchronous standby has every acknowledged answer and hit once', async () => {
    const primary = await PostgresServer.create(`synchronous_standby_names=${NAME}`);
    const standby = await primary.createStandby(NAME);
    const follower = async () => (await primary.run('SELECT application_name, sync_state FROM pg_stat_replication'))[0];
    await expect.poll(follower, { timeout: 10_000 }).toEqual({ application_name: NAME, sync_state: 'sync' });
    const hosts = `${primary.host},${standby.host}`;
    const stores = [1, 2, 3, 4].map(() => openPostgresLedger(primary.url('postgres', hosts), { foldGroups: 20 }));
    await Promise.all(stores.map((store) => store.open()));
    // The replies of this one can be lost: its answer is committed, and the process does not know.
    const proxy = await PostgresProxy.to(primary);
    const uncertain = openPostgresLedger(proxy.url(primary.url()).replace('/postgres', `,${standby.host}/postgres`));
    await append(uncertain);

    const load = new Load(stores);
    await load.more(100);
    let killed: Promise<void> | undefined;
    let diedMs = 0;
    proxy.loseReply('UPDATE ledger_writer', () => {
      diedMs = performance.now();
      killed = primary.killAll();
    });
    const doubtful = append(uncertain);
    await expect.poll(() => diedMs, { interval: 1, timeout: 10_000 }).toBeGreaterThan(0);
    await killed;
    proxy.close();
    await standby.run('SELECT pg_promote()');
    await load.more(1);
    const gapMs = performance.now() - diedMs;
    await load.more(100);
    await load.end();
    expect(await doubtful).toEqual([{ outcome: 'recorded', hits: [] }]);
    expect(proxy.lostReplies).toBe(1);
    process.stderr.write(
      `Failover to a synchronous standby: ${load.checked} answers, a gap of ${gapMs.toFixed(0)} ms\n`,
    );
    expect(gapMs).toBeLessThan(GAP_MS_MAX);
    load.checked += 2;
    await expectExactly(stores[0]!, load);
    await Promise.all([...stores, uncertain].map((store) => store.close()));
    await standby.stop();
  }, 60_000);

  test('to a standby that is behind is noticed by each process whose answers it lacks; it records no more', async () => {
    const primary = await PostgresServer.create();
    const proxy = await PostgresProxy.to(primary);
    const standby = await primary.createStandby(NAME, proxy.url(primary.url()));
    const url = primary.url('postgres', `${primary.host},${standby.host}`);
    const stores = [1, 2, 3].map(() => openPostgresLedger(url, { foldGroups: 20 }));
    const [counts, hits, idle] = stores as [LedgerStore, LedgerStore, LedgerStore];
    for (const store of stores) await append(store);
    await append(hits, { sightings: [sighting(1, 1)] });
    const { heads: before } = await idle.verify();
    const written = await bytesAt(primary, 'pg_current_wal_flush_lsn()');
    await expect
      .poll(async () => (await bytesAt(standby, 'pg_last_wal_replay_lsn()')) >= written, { timeout: 10_000 })
      .toBe(true);

    // Acknowledged, and not on the standby.
    proxy.stall();
    for (let n = 0; n < 25; n++) await append(counts);
    for (let n = 0; n < 5; n++) await append(hits, { sightings: [sighting(10 + n, 10 + n)] });
    const { heads: acknowledged } = await idle.verify();
    const [checked, seen] = [await checkedIn(idle), await seenIn(idle)];
    await primary.killAll();
    proxy.close();
    await standby.run('SELECT pg_promote()');

    const lost = { code: 'LEDGER_INVALID', details: { why: expect.stringContaining('lost answers') } };
    for (let n = 0; n < 2; n++) {
      await expect(append(counts)).rejects.toMatchObject(lost);
      await expect(append(hits, { sightings: [sighting(100, 100)] })).rejects.toMatchObject(lost);
    }
    await expect(counts.probe()).rejects.toMatchObject(lost);
    // What is there is whole: only heads that were kept elsewhere say that more was acknowledged.
    const { heads: after, problems } = await idle.verify();
    expect(problems).toEqual([]);
    expect(after).toEqual(before);
    expect(after).not.toEqual(acknowledged);
    const missing = [checked - (await checkedIn(idle)), seen - (await seenIn(idle))];
    process.stderr.write(
      `Failover to a standby that is behind: ${missing.join(' answers and ')} hits lost, and noticed\n`,
    );
    expect(missing).toEqual([30, 5]);
    // A process that lost nothing records, and so does one that starts again.
    await append(idle);
    const restarted = openPostgresLedger(url);
    await append(restarted);
    expect(await checkedIn(restarted)).toBe(checked - 30 + 2);
    expect((await restarted.verify()).problems).toEqual([]);
    await Promise.all([...stores, restarted].map((store) => store.close()));
    await standby.stop();
  }, 60_000);
});
