/** What is named outside the walk, on the command line or in a list, is treated as inside it. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runScan } from '../../../bench/scan-run.js';
import { tempFolder } from '../../../bench/temp-folder.js';
import { pathBytesOf, shownPath } from '../../../src/core/path-bytes.js';
import type { FileResult } from '../../../src/scan/facts/file-result.js';
import type { ScanRequest } from '../../../src/scan/scan-request.js';
import { PICTURES, type Running, startService } from '../../support/running.js';
import { zipOf } from '../../support/zip.js';

let running: Running;
let work: string;
const listed = join(PICTURES, 'mate-freshflower.jpg');

beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());
beforeEach(() => {
  work = tempFolder('named');
  writeFileSync(join(work, 'box.zip'), zipOf([{ name: Buffer.from('in.jpg'), content: readFileSync(listed) }]));
});

async function* listOf(names: readonly string[]): AsyncGenerator<string> {
  for (const name of names) yield pathBytesOf(join(work, name));
}

async function scanned(request: Partial<ScanRequest>, inventory: string | null = null) {
  const results: FileResult[] = [];
  const summary = await runScan(running.service, work, {
    inventory,
    onResult: (result) => results.push(result),
    request: { archives: true, ...request },
  });
  const lines = results.map(({ pathBytes, verdict, reason, code }) =>
    [shownPath(pathBytes).slice(work.length + 1), verdict, reason, code].filter(Boolean).join(' '),
  );
  return { summary, lines: lines.sort() };
}

const WAYS: readonly [string, (...names: string[]) => Partial<ScanRequest>][] = [
  ['on the command line', (...names) => ({ paths: names.map((name) => pathBytesOf(join(work, name))) })],
  ['in a list', (...names) => ({ paths: [], filesFrom: listOf(names) })],
];

describe.each(WAYS)('named %s', (_name, named) => {
  test('an archive is opened, with an inventory also the second time', async () => {
    const { summary, lines } = await scanned(named('box.zip'));
    expect(lines).toEqual(['box.zip!/in.jpg match']);
    expect(summary).toMatchObject({ files: 2, archives: 1, byVerdict: { match: 1 } });
    for (const fromInventory of [0, 2])
      expect((await scanned(named('box.zip'), `${work}-inventory`)).summary).toMatchObject({
        files: 2,
        fromInventory,
        byVerdict: { match: 1 },
      });
    expect((await scanned({ ...named('box.zip'), archives: false })).summary).toMatchObject({ files: 1, archives: 1 });
  });

  test.each([false, true])(
    'a file and an archive behind a linked folder are read; links are followed: %j',
    async (followsLinks) => {
      mkdirSync(join(work, 'tree'));
      mkdirSync(join(work, 'elsewhere'));
      copyFileSync(listed, join(work, 'elsewhere', 'one.jpg'));
      copyFileSync(join(work, 'box.zip'), join(work, 'elsewhere', 'two.zip'));
      symlinkSync('../elsewhere', join(work, 'tree', 'link'));
      const { lines } = await scanned({ ...named('tree/link/one.jpg', 'tree/link/two.zip'), followsLinks });
      expect(lines).toEqual(['tree/link/one.jpg match', 'tree/link/two.zip!/in.jpg match']);
      const { paths, filesFrom = null } = named('tree/link/one.jpg');
      const withTree = { paths: [pathBytesOf(join(work, 'tree')), ...paths!], filesFrom };
      if (!followsLinks) expect((await scanned(withTree)).lines).toEqual(['tree/link/one.jpg match']);
    },
  );

  test('a FIFO, a link and a missing file are lines, and no scan waits for a writer', async () => {
    execFileSync('mkfifo', [join(work, 'pipe')]);
    symlinkSync(listed, join(work, 'link'));
    const { summary, lines } = await scanned(named('pipe', 'link', 'missing'));
    expect(lines).toEqual([
      'link not_checked unreadable FILE_NOT_REGULAR',
      'missing not_checked unreadable FILE_VANISHED',
      'pipe not_checked unreadable FILE_NOT_REGULAR',
    ]);
    expect(summary).toMatchObject({ files: 3, skipped: 0, byVerdict: { not_checked: 3 } });
  });

  test('a folder is walked, an excluded name is counted', async () => {
    mkdirSync(join(work, 'folder', 'inner'), { recursive: true });
    copyFileSync(listed, join(work, 'folder', 'inner', 'one.jpg'));
    copyFileSync(join(work, 'box.zip'), join(work, 'folder', 'two.zip'));
    copyFileSync(listed, join(work, 'three.jpg'));
    copyFileSync(listed, join(work, 'four.jpg'));
    const { summary, lines } = await scanned({
      ...named('folder', 'three.jpg', 'four.jpg', 'box.zip'),
      exclude: ['four.*', 'box.zip'].map((glob) => ({ glob, anyCase: false })),
      oneFileSystem: true,
    });
    expect(lines).toEqual(['folder/inner/one.jpg match', 'folder/two.zip!/in.jpg match', 'three.jpg match']);
    expect(summary).toMatchObject({ files: 4, skippedByKind: { excluded: 2 } });
  });
});

test('a link that is followed, and a linked folder, are scanned under the names of a walk', async () => {
  mkdirSync(join(work, 'folder'));
  copyFileSync(listed, join(work, 'folder', 'one.jpg'));
  symlinkSync(join(work, 'folder'), join(work, 'linked'));
  symlinkSync(join(work, 'folder', 'one.jpg'), join(work, 'link'));
  const { lines } = await scanned({ paths: [], filesFrom: listOf(['linked', 'link']), followsLinks: true });
  expect(lines).toEqual(['folder/one.jpg match', 'link match']);
});

test('a file that took the place of a known archive is not opened as one', async () => {
  const request = { paths: [pathBytesOf(work)] };
  await scanned(request, `${work}-inventory`);
  writeFileSync(join(work, 'box.zip'), 'text');
  expect(await scanned(request, `${work}-inventory`)).toMatchObject({ lines: [], summary: { files: 1, archives: 0 } });
});
