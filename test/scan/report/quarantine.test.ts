/** The script that moves hits: it moves the files that matched and nothing else, goes through all, and says what it left. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'; // prettier-ignore
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { childEnv } from '../../../bench/child.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { pathBytesOf, systemPath } from '../../../src/core/path-bytes.js';
import { writeQuarantineScript } from '../../../src/scan/report/quarantine.js';
import { orLeftOut } from '../../support/left-out.js';

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

let folder = '';
let target = '';
let script = '';
beforeEach(() => {
  folder = tempFolder('quarantine');
  target = join(folder, "it's the -target");
  script = join(folder, 'move.sh');
});

const inFolder = (name: string) => join(folder, name);
const fill = (names: readonly string[]) => {
  for (const name of names) writeFileSync(inFolder(name), name);
};

/** Write a script for files that hold their own name. */
function scriptOf(names: readonly string[]): void {
  const writer = writeQuarantineScript(script, target);
  for (const name of names) writer.add(pathBytesOf(inFolder(name)), sha256Of(name));
  writer.close();
}

function run(shell = 'sh', path = process.env.PATH ?? '') {
  const { status, stderr } = spawnSync(shell, [script], {
    env: childEnv({ PATH: path }),
    encoding: 'latin1',
    cwd: folder,
  });
  const left = readdirSync(folder).filter((name) => name !== 'move.sh' && join(folder, name) !== target);
  const moved = existsSync(target) ? readdirSync(target).map((name) => name.slice(17)) : [];
  return { status, stderr, left: left.sort(), moved: moved.sort() };
}

test('all files are moved, and a second run has nothing to do', () => {
  fill(['a.jpg', 'b.jpg']);
  scriptOf(['a.jpg', 'b.jpg']);
  expect(run()).toEqual({ status: 0, stderr: '', left: [], moved: ['a.jpg', 'b.jpg'] });
  expect(run()).toEqual({ status: 0, stderr: '', left: [], moved: ['a.jpg', 'b.jpg'] });
  expect(lstatSync(target).mode & 0o777).toBe(0o700);
});

describe('a file that is not what matched stays, is reported, and the others are moved', () => {
  test.each<[string, (path: string) => void, string, boolean]>([
    ['gone', (path) => rmSync(path), 'not found', false],
    ['another content', (path) => writeFileSync(path, 'another'), 'not the file that matched', true],
    [
      'a symbolic link to it',
      (path) => {
        renameSync(path, `${path}.real`);
        symlinkSync(`${path}.real`, path);
      },
      'a symbolic link now',
      true,
    ],
    [
      'a link to nothing',
      (path) => {
        rmSync(path);
        symlinkSync('/nowhere', path);
      },
      'a symbolic link now',
      true,
    ],
    [
      'a folder',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
      'not the file that matched',
      true,
    ],
  ])('%s', (_name, change, says, stays) => {
    fill(['a.jpg', 'b.jpg', 'c.jpg']);
    scriptOf(['a.jpg', 'b.jpg', 'c.jpg']);
    change(inFolder('b.jpg'));
    const { status, stderr, left, moved } = run();
    expect([status, stderr]).toEqual([1, `not moved, ${says}: ${inFolder('b.jpg')}\n`]);
    expect(moved).toEqual(['a.jpg', 'c.jpg']);
    expect(left.includes('b.jpg')).toBe(stays);
  });

  test('a folder on the way that was replaced by a link', () => {
    mkdirSync(inFolder('deep'));
    fill(['deep/a.jpg', 'b.jpg']);
    scriptOf(['deep/a.jpg', 'b.jpg']);
    renameSync(inFolder('deep'), inFolder('real'));
    mkdirSync(inFolder('private'));
    writeFileSync(inFolder('private/a.jpg'), 'private');
    symlinkSync(inFolder('private'), inFolder('deep'));
    expect(run()).toMatchObject({ status: 1, moved: ['b.jpg'] });
    expect(readFileSync(inFolder('private/a.jpg'), 'utf8')).toBe('private');
  });

  test('an entry of an archive', () => {
    fill(['box.zip', 'b.jpg']);
    scriptOf(['box.zip!/inside.jpg', 'b.jpg']);
    const { status, stderr, left, moved } = run();
    expect([status, left, moved]).toEqual([1, ['box.zip'], ['b.jpg']]);
    expect(stderr).toContain('an entry of an archive');
  });

  test('a name that is taken in the folder', () => {
    fill(['a.jpg']);
    scriptOf(['a.jpg']);
    run();
    const [taken] = readdirSync(target);
    writeFileSync(join(target, taken!), 'other');
    fill(['a.jpg']);
    expect(run()).toMatchObject({ status: 1, left: ['a.jpg'] });
    expect(readFileSync(join(target, taken!), 'utf8')).toBe('other');
  });
});

