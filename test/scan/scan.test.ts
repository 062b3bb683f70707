/** What a scan reads, what it takes from its inventory, and what it records; with a decoder that only counts. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/core/errors.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { GIF, ScanTree } from '../support/scan-tree.js';

let scanned: ScanTree;
let tree = '';
beforeEach(async () => {
  scanned = await ScanTree.create();
  tree = scanned.path;
});
afterEach(() => scanned.close());

const write: ScanTree['write'] = (...file) => scanned.write(...file);
const runScan: ScanTree['scan'] = (about) => scanned.scan(about);

test('each image is read, matched and recorded once; other files are only counted', async () => {
  write('hit.jpg', 'a');
  write('good.jpg', 'b');
  write('other.jpg', 'c');
  write('broken.jpg', 'x');
  writeFileSync(join(tree, 'text.txt'), 'text');
  const { read, reported, recorded, unmatched, tally } = await runScan();
  expect(read).toEqual(['broken.jpg', 'good.jpg', 'hit.jpg', 'other.jpg']);
  expect(reported).toEqual(['broken.jpg not_checked IMAGE_CORRUPT', 'good.jpg suppressed', 'hit.jpg match']);
  expect([recorded, unmatched]).toEqual([['broken.jpg', 'good.jpg', 'hit.jpg'], 1]);
  expect([tally.files, tally.notPictures]).toEqual([5, 1]);
});

test('a second scan reads nothing, and reports and records the same again', async () => {
  write('hit.jpg', 'a');
  write('other.jpg', 'c');
  const first = await runScan();
  const second = await runScan();
  expect(second.read).toEqual([]);
  expect(second.reported).toEqual(first.reported);
  expect([second.recorded, second.unmatched]).toEqual([['hit.jpg'], 1]);
  expect(second.tally.fromInventory).toBe(2);
});

describe('a scan that was stopped and goes on', () => {
  const stopped = async () => {
    for (const n of [1, 2, 3]) write(`hit${n}.jpg`, 'a');
    const first = await runScan({ shouldStop: (read) => read >= 2 });
    expect(first.end.interrupted).toBe(true);
    expect(first.recorded.length).toBeGreaterThan(0);
    return first;
  };

  test('reports all files, and neither reads nor records a file again', async () => {
    const first = await stopped();
    const second = await runScan();
    expect(second.end).toMatchObject({ resumed: true, interrupted: false });
    expect([...first.read, ...second.read].sort()).toEqual(['hit1.jpg', 'hit2.jpg', 'hit3.jpg']);
    expect([...first.recorded, ...second.recorded].sort()).toEqual(['hit1.jpg', 'hit2.jpg', 'hit3.jpg']);
    expect(second.reported).toEqual(['hit1.jpg match', 'hit2.jpg match', 'hit3.jpg match']);
  });

  test('counts what was finished before for its include patterns', async () => {
    mkdirSync(join(tree, 'deep'));
    for (const name of ['a.jpg', join('deep', 'b.png')]) write(name, 'a');
    const include = ['*.jpg', '*.png', '*.gif'].map((glob) => ({ glob, anyCase: false }));
    // The folder of the tree itself is finished when the file in the other one is read.
    const first = await runScan({ request: { include }, shouldStop: (read) => read >= 2 });
    expect(first.end.interrupted).toBe(true);
    expect(first.tally.warnings.kept).toEqual([]);
    const second = await runScan({ request: { include } });
    expect(second.end).toMatchObject({ resumed: true, interrupted: false });
    expect(second.tally.warnings.kept).toEqual([{ code: 'INCLUDE_UNMATCHED', include: '*.gif' }]);
  });

  test('records a file again that other lists decide now', async () => {
    await stopped();
    expect((await runScan({ generation: 2 })).recorded).toEqual(['hit1.jpg', 'hit2.jpg', 'hit3.jpg']);
  });
});

describe('a known file is read again', () => {
  beforeEach(async () => {
    write('a.jpg', 'c');
    write('b.gif', 'c', GIF);
    write('broken.jpg', 'x');
    writeFileSync(join(tree, 'text.txt'), 'text');
    await runScan();
  });

  test('where its size, its time or its inode is another', async () => {
    const { atime, mtime } = statSync(join(tree, 'a.jpg'));
    write('a.jpg', 'longer than before a');
    utimesSync(join(tree, 'a.jpg'), atime, mtime);
    expect((await runScan()).read).toEqual(['a.jpg']);
    utimesSync(join(tree, 'a.jpg'), atime, new Date(mtime.getTime() + 1_000));
    expect((await runScan()).read).toEqual(['a.jpg']);
    const old = statSync(join(tree, 'a.jpg'));
    writeFileSync(join(tree, 'twin'), readFileSync(join(tree, 'a.jpg')));
    utimesSync(join(tree, 'twin'), old.atime, old.mtime);
    renameSync(join(tree, 'twin'), join(tree, 'a.jpg'));
    expect((await runScan()).read).toEqual(['a.jpg']);
    expect((await runScan()).read).toEqual([]);
  });

  test('with more frames, where its format can have them', async () => {
    expect((await runScan({ request: { frames: 4 } })).read).toEqual(['b.gif']);
  });

  test('where a list has blockhash values, and the file has none', async () => {
    expect((await runScan({ wantsBlockhash: true })).read).toEqual(['a.jpg', 'b.gif']);
  });

  test('where it could not be checked, and a retry is requested', async () => {
    expect((await runScan({ request: { retriesFailed: true } })).read).toEqual(['broken.jpg']);
  });

  test('where the digests of all files are requested, and it is no image', async () => {
    expect((await runScan({ request: { digestsAll: true } })).read).toContain('text.txt');
  });
});

test('digests: those that the matcher asks for; all where they are kept', async () => {
  write('a.jpg', 'a');
  expect((await runScan()).digests).toEqual(['md5,sha1,sha256']);
  expect((await runScan({ parts: { keepsFiles: false } })).digests).toEqual(['sha256']);
});

test('a file that changed at each reading is read again by the next scan, without a request', async () => {
  write('a.jpg', 'a');
  let seconds = 1_000;
  const { reported } = await runScan({ during: (name) => utimesSync(join(tree, name), ++seconds, seconds) });
  expect(reported).toEqual(['a.jpg not_checked FILE_CHANGED']);
  const second = await runScan();
  expect([second.read, second.reported]).toEqual([['a.jpg'], ['a.jpg match']]);
});

test('a named file that is missing is reported; a file that is gone stays in the inventory until it is pruned', async () => {
  const missing = pathBytesOf(join(tree, 'nowhere.jpg'));
  const { reported } = await runScan({ request: { paths: [missing] } });
  expect(reported).toEqual(['nowhere.jpg not_checked FILE_VANISHED']);
  write('a.jpg', 'a');
  write('b.jpg', 'a');
  await runScan();
  rmSync(join(tree, 'b.jpg'));
  const names = async () => {
    const found: string[] = [];
    for await (const rows of scanned.inventory.files('done')) found.push(...rows.map(({ name }) => name));
    return found.sort();
  };
  const gone = await runScan();
  expect([gone.reported, gone.tally.missing, await names()]).toEqual([['a.jpg match'], 1, ['a.jpg', 'b.jpg']]);
  const pruned = await runScan({ request: { prunes: true } });
  expect([pruned.reported, await names()]).toEqual([['a.jpg match'], ['a.jpg']]);
  expect((await runScan()).tally.missing).toBe(0);
});

test('an error of the decoder ends the scan, and the file is read by the next one', async () => {
  write('a.jpg', 'a');
  const failing = runScan({
    during: () => {
      throw new AppError('SHUTTING_DOWN');
    },
  });
  await expect(failing).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect((await runScan()).reported).toEqual(['a.jpg match']);
});
