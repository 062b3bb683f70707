/** Each column that decides a verdict, changed in a closed file: no reader takes it for true, and `verify` names the row. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { INVENTORY_TABLES, verifySqliteInventory } from '../../src/sqlite/inventory/database.js';
import { INVENTORY_FILE } from '../../src/sqlite/inventory/file-name.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import { LIST_TABLES } from '../../src/sqlite/lists/database.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { SERVICE_FILE, SERVICE_TABLES } from '../../src/sqlite/service/database.js';
import type { SummedTable } from '../../src/sqlite/sums.js';
import { verifyDataFolder } from '../../src/sqlite/verify.js';
import type { Store } from '../../src/store/store.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { damage, isRefused, type Seen, silentlyOther } from '../support/damage.js';
import {
  fillInventory,
  listReaders,
  type MadeStore,
  makeStore,
  type Readers,
  readInventory,
  readStore,
  serviceReaders,
} from '../support/damage-store.js';

/** The rows to change, where the first one decides nothing. */
const ROWS: Readonly<Record<string, readonly string[]>> = {
  meta: [`name = 'generation'`, `name = 'store_id'`, `name = 'values_plain'`, `name = 'last_entry_key'`],
  list: [`name = 'known'`, `name = 'good'`],
  entry: [`entry_id = 'e30'`, `entry_id = 'e15'`, `entry_id = 'e16'`, `entry_id = 'e18'`],
  generation: [`number = (SELECT value FROM meta WHERE name = 'generation')`],
  removal: ['seq = (SELECT max(seq) FROM removal)'],
  past_entry: ['since = 1 AND until > 1'],
  tenant: [`name = 'acme'`, `name = 'beta'`],
  api_key: ['revoked_at IS NOT NULL', 'expires_at IS NOT NULL'],
};
const casesOf = (tables: readonly SummedTable[], rows = ROWS) =>
  tables.flatMap((table) =>
    table.columns.flatMap((column) =>
      (rows[table.name] ?? ['true']).map((where): [string, string, string, SummedTable] => [
        table.name,
        column,
        where,
        table,
      ]),
    ),
  );

/** All readers of the lists, and two imports: what those take from the store decides later verdicts. */
const listUsers = (store: Store, made: MadeStore) => ({
  ...listReaders(store, made),
  withdrawal: async () => {
    const gone = { ok: false, line: 1, reason: 'deleted', gone: { entryId: 'e60', at: null } };
    await store.lists.addEntries('known', stream([gone] as never));
  },
  'rotated lists': () => store.rotateKeys(null),
  import: async () => {
    await store.lists.replaceEntries('off', stream([entryRow(200, 'md5', 'ab'.repeat(16))]));
  },
});

let made: MadeStore;
let inventory = '';
beforeAll(async () => {
  made = await makeStore();
  inventory = tempFolder('inventory');
  await fillInventory(inventory);
});

function copyOf(folder: string): string {
  const copy = tempFolder('damaged');
  cpSync(folder, copy, { recursive: true });
  return copy;
}

const isNoticed = ({ facts, reported }: Seen) => reported > 0 || Object.values(facts).some(isRefused);

describe.each([
  ['lists', LISTS_FILE, casesOf(LIST_TABLES), listUsers],
  ['service', SERVICE_FILE, casesOf(SERVICE_TABLES), serviceReaders],
] as const)('the file of the %s', (_name, file, cases, readers) => {
  let before: Seen;
  beforeAll(async () => {
    before = await readStore(copyOf(made.folder), made, readers as Readers);
  });

  test('is read as it was written', () => {
    expect(verifyDataFolder(copyOf(made.folder))).toEqual([]);
    const { facts, reported } = before;
    expect(reported).toBe(0);
    expect(Object.entries(facts).filter(([, fact]) => isRefused(fact) || String(fact).startsWith('crash'))).toEqual([]);
  });

  test.each(cases)('%s.%s, where %s', async (_table, column, where, table) => {
    const copy = copyOf(made.folder);
    const row = damage(join(copy, file), table, column, where);
    expect(verifyDataFolder(copy)).toContain(
      `${file}: the row ${row[table.label]} of ${table.name} is not as it was written`,
    );
    const seen = await readStore(copy, made, readers as Readers);
    expect(isNoticed(seen)).toBe(true);
    expect(silentlyOther(before.facts, seen, () => 'lose reported rows')).toEqual([]);
    rmSync(copy, { recursive: true });
  });
});

test.each(casesOf(INVENTORY_TABLES, { meta: [`name = 'scan'`, `name = 'seed'`, `name = 'matched_at'`] }))(
  'inventory: %s.%s, where %s',
  async (_table, column, where, table) => {
    const copy = copyOf(inventory);
    damage(join(copy, INVENTORY_FILE), table, column, where);
    const problems = verifySqliteInventory(copy);
    expect(problems.join()).toMatch(new RegExp(`the row .+ of ${table.name} is not as it was written`));
    const { facts: before } = await readInventory(copyOf(inventory));
    const seen = await readInventory(copy);
    expect(isNoticed(seen)).toBe(true);
    const may = (name: string) => (name.startsWith('known') ? 'lose rows' : 'lose reported rows');
    expect(silentlyOther(before, seen, may)).toEqual([]);
    rmSync(copy, { recursive: true });
  },
);

test('a new entry that is lost before a reader sees it is reported', async () => {
  const copy = copyOf(made.folder);
  const db = new Database(join(copy, LISTS_FILE));
  db.exec(`DELETE FROM entry WHERE entry_id = 'e300'`);
  db.close();
  const reported: unknown[] = [];
  const store = await openSqliteStore(copy, { onDamaged: (damage) => reported.push(damage) });
  for await (const _ of (await store.lists.changes(made.position))!.added());
  expect(reported).toEqual([{ table: 'list', row: 'known' }]);
  await store.close();
});

test('damage in an inventory is found until its folder is scanned again', async () => {
  const copy = copyOf(inventory);
  const file = INVENTORY_TABLES.find(({ name }) => name === 'file')!;
  damage(join(copy, INVENTORY_FILE), file, 'facts');
  const opened = await openSqliteInventory(copy);
  expect(await opened.requeueDamaged()).toBe(1);
  expect(await opened.requeueDamaged()).toBe(1);
  await opened.close();
});
