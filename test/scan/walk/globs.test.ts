/** Patterns of `--include` and `--exclude` mean what they mean in `.gitignore`: git itself is the oracle. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { childEnv } from '../../../bench/child.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { pathBytesOf } from '../../../src/core/path-bytes.js';
import { createNameFilter, type NameFilter } from '../../../src/scan/walk/globs.js';
import { orLeftOut } from '../../support/left-out.js';

const exactly = (glob: string) => ({ glob, anyCase: false });
const anyCase = (glob: string) => ({ glob, anyCase: true });
const excluding = (globs: readonly string[], roots = ['/r']) =>
  createNameFilter({ include: [], exclude: globs.map(exactly) }, roots);
const including = (globs: readonly string[], roots = ['/r']) =>
  createNameFilter({ include: globs.map(exactly), exclude: [] }, roots);

/** Return the files that a walk reaches, as paths below the root. */
function reached(root: string, filter: NameFilter, below = ''): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const inside = join(below, entry.name);
    const path = pathBytesOf(join(root, inside));
    if (entry.isDirectory()) return filter.takesFolder(path) ? reached(root, filter, inside) : [];
    return filter.takesFile(path) ? [inside] : [];
  });
}

const hasGit = orLeftOut(
  spawnSync('git', ['--version']).status === 0,
  'No git',
  'tests of patterns against .gitignore',
);

