/** What the threads of the walk process do with a tree, called in this process. */
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { childEnv } from '../../../bench/child.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { identityOfStatus } from '../../../src/core/file-identity.js';
import { pathBytesOf, systemPath } from '../../../src/core/path-bytes.js';
import { FileReads } from '../../../src/scan/walk/file-reads.js';
import { lookAt } from '../../../src/scan/walk/look.js';
import { OpenFolders } from '../../../src/scan/walk/open-folders.js';
import { rootOf } from '../../../src/scan/walk/roots.js';
import type { Place } from '../../../src/scan/walk/walk-protocol.js';
import { orLeftOut } from '../../support/left-out.js';

const hasProc = orLeftOut(process.platform === 'linux', 'There is no /proc', 'tests of folders that are open');
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);

let tree = '';
let place: (folder?: string) => Place;
beforeEach(() => {
  tree = tempFolder('open-folders');
  const anchor = rootOf(pathBytesOf(tree), false);
  place = (folder = '') => ({ anchor, folder: pathBytesOf(join(tree, folder)) });
});
const at = (name: string) => join(tree, name);
const names = (path: string) => readdirSync(systemPath(path)).sort();

describe.runIf(hasProc)('an open folder', () => {
  test('is the one that was opened, wherever its path leads now', () => {
    mkdirSync(at('a/b'), { recursive: true });
    writeFileSync(at('a/b/inside'), '');
    const folders = new OpenFolders();
    const opened = folders.at(place('a/b'));
    expect(names(opened)).toEqual(['inside']);
    renameSync(at('a'), at('moved'));
    mkdirSync(at('a/b'), { recursive: true });
    expect(names(folders.at(place('a/b')))).toEqual(['inside']);
  });

  test('is not reached through a link, at any depth, also where the folders above are open', () => {
    mkdirSync(at('real/deep/deeper'), { recursive: true });
    const folders = new OpenFolders();
    folders.at(place('real/deep'));
    rmSync(at('real/deep'), { recursive: true });
    mkdirSync(at('elsewhere/deeper'), { recursive: true });
    symlinkSync(at('elsewhere'), at('real/deep'));
    // The one that is open was removed; a new thread meets the link.
    expect(() => folders.at(place('real/deep/deeper'))).toThrow('ENOENT');
    for (const folder of ['real/deep', 'real/deep/deeper'])
      expect(() => new OpenFolders().at(place(folder))).toThrow(/ELOOP|ENOTDIR/);
  });

  test('a root that is another folder now is refused; one that is only named is taken as it is', () => {
    const { anchor } = place();
    const other = { ...anchor, inode: anchor.inode! + 1n };
    expect(() => new OpenFolders().at({ anchor: other, folder: anchor.path })).toThrow(/FILE_CHANGED/);
    expect(names(new OpenFolders().at(place()))).toEqual([]);
    const named = { path: anchor.path, device: null, inode: null };
    expect(names(new OpenFolders().at({ anchor: named, folder: anchor.path }))).toEqual([]);
  });

  test('that was opened through a link for a named file is not the one below a root', () => {
    mkdirSync(at('real'));
    symlinkSync('real', at('link'));
    const folders = new OpenFolders();
    const path = pathBytesOf(at('link'));
    expect(names(folders.at({ anchor: { path, device: null, inode: null }, folder: path }))).toEqual([]);
    expect(() => folders.at(place('link'))).toThrow(/ELOOP|ENOTDIR/);
  });

  test('those beyond 16 are closed, the longest unused first', () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const folders = new OpenFolders();
    const before = open();
    for (let n = 0; n < 200; n++) mkdirSync(at(`d${n}`));
    for (let n = 0; n < 200; n++) folders.at(place(`d${n}`));
    expect(open() - before).toBeLessThanOrEqual(18);
    for (let n = 0; n < 200; n += 50) expect(names(folders.at(place(`d${n}`)))).toEqual([]);
  });
});

describe('reading', () => {
  const file = (name: string) => {
    const identity = identityOfStatus(lstatSync(at(name), { bigint: true }));
    return { place: place(), name, identity, followsLinks: false };
  };

  test('returns only bytes of the file that was inspected', () => {
    writeFileSync(at('a'), JPEG);
    utimesSync(at('a'), 1, 1);
    const reads = new FileReads(new OpenFolders(), () => {});
    const before = file('a');
    expect(Buffer.from(reads.bytes({ op: 'read', ...before, at: 1, length: 10 }))).toEqual(JPEG.subarray(1));
    writeFileSync(at('a'), Buffer.from('abcd'));
    utimesSync(at('a'), 1, 1);
    expect(() => reads.bytes({ op: 'read', ...before, at: 0, length: 10 })).toThrow(/FILE_CHANGED/);
    expect(() => reads.digests({ op: 'digests', ...before, wanted: ['md5'] })).toThrow(/FILE_CHANGED/);
  });

  test('does not wait at a pipe, and does not follow a link', () => {
    writeFileSync(at('a'), JPEG);
    const before = file('a');
    const reads = new FileReads(new OpenFolders(), () => {});
    rmSync(at('a'));
    execFileSync('mkfifo', [at('a')], { env: childEnv() });
    expect(() => reads.bytes({ op: 'read', ...before, at: 0, length: 10 })).toThrow(/FILE_CHANGED/);
    rmSync(at('a'));
    symlinkSync('b', at('a'));
    writeFileSync(at('b'), JPEG);
    expect(() => reads.bytes({ op: 'read', ...before, at: 0, length: 10 })).toThrow(/ELOOP/);
  });
});

test('an inspection compares each number of what is known', () => {
  writeFileSync(at('a'), JPEG);
  const { size, mtimeNs, ctimeNs, inode, device } = identityOfStatus(lstatSync(at('a'), { bigint: true }));
  const known = [BigInt(size), mtimeNs, ctimeNs, inode, device];
  const look = (numbers: readonly bigint[]) =>
    lookAt(
      { op: 'look', place: place(), names: ['a'], known: BigInt64Array.from(numbers), followsLinks: false },
      new OpenFolders(),
      () => {},
    ).looks[0];
  expect(look(known)).toBe(0);
  for (const other of known.keys())
    expect(look(known.map((number, n) => (n === other ? number + 1n : number))), `${other}`).toBe(1);
});
