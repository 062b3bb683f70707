/** A scan that examined nothing, or skipped what was named, does not pass for one that found nothing. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { withInput } from '../support/command-line.js';
import { PHOTOGRAPHS } from '../support/running.js';
import { linesOf } from '../support/scan-reports.js';

const MAIN = artefact('src', 'main.js');
const env = childEnv({ ZEEF_DATA_DIR: tempFolder('warnings-data') });

interface Ended {
  readonly code: number;
  readonly err: string;
  readonly summary: Readonly<Record<string, unknown>>;
}

async function scan(args: readonly string[], input = ''): Promise<Ended> {
  const { code, out, err } = await withInput(input, env, 'scan', ...args);
  return { code, err, summary: out === '' ? {} : linesOf(out).at(-1)! };
}

const warningsOf = (err: string) => err.split('\n').filter((line) => line.startsWith('zeef: warning '));

beforeAll(
  () =>
    new Promise<void>((resolve, reject) => {
      const args = ['lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample'];
      execFile(process.execPath, [MAIN, ...args], { env }, (error) => (error ? reject(error) : resolve()));
    }),
);

let tree = '';
const inTree = (name: string) => join(tree, name);
const fill = () => {
  tree = tempFolder('warnings');
  copyFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'), inTree('dune.jpg'));
  writeFileSync(inTree('text.txt'), 'text');
};

test('a scan that read its files ends with 0 and no warning', async () => {
  fill();
  const { code, err, summary } = await scan([tree]);
  expect([code, warningsOf(err)]).toEqual([0, []]);
  expect(summary).toMatchObject({ files: 2, warnings: [], warningsLeftOut: 0 });
});

test.each<[string, () => readonly string[], object]>([
  ['an empty folder', () => [tempFolder('empty')], { excluded: 0, symlinks: 0 }],
  ['a folder of which the patterns left nothing', () => [tree, '--exclude', '*'], { excluded: 3 }],
  ['a folder with links only', () => [inTree('links')], { symlinks: 1 }],
  ['an empty list of files', () => ['--files-from', '-'], { excluded: 0 }],
])('%s: one line, a warning in the summary, and exit code 2', async (_name, args, details) => {
  fill();
  mkdirSync(inTree('links'));
  symlinkSync(inTree('dune.jpg'), inTree(join('links', 'link.jpg')));
  const { code, err, summary } = await scan(args());
  expect(code).toBe(2);
  expect(warningsOf(err)).toHaveLength(1);
  expect(warningsOf(err)[0]).toContain('NOTHING_EXAMINED');
  expect(summary).toMatchObject({ files: 0, warnings: [{ code: 'NOTHING_EXAMINED', ...details }] });
});

test.each([
  ['on the command line', (link: string, file: string) => [[link, file], ''] as const],
  ['in a list of files', (link: string, file: string) => [['--files-from', '-'], `${link}\n${file}\n`] as const],
])('a named symbolic link that is not followed is reported: %s', async (_name, given) => {
  fill();
  symlinkSync(inTree('dune.jpg'), inTree('link.jpg'));
  const [args, input] = given(inTree('link.jpg'), inTree('text.txt'));
  const { code, err, summary } = await scan(args, input);
  expect(code).toBe(2);
  expect(warningsOf(err)).toEqual([expect.stringContaining('NAMED_SKIPPED')]);
  expect(summary).toMatchObject({ files: 2, warnings: [{ code: 'NAMED_SKIPPED', symlinks: 1, special: 0 }] });
  expect((await scan([...args, '--follow'], input)).code).toBe(0);
});

test('an include pattern that matched no file is one line, also beside one that matched; the exit code stays', async () => {
  fill();
  const patterns = ['--include', '*.jpg', '--include', '*.gif', '--iinclude', '*.TXT', '--iinclude', 'x/'];
  const { code, err, summary } = await scan([tree, ...patterns]);
  expect(code).toBe(0);
  expect(warningsOf(err)).toEqual([
    expect.stringMatching(/INCLUDE_UNMATCHED: .*"\*\.gif"/),
    expect.stringMatching(/INCLUDE_UNMATCHED: .*"x\/"/),
  ]);
  expect(summary).toMatchObject({ files: 2, warnings: [{ include: '*.gif' }, { include: 'x/' }] });
});

test.each(['cache/', './cache', '/cache', 'cache/**', 'CA*E'])(
  '--iexclude %s leaves out the folder cache',
  async (glob) => {
    fill();
    mkdirSync(inTree('cache'));
    copyFileSync(inTree('text.txt'), inTree(join('cache', 'inside.txt')));
    const [summary, flagged] = [
      (await scan([tree, '--iexclude', glob])).summary,
      await scan([tree, '--exclude', `!${glob}`]),
    ];
    expect(summary).toMatchObject({ files: 2, skippedByKind: { excluded: 1 } });
    expect([flagged.code, flagged.err]).toEqual([
      2,
      expect.stringMatching(/^zeef: REQUEST_INVALID: [^\n]*negation[^\n]*\n$/),
    ]);
  },
);

test('a root that held files and is empty now: a warning, exit code 2, and its hits are still found by a rematch', async () => {
  fill();
  const inventory = tempFolder('emptied-inventory');
  expect((await scan([tree, '--resume', inventory])).code).toBe(0);
  const files = tree;
  tree = `${tree}-gone`;
  renameSync(files, tree);
  mkdirSync(files);
  const { code, err, summary } = await scan([files, '--resume', inventory]);
  expect(code).toBe(2);
  expect(summary).toMatchObject({ files: 0, missing: 2 });
  for (const warning of ['ROOT_EMPTY', 'FILES_MISSING']) expect(err).toContain(`warning ${warning}`);
  expect((await scan(['--rematch', inventory])).summary).toMatchObject({ files: 2, missing: 2 });
  const pruned = await scan([files, '--resume', inventory, '--prune']);
  expect([pruned.code, pruned.summary.missing]).toEqual([2, 2]);
  expect((await scan(['--rematch', inventory])).summary).toMatchObject({ files: 0, missing: 0 });
});

test('--prune without an inventory is refused', async () => {
  fill();
  const { code, err } = await scan([tree, '--prune']);
  expect(code).toBe(2);
  expect(err).toContain('--resume');
});
