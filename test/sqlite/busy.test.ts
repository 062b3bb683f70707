/** While another connection holds the write lock, the process stays responsive; its writes wait, and time out. */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import type { Sqlite } from '../../src/core/sqlite-binding.js';
import { Database, SQLITE_PACKAGE } from '../../src/core/sqlite-binding.js';
import { beginPatiently, tryWrite, writeWithRetry } from '../../src/sqlite/busy.js';
import { openListsDatabase } from '../../src/sqlite/lists/database.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { SERVICE_FILE } from '../../src/sqlite/service/database.js';
import { NEW_SOURCE } from '../../src/store/source-row.js';
import type { Store } from '../../src/store/store.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { type Running, startService } from '../support/running.js';

const turn = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const value = (n: number) => n.toString(16).padStart(32, '0');

/** Hold the write lock by another connection, as an import by another process does. */
function holdLock(dataDir: string, file = LISTS_FILE): () => void {
  const other = new Database(join(dataDir, file));
  other.exec('BEGIN IMMEDIATE');
  return () => {
    other.exec('COMMIT');
    other.close();
  };
}

describe('a store', () => {
  let dataDir = '';
  let store: Store;
  let keyId = '';
  beforeEach(async () => {
    dataDir = tempFolder('patient');
    store = await openSqliteStore(dataDir);
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', value(1))]));
    await store.lists.replaceEntries('a', stream([]), { review: () => [{ rule: 'change', count: 1, limit: 0 }] });
    await store.jobs.addJob(job('first'));
    keyId = (await store.keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null })).info.id;
  });
  afterEach(() => store.close());

  const job = (id: string) => ({
    id,
    list: 'a',
    state: 'queued' as const,
    request: {},
    bytes: 1,
    sameAs: id,
    createdAt: '2026-09-14T00:00:00Z',
    finishedAt: null,
    report: null,
    error: null,
  });
  const source = {
    ...NEW_SOURCE,
    type: 'ncmec' as const,
    url: 'https://example.org/v2',
    everyMinutes: 5,
  };

  const LIST_WRITES: readonly [string, () => Promise<unknown>][] = [
    ['createList', () => store.lists.createList({ list: 'b', kind: 'match', radiusBits: 31 })],
    ['updateList', () => store.lists.updateList('a', { enabled: false })],
    ['removeList', () => store.lists.removeList('a')],
    ['setSource', () => store.lists.setSource('a', source)],
    ['dropHeld', () => store.lists.dropHeld('a')],
    ['changeEntries', () => store.lists.changeEntries('a', { entryId: 'e1' }, 'quarantine')],
    ['replaceEntries', () => store.lists.replaceEntries('a', stream([entryRow(2, 'md5', value(2))]))],
    ['addEntries', () => store.lists.addEntries('a', stream([entryRow(2, 'md5', value(2))]))],
  ];
  const SERVICE_WRITES: readonly [string, () => Promise<unknown>][] = [
    ['addJob', () => store.jobs.addJob(job('second'))],
    ['changeJob', () => store.jobs.changeJob('first', { state: 'running' })],
    ['createKey', () => store.keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null })],
    ['revokeKey', () => store.keys.revokeKey(null, keyId)],
    ['setTenant', () => store.tenants.setTenant('t', { disabled: true })],
    [
      'addWebhook',
      () => store.webhooks.addWebhook({ tenant: 't', url: 'http://127.0.0.1:9', secretEnv: 'S', mark: '', nowMs: 1 }),
    ],
    [
      'audit.append',
      () =>
        store.audit.append({
          at: '2026-09-14T00:00:00Z',
          actor: 'me',
          action: 'list.update',
          tenant: null,
          target: null,
          details: {},
          outcome: 'begun',
          ends: null,
        }),
    ],
  ];

  test.each([
    ...LIST_WRITES.map(([name, write]) => [name, LISTS_FILE, write] as const),
    ...SERVICE_WRITES.map(([name, write]) => [name, SERVICE_FILE, write] as const),
  ])(
    '%s waits for a write lock on %s without blocking timers and reads, then completes',
    async (_name, file, write) => {
      const release = holdLock(dataDir, file);
      let isDone = false;
      const writing = write().then(() => {
        isDone = true;
      });
      // A wait inside SQLite would block all of these until its end.
      await turn(30);
      expect((await store.lists.lists()).map(({ list }) => list)).toEqual(['a']);
      expect(await store.jobs.job('first')).toMatchObject({ state: 'queued' });
      await turn(30);
      expect(isDone).toBe(false);
      release();
      await writing;
      expect(isDone).toBe(true);
    },
  );

  test.each(SERVICE_WRITES)('%s does not wait for an import', async (_name, write) => {
    const release = holdLock(dataDir);
    let isDone = false;
    const writing = write().then(() => {
      isDone = true;
    });
    // The lock is held all the while: a write that waited for it would not end.
    await expect.poll(() => isDone, { timeout: 5_000 }).toBe(true);
    release();
    await writing;
  });

  test('a store opens while another process writes', async () => {
    const release = holdLock(dataDir);
    const other = await openSqliteStore(dataDir);
    expect(await other.lists.lists()).toHaveLength(1);
    await other.close();
    release();
  });

  test('a second import of one process waits for the first, which continues', async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = (async function* () {
      yield entryRow(2, 'md5', value(2));
      await gate;
      yield entryRow(3, 'md5', value(3));
    })();
    const first = store.lists.addEntries('a', slow);
    await turn(20);
    const second = store.lists.addEntries('a', stream([entryRow(4, 'md5', value(4))]));
    const third = store.lists.updateList('a', { enabled: false });
    await turn(20);
    open();
    expect((await first).version).toBe(2);
    expect((await second).version).toBe(3);
    expect(await third).toMatchObject({ enabled: false });
    expect(await store.lists.list('a')).toMatchObject({ entryCount: 4, version: 3 });
    expect(await store.lists.verify('a')).toMatchObject({ ok: true });
  });
});

