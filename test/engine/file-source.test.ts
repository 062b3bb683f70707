/** What the decoder reads of a path: only the file that was inspected, and without waiting. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { identityOfStatus } from '../../src/core/file-identity.js';
import { pathBytesOf } from '../../src/core/path-bytes.js';
import { type FileTarget, packTarget, unpackTarget } from '../../src/engine/file-source.js';
import { readTarget, readTargetNow } from '../../src/engine/read-target.js';
import { orLeftOut } from '../support/left-out.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = tempFolder('file-source');
  path = join(folder, 'a');
  writeFileSync(path, 'content');
  utimesSync(path, 1, 1);
});

/** The file at `path` as it is now. */
const target = (about: Partial<FileTarget> = {}): FileTarget => ({
  path: pathBytesOf(path),
  identity: identityOfStatus(statSync(path, { bigint: true })),
  followsLinks: false,
  stallMs: 5_000,
  ...about,
});

/** What both ways of reading say of a file. */
async function codeOf(one: FileTarget, bytesMax = 100): Promise<string> {
  const outcome = (read: Promise<Uint8Array>) =>
    read.then(
      (bytes) => Buffer.from(bytes).toString(),
      (error) => error.code,
    );
  const now = async () => readTargetNow(one, bytesMax, { take: (bytes) => new Uint8Array(bytes), step() {} });
  const [code, codeNow] = [await outcome(readTarget(one, bytesMax)), await outcome(now())];
  expect(codeNow).toBe(code);
  return code;
}

test('a file that is what it was is read; its target is the same behind the socket', async () => {
  expect(await codeOf(target())).toBe('content');
  const packed = JSON.parse(JSON.stringify(packTarget(target())));
  expect(unpackTarget(packed)).toEqual(target());
  expect(await codeOf(unpackTarget(JSON.parse(JSON.stringify(packTarget(target({ identity: null }))))))).toBe(
    'content',
  );
});

test.each<readonly [string, string, () => void]>([
  [
    'written in place, with its time restored',
    'FILE_CHANGED',
    () => {
      writeFileSync(path, 'another');
      utimesSync(path, 1, 1);
    },
  ],
  [
    'replaced by another of the same time and size',
    'FILE_CHANGED',
    () => {
      writeFileSync(`${path}2`, 'another');
      utimesSync(`${path}2`, 1, 1);
      renameSync(`${path}2`, path);
    },
  ],
  [
    'replaced by a link to itself',
    'FILE_CHANGED',
    () => {
      renameSync(path, `${path}2`);
      symlinkSync('a2', path);
    },
  ],
  ['removed', 'FILE_VANISHED', () => rmSync(path)],
  [
    'replaced by a folder',
    'FILE_CHANGED',
    () => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
  [
    'replaced by a pipe',
    'FILE_CHANGED',
    () => {
      rmSync(path);
      execFileSync('mkfifo', [path], { env: childEnv() });
    },
  ],
])('a file that was %s is not read', async (_says, code, change) => {
  const before = target();
  change();
  expect(await codeOf(before)).toBe(code);
});

test('a folder on the way that is replaced by a link leads to no other file', async () => {
  mkdirSync(join(folder, 'in'));
  mkdirSync(join(folder, 'out'));
  path = join(folder, 'in', 'b');
  writeFileSync(path, 'inside');
  writeFileSync(join(folder, 'out', 'b'), 'secret');
  const before = target();
  renameSync(join(folder, 'in'), join(folder, 'in2'));
  symlinkSync('out', join(folder, 'in'));
  expect(await codeOf(before)).toBe('FILE_CHANGED');
});

test('a link in the place of a file is not followed, also where it leads to that file', async () => {
  mkdirSync(join(folder, 'in'));
  path = join(folder, 'in', 'b');
  writeFileSync(path, 'inside');
  const before = target();
  renameSync(join(folder, 'in'), join(folder, 'in2'));
  mkdirSync(join(folder, 'in'));
  symlinkSync('../in2/b', path);
  expect(await codeOf(before)).toBe('FILE_CHANGED');
  expect(await codeOf({ ...before, followsLinks: true })).toBe('inside');
});

test('what an operator names is read as it is, also through a link; a pipe and a folder are not waited for', async () => {
  const named = { identity: null, followsLinks: true };
  symlinkSync('a', join(folder, 'link'));
  expect(await codeOf({ ...target(named), path: pathBytesOf(join(folder, 'link')) })).toBe('content');
  execFileSync('mkfifo', [join(folder, 'pipe')], { env: childEnv() });
  for (const other of ['pipe', '.'])
    expect(await codeOf({ ...target(named), path: pathBytesOf(join(folder, other)) })).toBe('FILE_NOT_REGULAR');
});

test('the size limit is checked before a byte is read; at the limit a file is read', async () => {
  expect(await codeOf(target(), 7)).toBe('content');
  expect(await codeOf(target(), 6)).toBe('IMAGE_TOO_LARGE');
  truncateSync(path, 100_000_000_000);
  expect(await codeOf(target(), 6)).toBe('IMAGE_TOO_LARGE');
});

/** Its size is a page, its content some bytes. */
const SHORT = '/sys/kernel/mm/transparent_hugepage/enabled';
const hasShort = orLeftOut(existsSync(SHORT), `There is no ${SHORT}`, 'tests of a file with fewer bytes than its size');

test.runIf(hasShort)('a file that has fewer bytes than its size is no shorter file', async () => {
  path = SHORT;
  expect(await codeOf(target(), 10_000)).toBe('FILE_CHANGED');
});
