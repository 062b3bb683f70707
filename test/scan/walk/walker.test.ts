/** The walk process: what it says of a tree, and what it does when the tree changes under it. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { childEnv } from '../../../bench/child.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { joinPath, pathBytesOf, systemPath } from '../../../src/core/path-bytes.js';
import { Anchors } from '../../../src/scan/walk/anchors.js';
import { OpenFolders } from '../../../src/scan/walk/open-folders.js';
import { rootOf } from '../../../src/scan/walk/roots.js';
import { ENTRY_TYPES, type ListAnswer } from '../../../src/scan/walk/walk-protocol.js';
import { Walker } from '../../../src/scan/walk/walker.js';

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0]);

let tree = '';
let walker: Walker;
const open = (followsLinks = false) =>
  new Walker({ threads: 2, followsLinks, stallMs: 20_000, env: {}, onStall: () => {} });
beforeEach(() => {
  tree = tempFolder('walker');
  walker = open();
});
afterEach(() => walker.close());

const anchors = (followsLinks = false) => new Anchors([rootOf(pathBytesOf(tree), followsLinks)], followsLinks);
const place = (folder = '') => anchors().placeOf(pathBytesOf(join(tree, folder)));

async function listed(folder = '', wantsDevices = false) {
  const answers: ListAnswer[] = [];
  for await (const answer of walker.list(place(folder), wantsDevices)) answers.push(answer);
  return answers;
}

async function lookedAt(...names: string[]) {
  const looked = await walker.look(
    place(),
    names,
    names.map(() => null),
  );
  return looked.map(({ look, fault }) => (look === 'unreadable' ? fault : look));
}

async function inspected(name: string) {
  const [status] = await walker.look(place(), [name], [null]);
  return { place: place(), name, identity: status!.identity };
}

describe('a listing', () => {
  test('has each name once, with its type, in parts of a few thousand', async () => {
    mkdirSync(join(tree, 'many'));
    const names = Array.from({ length: 9_000 }, (_, at) => `f${at}`);
    for (const name of names) writeFileSync(join(tree, 'many', name), '');
    const answers = await listed('many');
    expect(answers.length).toBeGreaterThan(2);
    expect(answers.flatMap((answer) => answer.names).sort()).toEqual(names.sort());
  });

  test('continues in the thread that began it, while other threads list other folders', async () => {
    const folders = ['a', 'b', 'c', 'd'];
    for (const folder of folders) {
      mkdirSync(join(tree, folder));
      for (let at = 0; at < 5_000; at++) writeFileSync(join(tree, folder, `${folder}${at}`), '');
    }
    const all = await Promise.all(folders.map((folder) => listed(folder)));
    for (const [at, answers] of all.entries()) {
      const names = answers.flatMap((answer) => answer.names);
      expect(names).toHaveLength(5_000);
      expect(names.filter((name) => !name.startsWith(folders[at]!))).toEqual([]);
    }
  });

  test('knows folders, links and special files', async () => {
    mkdirSync(join(tree, 'folder'));
    writeFileSync(join(tree, 'file'), '');
    symlinkSync('file', join(tree, 'link'));
    execFileSync('mkfifo', [join(tree, 'pipe')], { env: childEnv() });
    const [answer] = await listed('', true);
    const types = Object.fromEntries(answer!.names.map((name, at) => [name, ENTRY_TYPES[answer!.types[at]!]]));
    expect(types).toEqual({ folder: 'folder', file: 'file', link: 'link', pipe: 'special' });
    const { dev } = statSync(tree, { bigint: true });
    expect([answer!.device, answer!.devices![answer!.names.indexOf('folder')]]).toEqual([dev, dev]);
  });

  test('of a folder that is gone, or of a link in its place, is refused', async () => {
    await expect(listed('none')).rejects.toMatchObject({ code: 'FILE_VANISHED' });
    mkdirSync(join(tree, 'real', 'deep'), { recursive: true });
    symlinkSync('real', join(tree, 'swapped'));
    for (const folder of ['swapped', 'swapped/deep'])
      await expect(listed(folder)).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    expect(await listed('real/deep')).toHaveLength(1);
  });

  test('of another folder in the place of the root is refused', async () => {
    const before = anchors().placeOf(pathBytesOf(tree));
    renameSync(tree, `${tree}-moved`);
    mkdirSync(tree);
    const list = async () => {
      for await (const _ of walker.list(before, false));
    };
    await expect(list()).rejects.toMatchObject({ code: 'FILE_CHANGED' });
    rmSync(`${tree}-moved`, { recursive: true });
  });

  test('follows links where that was asked for, under the real path', async () => {
    walker.close();
    walker = open(true);
    mkdirSync(join(tree, 'real'));
    for (const [target, name] of [
      ['real', 'folder'],
      ['real/file', 'file'],
      ['nowhere', 'broken'],
    ] as const)
      symlinkSync(target, join(tree, name));
    writeFileSync(join(tree, 'real', 'file'), JPEG);
    const [answer] = await listed();
    const at = answer!.names.indexOf('folder');
    expect(answer!.targets.get(at)).toBe(pathBytesOf(join(tree, 'real')));
    const types = answer!.names.map((name, n) => `${name} ${ENTRY_TYPES[answer!.types[n]!]}`);
    expect(types.sort()).toEqual(['broken link', 'file file', 'folder folder', 'real folder']);
    expect(await lookedAt('file', 'broken')).toEqual(['picture', 'vanished']);
  });
});

describe('an inspection', () => {
  test('knows what is no regular file, and what is gone', async () => {
    mkdirSync(join(tree, 'folder'));
    writeFileSync(join(tree, 'image'), JPEG);
    writeFileSync(join(tree, 'text'), 'text');
    writeFileSync(join(tree, 'empty'), '');
    symlinkSync('image', join(tree, 'link'));
    execFileSync('mkfifo', [join(tree, 'pipe')], { env: childEnv() });
    expect(await lookedAt('folder', 'image', 'text', 'empty', 'link', 'pipe', 'none')).toEqual([
      'folder',
      'picture',
      'not_picture',
      'not_picture',
      'symlink',
      'special',
      'vanished',
    ]);
  });

  test('of a known file compares size, both times, inode and device', async () => {
    writeFileSync(join(tree, 'a'), JPEG);
    const { identity } = await inspected('a');
    const look = async (known: typeof identity) => (await walker.look(place(), ['a'], [known]))[0]!.look;
    expect(await look(identity)).toBe('known');
    const others = [
      { size: 5 },
      { mtimeNs: identity.mtimeNs + 1n },
      { ctimeNs: identity.ctimeNs + 1n },
      { inode: identity.inode + 1n },
      { device: identity.device + 1n },
    ];
    for (const other of others) expect(await look({ ...identity, ...other }), Object.keys(other)[0]).toBe('picture');
  });

  test.each(['1901-01-01', '1969-12-31', '2262-04-12', '2400-01-01'])(
    'of a file of %s says the same each time',
    async (day) => {
      writeFileSync(join(tree, 'a'), JPEG);
      execFileSync('touch', ['-d', day, join(tree, 'a')], { env: childEnv() });
      const { identity } = await inspected('a');
      expect((await walker.look(place(), ['a'], [identity]))[0]!.look).toBe('known');
    },
  );

  test('counts the names of a file, and the bytes that the disk holds of it', async () => {
    writeFileSync(join(tree, 'a'), JPEG);
    truncateSync(join(tree, 'a'), 2_000_000_000);
    linkSync(join(tree, 'a'), join(tree, 'b'));
    const [status] = await walker.look(place(), ['a'], [null]);
    expect(status).toMatchObject({ links: 2, identity: { size: 2_000_000_000 } });
    expect(status!.storedBytes).toBeLessThan(1_000_000);
  });
});

describe('a file that was inspected', () => {
  test('is read, in parts, and digested', async () => {
    const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => at % 251));
    writeFileSync(join(tree, 'a'), bytes);
    const file = await inspected('a');
    expect(Buffer.from(await walker.read(file, 2_900_000, 1_000_000))).toEqual(bytes.subarray(2_900_000));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(await walker.digests(file, ['sha256'])).toEqual({ sha256 });
  });

  test.each([
    ['a link', (path: string) => symlinkSync('/etc/passwd', path)],
    ['a pipe', (path: string) => void execFileSync('mkfifo', [path], { env: childEnv() })],
    ['a folder', (path: string) => mkdirSync(path)],
    [
      'another file of the same size and time',
      (path: string) => {
        writeFileSync(path, JPEG);
        utimesSync(path, 1, 1);
      },
    ],
  ])('is not read when %s is in its place, and nothing waits', async (_name, replace) => {
    const path = join(tree, 'a');
    writeFileSync(path, JPEG);
    utimesSync(path, 1, 1);
    const file = await inspected('a');
    rmSync(path);
    replace(path);
    for (const read of [walker.read(file, 0, 10), walker.digests(file, ['md5'])])
      await expect(read).rejects.toMatchObject({ code: expect.stringMatching(/^FILE_(CHANGED|UNREADABLE)$/) });
  });
});

test('a process that is killed is replaced, and its requests are repeated', async () => {
  writeFileSync(join(tree, 'a'), JPEG);
  await lookedAt('a');
  const children = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return line.includes('walk-main.js') && parentOf(pid) === process.pid;
      } catch {
        return false;
      }
    });
  expect(children.length).toBeGreaterThan(0);
  for (const pid of children) process.kill(Number(pid), 'SIGKILL');
  expect(await lookedAt('a')).toEqual(['picture']);
});

const parentOf = (pid: string) =>
  Number(
    execFileSync('cat', [`/proc/${pid}/stat`], { env: childEnv(), encoding: 'latin1' })
      .split(') ')[1]!
      .split(' ')[1],
  );

test('where the system has no /proc, a folder behind a link is refused as well', () => {
  mkdirSync(join(tree, 'real', 'deep'), { recursive: true });
  symlinkSync('real', join(tree, 'swapped'));
  const folders = new OpenFolders(false);
  const at = (folder: string) => folders.at(place(folder));
  expect(at('real/deep')).toBe(pathBytesOf(join(tree, 'real', 'deep')));
  expect(at('')).toBe(pathBytesOf(join(tree)));
  const bytes = joinPath(pathBytesOf(tree), '\xff');
  mkdirSync(systemPath(bytes));
  expect(folders.at(anchors().placeOf(bytes))).toBe(bytes);
  for (const folder of ['swapped', 'swapped/deep']) expect(() => at(folder)).toThrow(/FILE_CHANGED/);
});
