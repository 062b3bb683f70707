/** A list is renamed between scans: no file of the inventory is read again, new or stale, and reports name the list as it is called. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { PHOTOGRAPHS, PICTURES } from '../support/running.js';
import { linesOf, type ReportLine } from '../support/scan-reports.js';

const MAIN = artefact('src', 'main.js');
const work = tempFolder('rename-scan');
const env = childEnv({ ZEEF_DATA_DIR: join(work, 'data') });
const tree = tempFolder('tree');
const inventory = join(work, 'inventory');

function zeef(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env, maxBuffer: 100_000_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

/** Run a scan that ends with 1: something matched. Result: its matched lines, and the summary. */
async function scan(...args: readonly string[]) {
  const { code, out, err } = await zeef('scan', ...args);
  expect([code, err.includes('zeef:') ? err : '']).toEqual([1, '']);
  const lines = linesOf(out);
  const matches = lines.filter(({ type }) => type === 'match') as (ReportLine & {
    matches: Record<string, unknown>[];
  })[];
  return { matches, summary: lines.at(-1)! };
}

beforeAll(async () => {
  expect((await zeef('lists', 'import', 'hashlists/sample/sample.csv', '--list', 'before')).code).toBe(0);
  await copyFile(join(PICTURES, 'mate-freshflower.jpg'), join(tree, 'one.jpg'));
  await copyFile(join(PHOTOGRAPHS, 'mate-dune.jpg'), join(tree, 'two.jpg'));
  writeFileSync(join(tree, 'three.txt'), 'text');
});

test('a scan, a rename, a scan and a rematch', async () => {
  const first = await scan(tree, '--resume', inventory);
  expect(first.matches).toMatchObject([{ matches: [{ list: 'before', tags: [], notes: {} }, {}, {}, {}, {}] }]);
  expect((await zeef('lists', 'rename', 'before', 'Before')).err).toContain('REQUEST_INVALID');
  expect(await zeef('lists', 'rename', 'before', 'after')).toMatchObject({
    code: 0,
    out: 'before: renamed to after\n',
  });
  expect((await zeef('lists', 'rename', 'before', 'after')).err).toContain('LIST_NOT_FOUND');

  const second = await scan(tree, '--resume', inventory);
  const rematched = await scan('--rematch', inventory);
  const restricted = await scan(tree, '--resume', inventory, '--lists', 'after');
  for (const { matches, summary } of [second, rematched, restricted]) {
    expect(summary).toMatchObject({ checked: 2, byVerdict: { match: 1, no_match: 1 } });
    const renamed = first.matches[0]!.matches.map((match) => ({ ...match, list: 'after' }));
    expect(matches.map((line) => line.matches)).toEqual([renamed]);
  }
  // No image was decoded, and no file opened.
  for (const { summary } of [second, rematched]) expect(summary).toMatchObject({ bytesRead: 0 });
  expect((await zeef('scan', tree, '--resume', inventory, '--lists', 'before')).err).toContain('LIST_NOT_FOUND');
  const json = JSON.parse((await zeef('lists', 'rename', 'after', 'last', '--json')).out);
  expect(json.formerNames.map(({ name }: { name: string }) => name)).toEqual(['before', 'after']);
});
