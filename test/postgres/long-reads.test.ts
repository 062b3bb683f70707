/** Reads over whole tables, which take longer than those of a request: reports and verifications, and removals of a lagging reader. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/period.js';
import { Database, type Sql } from '../../src/postgres/database.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { raiseGeneration } from '../../src/postgres/lists/generations.js';
import { removalsSince } from '../../src/postgres/lists/removals.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import type { FeedPosition } from '../../src/store/lists-contract.js';
import type { Store } from '../../src/store/store.js';
import { openPostgres } from '../store/backends.js';
import { HOUR } from '../store/ledger-contract.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { hasPostgres, sharedServer } from '../support/postgres.js';
import { fillStore } from '../support/rich-store.js';

const ROWS = 50;
const TIMEOUT_MS = 120_000;
const md5 = (n: number) => n.toString(16).padStart(32, '0');

describe.runIf(hasPostgres)('with tables that are empty to statements of a request', { timeout: TIMEOUT_MS }, () => {
  let store: Store;
  let ledger: LedgerStore;
  let before: object;
  const period = { tenant: null, fromMs: HOUR - DAY_MS, toMs: HOUR + 100 * DAY_MS };
  const reports = async () => ({
    counts: await ledger.counts({ ...period, interval: 'day', seriesCells: true }),
    cases: await ledger.cases({ ...period, runningSinceMs: [HOUR + DAY_MS] }),
    ledger: await ledger.verify(),
    audit: await store.audit.verify(),
    list: await store.lists.verify('large'),
  });
  beforeAll(async () => {
    const server = await sharedServer();
    const url = await server.createDatabase();
    [store, ledger] = [await openPostgres(url), openPostgresLedger(url)];
    await fillStore(store, ledger, ROWS);
    before = await reports();
    const tables = ['entry', 'audit', 'tally', 'hit', 'hit_event', 'ledger_checkpoint'];
    const hide = (table: string) =>
      `ALTER TABLE ${table} RENAME TO ${table}_rows;
       CREATE VIEW ${table} AS SELECT * FROM ${table}_rows WHERE current_setting('statement_timeout') <> '8s';`;
    await server.run(tables.map(hide).join('\n'), url);
  }, TIMEOUT_MS);
  afterAll(async () => {
    await ledger?.close();
    await store?.close();
  });

  test('reports and verifications read all rows', async () => {
    expect(await ledger.hits({ tenant: null, limit: 10 })).toEqual([]);
    expect(before).toMatchObject({
      counts: { tenants: [{ tenant: 'a' }, { tenant: 'b' }] },
      cases: expect.arrayContaining([expect.objectContaining({ byStatus: expect.anything() })]),
      ...{ ledger: { ok: true }, audit: { ok: true }, list: { ok: true } },
    });
    expect(await reports()).toEqual(before);
  });
});

describe.runIf(hasPostgres)('removals', { timeout: TIMEOUT_MS }, () => {
  let url: string;
  let store: Store;
  let database: Database;
  const run = async (sql: string) => (await sharedServer()).run(sql, url);
  const position = async () => (await store.lists.changes(null))!.position;
  beforeAll(async () => {
    url = await (await sharedServer()).createDatabase();
    store = await openPostgres(url);
    database = new Database(url);
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  }, TIMEOUT_MS);
  afterAll(async () => {
    await database?.close();
    await store?.close();
  });

  test('of a generation are forgotten with those before it, whatever their times are', async () => {
    const all = [1, 2, 3].map((n) => entryRow(n, 'md5', md5(n)));
    await store.lists.replaceEntries('a', stream(all));
    const first = await position();
    await store.lists.changeEntries('a', { entryId: 'e2' }, 'remove');
    const second = await position();
    await store.lists.changeEntries('a', { entryId: 'e3' }, 'remove');
    await run(`UPDATE generation SET at = now() - interval '8 days' WHERE number = ${second.generation}`);
    const removedSince = async (since: FeedPosition) => (await store.lists.changes(since))?.removed.length ?? null;
    expect([await removedSince(first), await removedSince(second)]).toEqual([2, 1]);
    await store.lists.updateList('a', { radiusBits: 30 });
    expect([await removedSince(first), await removedSince(second)]).toEqual([null, null]);
  });

  test('have a time that rises with the generation, also in a transaction that began before another one', async () => {
    await database.write(async (sql) => {
      await sql('SELECT 1');
      await store.lists.updateList('a', { radiusBits: 29 });
      await raiseGeneration(sql);
    });
    const falls = await run(
      `SELECT number FROM (SELECT number, at, lag(at) OVER (ORDER BY number) AS before FROM generation) AS all_of_them
       WHERE before > at`,
    );
    expect(falls).toEqual([]);
  });

  test('are read in pages; for more than a limit a reader loads everything', async () => {
    const { generation, ...rest } = await position();
    // Without indexes: four million rows are written in seconds.
    await run(
      `ALTER TABLE removal DROP CONSTRAINT removal_pkey; DROP INDEX removal_generation; ALTER TABLE removal SET UNLOGGED;
       INSERT INTO removal SELECT n, ${generation + 1}, 0 FROM generate_series(100001, 112001) AS n`,
    );
    let longest = 0;
    const read = (most?: number) =>
      database.snapshot((sql) => {
        const counted: Sql = async (text, values) => {
          const rows = await sql<never>(text, values);
          longest = Math.max(longest, rows.length);
          return rows;
        };
        return removalsSince(counted, generation, most);
      });
    expect((await read(12_001))!.map(({ entryKey }) => entryKey).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12_001 }, (_, at) => 100_001 + at),
    );
    expect(longest).toBe(5_000);
    expect(await read(12_000)).toBeNull();
    const changes = await store.lists.changes({ generation, ...rest });
    expect(changes!.removed).toHaveLength(12_001);
    await run(`INSERT INTO removal SELECT n, ${generation + 1}, 0 FROM generate_series(200001, 4188001) AS n`);
    expect(await store.lists.changes({ generation, ...rest })).toBeNull();
  });
});