describe('write with retry', () => {
  let dataDir = '';
  let db: Sqlite;
  beforeEach(() => {
    dataDir = tempFolder('patient');
    db = openListsDatabase(dataDir);
    db.exec('CREATE TABLE told (n INTEGER)');
  });
  afterEach(() => {
    db.close();
  });
  const write = () => db.prepare('INSERT INTO told VALUES (1)').run();
  const rows = () => db.prepare('SELECT * FROM told').all().length;

  test('fails with STORE_FAILED after the time limit, and nothing is written then or later', async () => {
    const release = holdLock(dataDir);
    await expect(writeWithRetry(db, write, 60)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await expect(beginPatiently(db, 60)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(tryWrite(db, write)).toBeNull();
    release();
    await turn(60);
    expect(rows()).toBe(0);
    expect(db.inTransaction).toBe(false);
    await writeWithRetry(db, write, 60);
    expect(rows()).toBe(1);
  });

  test('tries once with a limit of 0, and succeeds where the lock is released in time', async () => {
    let release = holdLock(dataDir);
    await expect(writeWithRetry(db, write, 0)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    release();
    await writeWithRetry(db, write, 0);
    release = holdLock(dataDir);
    const waiting = beginPatiently(db, 10_000);
    await turn(60);
    expect(db.inTransaction).toBe(false);
    release();
    await waiting;
    expect(db.inTransaction).toBe(true);
    db.exec('ROLLBACK');
    expect(rows()).toBe(1);
  });

  test('does not retry another failure', async () => {
    let tries = 0;
    await expect(
      writeWithRetry(db, () => {
        tries++;
        db.exec('INSERT INTO nowhere VALUES (1)');
      }),
    ).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(tries).toBe(1);
  });
});

describe('a service whose store another process writes to', () => {
  let running: Running;
  beforeEach(async () => {
    running = await startService();
  });
  afterEach(() => running.stop());

  test('answers checks and health requests while a change of a list waits', async () => {
    const ask = async (method: string, path: string, body?: object) => {
      const response = await fetch(running.url + path, {
        method,
        ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
      });
      return response.status;
    };
    const check = () => ask('POST', '/v1/check/hashes', { items: [{ md5: value(1) }] });
    const release = holdLock(running.service.config.dataDir);
    const changes = [
      ask('PATCH', '/v1/lists/sample', { radiusBits: 30 }),
      ask('POST', '/v1/suppressions', { algorithm: 'md5', value: value(7) }),
    ];
    let ended = 0;
    for (const change of changes) void change.then(() => ended++);
    for (let n = 0; n < 5; n++) {
      expect(await Promise.all([ask('GET', '/livez'), ask('GET', '/readyz'), check()])).toEqual([200, 200, 200]);
      await turn(20);
    }
    expect(await ask('POST', '/v1/keys', { tenant: 't', scopes: ['check'] })).toBe(201);
    expect(ended).toBe(0);
    release();
    expect(await Promise.all(changes)).toEqual([200, 201]);
    expect(await running.service.store.lists.list('sample')).toMatchObject({ radiusBits: 30 });
  });
});

test('a new file is opened after the connection that is setting it up, not refused', async () => {
  const dataDir = tempFolder('two-open');
  const path = join(dataDir, LISTS_FILE);
  new Database(path).exec('CREATE TABLE other (a)').exec('DROP TABLE other').close();
  // SQLite refuses to switch to WAL at once while this one may still write, whatever `busy_timeout` says.
  const holder = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const db = new (require(workerData.sqlite))(workerData.path);
     db.exec('BEGIN IMMEDIATE');
     parentPort.postMessage('held');
     setTimeout(() => { db.exec('COMMIT'); db.close(); }, 300);`,
    { eval: true, workerData: { path, sqlite: createRequire(import.meta.url).resolve(SQLITE_PACKAGE) } },
  );
  await once(holder, 'message');
  const db = openListsDatabase(dataDir);
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  db.close();
  await once(holder, 'exit');
});
