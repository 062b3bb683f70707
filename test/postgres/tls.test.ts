/** The database over an encrypted connection alone, whose certificate is verified. */
import { randomInt } from 'node:crypto';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { openPostgresLedger } from '../../src/postgres/ledger/ledger.js';
import { openPostgres } from '../store/backends.js';
import { entry, HOUR, tally } from '../store/ledger-contract.js';
import { selfSigned } from '../support/certificate.js';
import { orLeftOut } from '../support/left-out.js';
import { hasPostgres, PostgresServer } from '../support/postgres.js';
import { run, serve } from '../support/processes.js';

const KEY = '1'.repeat(64);
const NOBODY = 65_534;

/** Addresses of this machine alone, on which nothing else listens; the certificate has the first. The port is that of the socket. */
const net = `127.${randomInt(2, 250)}.${randomInt(2, 250)}`;
const [named, other] = [`${net}.2`, `${net}.3`];
const canListen = orLeftOut(
  hasPostgres && process.platform === 'linux',
  'No PostgreSQL, or no loopback addresses of 127.0.0.0/8',
  'tests of encrypted connections',
);

/** Put a file where the server's user can read it, and no other one if it is a key. */
function put(folder: string, name: string, text: string, mode: number): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
  return path;
}

describe.runIf(canListen)('a server that takes encrypted connections alone', { timeout: 120_000 }, () => {
  let server: PostgresServer;
  let database = '';
  let at = '';
  /** Of the server, and one that no server has. */
  let [own, foreign] = ['', ''];
  beforeAll(async () => {
    const folder = tempFolder('tls');
    chmodSync(folder, 0o755);
    const { certificate, key } = selfSigned(named);
    own = put(folder, 'server.crt', certificate, 0o644);
    foreign = put(folder, 'foreign.crt', selfSigned(named).certificate, 0o644);
    server = await PostgresServer.create(
      `listen_addresses=${named},${other}`,
      'ssl=on',
      `ssl_cert_file=${own}`,
      `ssl_key_file=${put(folder, 'server.key', key, 0o600)}`,
      `hba_file=${put(folder, 'hba.conf', 'local all all trust\nhostssl all all 127.0.0.0/8 trust\n', 0o644)}`,
    );
    database = await server.createDatabase();
    at = server.url(new URL(database).pathname.slice(1), named);
  });
  afterAll(() => server?.stop());

  const verified = (file: string, mode = 'verify-full', url = at) => `${url}?sslmode=${mode}&sslrootcert=${file}`;
  const encrypted = () =>
    server.run(
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE ssl)::int AS encrypted FROM pg_stat_ssl
       JOIN pg_stat_activity USING (pid) WHERE application_name = 'zeef'`,
      database,
    );

  test('serves, and all connections are encrypted, with the one that listens', async () => {
    const env = { ZEEF_DATA_DIR: tempFolder('d'), ZEEF_LIST_KEY: KEY, ZEEF_WORKERS: '1', ZEEF_LOG_LEVEL: 'silent' };
    const serving = await serve({ ...env, ZEEF_DATABASE_URL: verified(own) });
    try {
      expect((await fetch(`${serving.url}/livez`)).status).toBe(200);
      const [connections] = await encrypted();
      expect(connections!.encrypted).toBe(connections!.all);
      expect(connections!.all).toBeGreaterThan(1);
    } finally {
      await serving.end('SIGTERM');
    }
    expect((await run({ ...env, ZEEF_DATABASE_URL: verified(own) }, 'verify')).code).toBe(0);
  });

  test('the store and the ledger work over it', async () => {
    const store = await openPostgres(verified(own));
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    const heard = new Promise<void>((resolve) => store.onNews(() => resolve()));
    const ledger = openPostgresLedger(verified(own));
    await ledger.append({ atMs: HOUR, entries: [entry({ tallies: [tally('a', HOUR, 3)] })] });
    expect(await ledger.verify()).toMatchObject({ ok: true, totals: { checked: 3 } });
    await store.lists.createList({ list: 'b', kind: 'match', radiusBits: 31 });
    await heard;
    await ledger.close();
    await store.close();
  });

  test.each([
    ['another authority', () => verified(foreign)],
    ['no authority that signed it', () => `${at}?sslmode=verify-full`],
    ['another name', () => verified(own, 'verify-full', at.replace(named, other))],
    ['another name, where the mode would not compare it', () => verified(own, 'verify-ca', at.replace(named, other))],
    ['another authority, where the mode would not ask for one', () => verified(foreign, 'require')],
    ['no encryption', () => at],
  ])('a connection with %s is refused, without the URL', async (_, url) => {
    const error = await openPostgres(url()).catch((refused: Error) => refused);
    expect(String(error)).toContain('STORE_FAILED');
    expect(String(error)).not.toContain('zeef@127');
  });

  test('with no-verify any certificate is taken, and nothing without encryption', async () => {
    await (await openPostgres(`${at.replace(named, other)}?sslmode=no-verify`)).close();
    await expect(openPostgres(`${at}?sslmode=disable`)).rejects.toThrow(/STORE_FAILED/);
  });
});
