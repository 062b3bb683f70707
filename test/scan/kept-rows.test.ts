/** What an inventory keeps of files that a scan could not see. */
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { rematch } from '../../src/scan/rematch.js';
import { ScanTally } from '../../src/scan/tally.js';
import { Walker } from '../../src/scan/walk/walker.js';
import { found, matcherOf } from '../support/scan-parts.js';
import { ScanTree } from '../support/scan-tree.js';
import { zipOf } from '../support/zip.js';

let tree: ScanTree;
beforeEach(async () => {
  tree = await ScanTree.create();
});
afterEach(() => tree.close());
const at = (name: string) => join(tree.path, name);
const codes = (tally: ScanTally) => tally.warnings.kept.map(({ code }) => code);

/** Rematch with lists that hold every image: the reported names, missing ones with a mark. */
async function rematched(): Promise<string[]> {
  const reported: string[] = [];
  const digits = ['a', 'b', 'c', 'd'].map((digit) => [digit, found('match')] as const);
  await rematch({
    inventory: tree.inventory,
    matcher: { ...matcherOf(Object.fromEntries(digits)), generation: 2 },
    tally: new ScanTally(),
    orientations: 'all',
    readAgain: async (files) => files.map(() => 'FILE_VANISHED' as const),
    shouldStop: () => false,
    onResult: ({ pathBytes, verdict, isMissing }) =>
      void reported.push(`${tree.nameOf(pathBytes)} ${verdict}${isMissing ? ' missing' : ''}`),
    newEntries: null,
  });
  return reported.sort();
}

test('an empty root that held files warns and fails; its rows are kept, matched again, and known when it is back', async () => {
  mkdirSync(at('deep'));
  tree.write('a.jpg', 'a');
  tree.write('deep/b.jpg', 'c');
  await tree.scan();
  renameSync(tree.path, `${tree.path}-unmounted`);
  mkdirSync(tree.path);
  const empty = await tree.scan();
  expect(codes(empty.tally)).toEqual(['ROOT_EMPTY', 'FILES_MISSING']);
  expect([empty.tally.warnings.fails, empty.tally.missing, empty.reported]).toEqual([true, 2, []]);
  expect(await rematched()).toEqual(['a.jpg match missing', 'deep/b.jpg match missing']);
  rmSync(tree.path, { recursive: true });
  renameSync(`${tree.path}-unmounted`, tree.path);
  const back = await tree.scan();
  expect([back.read, back.reported, codes(back.tally)]).toEqual([[], ['a.jpg match'], []]);
  expect(await rematched()).toEqual(['a.jpg match', 'deep/b.jpg match']);
});

test('an empty root that never held files does not warn of a disk', async () => {
  expect(codes((await tree.scan()).tally)).toEqual([]);
  expect(codes((await tree.scan()).tally)).toEqual([]);
});

test('a root that is gone keeps its rows', async () => {
  mkdirSync(at('disk'));
  tree.write('disk/a.jpg', 'c');
  const request = { paths: [pathBytesOf(at('disk'))] };
  await tree.scan({ request });
  rmSync(at('disk'), { recursive: true });
  expect((await tree.scan({ request })).reported).toEqual(['disk not_checked FILE_VANISHED']);
  expect(await rematched()).toContain('disk/a.jpg match missing');
});

