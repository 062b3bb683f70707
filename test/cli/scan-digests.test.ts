/** A scan computes the digests that are on lists, and finds files by each of them. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { DIGEST_ALGORITHMS } from '../../src/core/vocabulary.js';
import { PHOTOGRAPHS } from '../support/running.js';
import { linesOf } from '../support/scan-reports.js';

test.each(DIGEST_ALGORITHMS)('a file on a list of %s', { timeout: 60_000 }, async (algorithm) => {
  const env = childEnv({ ZEEF_DATA_DIR: tempFolder('digests-data') });
  const zeef = (...args: readonly string[]) =>
    new Promise<string>((resolve) => {
      execFile(process.execPath, [artefact('src', 'main.js'), ...args], { env }, (_error, out) => resolve(out));
    });
  const [tree, list] = [tempFolder('digests'), join(tempFolder('digests-list'), 'list.txt')];
  const path = join(tree, 'a.jpg');
  copyFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'), path);
  const digests = Object.fromEntries(
    DIGEST_ALGORITHMS.map((name) => [name, createHash(name).update(readFileSync(path)).digest('hex')]),
  );
  writeFileSync(list, `${digests[algorithm]}\n`);
  await zeef('lists', 'import', list, '--list', 'known', '--algorithm', algorithm);
  const found = async (...args: string[]) => linesOf(await zeef('scan', tree, '--no-count', ...args))[1];
  const match = { verdict: 'match', matches: [{ algorithm, matchType: 'exact' }] };
  const asked = { sha256: digests.sha256, [algorithm]: digests[algorithm] };
  const plain = await found();
  expect(plain).toMatchObject(match);
  expect(plain!.digests).toEqual(asked);
  const kept = await found('--resume', tempFolder('digests-inventory'));
  expect(kept).toMatchObject(match);
  expect(kept!.digests).toEqual(digests);
});
