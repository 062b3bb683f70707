/** Values are sealed in the store's files, under keys that can be rotated. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { checksumOf } from '../../src/sqlite/lists/checksum.js';
import { ENTRY, openListsDatabase } from '../../src/sqlite/lists/database.js';
import { LISTS_FILE } from '../../src/sqlite/lists/file-name.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import { sumSql } from '../../src/sqlite/sums.js';
import { KEY_FILE, keyFromFile, keyFromOwnFile, keyFromText } from '../../src/vault/master-key.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { randomBytes, seeded } from '../support/random.js';

const values = Array.from({ length: 300 }, (_, at) => Buffer.from(randomBytes(seeded(at + 1), 16)));
const hex = values.map((value) => value.toString('hex'));
const rows = (from: number, to: number) =>
  stream(hex.slice(from, to).map((value, at) => entryRow(from + at, 'md5', value)));

let dir: string;
beforeEach(() => {
  dir = tempFolder('sealed');
});

/** Return the names of the files in the folder that hold a value in plain text. */
function leaks(folder = dir): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return files.filter((path) => {
    if (!statSync(path).isFile()) return false;
    const bytes = readFileSync(path);
    return values.some((value, at) => bytes.includes(value) || bytes.includes(hex[at]!));
  });
}

async function filled(): Promise<void> {
  const store = await openSqliteStore(dir);
  await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('a', rows(0, 200));
  await store.lists.replaceEntries('a', rows(100, 300));
  const held = { review: () => [{ rule: 'change', count: 9, limit: 1 }] as const };
  await store.lists.replaceEntries('a', rows(0, 10), held);
  await store.close();
}

async function held(store: Awaited<ReturnType<typeof openSqliteStore>>, version: number): Promise<string[]> {
  const found: string[] = [];
  for await (const row of await store.lists.versionRows('a', version)) if (row.ok) found.push(row.entry.value);
  return found.sort();
}
const sorted = (from: number, to: number) => hex.slice(from, to).sort();

test('entries, past entries and a held version are in no file in plain text, and can be read', async () => {
  await filled();
  expect(leaks()).toEqual([]);
  const store = await openSqliteStore(dir);
  expect(await held(store, 1)).toEqual(sorted(0, 200));
  expect(await held(store, 2)).toEqual(sorted(100, 300));
  expect(await held(store, 3)).toEqual(sorted(0, 10));
  await store.close();
  expect(statSync(join(dir, KEY_FILE)).mode & 0o777).toBe(0o600);
});

test('a value that was damaged, its row sum with it, stops a rotation, which changes nothing', async () => {
  await filled();
  const db = openListsDatabase(dir);
  const flipped = Buffer.from(db.prepare<[], Buffer>('SELECT value FROM entry WHERE id = 205').pluck().get()!);
  flipped[flipped.length - 1]! ^= 1;
  db.prepare('UPDATE entry SET value = ? WHERE id = 205').run(flipped);
  db.exec(`UPDATE entry SET sum = ${sumSql(ENTRY)} WHERE id = 205`);
  db.close();
  const store = await openSqliteStore(dir);
  await expect(store.rotateKeys(null)).rejects.toMatchObject({ code: 'SEALED_DAMAGED' });
  expect(hex).toContain((await store.lists.entriesByKeys([204])).get(204)?.value);
  await store.close();
});

test('the search finds values that are in plain text', async () => {
  writeFileSync(join(dir, 'raw'), Buffer.concat([Buffer.alloc(5), values[3]!]));
  writeFileSync(join(dir, 'hex'), `x${hex[4]}`);
  expect(leaks().length).toBe(2);
});

describe('the master key', () => {
  test('a wrong, missing or malformed key is refused with LIST_KEY_WRONG', async () => {
    await filled();
    const wrong = { code: 'LIST_KEY_WRONG' };
    await expect(openSqliteStore(dir, { master: keyFromText('ab'.repeat(32)) })).rejects.toMatchObject(wrong);
    await expect(openSqliteStore(dir, { master: keyFromFile(join(dir, 'nowhere')) })).rejects.toMatchObject(wrong);
    expect(() => keyFromText('short')).toThrow(expect.objectContaining(wrong));
    rmSync(join(dir, KEY_FILE));
    await expect(openSqliteStore(dir)).rejects.toMatchObject(wrong);
    expect(existsSync(join(dir, KEY_FILE)), 'a new one must not be made over a lost one').toBe(false);
  });

  test.each(['hex', 'base64', 'base64url'] as const)('is read as %s', async (form) => {
    const key = Buffer.from(randomBytes(seeded(5), 32));
    const path = join(dir, 'k');
    writeFileSync(path, `${key.toString(form)}\n`);
    expect(Buffer.from(keyFromFile(path).read()).equals(key)).toBe(true);
  });
});