describe('of roots', () => {
  const request = (...names: string[]) => ({ paths: names.map((name) => pathBytesOf(at(name))) });

  test('one inside another, what is missing is counted once', async () => {
    mkdirSync(at('disk/deep/gone'), { recursive: true });
    tree.write('disk/a.jpg', 'c');
    tree.write('disk/deep/gone/b.jpg', 'd');
    await tree.scan({ request: request('disk', 'disk/deep') });
    rmSync(at('disk/deep/gone'), { recursive: true });
    expect((await tree.scan({ request: request('disk', 'disk/deep') })).tally.missing).toBe(1);
  });

  test('one that is empty and finished warns also where the scan was stopped and is resumed', async () => {
    for (const name of ['disk', 'other']) mkdirSync(at(name));
    tree.write('disk/a.jpg', 'c');
    tree.write('other/b.jpg', 'd');
    const both = request('other', 'disk');
    await tree.scan({ request: both });
    rmSync(at('disk/a.jpg'));
    for (let n = 0; n < 40; n++) tree.write(`other/n${n}.jpg`, 'c');
    expect((await tree.scan({ request: both, shouldStop: (read) => read > 10 })).end.interrupted).toBe(true);
    const { end, tally } = await tree.scan({ request: both });
    expect(end).toMatchObject({ resumed: true, interrupted: false });
    expect([codes(tally), tally.warnings.fails]).toEqual([['ROOT_EMPTY', 'FILES_MISSING'], true]);
  });

  test('one in a list of files is a root too: an empty one warns, and what was under it is missing', async () => {
    mkdirSync(at('disk/deep'), { recursive: true });
    tree.write('a.jpg', 'c');
    tree.write('disk/deep/b.jpg', 'd');
    const listed = () => ({
      paths: [],
      filesFrom: (async function* () {
        yield* ['a.jpg', 'disk'].map((name) => pathBytesOf(at(name)));
      })(),
    });
    await tree.scan({ request: listed() });
    rmSync(at('disk/deep'), { recursive: true });
    const { tally } = await tree.scan({ request: listed() });
    expect([codes(tally), tally.missing, tally.warnings.fails]).toEqual([['ROOT_EMPTY', 'FILES_MISSING'], 1, true]);
  });
});

test('a file that is named each time is not missing to a rematch, and one that is no longer named is', async () => {
  tree.write('a.jpg', 'c');
  tree.write('b.jpg', 'd');
  const named = (...names: string[]) => ({ request: { paths: names.map((name) => pathBytesOf(at(name))) } });
  await tree.scan(named('a.jpg', 'b.jpg'));
  expect(await rematched()).toEqual(['a.jpg match', 'b.jpg match']);
  expect((await tree.scan(named('a.jpg'))).read).toEqual([]);
  expect(await rematched()).toEqual(['a.jpg match', 'b.jpg match missing']);
});

