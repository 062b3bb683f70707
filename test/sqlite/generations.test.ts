/** What a reader of changes is given where generations are forgotten, or are those of a restored copy; and the last keys. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { ENTRY_KEY_MAX, LIST_KEY_MAX } from '../../src/core/limits.js';
import { GENERATION, openListsDatabase } from '../../src/sqlite/lists/database.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { FeedPosition } from '../../src/store/lists-contract.js';
import type { Store } from '../../src/store/store.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { damage } from '../support/damage.js';

const md5 = (n: number) => n.toString(16).padStart(32, '0');
let dataDir = '';
beforeEach(async () => {
  dataDir = tempFolder('generations');
  await withStore(dataDir, ({ lists }) => lists.createList({ list: 'a', kind: 'match', radiusBits: 31 }));
});

async function withStore<T>(folder: string, act: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore(folder);
  try {
    return await act(store);
  } finally {
    await store.close();
  }
}
const add = (folder: string, ...ids: number[]) =>
  withStore(folder, ({ lists }) => lists.addEntries('a', stream(ids.map((n) => entryRow(n, 'md5', md5(n))))));
const positionIn = (folder: string) => withStore(folder, async ({ lists }) => (await lists.changes(null))!.position);
const countSince = (folder: string, position: FeedPosition) =>
  withStore(folder, async ({ lists }) => {
    const changes = await lists.changes(position);
    if (!changes) return null;
    let count = 0;
    for await (const batch of changes.added()) count += batch.length;
    return count;
  });
function change(sql: string): void {
  const db = openListsDatabase(dataDir);
  db.exec(sql);
  db.close();
}

test('a reader of a copy that was restored and changed reads everything again', async () => {
  await add(dataDir, 1);
  const copied = await positionIn(dataDir);
  const copy = tempFolder('copy');
  cpSync(dataDir, copy, { recursive: true });
  await add(dataDir, 2);
  await add(copy, 3);
  const [here, there] = [await positionIn(dataDir), await positionIn(copy)];
  expect(here.generation).toBe(there.generation);
  await add(copy, 4);
  expect([await countSince(copy, copied), await countSince(copy, there), await countSince(copy, here)]).toEqual([
    2,
    1,
    null,
  ]);
});

test('a reader of a generation that is forgotten, or damaged, reads everything again', async () => {
  await add(dataDir, 1);
  const before = await positionIn(dataDir);
  await add(dataDir, 2);
  const between = await positionIn(dataDir);
  await add(dataDir, 3);
  expect([await countSince(dataDir, before), await countSince(dataDir, between)]).toEqual([2, 1]);
  change(`DELETE FROM generation WHERE number = ${before.generation}`);
  damage(join(dataDir, LISTS_FILE), GENERATION, 'entry_key', `number = ${between.generation}`);
  expect([await countSince(dataDir, before), await countSince(dataDir, between)]).toEqual([null, null]);
  expect((await positionIn(dataDir)).generation).toBe(between.generation + 1);
});

test('the last key of an entry is given; then an import is refused, and changes nothing', async () => {
  change(`UPDATE meta SET value = ${ENTRY_KEY_MAX - 1} WHERE name = 'last_entry_key'`);
  expect(await add(dataDir, 1)).toMatchObject({ added: 1 });
  await expect(add(dataDir, 2)).rejects.toMatchObject({ code: 'INDEX_FULL' });
  await withStore(dataDir, async ({ lists }) => {
    expect(await lists.list('a')).toMatchObject({ entryCount: 1 });
    expect(await lists.changeEntries('a', { entryId: 'e1' }, 'disable')).toBe(1);
    // Enabled again it needs a new key.
    await expect(lists.changeEntries('a', { entryId: 'e1' }, 'enable')).rejects.toMatchObject({ code: 'INDEX_FULL' });
    expect(await lists.verify('a')).toMatchObject({ ok: true });
  });
});

test('the last key of a list is given; then none is made', async () => {
  change(`UPDATE sqlite_sequence SET seq = ${LIST_KEY_MAX - 1} WHERE name = 'list'`);
  const make = (list: string) =>
    withStore(dataDir, ({ lists }) => lists.createList({ list, kind: 'match', radiusBits: 31 }));
  await make('b');
  await expect(make('c')).rejects.toMatchObject({ code: 'INDEX_FULL' });
  await withStore(dataDir, async ({ lists }) => {
    expect((await lists.lists()).map(({ list }) => list)).toEqual(['a', 'b']);
    const create = { kind: 'match', radiusBits: 31 } as const;
    await expect(lists.addEntries('c', stream([]), { create })).rejects.toMatchObject({ code: 'INDEX_FULL' });
  });
});
