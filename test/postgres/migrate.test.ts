/** The schema is migrated once, whatever processes do, and no other schema is used. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { Database } from '../../src/postgres/database.js';
import { migrate } from '../../src/postgres/migrate.js';
import { MIGRATIONS } from '../../src/postgres/schema.js';
import { openPostgres } from '../store/backends.js';
import { hasPostgres, type PostgresServer, sharedServer } from '../support/postgres.js';
import { PostgresProxy } from '../support/postgres-proxy.js';

describe.runIf(hasPostgres)('migrations', () => {
  let server: PostgresServer;
  let url = '';
  beforeEach(async () => {
    server = await sharedServer();
    url = await server.createSchema(server.url());
  });
  const applied = async () => (await server.run('SELECT version, sha256 FROM migration ORDER BY 1', url)).length;
  const on = async (act: (database: Database) => Promise<unknown>) => {
    const database = new Database(url);
    try {
      await act(database);
    } finally {
      await database.close();
    }
  };

  test('of processes that open an empty database at once, one migrates it', async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => openPostgres(url)));
    expect(await applied()).toBe(MIGRATIONS.length);
    expect(new Set(await Promise.all(stores.map(({ tenants }) => tenants.usageSeed()))).size).toBe(1);
    await Promise.all(stores.map((store) => store.close()));
  });

  test('a migration that is added is applied, the earlier ones are not repeated', async () => {
    const first = 'CREATE TABLE one (a int)';
    await on((database) => migrate(database, [first]));
    await on((database) => migrate(database, [first, 'CREATE TABLE two (a int)']));
    await on((database) => migrate(database, [first, 'CREATE TABLE two (a int)']));
    expect(await applied()).toBe(2);
  });

  test.each([
    ['the schema is read', 'to_regclass', 'cut'],
    ['a migration is made', 'CREATE TABLE one', 'cut'],
    ['it is committed', 'COMMIT', 'lost'],
  ])('a connection that is lost while %s is replaced, and each migration made once', async (_when, text, how) => {
    const proxy = await PostgresProxy.to(server);
    const database = new Database(proxy.url(url));
    let lost = 0;
    if (how === 'cut') proxy.cutAt(text, () => lost++);
    else proxy.loseReply(text, () => lost++);
    await migrate(database, ['CREATE TABLE one (a int)', 'CREATE TABLE two (a int)']);
    expect([lost, await applied()]).toEqual([1, 2]);
    await database.close();
    proxy.close();
  });

  test('a migration that fails changes nothing', async () => {
    const texts = ['CREATE TABLE one (a int)', 'CREATE TABLE two (a int); CREATE TABLE one (a int)'];
    await on((database) => expect(migrate(database, texts)).rejects.toMatchObject({ code: 'STORE_FAILED' }));
    expect(await server.run(`SELECT to_regclass('one') AS one, to_regclass('migration') AS migration`, url)).toEqual([
      { one: null, migration: null },
    ]);
  });

  test('the schema of a newer version, or by an edited text, is refused and left as it is', async () => {
    await on((database) => migrate(database, ['CREATE TABLE one (a int)', 'CREATE TABLE two (a int)']));
    for (const texts of [
      ['CREATE TABLE one (a int)'],
      ['CREATE TABLE one (a int) ', 'CREATE TABLE two (a int)', 'CREATE TABLE three (a int)'],
    ])
      await on((database) => expect(migrate(database, texts)).rejects.toMatchObject({ code: 'DATA_VERSION' }));
    expect(await server.run(`SELECT to_regclass('three') AS three`, url)).toEqual([{ three: null }]);
  });

  test('a schema to which a newer version has only added is used, and left as it is; a change of it is refused', async () => {
    const first = 'CREATE TABLE one (a int)';
    const additive = '-- additive\nALTER TABLE one ADD COLUMN b int';
    const later = '-- additive\nALTER TABLE one ADD COLUMN c int';
    await on((database) => migrate(database, [first, additive, later]));
    await on((database) => migrate(database, [first]));
    await on((database) => migrate(database, [first, additive]));
    expect(await applied()).toBe(3);
    for (const texts of [['CREATE TABLE one (a int4)'], [first, `${additive} `]])
      await on((database) => expect(migrate(database, texts)).rejects.toMatchObject({ code: 'DATA_VERSION' }));
    // One that is not additive, and one that says so elsewhere.
    for (const change of ['ALTER TABLE one DROP COLUMN a', 'DROP TABLE one;\n-- additive\n']) {
      await on((database) => migrate(database, [first, additive, later, change]));
      await on((database) => expect(migrate(database, [first])).rejects.toMatchObject({ code: 'DATA_VERSION' }));
      await server.run(`DELETE FROM migration WHERE version = 4`, url);
    }
  });

  test('a migration of a database that an earlier build made, whose table says nothing of additions', async () => {
    const first = 'CREATE TABLE one (a int)';
    await on((database) => migrate(database, [first]));
    await server.run('ALTER TABLE migration DROP COLUMN additive', url);
    await on((database) => migrate(database, [first]));
    await on((database) => expect(migrate(database, [])).rejects.toMatchObject({ code: 'DATA_VERSION' }));
    await on((database) => migrate(database, [first, '-- additive\nCREATE TABLE two (a int)']));
    await on((database) => migrate(database, [first]));
    expect(await applied()).toBe(2);
  });

  test('a migration waits longer than the lock timeout for another one', async () => {
    const held = new Database(url);
    let isReleased = false;
    const holding = held.write(async (sql) => {
      await sql('SELECT pg_advisory_xact_lock($1), pg_sleep(3)', [0x5a454546]);
      isReleased = true;
    });
    await expect
      .poll(async () => (await server.run(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).length)
      .toBeGreaterThan(0);
    await on(async (database) => {
      await migrate(database, ['CREATE TABLE one (a int)']);
      expect(isReleased).toBe(true);
    });
    await holding;
    await held.close();
  });

  const ONE_AND_TWO = 'CREATE TABLE one (a int); CREATE TABLE two (a int)';

  /** Insert into two tables again and again. Nothing repeats what fails. */
  async function load(
    tables: readonly [string, string],
    { pauseMs, isEnding }: { pauseMs: number; isEnding(): boolean },
  ) {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      for (; !isEnding(); await delay(pauseMs)) {
        await client.query(`BEGIN; INSERT INTO ${tables[0]} (a) VALUES (1)`);
        await delay(20);
        await client.query(`INSERT INTO ${tables[1]} (a) VALUES (1); COMMIT`);
      }
    } finally {
      await client.end();
    }
  }

  test.each([
    ['in the order in which they were made', ['one', 'two'], 4, 0],
    ['in another order', ['two', 'one'], 1, 300],
  ] as const)(
    'tables are changed while transactions take them %s, and none of those fails',
    async (_says, tables, count, pauseMs) => {
      await on((database) => migrate(database, [ONE_AND_TWO]));
      let isEnding = false;
      const running = Promise.allSettled(
        Array.from({ length: count }, () => load(tables, { pauseMs, isEnding: () => isEnding })),
      );
      try {
        await expect
          .poll(async () => Number((await server.run('SELECT count(*) AS n FROM one', url))[0]!.n))
          .toBeGreaterThan(3 * count);
        const text = '-- additive\nALTER TABLE two ADD COLUMN b int; ALTER TABLE one ADD COLUMN b int';
        await on((database) => migrate(database, [ONE_AND_TWO, text]));
      } finally {
        isEnding = true;
        await running;
      }
      expect(await running).toEqual(Array(count).fill({ status: 'fulfilled', value: undefined }));
      expect(await applied()).toBe(2);
    },
  );

  test('an autovacuum is waited for by a lock for which nobody else waits; tables that are only named are not locked', async () => {
    await on((database) => migrate(database, [ONE_AND_TWO]));
    const vacuum = new Client({ connectionString: url });
    await vacuum.connect();
    await vacuum.query('BEGIN; LOCK TABLE one IN SHARE UPDATE EXCLUSIVE MODE; LOCK TABLE two IN ROW EXCLUSIVE MODE');
    const text = '-- of two, too: ALTER TABLE two\nALTER TABLE one ADD COLUMN two int';
    const made = on((database) => migrate(database, [ONE_AND_TWO, text]));
    await expect
      .poll(() => server.run(`SELECT mode FROM pg_locks WHERE relation = 'one'::regclass AND NOT granted`, url))
      .toEqual([{ mode: 'ShareUpdateExclusiveLock' }]);
    await vacuum.query('COMMIT; BEGIN; LOCK TABLE two IN ACCESS EXCLUSIVE MODE');
    await made;
    await vacuum.end();
    expect(await applied()).toBe(2);
  });

  test('a schema whose name needs quotes is migrated', async () => {
    await server.run('CREATE SCHEMA "MixedCase"; GRANT ALL ON SCHEMA "MixedCase" TO PUBLIC');
    url = `${server.url()}?options=${encodeURIComponent('-c search_path="MixedCase"')}`;
    await on((database) => migrate(database, [ONE_AND_TWO]));
    await on((database) => migrate(database, [ONE_AND_TWO, 'ALTER TABLE one ADD COLUMN b int']));
    expect(await server.run(`SELECT to_regclass('"MixedCase".one') IS NOT NULL AS there`)).toEqual([{ there: true }]);
    await server.run('DROP SCHEMA "MixedCase" CASCADE');
  });

  test('a migration gives way to a long report again and again, and is made after it', async () => {
    const first = 'CREATE TABLE one (a int)';
    await on((database) => migrate(database, [first]));
    const report = on((database) =>
      database.readLong(async (sql) => {
        await sql('SELECT a FROM one');
        await delay(2_000);
      }),
    );
    await expect
      .poll(async () => (await server.run(`SELECT 1 FROM pg_locks WHERE relation = 'one'::regclass`, url)).length)
      .toBe(1);
    let readMsMax = 0;
    let isMade = false;
    const made = on((database) => migrate(database, [first, 'ALTER TABLE one ADD COLUMN b int'])).then(() => {
      isMade = true;
    });
    await on(async (database) => {
      while (!isMade) {
        const begunMs = performance.now();
        await database.read('SELECT a FROM one');
        readMsMax = Math.max(readMsMax, performance.now() - begunMs);
        await delay(10);
      }
    });
    await Promise.all([report, made]);
    expect(await applied()).toBe(2);
    // Without giving way, as long as the report: a second and a half at least.
    expect(readMsMax).toBeLessThan(1_200);
  });

  test('a role that may only use the tables opens a migrated database, and migrates none', async () => {
    const schema = new URLSearchParams(url.split('?')[1]).get('options')!.split('=')[1]!;
    const role = `app_of_${schema}`;
    await server.run(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    const asRole = url.replace('zeef@', `${role}@`);
    await expect(openPostgres(asRole)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await (await openPostgres(url)).close();
    await server.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    const store = await openPostgres(asRole);
    expect(await store.tenants.setTenant('a', {})).toMatchObject({ tenant: 'a' });
    await store.close();
  });
});
