/** `scripts/check-commits.mjs`, on small repositories made here. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { orLeftOut } from '../support/left-out.js';

const SCRIPT = resolve('scripts/check-commits.mjs');
let folder = '';

/** Without the machine's own settings, and without those of a git command that runs the tests. */
const ENV = childEnv({
  HOME: tmpdir(),
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
});

const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: folder, env: ENV, encoding: 'utf8', stdio: 'pipe' }).trim();
const commit = (subject: string, ...more: string[]) =>
  git('commit', '--allow-empty', '--allow-empty-message', '-m', subject, ...more);

function check(args: readonly string[] = [], cwd = folder) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
    cwd,
    env: ENV,
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

beforeEach(() => {
  folder = tempFolder('commits');
  git('init', '--quiet', '--initial-branch=main');
  commit('begin');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ['72 characters', 'x'.repeat(72), null],
  ['72 characters, each of several bytes', 'é'.repeat(72), null],
  ['a word that only begins like WIP', 'wipe free pages after a rotation', null],
  ['a full stop inside', 'read v1.1 of VICS', null],
  ['73 characters', 'x'.repeat(73), 'has 73 characters, at most 72'],
  ['an empty subject', '', 'is empty'],
  ['a full stop at the end', 'add a knob.', 'ends with a full stop'],
  ['WIP', 'WIP', 'is of work in progress'],
  ['wip:', 'wip: a knob', 'is of work in progress'],
  ['fixup!', 'fixup! add a knob', 'is of work in progress'],
])('subject: %s', (_name, subject, fault) => {
  commit(subject);
  const { status, said } = check();
  expect(status).toBe(fault === null ? 0 : 1);
  expect(said).toContain(fault ?? '2 checked, all pass');
});

test('every fault of every commit is reported; the body is not checked', () => {
  commit(`${'y'.repeat(80)}.`);
  commit('add a metric', '-m', `${'z'.repeat(200)}.`);
  const { status, said } = check();
  expect(status).toBe(1);
  expect(said).toContain('has 81 characters');
  expect(said).toContain('2 to fix');
});

test('a merge is exempt, the commits that it merges are not', () => {
  git('switch', '--quiet', '--create', 'side');
  commit('side');
  git('switch', '--quiet', 'main');
  git('merge', '--no-ff', '-m', `${'m'.repeat(100)}.`, 'side');
  expect(check()).toMatchObject({ status: 0, said: expect.stringContaining('2 checked') });
  git('switch', '--quiet', 'side');
  commit('s'.repeat(73));
  git('switch', '--quiet', 'main');
  git('merge', '--no-ff', '-m', 'merge', 'side');
  expect(check().status).toBe(1);
});

test('a commit or a range limits what is checked; an unknown one is an error', () => {
  commit('an older subject that ends with a full stop.');
  const since = git('rev-parse', 'HEAD');
  commit('add a knob');
  expect(check().status).toBe(1);
  expect(check([since])).toMatchObject({ status: 0, said: expect.stringContaining('1 checked') });
  expect(check([`${since}~1..HEAD`]).status).toBe(1);
  for (const unknown of ['nowhere', 'nowhere..HEAD', '--all']) expect(check([unknown]).status, unknown).toBe(2);
});

test("without an argument: the commits that origin's default branch lacks, or all where it has all", () => {
  commit('an older subject that ends with a full stop.');
  const clone = `${folder}-clone`;
  git('clone', '--quiet', folder, clone);
  const source = folder;
  try {
    expect(check([], clone).status).toBe(1);
    folder = clone;
    commit('add a knob');
    expect(check([], clone)).toMatchObject({ status: 0, said: expect.stringContaining('1 checked') });
  } finally {
    folder = source;
    rmSync(clone, { recursive: true, force: true });
  }
});

test('a shallow clone, an archive and a repository without commits are reported as left out', () => {
  commit('an older subject that ends with a full stop.');
  const clone = `${folder}-clone`;
  git('clone', '--quiet', '--depth', '1', `file://${folder}`, clone);
  expect(check([], clone)).toMatchObject({
    status: 0,
    said: expect.stringContaining('left out, this clone is shallow'),
  });
  rmSync(clone, { recursive: true, force: true });
  // An archive that was unpacked inside a repository of another project.
  const inside = join(folder, 'unpacked');
  mkdirSync(inside);
  expect(check([], inside)).toMatchObject({ status: 0, said: expect.stringContaining('left out') });
  rmSync(join(folder, '.git'), { recursive: true });
  git('init', '--quiet');
  expect(check()).toMatchObject({ status: 0, said: expect.stringContaining('left out, there is no commit yet') });
});

const ruleBegins = /'([0-9a-f]{40})'/.exec(readFileSync(SCRIPT, 'utf8'))![1]!;
const ask = (...args: string[]) => spawnSync('git', args, { env: ENV, encoding: 'utf8' }).stdout.trim();
const isKnown = orLeftOut(
  existsSync('.git') &&
    ask('rev-parse', '--is-shallow-repository') === 'false' &&
    ask('rev-parse', '--verify', '--quiet', `${ruleBegins}~1`) !== '',
  'no history of commits here',
  'tests on it',
);

test.runIf(isKnown)('commits from before the rule are not checked', () => {
  expect(check([`${ruleBegins}~1..${ruleBegins}`], resolve('.'))).toMatchObject({
    status: 0,
    said: expect.stringContaining('0 checked'),
  });
});