test('what is replaced between the look and the move is reported', () => {
  fill(['a.jpg', 'b.jpg']);
  scriptOf(['a.jpg', 'b.jpg']);
  const tools = tempFolder('tools');
  writeFileSync(join(tools, 'mv'), `#!/bin/sh\nprintf other >"$3"\nexec /bin/mv "$@"\n`, { mode: 0o755 });
  const { status, stderr } = run('sh', `${tools}:${process.env.PATH}`);
  expect(status).toBe(1);
  expect(stderr.match(/replaced just before the move/g)).toHaveLength(2);
});

const SHELLS = ['sh', 'dash', 'bash'].filter((shell) => spawnSync(shell, ['-c', ':']).error === undefined);

test.each(SHELLS)('names of any bytes: %s', (shell) => {
  const bytes = [0xff, 0x0a, 0x1b, 0x5b, 0x41, 0x20];
  const names = ["it's $(touch pwned) `id`", '-n', '\\', '"', '*', ' ', 'a\nb', '!', 'é'.repeat(120), 'box!'];
  const paths = [
    ...names.map((name) => pathBytesOf(inFolder(name))),
    `${pathBytesOf(folder)}/${String.fromCharCode(...bytes)}`,
  ];
  const writer = writeQuarantineScript(script, target);
  for (const [at, path] of paths.entries()) {
    writeFileSync(systemPath(path), `${at}`);
    writer.add(path, sha256Of(`${at}`));
  }
  writer.close();
  const { status, stderr, left, moved } = run(shell);
  expect({ status, stderr, left }).toEqual({ status: 0, stderr: '', left: [] });
  expect(moved).toHaveLength(paths.length);
  expect(moved.filter((name) => name.startsWith('é'))).toEqual(['é'.repeat(100)]);
});

test('a report does not control the terminal', () => {
  scriptOf(['\x1b[31mred\u0007\n']);
  expect(run().stderr).toBe(`not moved, not found: ${inFolder('?[31mred??')}\n`);
});

test('without a program that computes SHA-256 nothing is moved', () => {
  fill(['a.jpg']);
  scriptOf(['a.jpg']);
  const tools = tempFolder('no-tools');
  for (const name of ['mkdir', 'mv', 'tr']) symlinkSync(`/bin/${name}`, join(tools, name));
  const { status, stderr, left } = run('/bin/sh', tools);
  expect([status, left]).toEqual([2, ['a.jpg']]);
  expect(stderr).toContain('nothing was moved');
});

const other = ['shasum', 'openssl'].filter((name) => spawnSync(name, ['--help']).error === undefined);
const hasOther = orLeftOut(other.length > 0, 'No shasum and no openssl', 'tests of other programs for SHA-256');

test.runIf(hasOther).each(other)('with %s in place of sha256sum', (name) => {
  fill(['a.jpg', 'b.jpg']);
  scriptOf(['a.jpg', 'b.jpg']);
  writeFileSync(inFolder('b.jpg'), 'another');
  const tools = tempFolder('other-tools');
  const where = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
  writeFileSync(join(tools, name), `#!/bin/sh\nPATH='${process.env.PATH}' exec ${where} "$@"\n`, { mode: 0o755 });
  for (const tool of ['mkdir', 'mv', 'tr']) symlinkSync(`/bin/${tool}`, join(tools, tool));
  expect(run('/bin/sh', tools)).toMatchObject({ status: 1, left: ['b.jpg'], moved: ['a.jpg'] });
});

test('a script that was cut off ends with what its moves ended with', () => {
  fill(['a.jpg']);
  scriptOf(['gone.jpg', 'a.jpg', 'c.jpg']);
  const lines = readFileSync(script, 'utf8').split('\n');
  writeFileSync(script, `${lines.slice(0, -2).join('\n')}\n`);
  expect(run()).toMatchObject({ status: 1, moved: ['a.jpg'] });
});

test('two hard links of a hit are both moved', () => {
  writeFileSync(inFolder('a.jpg'), 'a.jpg');
  linkSync(inFolder('a.jpg'), inFolder('b.jpg'));
  const writer = writeQuarantineScript(script, target);
  for (const name of ['a.jpg', 'b.jpg']) writer.add(pathBytesOf(inFolder(name)), sha256Of('a.jpg'));
  writer.close();
  expect(run()).toMatchObject({ status: 0, left: [] });
});
