/** `zeef check` and `zeef hash` of folders and of stdin. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { run } from '../support/processes.js';

const work = tempFolder('named-images');
const env = { ZEEF_DATA_DIR: join(work, 'data'), ZEEF_LOG_LEVEL: 'error' };
const zeef = (...args: string[]) => run(env, ...args);
const LISTED = join('hashlists', 'sample', 'pictures', 'mate-freshflower.jpg');
const OTHER = join('test', 'fixtures', 'photographs', 'mate-dune.jpg');
const tree = join(work, 'tree');

beforeAll(async () => {
  mkdirSync(join(tree, 'b'), { recursive: true });
  copyFileSync(OTHER, join(tree, 'c.jpg'));
  copyFileSync(LISTED, join(tree, 'b', 'listed.jpg'));
  await zeef('lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
});

/** Run `zeef ARGS` with bytes on stdin, in small pieces. */
function piped(bytes: Uint8Array, args: readonly string[], more: Record<string, string> = {}) {
  const child = spawn(process.execPath, [artefact('src', 'main.js'), ...args], { env: childEnv({ ...env, ...more }) });
  let out = '';
  child.stdout.on('data', (piece) => (out += piece));
  for (let at = 0; at < bytes.length; at += 10_000) child.stdin.write(bytes.subarray(at, at + 10_000));
  child.stdin.end();
  return new Promise<{ code: number | null; out: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, out })),
  );
}

test('a folder is all files below it, by name; links are said to be left out', async () => {
  symlinkSync(join(tree, 'c.jpg'), join(tree, 'a-link.jpg'));
  const { code, out, err } = await zeef('check', tree);
  expect(out.split('\n').map((line) => line.split(/ +/).slice(0, 2))).toEqual([
    ['match', join(tree, 'b', 'listed.jpg')],
    ['no_match', join(tree, 'c.jpg')],
    [''],
  ]);
  expect(err).toBe(`zeef: ${join(tree, 'a-link.jpg')} is a link or no file: left out\n`);
  expect(code).toBe(1);
});

test('in a folder a file that is no image does not count; one that is named, or is a broken image, does', async () => {
  const folder = join(work, 'mixed');
  mkdirSync(folder);
  copyFileSync(OTHER, join(folder, 'a.jpg'));
  writeFileSync(join(folder, 'notes.txt'), 'notes');
  expect(await zeef('check', folder)).toMatchObject({ code: 0, out: expect.stringContaining('not_an_image') });
  expect((await zeef('hash', folder)).code).toBe(0);
  expect((await zeef('check', join(folder, 'notes.txt'))).code).toBe(2);
  writeFileSync(join(folder, 'broken.jpg'), readFileSync(OTHER).subarray(0, 3_000));
  expect((await zeef('check', folder)).code).toBe(2);
  expect((await zeef('hash', folder)).code).toBe(2);
  expect((await zeef('check', join(work, 'nowhere'))).code).toBe(2);
});

test('an image on stdin is checked and hashed as the file is', async () => {
  const bytes = readFileSync(LISTED);
  const checked = await piped(bytes, ['check', '--json', '-']);
  expect(checked.code).toBe(1);
  const [file, stdin] = [(await zeef('check', '--json', LISTED)).out, checked.out].map((text) => JSON.parse(text));
  const { path: _p, checkId: _c, ...facts } = file;
  expect(stdin).toMatchObject({ ...facts, path: '-' });
  const hashed = await piped(bytes, ['hash', '-']);
  expect(hashed.out.replace(/^- /, '')).toBe((await zeef('hash', LISTED)).out.replace(`${LISTED} `, ''));
  expect((await piped(Buffer.alloc(0), ['check', '-'])).code).toBe(2);
});

test.each([
  ['as large as the limit', 0, 'match', null],
  ['one byte larger', 1, 'match', 'too_large'],
])('an image on stdin that is %s is found by its digests', async (_name, over, verdict, reason) => {
  const bytes = readFileSync(LISTED);
  const limit = { ZEEF_IMAGE_BYTES_MAX: String(bytes.length - over) };
  const { out } = await piped(bytes, ['check', '--json', '-'], limit);
  expect(JSON.parse(out)).toMatchObject({ verdict, reason });
});
