/** Behind a pooler: one that keeps sessions serves as the server itself; one that lends them is refused, since nothing that is set in them holds. */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/postgres/database.js';
import { prepareSession } from '../../src/postgres/session.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, type PostgresServer, sharedServer } from '../support/postgres.js';

/** PgBouncer runs as no superuser of the system; Debian puts it where only that one looks. */
const NOBODY = 65_534;
const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const ENV = childEnv({ PATH: `${process.env.PATH}:/usr/sbin` });
const isThere = spawnSync('pgbouncer', ['--version'], { env: ENV }).status === 0;
const hasPooler = orLeftOut(isThere, 'No pgbouncer', 'tests behind a real pooler') && hasPostgres;

const lent = { code: 'STORE_FAILED', details: { why: expect.stringContaining('needs session mode') } };

describe.runIf(hasPostgres)('a session', () => {
  let client: Client;
  beforeAll(async () => {
    const server = await sharedServer();
    client = new Client({ connectionString: server.url() });
    await client.connect();
    return () => client.end();
  });

  test('that another connection prepared is refused, until it is reset', async () => {
    await prepareSession(client);
    await expect(prepareSession(client)).rejects.toMatchObject(lent);
    await client.query('DISCARD ALL');
    await prepareSession(client);
    await client.query('DISCARD ALL');
  });

  test('in which nothing stays set is refused', async () => {
    // What a statement sets is lost with it, as where the next one has another session.
    const forgetful = {
      on: () => {},
      query: async (text: string, values?: unknown[]) => {
        const result = await client.query(text, values);
        await client.query('DISCARD ALL');
        return result;
      },
    };
    await expect(prepareSession(forgetful as unknown as Client)).rejects.toMatchObject(lent);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Start a pooler before a server, which ends with the test. `sessions`: how many it has to lend.
 * Result: the address of a database through it.
 */
async function startPooler(
  server: PostgresServer,
  mode: 'session' | 'transaction',
  sessions: number,
  url: string,
): Promise<string> {
  const folder = tempFolder('pooler');
  const { username, pathname } = new URL(url.replace(/@[^/]*/, '@host'));
  const port = await freePort();
  const write = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    if (identity.uid !== undefined) chownSync(path, NOBODY, NOBODY);
    return path;
  };
  const settings = write(
    'pooler.ini',
    `[databases]\n* = host=${decodeURIComponent(server.host)}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${port}
auth_type=trust\nauth_file=${write('users', `"${username}" ""\n`)}\npool_mode=${mode}\ndefault_pool_size=${sessions}\nunix_socket_dir=\n`,
  );
  if (identity.uid !== undefined) chownSync(folder, NOBODY, NOBODY);
  const child = spawn('pgbouncer', [settings], { ...identity, env: ENV, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const through = `postgres://${username}@127.0.0.1:${port}${pathname}`;
  for (let tries = 0; ; tries++) {
    try {
      const client = new Client({ connectionString: through });
      await client.connect();
      await client.end();
      return through;
    } catch (error) {
      if (tries > 100) throw error;
      await delay(50);
    }
  }
}

describe.runIf(hasPooler)('behind PgBouncer', () => {
  const read = (database: Database) => database.read<{ now: string }>('SELECT 1 AS now');

  test('in session mode a database is read and written, also by sessions that others had', async () => {
    const server = await sharedServer();
    const url = await startPooler(server, 'session', 8, await server.createDatabase());
    for (let round = 0; round < 2; round++) {
      const database = new Database(url);
      await Promise.all([read(database), read(database), database.write((sql) => sql('SELECT 1'))]);
      expect(await database.read('SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
      await database.close();
    }
  });

  test('in transaction mode the second connection finds that its session is lent', async () => {
    const server = await sharedServer();
    // Of several sessions, a connection may get the one that was lent to none before.
    const url = await startPooler(server, 'transaction', 1, await server.createDatabase());
    const database = new Database(url);
    onTestFinished(() => database.close());
    const both = Promise.all([database.write((sql) => sql('SELECT 1')), read(database)]).then(() => read(database));
    await expect(both.then(() => Promise.all([1, 2, 3, 4].map(() => read(database))))).rejects.toMatchObject(lent);
    const other = new Database(url);
    onTestFinished(() => other.close());
    await expect(read(other)).rejects.toMatchObject(lent);
  });
});
