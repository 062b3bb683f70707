/** What a scan takes as known: the same inode with the same content, under any name, and nothing else. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { ScanTree } from '../support/scan-tree.js';
import { zipOf } from '../support/zip.js';

let tree: ScanTree;
beforeEach(async () => {
  tree = await ScanTree.create();
});
afterEach(() => tree.close());
const at = (name: string) => join(tree.path, name);

/** Overwrite a file in place, and restore its size and its mtime. */
function overwrite(name: string, content: Buffer): void {
  const { atime, mtime, size } = statSync(at(name));
  expect(content.length).toBe(size);
  writeFileSync(at(name), content, { flag: 'r+' });
  utimesSync(at(name), atime, mtime);
}

test('a file that is overwritten in place, with size and mtime restored, is read again', async () => {
  const old = new Date('2020-01-01');
  tree.write('a.jpg', 'c');
  utimesSync(at('a.jpg'), old, old);
  expect((await tree.scan()).reported).toEqual([]);
  overwrite('a.jpg', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 'a'.charCodeAt(0)]));
  const { read, reported } = await tree.scan();
  expect([read, reported]).toEqual([['a.jpg'], ['a.jpg match']]);
  expect((await tree.scan()).read).toEqual([]);
});

test('an archive that is overwritten in place, with size and mtime restored, is opened again', async () => {
  const box = (digit: string) =>
    zipOf([
      {
        name: Buffer.from('in.jpg'),
        content: Buffer.from([0xff, 0xd8, 0xff, 0xe0, digit.charCodeAt(0)]),
        isStored: true,
      },
    ]);
  const old = new Date('2020-01-01');
  writeFileSync(at('box.zip'), box('c'));
  utimesSync(at('box.zip'), old, old);
  const request = { archives: true };
  expect((await tree.scan({ request })).reported).toEqual([]);
  overwrite('box.zip', box('a'));
  const again = await tree.scan({ request });
  expect(again.reported).toEqual(['box.zip!/in.jpg match']);
  const known = await tree.scan({ request });
  expect([known.reported, known.tally.fromInventory]).toEqual([again.reported, 2]);
});

test('a file with several names is read once, and each name is reported', async () => {
  tree.write('a.jpg', 'a');
  mkdirSync(at('deep'));
  for (const name of ['b.jpg', 'deep/c.jpg']) linkSync(at('a.jpg'), at(name));
  const { read, reported, recorded, tally } = await tree.scan();
  expect(read).toHaveLength(1);
  expect(reported).toEqual(['a.jpg match', 'b.jpg match', 'deep/c.jpg match']);
  expect([recorded.length, tally.bytesRead, tally.fromInventory]).toEqual([3, 5, 2]);
  expect((await tree.scan()).read).toEqual([]);
});

test('without an inventory a file with several names is read once, too', async () => {
  tree.write('a.jpg', 'a');
  linkSync(at('a.jpg'), at('b.jpg'));
  const { read, reported } = await tree.scan({ parts: { keepsFiles: false } });
  expect([read.length, reported]).toEqual([1, ['a.jpg match', 'b.jpg match']]);
});

test('a link that could not be read is read again under the other name', async () => {
  tree.write('a.jpg', 'a');
  linkSync(at('a.jpg'), at('b.jpg'));
  let seconds = 1_000;
  const { read, reported } = await tree.scan({
    during: () => utimesSync(at('a.jpg'), ++seconds, seconds),
  });
  expect(read.length).toBeGreaterThan(2);
  expect(reported).toEqual(['a.jpg not_checked FILE_CHANGED', 'b.jpg not_checked FILE_CHANGED']);
});

test('the files of a folder that was moved are not read again, and are reported under their new names', async () => {
  mkdirSync(at('old/deep'), { recursive: true });
  tree.write('old/a.jpg', 'a');
  tree.write('old/deep/b.jpg', 'b');
  await tree.scan();
  renameSync(at('old'), at('new'));
  const { read, reported, recorded, tally } = await tree.scan();
  expect([read, reported]).toEqual([[], ['new/a.jpg match', 'new/deep/b.jpg suppressed']]);
  expect([recorded, tally.missing]).toEqual([['a.jpg', 'b.jpg'], 2]);
});

test('a moved file that was changed is read', async () => {
  mkdirSync(at('old'));
  tree.write('old/a.jpg', 'c');
  await tree.scan();
  renameSync(at('old'), at('new'));
  tree.write('new/a.jpg', 'a');
  expect((await tree.scan()).read).toEqual(['a.jpg']);
});

test('another file with the inode of a removed one is read', async () => {
  tree.write('a.jpg', 'c');
  await tree.scan();
  rmSync(at('a.jpg'));
  // A filesystem may give the freed inode to the next file.
  for (let n = 0; n < 20; n++) tree.write(`n${n}.jpg`, 'a');
  expect((await tree.scan()).read).toHaveLength(20);
});

test.each(['2262-04-12', '2400-01-01', '1901-01-01', '1969-12-31T23:59:59.5Z'])(
  'a file of %s is one line, and known afterwards',
  async (day) => {
    tree.write('a.jpg', 'a');
    execFileSync('touch', ['-d', day, at('a.jpg')], { env: childEnv() });
    expect((await tree.scan()).reported).toEqual(['a.jpg match']);
    expect(await tree.scan()).toMatchObject({ read: [], reported: ['a.jpg match'] });
  },
);
