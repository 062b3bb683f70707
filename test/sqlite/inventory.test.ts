import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { factsOfReply } from '../../src/scan/facts/file-facts.js';
import { packFacts, unpackFacts } from '../../src/scan/facts/packed-facts.js';
import { INVENTORY_FILE } from '../../src/sqlite/inventory/file-name.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import { registerSums } from '../../src/sqlite/sums.js';
import type { Inventory } from '../../src/store/inventory-contract.js';
import { inventoryContract } from '../store/inventory-contract.js';
import { factsOf, imageReply } from '../support/scan-parts.js';

inventoryContract(() => {
  const folder = tempFolder('inventory');
  let opened: Inventory | null = null;
  const open = async () => {
    const inventory = await openSqliteInventory(folder);
    opened = inventory;
    return inventory;
  };
  return {
    open,
    reopen: async () => {
      await opened?.close();
      return open();
    },
    dispose: async () => {
      await opened?.close();
    },
  };
});

test.each([
  ['of a newer version', 'DATA_VERSION', (file: string) => void new Database(file).pragma('user_version = 99')],
  ['of an older version', 'DATA_VERSION', (file: string) => void new Database(file).pragma('user_version = 1')],
  ['not a database', 'STORE_FAILED', (file: string) => writeFileSync(file, 'text '.repeat(1_000))],
])('an inventory that is %s is refused', async (_name, code, spoil) => {
  const folder = tempFolder('inventory');
  spoil(join(folder, INVENTORY_FILE));
  await expect(openSqliteInventory(folder)).rejects.toMatchObject({ code });
});

test('an inventory of before windows is brought up to date: its rows are as they were, and have none', async () => {
  const folder = tempFolder('inventory');
  const before = await openSqliteInventory(folder);
  await before.beginScan('q', ['/tree']);
  const { id } = (await before.nextFolder(new Set()))!;
  const [place] = await before.find(await before.firstKey(id), ['a.jpg']);
  const facts = packFacts(factsOf({ ...factsOfReply(imageReply('a')), verdict: 'no_match', scan: 1 }));
  await before.apply({
    files: [{ fileKey: place!.fileKey, name: 'a.jpg', facts }],
    foldersDone: [{ id, counts: { symlinks: 0, special: 0, excluded: 0 } }],
  });
  await before.finishScan({ files: 1, matchedAt: '{"generation":1}', matchedDetail: 'deep' });
  await before.close();
  const db = new Database(join(folder, INVENTORY_FILE));
  // The tables of schema 4 are these; it had no such fact.
  registerSums(db);
  db.exec(`DELETE FROM meta WHERE name = 'matched_detail'`);
  db.pragma('user_version = 4');
  db.close();
  const now = await openSqliteInventory(folder);
  expect(now.state).toMatchObject({ isFinished: true, matchedAt: '{"generation":1}', matchedDetail: 'plain' });
  for await (const [row] of now.files('all'))
    expect(unpackFacts(row!.facts)).toMatchObject({ detail: 'plain', verdict: 'no_match' });
  await now.close();
  expect(new Database(join(folder, INVENTORY_FILE)).pragma('user_version', { simple: true })).toBe(5);
});

test('a temporary inventory has no name on disk, and several can be open', () => {
  // A process of its own: SQLite reads TMPDIR once, and other tests use that of the run.
  const folder = tempFolder('unnamed');
  const source = `
    const { readdirSync } = await import('node:fs');
    const { openSqliteInventory } = await import(${JSON.stringify(artefact('src', 'sqlite', 'inventory', 'inventory.js'))});
    const [one, other] = [await openSqliteInventory(null), await openSqliteInventory(null)];
    const base = await one.firstKey((await one.folderAt('/first')).id);
    const names = Array.from({ length: 20_000 }, (_, at) => 'n' + at);
    const places = await one.find(base, names);
    // More than the pages that SQLite keeps in memory.
    const facts = new Uint8Array(500).fill(7);
    await one.apply({ files: places.map(({ fileKey }, at) => ({ fileKey, name: names[at], facts })) });
    const found = (await one.find(base, names)).filter((row) => row.facts && Buffer.compare(row.facts, facts) === 0);
    const seen = { found: found.length, bytes: [one.bytes, other.bytes], open: readdirSync(process.env.TMPDIR) };
    await one.close();
    await other.close();
    process.stdout.write(JSON.stringify(seen));`;
  const args = ['--input-type=module', '-e', source];
  const seen = JSON.parse(
    execFileSync(process.execPath, args, { env: childEnv({ TMPDIR: folder }), encoding: 'utf8' }),
  );
  expect(seen).toEqual({ found: 20_000, bytes: [expect.any(Number), expect.any(Number)], open: [] });
  expect(seen.bytes[0]).toBeGreaterThan(10_000_000);
  expect(seen.bytes[1]).toBeLessThan(100_000);
  expect(readdirSync(folder)).toEqual([]);
});

