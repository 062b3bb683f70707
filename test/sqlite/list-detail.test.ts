/** Lists get a detail: a store of the schema before it keeps its lists, and no sum hides damage. */
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database, type Sqlite } from '../../src/core/sqlite-binding.js';
import { LIST, MIGRATIONS } from '../../src/sqlite/lists/database.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { registerSums } from '../../src/sqlite/sums.js';
import { verifyDataFolder } from '../../src/sqlite/verify.js';
import { damage } from '../support/damage.js';

/** The schema before. */
const WITHOUT_DETAIL = 21;
const NEW_LIST = `INSERT INTO list
  (name, kind, enabled, radius_bits, match_low_quality, version, rejected, duplicates, checksum, counts, terms)`;

const BEFORE = { ...LIST, columns: LIST.columns.filter((column) => column !== 'detail') };

let dataDir = '';
function open(): Sqlite {
  const db = new Database(join(dataDir, LISTS_FILE));
  registerSums(db);
  return db;
}

beforeEach(() => {
  dataDir = tempFolder('without-detail');
  const db = open();
  db.transaction(() => {
    for (const step of MIGRATIONS.slice(0, WITHOUT_DETAIL)) {
      if (typeof step === 'string') db.exec(step);
      else step(db, dataDir);
    }
    db.exec(`${NEW_LIST} VALUES
      ('a', 'match', 1, 20, 1, 0, 0, 0, '', '{}', '{"entryDaysMax":9}'),
      ('b', 'suppression', 0, 0, 0, 0, 0, 0, '', '{}', '{}'), ('gone', 'match', 1, 31, 0, 0, 0, 0, '', '{}', '{}');
      DELETE FROM list WHERE name = 'gone'; UPDATE meta SET value = 0 WHERE name IN ('values_plain', 'ids_by_line')`);
    db.pragma(`user_version = ${WITHOUT_DETAIL}`);
  })();
  db.close();
});

test('lists are plain, and else as they were; keys of lists that are gone are not given again', async () => {
  const store = await openSqliteStore(dataDir);
  expect(await store.lists.lists()).toMatchObject([
    {
      list: 'a',
      kind: 'match',
      enabled: true,
      radiusBits: 20,
      matchLowQuality: true,
      detail: 'plain',
      entryDaysMax: 9,
    },
    { list: 'b', kind: 'suppression', enabled: false, radiusBits: 0, matchLowQuality: false, detail: 'plain' },
  ]);
  await store.lists.updateList('a', { detail: 'deep' });
  await store.lists.createList({ list: 'c', kind: 'match', radiusBits: 31 });
  expect((await store.lists.changes(null))!.lists.map(({ listKey }) => listKey)).toEqual([1, 2, 4]);
  await store.close();
  const db = open();
  expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
  db.close();
  expect(verifyDataFolder(dataDir)).toEqual([]);
});

test.each([
  ['a cell was changed', (path: string) => void damage(path, BEFORE, 'radius_bits')],
  ['a row is lost', () => loseRow()],
])('a store in whose lists %s is not migrated', async (_what, spoil) => {
  spoil(join(dataDir, LISTS_FILE));
  await expect(openSqliteStore(dataDir)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  const db = open();
  expect(db.pragma('user_version', { simple: true })).toBe(WITHOUT_DETAIL);
  db.close();
});

/** Remove a row as damage does: no trigger runs. */
function loseRow(): void {
  const db = open();
  const triggers = db
    .prepare<[], string>(`SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'list'`)
    .pluck()
    .all();
  db.exec(`DROP TRIGGER list_removed; DELETE FROM list WHERE name = 'b'`);
  db.exec(triggers.find((sql) => sql.includes('list_removed'))!);
  db.close();
}
