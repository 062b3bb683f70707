import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { openListsDatabase } from '../../src/sqlite/lists/database.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { updatesContract } from '../store/updates-contract.js';

/** As many as are found in memory; the indexes of a new list are made after its rows. */
const MANY_ROWS = 10_000;

let dataDir = '';
const place = {
  fresh: () => {
    dataDir = tempFolder('store');
  },
  open: () => openSqliteStore(dataDir),
};
updatesContract('SQLite, few rows', place);
updatesContract('SQLite, many rows', { ...place, expectedRows: MANY_ROWS });

test.each([0, MANY_ROWS])(
  'a row that was damaged on the disk is mended by the next import, of %i rows',
  async (expectedRows) => {
    place.fresh();
    const rows = [1, 2, 3].map((n) => entryRow(n, 'md5', String(n).repeat(32), { entryId: `id-${n}` }));
    const store = await place.open();
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    await store.lists.replaceEntries('a', stream(rows));
    await store.close();
    damageValue('id-2');
    const damaged = await place.open();
    expect(await damaged.lists.verify('a')).toMatchObject({ ok: false });
    const report = await damaged.lists.replaceEntries('a', stream(rows), { expectedRows });
    expect(report).toMatchObject({ accepted: 3, added: 0, removed: 0 });
    expect(await damaged.lists.verify('a')).toMatchObject({ ok: true, entryCount: 3 });
    await damaged.close();
  },
);

test.each([0, MANY_ROWS])(
  'a damaged mark is mended from what was disabled, by an import of %i rows',
  async (expectedRows) => {
    place.fresh();
    const rows = [1, 2, 3].map((n) => entryRow(n, 'md5', String(n).repeat(32), { entryId: `id-${n}` }));
    const store = await place.open();
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    await store.lists.replaceEntries('a', stream(rows));
    await store.lists.changeEntries('a', { entryId: 'id-2' }, 'disable');
    const db = openListsDatabase(dataDir);
    expect(db.prepare('UPDATE entry SET disabled = 1 - disabled WHERE id > 1').run().changes).toBe(2);
    db.close();
    expect(await store.lists.verify('a')).toMatchObject({ ok: false });
    await store.lists.replaceEntries('a', stream(rows), { expectedRows });
    expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 2 });
    const disabled = async (entryId: string) => (await store.lists.entry('a', entryId)).map((entry) => entry.disabled);
    expect([await disabled('id-1'), await disabled('id-2'), await disabled('id-3')]).toEqual([
      [false],
      [true],
      [false],
    ]);
    await store.close();
  },
);

/** Flip a bit of the name of a value, in its row and not in the index. */
function damageValue(entryId: string): void {
  const path = join(dataDir, 'zeef.sqlite');
  const db = new Database(path);
  const value = db.prepare<[string], Buffer>('SELECT value FROM entry WHERE entry_id = ?').pluck().get(entryId)!;
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  const bytes = readFileSync(path);
  const at = bytes.indexOf(value);
  expect(bytes.indexOf(value, at + 1), 'the row alone has the whole value').toBe(-1);
  bytes[at + 5]! ^= 1;
  writeFileSync(path, bytes);
}