test('names that collide at the end of a folder’s range stay in that range', async () => {
  const folder = tempFolder('inventory');
  const inventory = await openSqliteInventory(folder);
  const { id } = await inventory.folderAt('/first');
  const base = await inventory.firstKey(id);
  const next = await inventory.firstKey((await inventory.folderAt('/next')).id);
  const facts = Uint8Array.of(1);
  // The last 10,000 file keys are taken, so that about forty of these names wrap to the beginning.
  await inventory.apply({
    files: Array.from({ length: 10_000 }, (_, at) => ({ fileKey: next - 1 - at, name: `taken ${at}`, facts })),
  });
  const names = Array.from({ length: 60_000 }, (_, at) => `n${at}`);
  const keys = (await inventory.find(base, names)).map(({ fileKey }) => fileKey);
  expect(Math.min(...keys)).toBeGreaterThanOrEqual(base);
  expect(Math.max(...keys)).toBeLessThan(next);
  expect(new Set(keys).size).toBe(names.length);
  const first = names.flatMap((name, at) => (keys[at]! - base < 200 ? [{ fileKey: keys[at]!, name, facts }] : []));
  expect(first.length).toBeGreaterThan(10);
  // They are found again, as files of that folder, also where the last row before them is gone.
  await inventory.apply({ files: first, removedFiles: [next - 1] });
  const again = await inventory.find(
    base,
    first.map(({ name }) => name),
  );
  expect(again).toEqual(first.map(({ fileKey }) => ({ fileKey, facts })));
  const listed: string[] = [];
  for await (const rows of inventory.files('all'))
    for (const row of rows) listed.push(row.name.startsWith('n') ? row.folder : '/first');
  expect(new Set(listed)).toEqual(new Set(['/first']));
  await inventory.close();
});

test('a folder with more names than keys is refused, not searched for ever', async () => {
  const folder = tempFolder('inventory');
  const inventory = await openSqliteInventory(folder);
  const base = await inventory.firstKey((await inventory.folderAt('/full')).id);
  const facts = new Uint8Array();
  // About one name in a hundred begins among these, and finds no free file key near.
  const files = Array.from({ length: 200_000 }, (_, at) => ({ fileKey: base + at, name: `taken ${at}`, facts }));
  await inventory.apply({ files });
  const names = Array.from({ length: 2_000 }, (_, at) => `n${at}`);
  await expect(inventory.find(base, names)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  await inventory.close();
});

const NO_COUNTS = { symlinks: 0, special: 0, excluded: 0 };

test('the folders under a root are read in pages: each is counted and pruned once, and none beside it', async () => {
  const inventory = await openSqliteInventory(tempFolder('inventory'));
  const inside = ['/r', ...Array.from({ length: 4_500 }, (_, n) => `/r/${n}`)];
  const beside = ['/r!', '/r.jpg', '/r0', '/q'];
  await inventory.beginScan('', []);
  await inventory.apply({ foldersFound: [...inside, ...beside].map((path) => ({ path, isArchive: false })) });
  const files: { fileKey: number; name: string; facts: Uint8Array }[] = [];
  for (const path of [...inside, ...beside]) {
    const [place] = await inventory.find(await inventory.firstKey((await inventory.folderAt(path)).id), ['a']);
    files.push({ fileKey: place!.fileKey, name: 'a', facts: new Uint8Array([1]) });
  }
  const foldersDone = await Promise.all(
    [...inside, ...beside].map(async (path) => ({ id: (await inventory.folderAt(path)).id, counts: NO_COUNTS })),
  );
  await inventory.apply({ files, foldersDone });
  await inventory.beginScan('', []);
  expect(await inventory.unseenUnder('/r')).toBe(inside.length);
  await inventory.pruneUnder('/r', (folder) => folder === '/r/4000');
  expect([await inventory.unseenUnder('/r'), await inventory.unseenUnder('/')]).toEqual([1, beside.length + 1]);
  await inventory.close();
});
