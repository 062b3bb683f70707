/** A bank of HMA, moved to a list by its dump: what matches afterwards, and what the command says of the rest. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact, PACKAGE_ROOT } from '../../src/core/package-root.js';
import { hmaDump } from '../support/hma-dump.js';

const dataDir = tempFolder('hma');
const imageOf = (name: string) => join(PACKAGE_ROOT, 'hashlists', 'sample', 'pictures', `${name}.jpg`);
const [ACTIVE, DISABLED, LATER] = ['mate-freshflower', 'mate-twowings', 'palapeli-castle-maintenon'].map(imageOf) as [
  string,
  string,
  string,
];

function zeef(...args: readonly string[]) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const options = { env: childEnv({ ZEEF_DATA_DIR: dataDir }) };
    execFile(process.execPath, [artefact('src', 'main.js'), ...args], options, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}
const linesOf = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('contents are found by their images; those disabled for ever are not; the rest is named', async () => {
  const hashed = linesOf((await zeef('hash', '--json', ACTIVE, DISABLED, LATER)).out);
  const [active, disabled, later] = hashed.map(({ pdq }) => pdq.hash as string) as [string, string, string];
  const file = join(tempFolder('hma-dump'), 'hma.sql');
  const untilS = Math.floor(Date.now() / 1000) + 86_400;
  const dump = hmaDump({
    banks: [
      [1, 'DESK', 0.5],
      [2, 'OTHER_BANK', 1],
    ],
    contents: [
      [17, 1, 1, 'seen by the desk'],
      [18, 1, 0],
      [19, 1, untilS],
      [20, 2, 1],
    ],
    signals: [
      [17, 'pdq', active],
      [18, 'pdq', disabled],
      [19, 'pdq', later],
      [19, 'vpdq', 'x'],
      [20, 'pdq', disabled],
    ],
    exchanges: ['NCMEC_INDUSTRY'],
  });
  writeFileSync(file, dump);
  const run = (...more: string[]) => zeef('lists', 'import', file, '--format', 'hma', '--list', 'desk', ...more);

  const unchosen = await run();
  expect(unchosen).toMatchObject({ code: 2, out: '', err: expect.stringContaining('DESK OTHER_BANK') });

  const imported = await run('--bank', 'DESK');
  expect(imported.code).toBe(0);
  expect(imported.out.split('\n')).toEqual([
    'desk: version 1, 2 entries, 0 duplicates, 2 rejected; 2 added, 0 removed',
    '  not_active 1',
    '  unknown_algorithm 1',
    expect.stringMatching(/^ {2}line \d+: not_active$/),
    expect.stringMatching(/^ {2}line \d+: unknown_algorithm$/),
    '  bank DESK, 3 contents; content 17 is the entry hma-17, and has another number under /c/bank',
    '  for HMA’s clients: zeef lists set desk --bank DESK --sample 0.5',
    '  its enabled_ratio is 0.5; a seed draws the same sample as in HMA',
    '  not imported: 1 contents that are disabled for ever',
    '  not imported: signals of other types: vpdq 1',
    '  not imported: exchanges NCMEC_INDUSTRY; see zeef lists source',
    expect.stringContaining('palette images (GIF, PNG-8) match nothing'),
    '',
  ]);
  const checked = linesOf((await zeef('check', '--json', ACTIVE, DISABLED, LATER)).out);
  expect(checked.map(({ verdict }) => verdict)).toEqual(['match', 'no_match', 'suppressed']);
  expect(checked[0].matches[0]).toMatchObject({ list: 'desk', entryId: 'hma-17', algorithm: 'pdq' });

  // Enabled again in HMA before the last import: the earlier time does not stay.
  writeFileSync(file, dump.replace(`\t${untilS}\t`, '\t1\t'));
  const again = await run('--bank', 'DESK', '--json');
  expect(JSON.parse(again.out)).toMatchObject({ version: 2, hma: { bank: 'DESK', ratio: 0.5, disabledForEver: 1 } });
  const [late] = linesOf((await zeef('check', '--json', LATER)).out);
  expect(late).toMatchObject({ verdict: 'match' });
});
