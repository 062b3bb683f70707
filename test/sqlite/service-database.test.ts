/** A store of an earlier version had one file: its service tables move to a second file, once, also after a kill. */
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database, type Sqlite } from '../../src/core/sqlite-binding.js';
import { MIGRATIONS } from '../../src/sqlite/lists/database.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { moveServiceTables, SERVICE_FILE } from '../../src/sqlite/service/database.js';

/** The schema version that had everything in one file. */
const ONE_FILE = 14;
const ROWS = [
  `INSERT INTO list VALUES (1, 'a', 'match', 1, 31, 0, 3, NULL, 0, 0, '', '{}', '{}')`,
  ...['z', 'b', 'm'].map(
    (id, n) =>
      `INSERT INTO api_key VALUES ('${id}', x'${String(n).repeat(64)}', 't', '["check"]', 'c${n}', NULL, NULL, 'line-${id}', 'name', 'u')`,
  ),
  `INSERT INTO tenant VALUES ('t', 'c', 1, '{"checksPerSecond":5}', NULL), ('s', 'c', 0, '{}', '{"at":"x"}')`,
  `INSERT INTO tenant_usage VALUES ('t', '2026-09-13', 9007199254740991, 2, x'0102'), ('t', '2026-09-14', 3, 4, NULL)`,
  `INSERT INTO audit VALUES (1, 'at', 'cli:me', 'list.create', NULL, 'a', '{}', 'h1', 'begun', NULL),
     (2, 'at', 'cli:me', 'list.create', NULL, 'a', '{}', 'h2', 'done', 1)`,
  `INSERT INTO audit_head VALUES (1, 2, 'h2')`,
  `INSERT INTO webhook VALUES ('w2', NULL, 'http://x/', 'S', 'c', 7), ('w1', 't', 'http://y/', 'S', 'c', 8)`,
  `INSERT INTO webhook_event VALUES ('e2', 'w2', 'hit', 's', '{}', 'c', 1, 'no', 9, 'dead'),
     ('e1', 'w1', 'hit', 's', '{}', 'c', 0, NULL, 9, 'waiting')`,
  `INSERT INTO import_job VALUES ('j2', 'a', 'running', '{"bytes":1}'), ('j1', 'a', 'done', '{}')`,
];
const TABLES = ['api_key', 'tenant', 'tenant_usage', 'audit', 'audit_head', 'webhook', 'webhook_event', 'import_job'];

let dataDir = '';
let before: unknown[][] = [];
const open = (file: string) => new Database(join(dataDir, file));
/** Columns that later versions of the service's file have added, or hold in another form. */
const LATER = ['claims', 'until_ms', 'length_ms', 'done_ms', 'position_ms', 'mark', 'due_ms', 'sum'];
const rowsOf = (db: Sqlite) =>
  TABLES.map((table) =>
    db
      .prepare<[], object>(`SELECT * FROM ${table}`)
      .all()
      .map((row) => Object.fromEntries(Object.entries(row).filter(([column]) => !LATER.includes(column)))),
  );
const tablesOf = (db: Sqlite) =>
  db
    .prepare<[], { name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`)
    .all()
    .map(({ name }) => name);

beforeEach(() => {
  dataDir = tempFolder('one-file');
  const lists = open(LISTS_FILE);
  for (const step of MIGRATIONS.slice(0, ONE_FILE)) {
    if (typeof step === 'string') lists.exec(step);
    else step(lists, dataDir);
  }
  lists.pragma(`user_version = ${ONE_FILE}`);
  for (const sql of ROWS) lists.exec(sql);
  before = rowsOf(lists);
  lists.close();
});

async function isMoved(): Promise<void> {
  const store = await openSqliteStore(dataDir);
  expect((await store.lists.lists()).map(({ list }) => list)).toEqual(['a']);
  expect((await store.keys.keys(null)).map(({ id }) => id)).toEqual(['z', 'b', 'm']);
  expect((await store.webhooks.webhooks(null)).map(({ id }) => id)).toEqual(['w2', 'w1']);
  await store.close();
  const [lists, service] = [open(LISTS_FILE), open(SERVICE_FILE)];
  expect(rowsOf(service)).toEqual(before);
  expect(tablesOf(lists).filter((table) => TABLES.includes(table))).toEqual([]);
  lists.close();
  service.close();
}

test('every row of every table is in the second file, in its order', isMoved);

test('after a process that ended between the two files, the next one moves each row once', async () => {
  const lists = open(LISTS_FILE);
  lists.exec('BEGIN IMMEDIATE');
  moveServiceTables(lists, dataDir);
  lists.exec('ROLLBACK');
  expect(rowsOf(lists)).toEqual(before);
  lists.close();
  await isMoved();
});

test('two processes that open it at once move each row once', async () => {
  const stores = await Promise.all([openSqliteStore(dataDir), openSqliteStore(dataDir)]);
  await Promise.all(stores.map((store) => store.close()));
  await isMoved();
});
