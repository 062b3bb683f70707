/** A scan that is killed repeatedly ends with the same report, file by file, as an uninterrupted scan. */
import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { copyTree, junkFiles, smallPictures } from '../../bench/scan-tree.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { seeded } from '../support/random.js';
import { countsOf, fileLines, linesOf, readReport } from '../support/scan-reports.js';

const MAIN = artefact('src', 'main.js');
const work = tempFolder('kill');
const tree = join(work, 'tree');
const env = childEnv({ ZEEF_DATA_DIR: join(work, 'data'), ZEEF_WORKERS: '2' });
const FILES = 3_000;
const KILLS = 6;

/** Return the exit code; null where it was killed after `killAfterMs`. */
function zeef(args: readonly string[], killAfterMs: number | null = null): Promise<number | null> {
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const timer = killAfterMs === null ? null : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  return new Promise((resolve) =>
    child.once('exit', (code) => {
      if (timer) clearTimeout(timer);
      resolve(code);
    }),
  );
}

beforeAll(async () => {
  const pictures = await smallPictures(join(work, 'pictures'), 40);
  const broken = join(work, 'broken.jpg');
  writeFileSync(broken, Buffer.from('ffd8ffe000104a46', 'hex'));
  copyTree(tree, [...pictures, broken, ...junkFiles(join(work, 'junk'), 4)], FILES, 50);
  mkdirSync(join(tree, 'more'));
  symlinkSync(tree, join(tree, 'more', 'circle'));
  expect(await zeef(['lists', 'add', 'known', ...pictures.slice(0, 5)])).toBe(0);
});

test('a scan killed at random moments ends with the report of an uninterrupted one', { timeout: 240_000 }, async () => {
  const undisturbed = join(work, 'undisturbed.jsonl');
  const timed = async (scan: () => Promise<number | null>) => {
    const startedMs = performance.now();
    return { code: await scan(), tookMs: performance.now() - startedMs };
  };
  const whole = await timed(() => zeef(['scan', tree, '--report', undisturbed]));
  expect(whole.code).toBe(2);
  const report = join(work, 'report.jsonl');
  const args = ['scan', tree, '--resume', join(work, 'inventory'), '--report', report];
  const random = seeded(7);
  let killed = 0;
  // The duration of the last scan that finished: the load of the machine varies.
  let { tookMs: wholeMs } = whole;
  for (let round = 0; round < KILLS || killed < 2; round++) {
    const { code, tookMs } = await timed(() => zeef(args, wholeMs * (0.15 + 0.75 * random())));
    if (code === null) killed++;
    else wholeMs = tookMs;
  }
  expect(await zeef(args)).toBe(2);
  expect(fileLines(readReport(report))).toEqual(fileLines(readReport(undisturbed)));
  expect(countsOf(readReport(report))).toEqual(countsOf(readReport(undisturbed)));
  expect(countsOf(readReport(report))).toMatchObject({ files: FILES, skippedByKind: { symlinks: 1 } });

  // Again, without a kill: no file is opened.
  expect(await zeef(args)).toBe(2);
  expect(fileLines(readReport(report))).toEqual(fileLines(readReport(undisturbed)));
  expect(linesOf(readReport(report)).at(-1)).toMatchObject({ fromInventory: FILES, bytesRead: 0 });
});
