/** Data folders as each release wrote them (`scripts/make-data-folder.ts`), read by this version. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database, type Sqlite } from '../../src/core/sqlite-binding.js';
import { copyName, openSqliteFile, schemaOf, shapeOf } from '../../src/sqlite/file.js';
import { INVENTORY_FILE } from '../../src/sqlite/inventory/file-name.js';
import { LEDGER_SQLITE } from '../../src/sqlite/ledger/database.js';
import { LISTS_SQLITE } from '../../src/sqlite/lists/database.js';
import { MOVED_FILE } from '../../src/sqlite/moved-mark.js';
import { SERVICE_SQLITE } from '../../src/sqlite/service/database.js';
import { run, serve } from '../support/processes.js';

const FOLDERS = 'test/fixtures/data-folders';
const IMAGE = 'hashlists/sample/pictures/mate-freshflower.jpg';
const FILES = [LISTS_SQLITE, SERVICE_SQLITE, LEDGER_SQLITE];
const releases = readdirSync(FOLDERS).flatMap((name) => /^(\d.*)\.json$/.exec(name)?.[1] ?? []);
const { version: ours } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

let folder = '';
let env: Record<string, string> = {};
beforeEach(() => {
  folder = tempFolder('release');
  env = { ZEEF_DATA_DIR: join(folder, 'data'), ZEEF_WORKERS: '1', ZEEF_LOG_LEVEL: 'silent' };
});
afterEach(() => rmSync(folder, { recursive: true }));

const unpack = (release: string) =>
  execFileSync('tar', ['-xzf', join(FOLDERS, `${release}.tar.gz`), '-C', folder], { stdio: 'pipe' });
const open = (file: string) => new Database(join(folder, 'data', file));

function setVersion(db: Sqlite, version: number): void {
  db.pragma(`user_version = ${version}`);
  db.close();
}

async function zeef(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, output } = await run(env, ...args);
  return { code, text: output.toString() };
}

test('there is a folder of the first release, and of no version newer than this one', () => {
  expect(releases).toContain('0.1.0');
  for (const release of releases) expect([release, ours].sort()[0], release).toBe(release);
});

describe.each(releases)('a data folder of %s', (release) => {
  const facts = JSON.parse(readFileSync(join(FOLDERS, `${release}.json`), 'utf8'));
  beforeEach(() => void unpack(release));

  test('lists have their entries and match, and ledger and audit log verify', async () => {
    const shown = await zeef('lists', 'show');
    expect(shown.text).toMatch(new RegExp(`^${facts.lists[0]} +\\w+ +${facts.entries} `, 'm'));
    expect(await zeef('check', IMAGE)).toMatchObject({ code: 1, text: expect.stringContaining('match') });
    const ledger = await zeef('ledger', 'verify');
    expect(ledger).toMatchObject({ code: 0, text: expect.stringMatching(/^ok: /) });
    // The check above adds one.
    const before = /(\d+) checked, (\d+) hits/.exec(facts.ledger)!.slice(1).map(Number);
    const after = /(\d+) checked, (\d+) hits/.exec(ledger.text)!.slice(1).map(Number);
    expect(after).toEqual(before.map((count) => count + 1));
    const head = /head (\S+)/.exec(facts.audit)![1]!;
    expect(await zeef('audit', 'verify', '--head', head)).toMatchObject({ code: 0 });
  });

  test('the ledger has the same counts and head', async () => {
    const { text } = await zeef('ledger', 'verify');
    expect(text.trim()).toBe(facts.ledger);
  });

  test('keys, limits, cases and webhooks are unchanged', async () => {
    const serving = await serve(env);
    const headers = { authorization: `Bearer ${facts.key}` };
    const answer = await fetch(`${serving.url}/v1/check`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'image/jpeg' },
      body: readFileSync(IMAGE),
    });
    expect(await answer.json()).toMatchObject({ verdict: 'match' });
    const hit = await fetch(`${serving.url}/v1/hits/${facts.confirmed}`, { headers });
    expect(await hit.json()).toMatchObject({ id: facts.confirmed, tenant: facts.tenant, status: 'confirmed' });
    const wrong = await fetch(`${serving.url}/v1/hits`, { headers: { authorization: `Bearer ${facts.key}x` } });
    expect(wrong.status).toBe(401);
    await serving.end('SIGTERM');
    const { text } = await zeef('tenants', 'list', facts.tenant, '--json');
    expect(text).toContain(String(facts.checksPerDay));
    expect((await zeef('webhooks', 'list')).text).toContain('http://127.0.0.1:9/hook');
  });

  test('an inventory is rematched without its files', async () => {
    const { code, text } = await zeef('scan', '--rematch', join(folder, 'inventory'));
    expect(code).toBe(1);
    const lines = text
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('{'));
    expect(lines.filter((line) => JSON.parse(line).type === 'match')).toHaveLength(8);
  });

  test('each file gets the application id, and a copy before it is migrated', async () => {
    const before = FILES.map(({ name }) => open(name).pragma('user_version', { simple: true }) as number);
    await zeef('ledger', 'verify');
    for (const [at, { name, migrations }] of FILES.entries()) {
      const db = open(name);
      expect(db.pragma('application_id', { simple: true })).toBe(0x5a454546);
      expect(db.pragma('user_version', { simple: true })).toBe(migrations.length);
      db.close();
      expect(existsSync(join(folder, 'data', copyName(name, before[at]!)))).toBe(before[at]! < migrations.length);
    }
  });

  test.each([...FILES.map(({ name }) => name)])('%s of a newer version is refused in one line', async (name) => {
    setVersion(open(name), 999);
    for (const command of [
      ['ledger', 'verify'],
      ['serve', '--port', '0'],
    ]) {
      const { code, text } = await zeef(...command);
      expect(text).toMatch(/^zeef: DATA_VERSION: [^\n]*\n$/);
      expect(text).toContain(name);
      expect(code).toBe(2);
    }
  });

  test('an inventory of a newer version is refused in one line', async () => {
    setVersion(new Database(join(folder, 'inventory', INVENTORY_FILE)), 999);
    const { code, text } = await zeef('scan', '--rematch', join(folder, 'inventory'));
    expect(text).toMatch(/^zeef: DATA_VERSION: [^\n]*inventory\.sqlite[^\n]*\n$/);
    expect(code).toBe(2);
  });
});

describe('a file that no release wrote', () => {
  const spoil = (file: string, sql: string) => {
    const db = open(file);
    db.pragma('application_id = 0');
    db.exec(sql);
    db.close();
  };
  beforeEach(() => void unpack('0.1.0'));

  test.each([
    ['an additional table', LISTS_SQLITE.name, 'CREATE TABLE other (a)'],
    ['a missing column', LEDGER_SQLITE.name, 'ALTER TABLE hit DROP COLUMN category'],
    ['a missing table', SERVICE_SQLITE.name, 'DROP TABLE webhook_event'],
    ['links with other hashes', LEDGER_SQLITE.name, `UPDATE event_link SET hash = randomblob(32)`],
    ['another head', LEDGER_SQLITE.name, `UPDATE head SET state = json_remove(state, '$.openChars')`],
  ])('%s: refused in one line with what to do, and nothing is changed', async (_what, file, sql) => {
    spoil(file, sql);
    const { code, text } = await zeef('ledger', 'verify');
    expect(text).toMatch(/^zeef: DATA_VERSION: [^\n]*before 0\.1\.0[^\n]*\n$/);
    expect(text).not.toContain('damaged');
    expect(code).toBe(2);
    expect(open(file).pragma('application_id', { simple: true })).toBe(0);
  });

  test('one damaged link is reported as damage, not as another version', async () => {
    spoil(LEDGER_SQLITE.name, `UPDATE event_link SET body = 'x' WHERE seq = 2`);
    const { code, text } = await zeef('ledger', 'verify');
    expect(text).toContain('its body was changed');
    expect(code).toBe(2);
  });
});

test.each(FILES)('$name: the shape is that of its migrations', (file) => {
  // The last migration of the lists' file fills the service's file.
  const db = openSqliteFile(folder, { ...file, name: `fresh-${file.name}` });
  expect(shapeOf(db)).toBe(file.shape);
  expect(schemaOf(db)).toBe(file.schema ?? schemaOf(db));
  db.close();
});

test('the copy from before a migration has the rows and the version of then', () => {
  const file = { name: 'one.sqlite', busyMs: 1_000, migrations: ['CREATE TABLE t (a) STRICT'], shape: '' };
  const old = new Database(join(folder, file.name));
  old.exec('CREATE TABLE t (a)');
  old.exec('INSERT INTO t VALUES (7)');
  old.pragma('user_version = 1');
  const next = { ...file, migrations: [...file.migrations, 'ALTER TABLE t ADD COLUMN b'] };
  const wanted = new Database(':memory:').exec('CREATE TABLE t (a, b)');
  const db = openSqliteFile(folder, { ...next, shape: shapeOf(wanted) });
  const path = join(folder, copyName(file.name, 1));
  expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  const copy = new Database(path);
  expect(copy.prepare('SELECT * FROM t').all()).toEqual([{ a: 7 }]);
  expect(copy.pragma('user_version', { simple: true })).toBe(1);
  for (const one of [old, db, copy]) one.close();
});

test('a copy of an earlier update is replaced; a file that is refused gets none', () => {
  const file = { name: 'one.sqlite', busyMs: 1_000, migrations: ['', 'ALTER TABLE t ADD COLUMN b'], shape: '' };
  const path = join(folder, copyName(file.name, 1));
  const old = new Database(join(folder, file.name));
  old.exec('CREATE TABLE t (a); INSERT INTO t VALUES (8)');
  setVersion(old, 1);
  writeFileSync(path, 'of an earlier update');
  expect(() => openSqliteFile(folder, file)).toThrow(expect.objectContaining({ code: 'DATA_VERSION' }));
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, 'of an earlier update');
  const shape = shapeOf(new Database(':memory:').exec('CREATE TABLE t (a, b)'));
  openSqliteFile(folder, { ...file, shape }).close();
  const copy = new Database(path);
  expect(copy.prepare('SELECT * FROM t').all()).toEqual([{ a: 8 }]);
  copy.close();
});

test('a file whose store was moved while it was opened is not opened', () => {
  const wanted = new Database(':memory:').exec('CREATE TABLE t (a)');
  const marks = (db: Sqlite) => {
    db.exec('CREATE TABLE t (a)');
    writeFileSync(join(folder, MOVED_FILE), '{}');
  };
  const file = { name: 'one.sqlite', busyMs: 1_000, shape: shapeOf(wanted), migrations: [marks] };
  expect(() => openSqliteFile(folder, file)).toThrow(expect.objectContaining({ code: 'STORE_MOVED' }));
});
