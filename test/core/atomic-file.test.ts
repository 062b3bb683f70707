import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { tempFolder } from '../../bench/temp-folder.js';
import { publishFile, writeAtomically } from '../../src/core/atomic-file.js';

let folder = '';
let path = '';
beforeEach(() => {
  folder = tempFolder('atomic');
  path = join(folder, 'file');
});

async function* pieces(...texts: string[]) {
  for (const text of texts) {
    if (text === 'fail') throw new Error('cut');
    yield Buffer.from(text);
  }
}

test('all pieces are in the file, which only its owner may read; the result is their size', async () => {
  expect(await writeAtomically(path, pieces('one', 'two'))).toBe(6);
  expect(readFileSync(path, 'utf8')).toBe('onetwo');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await writeAtomically(path, [])).toBe(0);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('an existing file is there whole until the new one is', async () => {
  writeFileSync(path, 'old');
  const seen: string[] = [];
  async function* watched() {
    for await (const piece of pieces('new', 'er')) {
      seen.push(readFileSync(path, 'utf8'));
      yield piece;
    }
  }
  await writeAtomically(path, watched());
  expect(seen).toEqual(['old', 'old']);
  expect(readFileSync(path, 'utf8')).toBe('newer');
});

test('where a piece fails, its error is thrown, the old file stays, and nothing else is left', async () => {
  writeFileSync(path, 'old');
  await expect(writeAtomically(path, pieces('new', 'fail'))).rejects.toThrow('cut');
  expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual(['old', ['file']]);
});

test('where the name cannot be taken, nothing is left', async () => {
  mkdirSync(path);
  await expect(writeAtomically(path, pieces('new'))).rejects.toMatchObject({ code: 'EISDIR' });
  expect(readdirSync(folder)).toEqual(['file']);
  await expect(writeAtomically(join(folder, 'missing', 'file'), pieces('new'))).rejects.toMatchObject({
    code: 'ENOENT',
  });
});

test('a complete file is published under its name', () => {
  const partial = join(folder, 'partial');
  writeFileSync(partial, 'new');
  chmodSync(partial, 0o600);
  publishFile(partial, path);
  expect([readFileSync(path, 'utf8'), existsSync(partial)]).toEqual(['new', false]);
});
