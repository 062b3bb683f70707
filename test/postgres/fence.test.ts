/**
 * The second fence between tenants: raw SQL as Zeef's own user sees the rows of the tenant that its transaction names, of all where
 * it says so, and none without a word.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/postgres/database.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import type { Store } from '../../src/store/store.js';
import { openPostgres } from '../store/backends.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { hasPostgres, type PostgresServer, sharedServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

/** Fenced tables, and the tenant of a row in SQL; null: a row is of no single tenant. */
const FENCED: Readonly<Record<string, string | null>> = {
  tenant: 'name',
  tenant_usage: 'tenant',
  api_key: 'tenant',
  audit: 'tenant',
  webhook: 'tenant',
  webhook_event: '(SELECT tenant FROM webhook WHERE webhook.id = webhook_id)',
  share: 'tenant',
  tally: 'tenant',
  hit: 'tenant',
  hit_event: 'tenant',
  answered: 'tenant',
  hit_news: null,
  note: null,
  ledger_link: null,
};
const OF_TENANTS = Object.entries(FENCED).flatMap(([table, of]) => (of === null ? [] : [[table, of] as const]));
const OF_SERVICE = Object.keys(FENCED).filter((table) => FENCED[table] === null);

/** Of the service, of processes, or of lists, which are those of all tenants: a new table is fenced, or is named here. */
const OPEN = [
  ...['migration', 'store', 'duty', 'replica', 'import_job', 'audit_head', 'share_holder', 'data_key', 'generation'],
  ...['list', 'entry', 'past_entry', 'removal', 'removed_list', 'disabled_entry', 'withdrawal', 'list_version'],
  ...['held_part', 'import_run', 'staged_entry', 'staged_withdrawal', 'feedback', 'blob', 'blob_part', 'blob_place'],
  ...['moving', 'moved_table', 'moved', 'moved_away', 'ledger_writer', 'ledger_checkpoint', 'ledger_head'],
  ...['joined_scan', 'scan_shard', 'scan_folder', 'scan_range', 'scan_line'],
];

const REFUSED = /row-level security/;

