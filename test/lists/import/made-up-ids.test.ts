/** Ids of entries whose lists give none, over a real store. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../../../bench/temp-folder.js';
import { importList } from '../../../src/lists/import/import-list.js';
import { ENTRY, openListsDatabase } from '../../../src/sqlite/lists/database.js';
import { openSqliteStore } from '../../../src/sqlite/open.js';
import { sumSql } from '../../../src/sqlite/sums.js';
import type { Store } from '../../../src/store/store.js';

const md5 = (n: number) => (n + 1).toString(16).padStart(32, '5');
let dataDir = '';
let store: Store;
beforeEach(async () => {
  dataDir = tempFolder('ids');
  store = await openSqliteStore(dataDir);
});
afterEach(() => store.close());

async function imports(mode: 'add' | 'replace', ...values: string[]) {
  const path = join(dataDir, 'list.txt');
  writeFileSync(path, values.map((value) => `${value}\n`).join(''));
  return importList(store, { paths: [path], format: 'plain', list: 'a', kind: 'match', radiusBits: 31, mode });
}
async function ids(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const { version } = (await store.lists.list('a'))!;
  for await (const row of await store.lists.versionRows('a', version))
    if (row.ok) found[row.entry.value] = row.entry.entryId;
  return found;
}

test('values that are added one at a time have ids of their own: disabling one leaves the other', async () => {
  await imports('add', md5(1));
  await imports('add', md5(2));
  const { [md5(1)]: one, [md5(2)]: two } = await ids();
  expect(one).toMatch(/^made-[0-9a-f]{24}$/);
  expect(two).not.toBe(one);
  expect(await store.lists.changeEntries('a', { entryId: one! }, 'disable')).toBe(1);
  expect((await store.lists.list('a'))!.entryCount).toBe(1);
});

test('a value keeps its id: imported again, dropped and brought back, and after a rotation of the keys', async () => {
  await imports('replace', md5(1), md5(2));
  const before = await ids();
  expect(await imports('replace', md5(2), md5(1))).toMatchObject({ added: 0, removed: 0 });
  await imports('replace', md5(2));
  await store.rotateKeys(null);
  await imports('replace', md5(1), md5(2));
  expect(await ids()).toEqual(before);
  expect(await store.lists.verify('a')).toMatchObject({ ok: true });
});

test('an id reveals nothing: another store makes another for the same value', async () => {
  await imports('replace', md5(1));
  const [here] = Object.values(await ids());
  await store.close();
  dataDir = tempFolder('ids');
  store = await openSqliteStore(dataDir);
  await imports('replace', md5(1));
  expect(Object.values(await ids())).not.toEqual([here]);
});

test('ids that an earlier version made by line are mended; marks stay only where it is known whom they meant', async () => {
  await imports('add', md5(1), md5(3), md5(5));
  await imports('add', md5(2), md5(4));
  const made = await ids();
  const db = openListsDatabase(dataDir);
  const byLine = { [md5(1)]: 'line-1', [md5(2)]: 'line-1', [md5(3)]: 'line-2', [md5(4)]: 'line-2', [md5(5)]: 'line-3' };
  for (const [value, id] of Object.entries(byLine))
    db.prepare('UPDATE entry SET entry_id = ? WHERE entry_id = ?').run(id, made[value]);
  db.prepare(`UPDATE entry SET disabled = 1, quarantined = 1 WHERE entry_id = 'line-1'`).run();
  // Disabled before another value got its id.
  db.prepare(`UPDATE entry SET disabled = 1 WHERE entry_id = 'line-2' AND since = 1`).run();
  // The earlier version had no sums: those that came after it are of the rows as they were.
  db.exec(`UPDATE entry SET sum = ${sumSql(ENTRY)};
    INSERT INTO disabled_entry (list_id, algorithm, value, entry_id) SELECT list_id, algorithm, value, entry_id FROM entry WHERE disabled = 1;
    UPDATE meta SET value = 1 WHERE name = 'ids_by_line'`);
  db.close();
  await store.close();
  const cleared: unknown[] = [];
  store = await openSqliteStore(dataDir, { onCleared: (marks) => cleared.push(marks) });
  expect(cleared).toEqual([
    { list: 'a', mark: 'disabled', count: 2 },
    { list: 'a', mark: 'quarantined', count: 2 },
  ]);
  const audited = await store.audit.page({ tenant: null, before: null, limit: 9, all: true });
  const details = { count: 2, why: 'several entries had one id' };
  expect(audited).toMatchObject([
    { action: 'entries.release', actor: 'zeef', target: 'a', outcome: 'done', details, ends: audited[2]!.seq },
    { action: 'entries.enable', actor: 'zeef', target: 'a', outcome: 'done', details, ends: audited[3]!.seq },
    { action: 'entries.release', outcome: 'begun' },
    { action: 'entries.enable', outcome: 'begun' },
  ]);
  expect(await store.audit.verify()).toMatchObject({ ok: true });
  const after = await ids();
  expect(after).toEqual({ ...made, [md5(5)]: 'line-3' });
  expect((await store.lists.list('a'))!.entryCount, 'both of the first match again, and one of the second').toBe(4);
  expect(await store.lists.quarantined()).toEqual([]);
  expect(await store.lists.changeEntries('a', { entryId: made[md5(3)]! }, 'enable')).toBe(1);
  expect(await store.lists.verify('a')).toMatchObject({ ok: true });
  expect(await imports('add', md5(1), md5(2), md5(3), md5(4), md5(5))).toMatchObject({ added: 0, duplicates: 5 });
});