describe('rotation', () => {
  test('seals all under the new key; the old one opens nothing; an open store continues', async () => {
    await filled();
    const before = readFileSync(join(dir, KEY_FILE), 'utf8');
    const running = await openSqliteStore(dir);
    const checksum = (await running.lists.verify('a')).checksum;
    const other = await openSqliteStore(dir);
    expect(await other.rotateKeys(null)).toEqual({ keyId: 2 });
    expect(readFileSync(join(dir, KEY_FILE), 'utf8')).not.toBe(before);
    expect(await running.lists.verify('a')).toMatchObject({ ok: true });
    expect((await running.lists.verify('a')).checksum, 'sealed anew').not.toBe(checksum);
    expect(await held(running, 1)).toEqual(sorted(0, 200));
    expect(await held(running, 3)).toEqual(sorted(0, 10));
    // The store that did not rotate writes under the new key too, and equal values are still equal.
    const report = await running.lists.replaceEntries('a', rows(100, 300));
    expect(report).toMatchObject({ accepted: 200, added: 0, removed: 0 });
    const db = new Database(join(dir, LISTS_FILE));
    const keys = db.prepare('SELECT DISTINCT hex(substr(value, 1, 2)) AS key FROM entry').all();
    expect(keys).toEqual([{ key: '0002' }]);
    db.close();
    await running.close();
    await other.close();
    await expect(openSqliteStore(dir, { master: keyFromText(before) })).rejects.toMatchObject({
      code: 'LIST_KEY_WRONG',
    });
    expect(leaks()).toEqual([]);
  });

  test('accepts a key of the operator', async () => {
    await filled();
    const store = await openSqliteStore(dir);
    await store.rotateKeys(Buffer.alloc(32, 9));
    await store.close();
    await expect(openSqliteStore(dir)).rejects.toMatchObject({ code: 'LIST_KEY_WRONG' });
    const again = await openSqliteStore(dir, { master: keyFromText('09'.repeat(32)) });
    expect(await held(again, 2)).toEqual(sorted(100, 300));
    await again.close();
  });

  test('that ended after its commit, before the new key was in place, is finished by the next start', async () => {
    await filled();
    const path = join(dir, KEY_FILE);
    const before = readFileSync(path);
    const store = await openSqliteStore(dir);
    await store.rotateKeys(null);
    await store.close();
    writeFileSync(`${path}.next`, readFileSync(path));
    writeFileSync(path, before);
    const again = await openSqliteStore(dir);
    expect(await held(again, 2)).toEqual(sorted(100, 300));
    await again.close();
    expect(existsSync(`${path}.next`)).toBe(false);
  });

  test('that ended before its commit leaves a prepared key without effect', async () => {
    await filled();
    keyFromOwnFile(join(dir, KEY_FILE)).own!.prepare();
    const store = await openSqliteStore(dir);
    expect(await held(store, 2)).toEqual(sorted(100, 300));
    await store.rotateKeys(null);
    await store.close();
    await (await openSqliteStore(dir)).close();
  });
});

test('a store from before the vault is sealed when opened, and no value is left in plain text', async () => {
  const db = openListsDatabase(dir);
  db.exec(`INSERT INTO list (name, kind, enabled, radius_bits, match_low_quality, version, rejected, duplicates, checksum, counts)
           VALUES ('a', 'match', 1, 31, 0, 1, 0, 0, '', '{"md5":300}')`);
  const insert = db.prepare(
    'INSERT INTO entry (list_id, algorithm, value, entry_id, attributes, since, sum) VALUES (1, 0, ?, ?, NULL, 1, 0)',
  );
  for (const [at, value] of values.entries()) insert.run(value, `e${at}`);
  db.exec(`UPDATE entry SET sum = ${sumSql(ENTRY)}`);
  db.prepare('UPDATE list SET checksum = ?').run(checksumOf(db, 1));
  db.close();
  mkdirSync(join(dir, 'held'));
  writeFileSync(join(dir, 'held', '1.jsonl'), hex[0]!);
  writeFileSync(join(dir, 'zeef.index'), values[1]!);
  expect(leaks().length).toBeGreaterThan(2);
  const store = await openSqliteStore(dir);
  expect(await held(store, 1)).toEqual(sorted(0, 300));
  expect(await store.lists.verify('a')).toMatchObject({ ok: true, entryCount: 300 });
  expect(await store.lists.replaceEntries('a', rows(0, 300))).toMatchObject({ accepted: 300, added: 0 });
  await store.close();
  expect(leaks()).toEqual([]);
});

test('an entry with a damaged value is reported and left out; the rest of its list is read', async () => {
  await filled();
  const db = new Database(join(dir, LISTS_FILE));
  db.prepare('UPDATE entry SET value = zeroblob(46) WHERE entry_id = ?').run('e250');
  db.close();
  const damaged: (string | number)[] = [];
  const store = await openSqliteStore(dir, { onDamaged: ({ row }) => damaged.push(row) });
  let read = 0;
  for await (const batch of (await store.lists.changes(null))!.added()) read += batch.length;
  expect([read, damaged.length]).toEqual([199, 1]);
  expect(await store.lists.verify('a')).toMatchObject({ ok: false });
  await store.close();
});
