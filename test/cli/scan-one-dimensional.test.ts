/** A scan counts images whose near matches are left out: they are not simply `no_match`. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { linesOf } from '../support/scan-reports.js';
import { slide } from '../support/slides.js';

const env = childEnv({ ZEEF_DATA_DIR: tempFolder('slides-data') });

function zeef(...args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [artefact('src', 'main.js'), ...args], { env }, (_error, out) => resolve(out));
  });
}

test('in a scan, a rematch and with new entries; a list that asks for them gets them', async () => {
  const [tree, inventory, list] = [
    tempFolder('slides'),
    tempFolder('slides-seen'),
    join(tempFolder('slides-list'), 'a.csv'),
  ];
  writeFileSync(join(tree, 'one.png'), await slide(1));
  const [hashed] = linesOf(await zeef('hash', '--json', join(tree, 'one.png')));
  expect(hashed).toMatchObject({ oneDimensional: true, lowQuality: true, degenerate: false });
  const summary = async (...args: string[]) => linesOf(await zeef('scan', ...args)).at(-1);
  await zeef('lists', 'import', 'hashlists/sample/sample.csv', '--list', 'sample');
  const before = await summary(tree, '--resume', inventory);
  expect(before).toMatchObject({ byVerdict: { no_match: 1 }, nearLeftOut: 0 });

  writeFileSync(list, `algorithm,value\npdq,${(hashed!.pdq as { hash: string }).hash}\n`);
  await zeef('lists', 'import', list, '--list', 'slides');
  expect(await summary('--rematch', inventory, '--new-entries')).toMatchObject({ nearLeftOut: 1 });
  const leftOut = { byVerdict: { match: 0, no_match: 1 }, near: 0, nearLeftOut: 1 };
  expect(await summary(tree)).toMatchObject(leftOut);
  expect(await summary('--rematch', inventory)).toMatchObject(leftOut);

  await zeef('lists', 'set', 'slides', '--low-quality', 'yes');
  const [, found, counts] = linesOf(await zeef('scan', '--rematch', inventory));
  expect(found).toMatchObject({ verdict: 'match', lowQuality: true, oneDimensional: true });
  expect(counts).toMatchObject({ byVerdict: { match: 1, no_match: 0 }, near: 1, nearLeftOut: 0 });
});
