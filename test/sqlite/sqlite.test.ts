import { spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { SERVICE_FILE } from '../../src/sqlite/service/database.js';
import { entryRow, storeContract, stream } from '../store/lists-contract.js';

const freshDir = () => tempFolder('store');

let dataDir = '';
const place = {
  fresh: () => {
    dataDir = freshDir();
  },
  open: () => openSqliteStore(dataDir),
};
storeContract('SQLite', place);

test('the folder and its files are the owner’s alone, and contain no key', async () => {
  const dir = join(freshDir(), 'inner');
  const store = await openSqliteStore(dir);
  const { key } = await store.keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null });
  await store.close();
  expect(statSync(dir).mode & 0o777).toBe(0o700);
  for (const file of [LISTS_FILE, SERVICE_FILE]) {
    expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, file)).includes(key.slice(5))).toBe(false);
  }
});

test.each([LISTS_FILE, SERVICE_FILE])('a file that is not a database gets STORE_FAILED: %s', async (file) => {
  const dir = freshDir();
  await (await openSqliteStore(dir)).close();
  writeFileSync(join(dir, file), 'not a database, but long enough to be looked at'.repeat(100));
  await expect(openSqliteStore(dir)).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

test('verify finds an entry that was changed on disk', async () => {
  const dir = freshDir();
  const store = await openSqliteStore(dir);
  await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries(
    'a',
    stream([entryRow(1, 'md5', '0'.repeat(32)), entryRow(2, 'md5', '1'.repeat(32))]),
  );
  expect(await store.lists.verify('a')).toMatchObject({ ok: true });
  const other = new Database(join(dir, LISTS_FILE));
  other.prepare('UPDATE entry SET value = ? WHERE entry_id = ?').run(Buffer.alloc(16, 7), 'e2');
  other.close();
  expect(await store.lists.verify('a')).toMatchObject({ ok: false });
  await store.close();
});

test('an import that is killed changes nothing', async () => {
  const dir = freshDir();
  const store = await openSqliteStore(dir);
  await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', '0'.repeat(32))]));
  const before = await store.lists.generation();
  const source = `
    import { openSqliteStore } from ${JSON.stringify(artefact('src', 'sqlite', 'open.js'))};
    const store = await openSqliteStore(${JSON.stringify(dir)});
    async function* rows() {
      for (let line = 0; ; line++) {
        const entry = { entryId: 'e' + line, algorithm: 'md5', value: line.toString(16).padStart(32, '0'), category: null, severity: null, source: null, mediaType: null, status: 'active', updatedAt: null, tags: [] };
        yield { ok: true, line, entry };
        if (line === 50000) process.stdout.write('half way');
      }
    }
    await store.lists.replaceEntries('a', rows());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(await store.lists.generation()).toBe(before);
  expect((await store.lists.list('a'))!.entryCount).toBe(1);
  expect(await store.lists.verify('a')).toMatchObject({ ok: true });
  await store.lists.replaceEntries('a', stream([entryRow(1, 'md5', '2'.repeat(32))]));
  expect((await store.lists.list('a'))!.version).toBe(2);
  await store.close();
});

test('while another process writes, small writes are skipped and large ones wait, without blocking', async () => {
  const dir = freshDir();
  const store = await openSqliteStore(dir);
  const { info } = await store.keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null });
  const other = new Database(join(dir, SERVICE_FILE));
  other.exec('BEGIN IMMEDIATE');
  expect(await store.keys.touchKey('t', info.id, 1)).toBe(false);
  expect(await store.tenants.addUsage('t', '2026-09-14', { checks: 1, bytes: 1, distinct: null })).toBeNull();
  const made = store.keys.createKey({ tenant: 't', scopes: ['check'], expiresAt: null });
  await new Promise((resolve) => setTimeout(resolve, 50));
  other.exec('COMMIT');
  other.close();
  await made;
  expect(await store.keys.keys('t')).toHaveLength(2);
  expect(await store.keys.touchKey('t', info.id, 1)).toBe(true);
  expect(await store.tenants.usage('t', '2026-09-14')).toMatchObject({ checks: 0 });
  await store.close();
});
