/** What happens to connections: refused servers, ended sessions, other hosts, transactions in each other's way. */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppError } from '../../src/core/errors.js';
import { Database, type Sql } from '../../src/postgres/database.js';
import { isNewest } from '../../src/postgres/service/duties.js';
import { openPostgres } from '../store/backends.js';
import { hasPostgres, PostgresServer, sharedServer } from '../support/postgres.js';

const failed = { code: 'STORE_FAILED' };
const END_SESSIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'zeef'`;

describe.runIf(hasPostgres)('a database', () => {
  let server: PostgresServer;
  let url = '';
  let database: Database;
  beforeEach(async () => {
    server = await sharedServer();
    url = await server.createSchema(server.url());
    await server.run('CREATE TABLE item (id int8 PRIMARY KEY, name text)', url);
    database = new Database(url);
  });
  afterEach(() => database.close());
  const items = () => database.read<{ id: number }>('SELECT id FROM item ORDER BY id');

  test('sessions that the server ends, idle or not, end no process; the next statement has another one', async () => {
    for (let round = 0; round < 3; round++) {
      await Promise.all([items(), items(), database.write((sql) => sql('SELECT 1'))]);
      await server.run(END_SESSIONS);
      await database.write((sql) => sql('INSERT INTO item VALUES ($1)', [round]));
      await server.run(END_SESSIONS);
      expect(await items()).toHaveLength(round + 1);
    }
    let tries = 0;
    const ended = database.write(async (sql) => {
      tries++;
      await sql('INSERT INTO item VALUES (100)');
      await server.run(END_SESSIONS);
      // Between two statements: only an event says so.
      await delay(100);
      await sql('INSERT INTO item VALUES (101)');
    });
    await expect(ended).rejects.toMatchObject(failed);
    expect(tries).toBe(1);
    expect(await items()).toHaveLength(3);
  });

  test('a write that finds its earlier try is repeated after a lost session', async () => {
    let tries = 0;
    await database.writeOnce(async (sql) => {
      await sql('INSERT INTO item VALUES ($1)', [++tries]);
      if (tries === 1) await server.run(END_SESSIONS);
    });
    expect(tries).toBe(2);
    expect(await items()).toEqual([{ id: 2 }]);
  });

  test('reads on one state begin again after a lost session, and not for ever', async () => {
    await database.write((sql) => sql('INSERT INTO item VALUES (1)'));
    const read = (lostTimes: number) => {
      let tries = 0;
      return database.snapshot(async (sql) => {
        await sql('SELECT 1');
        if (++tries <= lostTimes) await server.run(END_SESSIONS);
        return [tries, (await sql('SELECT id FROM item')).length];
      });
    };
    expect(await read(2)).toEqual([3, 1]);
    await expect(read(Infinity)).rejects.toMatchObject(failed);
  });

  test('transactions that wait for each other are both made', async () => {
    await database.write((sql) => sql(`INSERT INTO item VALUES (1, ''), (2, '')`));
    const append = (first: number, second: number) =>
      database.write(async (sql) => {
        for (const id of [first, second]) {
          await sql(`UPDATE item SET name = name || 'x' WHERE id = $1`, [id]);
          await delay(100);
        }
      });
    await Promise.all([append(1, 2), append(2, 1)]);
    expect(await database.read('SELECT name FROM item')).toEqual([{ name: 'xx' }, { name: 'xx' }]);
  });

  /** A transaction that locks a table, and later another one, as a change of the schema does. */
  const changeSchema = async (first: string, betweenMs: number, second: string) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`BEGIN; LOCK TABLE ${first} IN ACCESS EXCLUSIVE MODE`);
    const done = delay(betweenMs)
      .then(() => client.query(`LOCK TABLE ${second} IN ACCESS EXCLUSIVE MODE; COMMIT`))
      .finally(() => client.end());
    return { done };
  };

  test('reads that deadlock with a change of the schema are repeated, and see one state', async () => {
    await server.run('CREATE TABLE other (id int8)', url);
    let tries = 0;
    let changed: { done: Promise<unknown> } | null = null;
    const rows = await database.snapshot(async (sql) => {
      tries++;
      await sql('SELECT id FROM item');
      // The read waits first, so it is the one that looks for a deadlock first and is ended.
      changed ??= await changeSchema('other', 300, 'item');
      return sql('SELECT id FROM other');
    });
    expect([tries, rows]).toEqual([2, []]);
    await changed!.done;
  });

  test('a read of a table that is locked for longer than the lock timeout is refused, and not tried again', async () => {
    const { done } = await changeSchema('item', 4_500, 'item');
    const begunMs = performance.now();
    await expect(items()).rejects.toMatchObject(failed);
    expect(performance.now() - begunMs).toBeLessThan(4_000);
    await done;
  });

  test('a transaction of which a statement failed is not reported as committed', async () => {
    const write = database.write(async (sql) => {
      await sql('INSERT INTO item VALUES (1)');
      await sql('INSERT INTO item VALUES (1)').catch(() => {});
    });
    await expect(write).rejects.toMatchObject(failed);
    expect(await items()).toEqual([]);
  });

  test('a duty is not taken over while a change of its holder is being committed', async () => {
    const [store, other] = await Promise.all([openPostgres(url), openPostgres(url)]);
    const lease = (await store.duties.take('imports', 1))!;
    await expect.poll(async () => (await other.duties.state('imports')).isHeld).toBe(false);
    const order: string[] = [];
    let taking: Promise<unknown> = Promise.resolve();
    await database.write(async (sql) => {
      expect(await isNewest(sql, lease)).toBe(true);
      taking = other.duties.take('imports', 60_000).then(() => order.push('taken'));
      await delay(500);
      order.push('changed');
    });
    await taking;
    expect(order).toEqual(['changed', 'taken']);
    expect(await database.write((sql) => isNewest(sql, lease))).toBe(false);
    await Promise.all([store.close(), other.close()]);
  });

  test('an error names no value, and carries none', async () => {
    const secret = 'geheim';
    const statements: [string, string[]][] = [
      [`SELECT '${secret}'::int`, []],
      ['SELECT $1::int', [secret]],
      [`INSERT INTO item (id, name) VALUES (1, '${secret}'), (1, '${secret}')`, []],
      [`DO $$ BEGIN RAISE EXCEPTION '${secret}'; END $$`, []],
    ];
    for (const [text, values] of statements) {
      const error = (await database.write((sql) => sql(text, values)).catch((thrown: unknown) => thrown)) as AppError;
      expect(error).toMatchObject(failed);
      expect(error.details.why).toMatch(/^SQLSTATE \w{5}/);
      expect(error.cause).toBeUndefined();
      expect(`${error.message} ${error.stack}`).not.toContain(secret);
    }
    await expect(database.read('SELECT * FROM nothing')).rejects.toThrow('"nothing');
  });

  test('an integer that JavaScript cannot hold is refused, one that it can is exact', async () => {
    expect(await database.read('SELECT 9007199254740991::int8 AS n')).toEqual([{ n: 9007199254740991 }]);
    await expect(database.read('SELECT 9007199254740992::int8 AS n')).rejects.toMatchObject(failed);
    expect(await database.read('SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test('when all connections are in use, a caller waits two seconds at most', async () => {
    const busy = Array.from({ length: 4 }, () => database.write((sql) => sql('SELECT pg_sleep(4)')));
    const startMs = performance.now();
    await expect(database.write((sql) => sql('SELECT 1'))).rejects.toMatchObject(failed);
    expect(performance.now() - startMs).toBeLessThan(3_500);
    // Readers have their own.
    expect(await items()).toEqual([]);
    await Promise.all(busy);
  });

  test('a statement over whole tables may take longer than those of a request', async () => {
    const long = database.writeLong((sql) => sql<{ n: number }>('SELECT 7 AS n FROM pg_sleep(9.5)'));
    await expect(database.write((sql) => sql('SELECT pg_sleep(9.5)'))).rejects.toMatchObject(failed);
    expect(await long).toEqual([{ n: 7 }]);
    const limit = `SELECT current_setting('statement_timeout') AS limit`;
    expect(await database.write((sql) => sql(limit))).toEqual([{ limit: '8s' }]);
  });

  test('so may a long read, within a limit of its own; requests keep connections, and many are refused', async () => {
    const slow = (seconds: number) => (sql: Sql) => sql<{ n: number }>(`SELECT 7 AS n FROM pg_sleep(${seconds})`);
    const long = [database.readLong(slow(9.5)), database.readLong(slow(9.5), 60_000)];
    await expect(database.snapshot(slow(9.5))).rejects.toMatchObject(failed);
    const waiting = Array.from({ length: 8 }, () => database.readLong(slow(0)));
    await expect(database.readLong(slow(0))).rejects.toMatchObject(failed);
    await Promise.all([items(), items()]);
    expect(await Promise.all(long)).toEqual([[{ n: 7 }], [{ n: 7 }]]);
    await Promise.all(waiting);
    await expect(database.readLong(slow(2), 500)).rejects.toMatchObject(failed);
    const limit = `SELECT current_setting('statement_timeout') AS limit`;
    const limits = await Promise.all(Array.from({ length: 4 }, () => database.snapshot((sql) => sql(limit))));
    expect(limits.flat()).toEqual(Array.from({ length: 4 }, () => ({ limit: '8s' })));
    await expect(database.readLong((sql) => sql('CREATE TABLE other (a int)'))).rejects.toMatchObject(failed);
  });

  test('commits wait for the disk, whatever the role or the database says', async () => {
    const show = async () =>
      (await database.read<{ is: string }>(`SELECT current_setting('synchronous_commit') AS is`))[0]!.is;
    const name = (await server.createDatabase()).split('/').at(-1)!;
    for (const [set, expected] of [
      ['off', 'on'],
      ['remote_apply', 'remote_apply'],
    ] as const) {
      await server.run(`ALTER DATABASE ${name} SET synchronous_commit = ${set}`);
      await database.close();
      database = new Database(server.url(name));
      expect(await show()).toBe(expected);
    }
  });
});

describe.runIf(hasPostgres)('a server', () => {
  test('that may lose commits, is read-only or is not there is refused, without its URL', async () => {
    const server = await PostgresServer.create();
    const refused = async (why: RegExp, url = server.url()) => {
      const error = (await openPostgres(url).catch((thrown: unknown) => thrown)) as AppError;
      expect(error).toMatchObject(failed);
      expect(String(error.details.why)).toMatch(why);
      expect(`${error.message} ${error.stack}`).not.toContain('geheim');
    };
    const readOnly = await server.createDatabase();
    await server.run(`ALTER DATABASE ${readOnly.split('/').at(-1)} SET default_transaction_read_only = on`);
    await refused(/standby, or read-only/, readOnly);
    await server.run('ALTER SYSTEM SET fsync = off');
    await server.run('SELECT pg_reload_conf()');
    await refused(/fsync=off/);
    await server.stop();
    await refused(/ENOENT|ECONNREFUSED/, server.url().replace('zeef@', 'zeef:geheim@'));
  });

  test('that is a standby is passed over; after a failover the other host is used', async () => {
    const [one, two] = await Promise.all([PostgresServer.create(), PostgresServer.create()]);
    for (const server of [one, two]) await server.run('CREATE TABLE item (id int8)');
    await one.becomeStandby();
    await expect(openPostgres(one.url())).rejects.toThrow('standby');
    const database = new Database(one.url('postgres', `${one.host},${two.host}`));
    const place = async () => (await database.read<{ data: string }>('SHOW unix_socket_directories'))[0];
    const at = ({ host }: PostgresServer) => ({ unix_socket_directories: decodeURIComponent(host) });
    expect(await place()).toEqual(at(two));
    await database.write((sql) => sql('INSERT INTO item VALUES (1)'));
    await two.becomeStandby();
    await one.run('SELECT pg_promote()');
    await database.write((sql) => sql('INSERT INTO item VALUES (2)'));
    expect(await place()).toEqual(at(one));
    expect(await one.run('SELECT id FROM item')).toEqual([{ id: '2' }]);
    await database.close();
    await Promise.all([one.stop(), two.stop()]);
  });
});