describe('a file that was known', () => {
  beforeEach(async () => {
    mkdirSync(at('deep'));
    tree.write('deep/a.jpg', 'c');
    tree.write('b.jpg', 'c');
    await tree.scan();
  });

  test('and is gone is missing once, and counted each time, until it is pruned', async () => {
    rmSync(at('b.jpg'));
    for (let round = 0; round < 2; round++) {
      const { tally } = await tree.scan();
      expect([codes(tally), tally.missing, tally.warnings.fails]).toEqual([['FILES_MISSING'], 1, false]);
      expect(await rematched()).toEqual(['b.jpg match missing', 'deep/a.jpg match']);
    }
    expect((await tree.scan({ request: { prunes: true } })).tally.missing).toBe(1);
    expect(await rematched()).toEqual(['deep/a.jpg match']);
  });

  test('in a folder that is gone, or that a pattern leaves out now, is missing, and pruned with the folder', async () => {
    const exclude = [{ glob: 'deep/', anyCase: false }];
    expect((await tree.scan({ request: { exclude } })).tally.missing).toBe(1);
    expect(await rematched()).toEqual(['b.jpg match', 'deep/a.jpg match missing']);
    rmSync(at('deep'), { recursive: true });
    expect((await tree.scan()).tally.missing).toBe(1);
    await tree.scan({ request: { prunes: true } });
    expect(await rematched()).toEqual(['b.jpg match']);
    expect((await tree.scan()).tally.missing).toBe(0);
  });

  test('in a folder that is replaced by a link is missing, and the folder is one line', async () => {
    renameSync(at('deep'), `${tree.path}-elsewhere`);
    symlinkSync(`${tree.path}-elsewhere`, at('deep'));
    const { reported, tally, read } = await tree.scan();
    // The link itself is counted, as every link is.
    expect([reported, read, tally.skipped.symlinks, tally.missing]).toEqual([[], [], 1, 1]);
    expect(await rematched()).toEqual(['b.jpg match', 'deep/a.jpg match missing']);
    rmSync(`${tree.path}-elsewhere`, { recursive: true });
  });

  test('and cannot be read this time keeps what was known, is a line, and is read again', async () => {
    tree.write('b.jpg', 'd');
    let seconds = 1_000;
    const failed = await tree.scan({ during: (name) => utimesSync(at(name), ++seconds, seconds) });
    expect([failed.reported, failed.tally.missing]).toEqual([['b.jpg not_checked FILE_CHANGED'], 1]);
    expect(await rematched()).toEqual(['b.jpg match missing', 'deep/a.jpg match']);
    const again = await tree.scan();
    expect([again.read, again.tally.missing]).toEqual([['b.jpg'], 0]);
    expect(await rematched()).toEqual(['b.jpg match', 'deep/a.jpg match']);
  });

  test('and was in flight when a process died, and cannot be read now, keeps what was known', async () => {
    const { inventory } = tree;
    const { id } = await inventory.folderAt(pathBytesOf(tree.path));
    const [place] = await inventory.find(await inventory.firstKey(id), ['b.jpg']);
    await inventory.apply({ begun: [{ fileKey: place!.fileKey, folderId: id, name: 'b.jpg', aloneTries: 0 }] });
    tree.write('b.jpg', 'd');
    let seconds = 1_000;
    const { reported } = await tree.scan({ during: (name) => utimesSync(at(name), ++seconds, seconds) });
    expect(reported).toEqual(['b.jpg not_checked FILE_CHANGED']);
    expect(await rematched()).toEqual(['b.jpg match missing', 'deep/a.jpg match']);
  });

  test('and could not be read by a scan that was stopped is a line again when it is resumed', async () => {
    for (let n = 0; n < 40; n++) tree.write(`deep/n${n}.jpg`, 'c');
    tree.write('b.jpg', 'd');
    let seconds = 1_000;
    // The folder of the tree itself, which holds b.jpg, is done before the other one.
    const first = await tree.scan({
      during: (name) => name === 'b.jpg' && utimesSync(at(name), ++seconds, seconds),
      shouldStop: (read) => read > 10,
    });
    expect([first.end.interrupted, first.reported]).toEqual([true, ['b.jpg not_checked FILE_CHANGED']]);
    const second = await tree.scan();
    expect(second.end).toMatchObject({ resumed: true, interrupted: false });
    expect(second.reported.filter((line) => line.startsWith('b.jpg'))).toHaveLength(1);
    expect(second.recorded).not.toContain('b.jpg');
  });
});

test('a file that is gone before it is read is a line of that scan, and not missing later', async () => {
  tree.write('a.jpg', 'c');
  tree.write('b.jpg', 'd');
  const gone = (name: string) => name === 'b.jpg' && rmSync(at(name));
  expect((await tree.scan({ during: gone })).reported).toEqual(['b.jpg not_checked FILE_VANISHED']);
  expect((await tree.scan()).tally.missing).toBe(0);
  expect(await rematched()).toEqual(['a.jpg match']);
});

test('the line of an archive that could not be read is gone with the fault', async () => {
  const entry = { name: Buffer.from('a.jpg'), content: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 'c'.charCodeAt(0)]) };
  writeFileSync(at('box.zip'), zipOf([entry]));
  vi.spyOn(Walker.prototype, 'read').mockRejectedValueOnce(new AppError('FILE_STALLED'));
  const request = { archives: true };
  expect((await tree.scan({ request })).reported).toEqual(['box.zip not_checked FILE_STALLED']);
  expect((await tree.scan({ request })).reported).toEqual([]);
  expect(await rematched()).toEqual(['box.zip!/a.jpg match']);
  expect((await tree.scan({ request })).tally.fromInventory).toBe(2);
});

