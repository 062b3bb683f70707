/** A data folder as the target of a move, step by step, from another data folder: what only a kill or another process brings about. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { openSqliteLedger } from '../../src/sqlite/ledger/ledger.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteMove } from '../../src/sqlite/move/source.js';
import { openSqliteTarget } from '../../src/sqlite/move/target.js';
import { MOVING_FILE } from '../../src/sqlite/moved-mark.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { registerSums } from '../../src/sqlite/sums.js';
import {
  COMPARED_TABLES,
  MOVED_TABLES,
  type MovedRow,
  type MovedTable,
  type MoveSource,
  type MoveTarget,
} from '../../src/store/move-contract.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { answers, copyOf, embedded, master } from '../support/moves.js';
import { fillStore, type Rich } from '../support/rich-store.js';

/** Every table but the smallest takes several batches. */
const ROWS_PER_BATCH = 7;
const EVENT = {
  at: '2026-09-14T00:00:00.000Z',
  actor: 'me',
  action: 'store.move',
  tenant: null,
  target: null,
} as const;

const newFolder = () => join(tempFolder('folder'), 'data');

async function makeStore(): Promise<{ dataDir: string; rich: Rich }> {
  const dataDir = newFolder();
  const store = await openSqliteStore(dataDir, { master });
  const ledger = openSqliteLedger(dataDir, { foldGroups: 8 });
  const rich = await fillStore(store, ledger, 30);
  // Their keys are the newest ones, and not given again.
  await store.lists.createList({ list: 'last', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('last', stream([entryRow(1, 'md5', 'b'.repeat(32))]));
  await store.lists.removeList('last');
  await ledger.close();
  await store.close();
  return { dataDir, rich };
}

/** Run with a source and a target that are closed at the end, as they are in a process that is killed. */
async function between<T>(from: string, to: string, use: (source: MoveSource, target: MoveTarget) => Promise<T>) {
  const target = await openSqliteTarget(to, master);
  try {
    const source = await openSqliteMove(from, master);
    try {
      return await use(source, target);
    } finally {
      await source.close();
    }
  } finally {
    await target.close();
  }
}

/** Move the tables, or those up to `last` and one batch of that. */
async function putTables(source: MoveSource, target: MoveTarget, last: MovedTable | null = null): Promise<void> {
  for (const table of MOVED_TABLES) {
    let from = await target.count(table);
    let rows: MovedRow[] = [];
    const put = async () => {
      await target.put(table, from, rows);
      from += rows.length;
      rows = [];
    };
    for await (const row of source.rows(table, from)) {
      if (rows.push(row) < ROWS_PER_BATCH) continue;
      await put();
      if (table === last) return;
    }
    await put();
    if (table === last) return;
  }
}

function generationsOf(dataDir: string): readonly unknown[] {
  const db = new Database(join(dataDir, LISTS_FILE), { readonly: true });
  const rows = db.prepare('SELECT number, removal, token, entry_key FROM generation ORDER BY number').all();
  db.close();
  return rows;
}

/** Result: tables that differ, and problems. */
async function endOf(source: MoveSource, target: MoveTarget): Promise<readonly string[]> {
  await putTables(source, target);
  await target.derive(source.facts);
  const different: string[] = [];
  for (const table of COMPARED_TABLES) {
    const [here, there] = [await source.sum(table), await target.sum(table)];
    if (here.rows !== there.rows || here.sum !== there.sum) different.push(table);
  }
  const problems = await target.problems(source.facts);
  await target.finish({ ...EVENT, details: {} });
  return [...different, ...problems];
}

describe('a folder into which a store is moved', () => {
  let dataDir = '';
  let rich: Rich;
  let before: object;
  beforeAll(async () => {
    ({ dataDir, rich } = await makeStore());
    before = await answers(embedded(dataDir), rich);
  });

  test('has its tables in many batches as in one, and its chains follow from each to the next', async () => {
    const folder = newFolder();
    await between(dataDir, folder, async (source, target) => {
      expect(await target.begin(source.facts)).toMatchObject({ how: 'new' });
      expect(await source.count('event')).toBeGreaterThan(2 * ROWS_PER_BATCH);
      expect(await endOf(source, target)).toEqual([]);
    });
    expect(await answers(embedded(folder), rich)).toEqual(before);
  });

  test('is continued after a kill in any table, and between the last one and the end', async () => {
    const folder = newFolder();
    for (const [at, last] of (['entry', 'generation', 'removal', 'event', 'webhook', null] as const).entries())
      await between(dataDir, folder, async (source, target) => {
        expect(await target.begin(source.facts)).toMatchObject({ how: at === 0 ? 'new' : 'resumed' });
        await putTables(source, target, last);
        if (last === null) await target.derive(source.facts);
      });
    await between(dataDir, folder, async (source, target) => {
      expect(await target.begin(source.facts)).toMatchObject({ how: 'resumed' });
      expect(await endOf(source, target)).toEqual([]);
    });
    // What a reader of each generation is given.
    expect(generationsOf(folder)).toEqual(generationsOf(dataDir));
    expect(await answers(embedded(folder), rich)).toEqual(before);
  });

  test('of a store that was moved before is not taken for the end of that move', async () => {
    const first = newFolder();
    const token = await between(dataDir, first, async (source, target) => {
      const begun = await target.begin(source.facts);
      expect(await endOf(source, target)).toEqual([]);
      return begun.token;
    });
    const second = newFolder();
    // Its log, with the end of the first move, is there; the second one is killed before its own end.
    const now = await between(first, second, async (source, target) => {
      const begun = await target.begin(source.facts);
      await putTables(source, target);
      return begun.token;
    });
    expect(now).not.toBe(token);
    await between(first, second, async (source, target) => {
      expect(await target.begin(source.facts)).toEqual({ how: 'resumed', token: now });
      expect(await endOf(source, target)).toEqual([]);
      expect(await target.token()).toBe(now);
    });
    expect(await answers(embedded(second), rich)).toEqual(before);
    // The folder of a part stays one where its source has changed since.
    const third = newFolder();
    await between(first, third, async (source, target) => {
      await target.begin(source.facts);
      await putTables(source, target);
    });
    await between(first, third, async (source, target) => {
      const changed = { ...source.facts, fingerprint: 'of another state' };
      expect(await target.begin(changed)).toMatchObject({ how: 'again' });
      expect(await target.count('audit')).toBe(0);
    });
  });

  test('is refused where another process has made a store in it meanwhile, which stays as it is', async () => {
    const folder = newFolder();
    await between(dataDir, folder, async (source, target) => {
      const store = await openSqliteStore(folder, { master });
      await store.lists.createList({ list: 'own', kind: 'match', radiusBits: 31 });
      await store.close();
      await expect(target.begin(source.facts)).rejects.toThrow(/STORE_NOT_EMPTY/);
    });
    expect(existsSync(join(folder, MOVING_FILE))).toBe(false);
    const store = await openSqliteStore(folder, { master });
    expect((await store.lists.lists()).map(({ list }) => list)).toEqual(['own']);
    await store.close();
  });

  test('takes no rows twice', async () => {
    await between(dataDir, newFolder(), async (source, target) => {
      await target.begin(source.facts);
      const rows = [];
      for await (const row of source.rows('data_key', 0)) rows.push(row);
      await target.put('data_key', 0, rows);
      await expect(target.put('data_key', 0, rows)).rejects.toThrow(/STORE_IN_USE/);
    });
  });

  test('has problems where rows that are equal have another chain', async () => {
    await between(dataDir, newFolder(), async (source, target) => {
      await target.begin(source.facts);
      await putTables(source, target);
      await target.derive(source.facts);
      expect(await target.problems(source.facts)).toEqual([]);
      const { ledger, audit } = source.facts;
      const other = { ...ledger, verified: { ...ledger.verified, hits: 1 } };
      expect(await target.problems({ ...source.facts, ledger: other })).toEqual([expect.stringMatching(/^ledger: /)]);
      const log = { ...audit, hash: '0'.repeat(64) };
      expect(await target.problems({ ...source.facts, audit: log })).toEqual([expect.stringMatching(/^audit: /)]);
    });
  });

  test('gives no key again, also of a list that is gone', async () => {
    const folder = newFolder();
    await between(dataDir, folder, async (source, target) => {
      await target.begin(source.facts);
      await endOf(source, target);
    });
    const keys: unknown[] = [];
    for (const place of [dataDir, folder]) {
      const copy = copyOf(place);
      const store = await openSqliteStore(copy, { master });
      await store.lists.createList({ list: 'later', kind: 'match', radiusBits: 31 });
      await store.lists.replaceEntries('later', stream([entryRow(1, 'md5', 'c'.repeat(32))]));
      const { lists, added } = (await store.lists.changes(null))!;
      const { listKey } = lists.find(({ info }) => info.list === 'later')!;
      for await (const batch of added())
        for (const one of batch) if (one.listKey === listKey) keys.push([listKey, one.entryKey]);
      await store.close();
    }
    expect(keys).toHaveLength(2);
    expect(keys[1]).toEqual(keys[0]);
  });

  test('an earlier version with a damaged entry is not moved: it would be restored without it', async () => {
    const copy = copyOf(dataDir);
    const db = new Database(join(copy, LISTS_FILE));
    registerSums(db);
    db.exec('UPDATE past_entry SET is_damaged = 1 WHERE id = (SELECT max(id) FROM past_entry)');
    db.close();
    await expect(openSqliteMove(copy, master)).rejects.toThrow(/STORE_DAMAGED/);
  });
});