describe.runIf(hasPostgres)('the fence between tenants', () => {
  let server: PostgresServer;
  let url = '';
  let store: Store;
  let ledger: LedgerStore;
  const ids: Record<string, { key: string; keyId: string; hook: string; hit: string }> = {};

  beforeAll(async () => {
    server = await sharedServer();
    url = await server.createSchema(server.url());
    store = await openPostgres(url);
    ledger = openPostgresLedger(url, { foldGroups: 1_000 });
    for (const [at, tenant] of ['a', 'b'].entries()) await fill(tenant, at + 1);
    await store.webhooks.addWebhook({ tenant: null, url: 'https://x/', secretEnv: 'S', mark: '', nowMs: HOUR });
    const claim = { checks: 1, requests: 1 };
    await store.shares.exchange(
      'p',
      [
        { tenant: 'a', use: claim, claim },
        { tenant: 'b', use: claim, claim },
      ],
      600_000,
    );
    await store.notes.send({ writer: 'p', number: 1, body: Buffer.from('x') }, 600_000);
    // What is on record is folded. A link that belongs to no chain is folded by none.
    await ledger.newsMark();
    const body = JSON.stringify({ tallies: [tally('b', HOUR, 7)], events: [], news: [] });
    await server.run(`INSERT INTO ledger_link VALUES ('forged', 1, 0, '${body}', '')`, url);
  });
  afterAll(async () => {
    await ledger?.close();
    await store?.close();
  });

  async function fill(tenant: string, n: number): Promise<void> {
    const { key, info } = await store.keys.createKey({ tenant, scopes: ['check'], expiresAt: null });
    await store.tenants.addUsage(tenant, '2026-11-01', { checks: n, bytes: n, distinct: null });
    const hook = await store.webhooks.addWebhook({ tenant, url: 'https://x/', secretEnv: 'S', mark: '', nowMs: HOUR });
    await store.webhooks.ping(tenant, hook.id, { kind: 'ping', subject: 's', body: '{}' }, HOUR);
    await store.audit.append({
      ...{ at: new Date(HOUR).toISOString(), actor: 'x', action: 'tenant.set', tenant, target: null, details: {} },
      ...{ outcome: null, ends: null },
    });
    const seen = sighting(n, n, { tenant });
    const idempotency = { key: 'k', fingerprint: 'f' };
    await ledger.append({
      atMs: HOUR,
      entries: [entry({ tenant, idempotency, tallies: [tally(tenant, HOUR)], sightings: [seen] })],
    });
    ids[tenant] = { key, keyId: info.id, hook: hook.id, hit: seen.hitId };
  }

  /** Run one statement as Zeef's user. `scope` null: nothing is set. */
  const as = async (scope: string | null, sql: string) => {
    const set = scope === null ? '' : `SET zeef.tenant = '${scope}';`;
    return server.runAs('zeef', `${set} ${sql}`, url);
  };
  const count = async (scope: string | null, from: string) =>
    Number((await as(scope, `SELECT count(*) FROM ${from}`))[0]!.count);
  const changed = async (scope: string | null, sql: string) =>
    Number((await as(scope, `WITH changed AS (${sql} RETURNING 1) SELECT count(*) FROM changed`))[0]!.count);
  const truth = async (from: string) => Number((await server.run(`SELECT count(*) FROM ${from}`, url))[0]!.count);
  const rowOf = async (table: string, where: string) => {
    const [row] = await server.run(`SELECT to_json(${table}) AS json FROM ${table} WHERE ${where} LIMIT 1`, url);
    return JSON.stringify(row!.json).replaceAll("'", "''");
  };
  const insert = (table: string, row: string) =>
    `INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_record(NULL::${table}, '${row}')`;

  test('guards all tables that have rows of tenants, for their owner too', async () => {
    const tables = await server.run(
      `SELECT relname AS name, relrowsecurity AND relforcerowsecurity AS fenced FROM pg_class
       WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`,
      url,
    );
    const named = (is: boolean) => tables.filter(({ fenced }) => fenced === is).map(({ name }) => String(name));
    expect(named(true).sort()).toEqual(Object.keys(FENCED).sort());
    expect(named(false).sort()).toEqual([...OPEN].sort());
    expect(await as(null, `SELECT row_security_active('hit') AS active, current_user AS name`)).toEqual([
      { active: true, name: 'zeef' },
    ]);
  });

  test.each(OF_TENANTS)('%s: a tenant sees and changes its own rows alone', async (table, of) => {
    const [own, all] = [await truth(`${table} WHERE ${of} = 'a'`), await truth(table)];
    expect(own).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(own);
    expect(await count('a', table)).toBe(own);
    expect(await count('*', table)).toBe(all);
    const column = of.startsWith('(') ? 'state' : of;
    for (const [scope, where] of [
      ['a', `${of} IS DISTINCT FROM 'a'`],
      ['c', 'true'],
      ['', 'true'],
      [null, 'true'],
    ] as const) {
      expect(await count(scope, `${table} WHERE ${where}`)).toBe(0);
      expect(await changed(scope, `UPDATE ${table} SET ${column} = ${column} WHERE ${where}`)).toBe(0);
      expect(await changed(scope, `DELETE FROM ${table} WHERE ${where}`)).toBe(0);
      await expect(as(scope, insert(table, await rowOf(table, `${of} = 'b'`)))).rejects.toThrow(REFUSED);
    }
    const move = of.startsWith('(') ? `webhook_id = '${ids.b!.hook}'` : `${of} = 'b'`;
    await expect(as('a', `UPDATE ${table} SET ${move}`)).rejects.toThrow(REFUSED);
    expect(await truth(table)).toBe(all);
  });

  test.each(OF_SERVICE)('%s: rows of no single tenant are seen by the service alone', async (table) => {
    const all = await truth(table);
    expect(all).toBeGreaterThan(0);
    expect(await count('*', table)).toBe(all);
    for (const scope of ['a', '', null]) {
      expect(await count(scope, table)).toBe(0);
      expect(await changed(scope, `DELETE FROM ${table}`)).toBe(0);
      if (table !== 'ledger_link')
        await expect(as(scope, insert(table, await rowOf(table, 'true')))).rejects.toThrow(REFUSED);
    }
  });

  test('a connection that is given back has no tenant, whatever became of its transaction', async () => {
    const database = new Database(url);
    const setting = `SELECT current_setting('zeef.tenant', true) AS is, (SELECT count(*) FROM hit) AS hits FROM pg_sleep(0.05)`;
    const one = database.forTenant('a');
    const all = database.forAll();
    expect(await one.read('SELECT DISTINCT tenant FROM hit')).toEqual([{ tenant: 'a' }]);
    const fail = (within: Database) => within.write((sql) => sql('SELECT 1 / 0')).catch(() => {});
    // As many as each pool has.
    for (const within of [one, all])
      await Promise.all([
        ...[1, 2, 3, 4].map(() => within.read(setting)),
        ...[1, 2].map(() => within.write((sql) => sql(setting))),
        ...[1, 2].map(() => fail(within)),
      ]);
    await Promise.all([1, 2, 3, 4].map(() => database.read(`SELECT * FROM key_of_any_tenant(NULL)`)));
    const left = [
      ...[1, 2, 3, 4].map(() => database.read<{ is: string | null; hits: number }>(setting)),
      ...[1, 2, 3, 4].map(() => database.statement<{ is: string | null; hits: number }>(setting, [])),
      database.snapshot((sql) => sql<{ is: string | null; hits: number }>(setting)),
      database.write((sql) => sql<{ is: string | null; hits: number }>(setting)),
    ];
    for (const [row] of await Promise.all(left)) expect([row!.is || '', row!.hits]).toEqual(['', 0]);
    await database.close();
  });

  test('no name of a tenant opens the fence', async () => {
    const database = new Database(url);
    const tenants = async (name: string) =>
      (await database.forTenant(name).read<{ tenant: string }>('SELECT DISTINCT tenant FROM hit')).length;
    for (const name of ['*', '', "'", "c'; SET zeef.tenant = '*", "\\'; SET zeef.tenant = '*'; --", 'b\0', '%'])
      expect([name, await tenants(name)]).toEqual([name, 0]);
    expect(await database.forFilter('b').read('SELECT DISTINCT tenant FROM hit')).toEqual([{ tenant: 'b' }]);
    await database.close();
    expect(await store.tenants.tenant('*')).toBeNull();
    expect(await store.keys.keys('*')).toEqual([]);
    expect(await ledger.hits({ tenant: '*', limit: 10 })).toEqual([]);
  });

  test("each operation of a tenant sees its own, and does not find another one's", async () => {
    const { a, b } = ids;
    const missing = { code: 'NOT_FOUND' };
    const rotation = { nowMs: HOUR, graceMs: 1 };
    expect((await store.keys.keys('a')).map(({ id }) => id)).toEqual([a!.keyId]);
    await expect(store.keys.rotateKey('a', b!.keyId, rotation)).rejects.toMatchObject(missing);
    await expect(store.keys.revokeKey('a', b!.keyId)).rejects.toMatchObject(missing);
    expect((await store.keys.findByKey(b!.key))!.tenant).toBe('b');
    expect((await store.tenants.usage('a', '2026-11-01')).checks).toBe(1);
    expect((await store.webhooks.webhooks('a')).map(({ id, waiting }) => [id, waiting])).toEqual([[a!.hook, 1]]);
    await expect(store.webhooks.removeWebhook('a', b!.hook)).rejects.toMatchObject(missing);
    await expect(store.webhooks.retry('a', b!.hook)).rejects.toMatchObject(missing);
    await expect(store.webhooks.dead('a', b!.hook, 1)).rejects.toMatchObject(missing);
    expect((await store.audit.page({ tenant: 'a', before: null, limit: 9 })).map(({ tenant }) => tenant)).toEqual([
      'a',
    ]);
    expect(await ledger.hit('a', b!.hit)).toBeNull();
    expect((await ledger.hits({ tenant: 'a', limit: 9 })).map(({ id }) => id)).toEqual([a!.hit]);
    const range = { fromMs: 0, toMs: Date.UTC(2100, 0) };
    const cases = await ledger.cases({ tenant: 'a', ...range, runningSinceMs: [] });
    expect(cases.map(({ tenant }) => tenant)).toEqual(['a']);
    const counts = await ledger.counts({ tenant: 'a', ...range, interval: 'day', seriesCells: true });
    expect(counts.tenants.map(({ tenant, totals }) => [tenant, totals.checked])).toEqual([['a', 1]]);
    // All of them: what an administrator asks for.
    expect(await store.keys.keys(null)).toHaveLength(2);
    expect(await store.webhooks.webhooks(null)).toHaveLength(3);
    expect(await store.audit.page({ tenant: null, before: null, limit: 9 })).toHaveLength(2);
    expect(await ledger.hits({ tenant: null, limit: 9 })).toHaveLength(2);
  });

  test('costs no round trip of a recorded answer, nor of the look-up of a key', async () => {
    const proxy = await PostgresProxy.to(server);
    const by = proxy.url(await server.createSchema(server.url()));
    const [other, recorder] = [await openPostgres(by), openPostgresLedger(by, { foldGroups: 1_000 })];
    const sentBy = async (act: () => Promise<unknown>) => {
      await act();
      const before = proxy.sent;
      await act();
      return proxy.sent - before;
    };
    const { key } = await other.keys.createKey({ tenant: 'a', scopes: ['check'], expiresAt: null });
    expect(await sentBy(() => other.keys.findByKey(key))).toBe(1);
    const append = (over = {}) =>
      recorder.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR)], ...over })] });
    expect(await sentBy(() => append())).toBe(1);
    // The beginning with its scope, the lock of the hits, the link, the commit.
    expect(await sentBy(() => append({ sightings: [sighting(1, 1)] }))).toBe(4);
    await Promise.all([other.close(), recorder.close()]);
    proxy.close();
  });

  test('keeps the plans of whole tables: a page is read by its index, and not sorted', async () => {
    const own = await server.createSchema(server.url());
    await (await openPostgres(own)).close();
    await server.run(
      `INSERT INTO tally SELECT 't' || n % 200, 1, n, 1, 0, 0, 0, 0, '[]' FROM generate_series(1, 20000) AS n;
       INSERT INTO hit_news SELECT 'h' || n, 1, n FROM generate_series(1, 20000) AS n; ANALYZE tally, hit_news`,
      own,
    );
    for (const page of [
      `tally WHERE (tenant, level, start) > ('t2', 1, 5) ORDER BY tenant, level, start LIMIT 2000`,
      'hit_news ORDER BY number LIMIT 2000',
    ]) {
      const plan = await server.runAs('zeef', `SET zeef.tenant = '*'; EXPLAIN SELECT * FROM ${page}`, own);
      const text = plan.map((row) => row['QUERY PLAN']).join('\n');
      expect(text).toContain('Index Scan');
      expect(text).not.toMatch(/Sort|Bitmap/);
    }
  });

  test('a dump fails rather than leaving rows out, or names all tenants', async () => {
    // As pg_dump begins, without and with --enable-row-security.
    await expect(as(null, 'SET row_security = off; SELECT count(*) FROM hit')).rejects.toThrow(REFUSED);
    const options = url.replace('options=', `options=${encodeURIComponent('-c zeef.tenant=* ')}`);
    expect(await server.runAs('zeef', 'SELECT count(*) FROM hit', options)).toEqual([{ count: '2' }]);
  });
});

test.runIf(hasPostgres)('a user who passes over row-level security is noticed', async () => {
  const server = await sharedServer();
  const url = await server.createDatabase();
  const { openPostgresStore } = await import('../../src/postgres/open.js');
  const { keyFromText } = await import('../../src/vault/master-key.js');
  const { tempFolder } = await import('../../bench/temp-folder.js');
  const noticed: string[] = [];
  for (const user of ['zeef', 'postgres']) {
    const options = { master: keyFromText('1'.repeat(64)), stagingFolder: tempFolder('staged') };
    const store = await openPostgresStore(url.replace('zeef@', `${user}@`), {
      ...options,
      onUnfenced: () => noticed.push(user),
    });
    await store.close();
  }
  expect(noticed).toEqual(['postgres']);
});
