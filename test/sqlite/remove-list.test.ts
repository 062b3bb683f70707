/** Lists that are removed: few rows at once, many in a thread, and those that an interrupted removal left. */
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { openListsDatabase } from '../../src/sqlite/lists/database.js';
import { takeList } from '../../src/sqlite/lists/remove-list.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { verifyDataFolder } from '../../src/sqlite/verify.js';
import { entryRow, stream } from '../store/lists-contract.js';

const md5 = (n: number) => n.toString(16).padStart(32, '0');
const rows = (count: number, from = 1) =>
  stream(Array.from({ length: count }, (_, at) => entryRow(from + at, 'md5', md5(from + at))));
const TABLES = ['entry', 'past_entry', 'withdrawal', 'list_version', 'disabled_entry', 'feedback'];

async function filled(count: number) {
  const dataDir = tempFolder('removed');
  const store = await openSqliteStore(dataDir);
  for (const list of ['a', 'b']) await store.lists.createList({ list, kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('a', rows(count));
  await store.lists.replaceEntries('b', rows(3, 9_000));
  await store.lists.replaceEntries('a', rows(count, 2));
  await store.lists.changeEntries('a', { entryId: 'e2' }, 'disable');
  const gone = { entryId: 'x', at: '2026-01-01T00:00:00Z' };
  await store.lists.addEntries('a', stream([{ ok: false, line: 1, reason: 'not_active', gone }]));
  const told = {
    algorithm: 'md5',
    verdict: 'confirmed',
    sent: 'yes',
    at: 'now',
    state: 'begun',
    status: null,
  } as const;
  for (const list of ['a', 'b']) await store.feedback.note(list, 'ncmec', { ...told, entryId: 'e2' });
  return { dataDir, store };
}

/** Rows of the tables that are of another list than `b`. */
function left(dataDir: string): Record<string, number> {
  const db = openListsDatabase(dataDir);
  const count = (table: string) =>
    db.prepare<[], number>(`SELECT count(*) FROM ${table} WHERE list_id <> 2`).pluck().get()!;
  const counts = Object.fromEntries(TABLES.map((table) => [table, count(table)]));
  db.close();
  return counts;
}
const NOTHING = Object.fromEntries(TABLES.map((table) => [table, 0]));

test.each([1, 99, 100, 101, 5_000])('of %s entries: nothing is left, and the other list is whole', async (count) => {
  const { dataDir, store } = await filled(count);
  expect(left(dataDir).entry).toBe(count);
  await store.lists.removeList('a');
  expect(left(dataDir)).toEqual(NOTHING);
  expect(await store.lists.verify('b')).toMatchObject({ ok: true, entryCount: 3 });
  await store.close();
  expect(verifyDataFolder(dataDir)).toEqual([]);
});

test('what an interrupted removal left goes when the store is opened', async () => {
  const { dataDir, store } = await filled(300);
  const keys: number[] = [];
  for await (const batch of (await store.lists.changes(null))!.added()) keys.push(...batch.map((row) => row.entryKey));
  await store.close();
  const db = openListsDatabase(dataDir);
  expect(db.transaction(() => takeList(db, 1))()).toBe(300);
  db.close();
  expect(left(dataDir).entry).toBe(300);
  const again = await openSqliteStore(dataDir);
  expect(left(dataDir)).toEqual(NOTHING);
  // A query that began before still asks for them: they are gone, not damaged.
  expect([...(await again.lists.entriesByKeys(keys)).values()].map(({ list }) => list)).toEqual(['b', 'b', 'b']);
  await again.close();
  expect(verifyDataFolder(dataDir)).toEqual([]);
});