describe.runIf(hasGit)('as git does', () => {
  // In ASCII: to git a question mark is one byte, and here one character.
  const root = tempFolder('patterns');
  const list = join(tempFolder('patterns-list'), 'ignore');
  const names = ['a', 'b', 'ab', 'A', '.a', 'a b', 'a.jpg', 'b.JPG', '-', 'a[b', '*', 'a(1)', '"q"', 'x\ny'];
  const folders = ['.', 'a', 'b', 'a/b', 'b/a', 'a/b/a', 'ab/-/.a', 'a b/A'];
  spawnSync('git', ['init', '-q', root], { env: childEnv() });
  const files = folders.flatMap((folder) => names.map((name) => join(folder, `f-${name}`)));
  for (const file of [...files, ...names.slice(2).map((name) => join('b/b', name))]) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  const inRoot = (filter: NameFilter) =>
    reached(root, filter)
      .filter((file) => !file.startsWith('.git/'))
      .sort();

  /** Return the files that git does not ignore. */
  function ofGit(glob: string, either: boolean): string[] {
    writeFileSync(list, `${glob}\n`);
    const args = ['-c', `core.ignorecase=${either}`, 'ls-files', '-z', '--others', `--exclude-from=${list}`];
    const { stdout, status } = spawnSync('git', args, { cwd: root, env: childEnv(), encoding: 'utf8' });
    expect(status).toBe(0);
    return stdout.split('\0').filter(Boolean).sort();
  }
  const all = inRoot(excluding([], [root]));

  const piece = fc.constantFrom(
    'a',
    'b',
    'f',
    'A',
    '.',
    '-',
    ' ',
    'é',
    '(',
    '1',
    '"',
    '*',
    '?',
    '**',
    '[ab]',
    '[!a]',
    '[^b]',
    '[a-f]',
    '[]a]',
    '\\*',
    '\\[',
    '\\a',
    '.jpg',
    '$',
    '+',
    '^',
    '|',
  ); // prettier-ignore
  const name = fc.oneof(
    fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
    fc.constantFrom('a', 'b', '*', '**', 'f-*', '?', '*.jpg', 'a b'),
  );
  const glob = fc
    .tuple(
      fc.constantFrom('', '', '/', '**/'),
      fc.array(name, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('', '', '/', '/**'),
    )
    .map(([start, between, end]) => start + between.join('/') + end)
    // Refused, and tested below; a line of .gitignore that begins with # is a comment.
    .filter((text) => !/ $/.test(text) && !/(^|\/)\.{1,2}(\/|$)/.test(text));

  test.each([false, true])('with letters of either case: %s', { timeout: 240_000 }, (either) => {
    const patternOf = either ? anyCase : exactly;
    fc.assert(
      fc.property(glob, (text) => {
        const kept = ofGit(text, either);
        const exclude = createNameFilter({ include: [], exclude: [patternOf(text)] }, [root]);
        expect(inRoot(exclude)).toEqual(kept);
        const include = createNameFilter({ include: [patternOf(text)], exclude: [] }, [root]);
        expect(inRoot(include)).toEqual(all.filter((file) => !kept.includes(file)));
      }),
      { seed: 7, numRuns: 100 },
    );
  });
});

test('a pattern without a slash matches at any depth, one with a slash from each root on; exclusion wins', () => {
  const filter = createNameFilter(
    { include: [exactly('*.jpg'), exactly('/a/**')], exclude: [exactly('tmp'), exactly('**/cache/**')] },
    ['/r', '/s'],
  );
  expect(filter.takesFile('/r/x/one.jpg')).toBe(true);
  expect(filter.takesFile('/r/a/deep/.hidden')).toBe(true);
  expect(filter.takesFile('/s/a/one')).toBe(true);
  expect(filter.takesFile('/r/b/a/one')).toBe(false);
  expect(filter.takesFile('/r/x/one.png')).toBe(false);
  expect(filter.takesFile('/r/a/cache/one.jpg')).toBe(false);
  expect(filter.takesFolder('/r/x/tmp')).toBe(false);
  expect(filter.takesFolder('/r/x/tmp2')).toBe(true);
});

test.each([
  ['cache/', true],
  ['cache', true],
  ['./cache', true],
  ['/cache', true],
  ['/cache/', true],
  ['cach?/', true],
  ['CACHE', false],
  ['x/cache', false],
])('--exclude %s leaves out the folder /r/cache: %s', (glob, isLeftOut) => {
  expect(excluding([glob]).takesFolder('/r/cache')).toBe(!isLeftOut);
});

test('cache/** leaves out all files inside, cache/ no file of that name', () => {
  expect(excluding(['cache/**']).takesFile('/r/cache/x/y.jpg')).toBe(false);
  expect(excluding(['cache/']).takesFile('/r/cache')).toBe(true);
});

test('./x and /x begin at a root, and do not match deeper; a path below a root is meant as it is', () => {
  for (const glob of ['./cache', '/cache']) expect(excluding([glob]).takesFolder('/r/x/cache')).toBe(true);
  const two = excluding(['/data/tmp'], ['/data', '/srv']);
  expect([two.takesFolder('/data/tmp'), two.takesFolder('/srv/data/tmp')]).toEqual([false, true]);
  expect(excluding(['/data/*/tmp'], ['/data']).takesFolder('/data/x/tmp')).toBe(false);
  expect(excluding(['/data\\[1]/tmp'], ['/data[1]']).takesFolder('/data[1]/tmp')).toBe(false);
  // Not a part of a name.
  expect(excluding(['/data/tmp'], ['/dat']).takesFolder('/dat/data/tmp')).toBe(false);
  expect(excluding(['/x'], ['/']).takesFolder('/x')).toBe(false);
  const either = createNameFilter({ include: [], exclude: [anyCase('/DATA/Tmp')] }, ['/data']);
  expect(either.takesFolder('/data/tmp')).toBe(false);
});

test('a pattern that matches a folder includes all that is inside, below the root', () => {
  const filter = including(['photos/', 'a/b']);
  expect(filter.takesFile('/r/x/photos/deep/one.jpg')).toBe(true);
  expect(filter.takesFile('/r/a/b/one.jpg')).toBe(true);
  expect(filter.takesFile('/r/photos')).toBe(false);
  expect(including(['r']).takesFile('/r/one.jpg'), 'the root itself is no part').toBe(false);
});

test('braces are alternatives, unless they have no comma, no end or a backslash before them', () => {
  expect(including(['*.{jpg,jp{e,}g2}']).takesFile('/r/one.jpeg2')).toBe(true);
  expect(including(['*.{jpg,jp{e,}g2}']).takesFile('/r/one.jpg2')).toBe(true);
  expect(including(['*.{jpg,png}']).takesFile('/r/one.gif')).toBe(false);
  expect(including(['{a/b,c}/x']).takesFile('/r/a/b/x')).toBe(true);
  for (const literal of ['{a}', '{a,b', '\\{a,b}', 'a,b}', '[{]a,b}']) {
    const name = literal.replaceAll('\\', '').replace('[{]', '{');
    expect(including([literal]).takesFile(`/r/${name}`), literal).toBe(true);
  }
});

test.each([
  '',
  '!cache',
  'cache ',
  'cache\t',
  'cache\r',
  '/',
  '//',
  'a//b',
  './',
  '../a',
  'a/..',
  'a/./b',
  'a\\',
  'a\\/b',
  '[a',
  'a[b/c]',
  '[z-a]',
  '[[:alpha:]]',
  '{a,!b}/',
  '{,a}', // prettier-ignore
  '{a,b}'.repeat(10),
])('%j is refused', (glob) => {
  if (glob === '{a,!b}/') return expect(excluding([glob]).takesFolder('/r/!b')).toBe(false);
  expect(() => excluding([glob])).toThrow(
    expect.objectContaining({
      code: 'REQUEST_INVALID',
      details: expect.objectContaining({ field: 'pattern', got: glob }),
    }),
  );
});

test.each([
  ['\\!cache', '!cache'],
  ['cache\\ ', 'cache '],
  ['#cache', '#cache'],
  ['photos (1)', 'photos (1)'],
  ['+(a|b)', '+(a|b)'],
  ['"a"', '"a"'],
  ['a\\\\', 'a\\'],
])('%j is the name %j', (glob, name) => {
  expect(excluding([glob]).takesFile(`/r/${name}`)).toBe(false);
});

test('names that are not UTF-8 are matched byte by byte, and the names beside them as text', () => {
  const path = (name: string) => pathBytesOf(`/é/ü/${name}`);
  const filter = including(['ü/*.jpg'], [pathBytesOf('/é')]);
  expect(filter.takesFile(`${path('')}\xff.jpg`)).toBe(true);
  expect(filter.takesFile(`${path('')}\xff.png`)).toBe(false);
});

test('the patterns that matched no file are known, also where another one took all files', () => {
  const filter = createNameFilter({ include: ['*', '*.jpg', '*.gif'].map(exactly), exclude: [exactly('x')] }, ['/r']);
  for (const name of ['/r/a.txt', '/r/b.jpg', '/r/x']) filter.takesFile(name);
  expect(filter.unmatched()).toEqual(['*.gif']);
});
