import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { makeFolder } from '../../src/core/make-folder.js';
import { artefact } from '../../src/core/package-root.js';

test('makes what is missing, for its owner only, and leaves what exists', () => {
  const folder = tempFolder('make-folder');
  makeFolder(join(folder, 'a', 'b', 'c'));
  for (const each of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, each)).mode & 0o777).toBe(0o700);
  mkdirSync(join(folder, 'open'), { mode: 0o755 });
  makeFolder(join(folder, 'open'));
  expect(statSync(join(folder, 'open')).mode & 0o777).toBe(0o755);
});

test('a file, a path below one, and a link to nothing are the errors of the system', () => {
  const folder = tempFolder('make-folder');
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('nowhere', join(folder, 'link'));
  expect(() => makeFolder(join(folder, 'file'))).toThrow(/ENOTDIR/);
  expect(() => makeFolder(join(folder, 'file', 'x'))).toThrow(/ENOTDIR/);
  expect(() => makeFolder(join(folder, 'link'))).toThrow(/EEXIST/);
  expect(existsSync(join(folder, 'nowhere'))).toBe(false);
});

test.each([
  ['--data-dir', '/proc/x', 'lists', 'show'],
  ['--data-dir', '/proc/x/y', 'keys', 'list'],
  ['scan', '--resume', '/proc/x', '.'],
])('a folder in /proc ends at once: zeef %s %s', async (...argv) => {
  const env = childEnv({ ZEEF_DATA_DIR: tempFolder('make-folder') });
  // SIGKILL: a loop in the system's calls heeds nothing else.
  const run = promisify(execFile)(process.execPath, [artefact('src', 'main.js'), ...argv], {
    env,
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringMatching(/ENOENT.*\/proc\/x/) });
});