test('an entry whose name is a dot is not taken for the line of its archive', async () => {
  const content = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 'a'.charCodeAt(0)]);
  writeFileSync(at('box.zip'), zipOf([{ name: Buffer.from('.'), content }]));
  for (let round = 0; round < 2; round++)
    expect((await tree.scan({ request: { archives: true } })).reported).toEqual(['box.zip!/? match']);
});

test('entries of an archive that is damaged now are kept, and pruned when it is whole without them', async () => {
  const entry = (name: string, digit: string) => ({
    name: Buffer.from(name),
    content: Buffer.from([0xff, 0xd8, 0xff, 0xe0, digit.charCodeAt(0)]),
  });
  const request = { archives: true };
  writeFileSync(at('box.zip'), zipOf([entry('a.jpg', 'c'), entry('b.jpg', 'c')]));
  await tree.scan({ request });
  writeFileSync(at('box.zip'), Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(200)]));
  const damaged = await tree.scan({ request });
  expect([damaged.reported, damaged.tally.missing]).toEqual([['box.zip not_checked ARCHIVE_INVALID'], 2]);
  const lines = ['box.zip not_checked', 'box.zip!/a.jpg match missing', 'box.zip!/b.jpg match missing'];
  expect(await rematched()).toEqual(lines);
  writeFileSync(at('box.zip'), zipOf([entry('a.jpg', 'c')]));
  expect((await tree.scan({ request })).tally.missing).toBe(0);
  expect(await rematched()).toEqual(['box.zip!/a.jpg match']);
});

test('the position up to which rows are matched does not pass by those that were not seen', async () => {
  const matchedAt = (at: string) => ({ parts: { matcher: { ...matcherOf({}), matchedAt: at } } });
  mkdirSync(at('deep'));
  for (const name of ['a.jpg', 'c.jpg', 'deep/b.jpg']) tree.write(name, 'c');
  await tree.scan(matchedAt('1'));
  expect(tree.inventory.state.matchedAt).toBe('1');
  await tree.scan(matchedAt('2'));
  expect(tree.inventory.state.matchedAt).toBe('2');
  rmSync(at('a.jpg'));
  await tree.scan(matchedAt('3'));
  expect(tree.inventory.state.matchedAt).toBe('2');
  await tree.scan({ ...matchedAt('4'), request: { prunes: true } });
  await tree.scan(matchedAt('5'));
  expect(tree.inventory.state.matchedAt).toBe('5');
  // Other paths: the rows of the tree are not matched by this scan.
  await tree.scan({ ...matchedAt('6'), request: { paths: [pathBytesOf(at('deep'))] } });
  expect(tree.inventory.state.matchedAt).toBe('5');
});

test('files that are named again and again are not missing', async () => {
  tree.write('a.jpg', 'c');
  const request = { paths: [pathBytesOf(at('a.jpg'))] };
  await tree.scan({ request });
  expect((await tree.scan({ request })).tally.missing).toBe(0);
  expect(await rematched()).toEqual(['a.jpg match']);
  rmSync(at('a.jpg'));
  const gone = await tree.scan({ request });
  expect([gone.reported, gone.tally.missing]).toEqual([['a.jpg not_checked FILE_VANISHED'], 1]);
  expect(await rematched()).toEqual(['a.jpg match missing']);
});

test('--prune keeps what is there and could not be read this time', async () => {
  mkdirSync(at('deep'));
  for (const name of ['a.jpg', 'b.jpg', 'deep/c.jpg']) tree.write(name, 'c');
  await tree.scan();
  rmSync(at('a.jpg'));
  tree.write('b.jpg', 'd');
  let seconds = 1_000;
  const { reported } = await tree.scan({
    request: { prunes: true },
    during: (name) => name === 'b.jpg' && utimesSync(at(name), ++seconds, seconds),
  });
  expect(reported).toEqual(['b.jpg not_checked FILE_CHANGED']);
  expect(await rematched()).toEqual(['b.jpg match missing', 'deep/c.jpg match']);
});
