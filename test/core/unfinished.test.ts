import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { endWithParent } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import {
  removeSharedUnfinished,
  removeUnfinished,
  sharedUnfinishedName,
  unfinishedName,
} from '../../src/core/unfinished.js';

const sleep = (ms: number): [string, string[]] => [process.execPath, ['-e', `setTimeout(() => {}, ${ms})`]];
const other: ChildProcess = endWithParent(spawn(...sleep(600_000)));
afterAll(() => other.kill('SIGKILL'));
const gone = spawnSync(...sleep(0)).pid;

const by = (pid: number, host: string) => `zeef.index.${pid}@${encodeURIComponent(host)}.unfinished`;
const HOUR_S = 3_600;

test.each<[string, string, number, boolean]>([
  ['of a process that is gone is removed', by(gone, hostname()), 0, true],
  ['of another process that runs is kept', by(other.pid!, hostname()), 100 * HOUR_S, false],
  ['of this process is kept', by(process.pid, hostname()), 0, false],
  ['of an earlier process with the id of this one is removed', by(process.pid, hostname()), HOUR_S, true],
  ['of another machine, if new, is kept', by(gone, 'else.where'), 23 * HOUR_S, false],
  ['of another machine, if old, is removed', by(gone, 'else.where'), 25 * HOUR_S, true],
  ['that is finished is kept', 'zeef.index', 100 * HOUR_S, false],
  ['with a similar name is kept', `${gone}@${hostname()}.unfinished.csv`, 100 * HOUR_S, false],
])('a file %s', (_name, file, ageSeconds, isRemoved) => {
  const folder = tempFolder('unfinished');
  const path = join(folder, file);
  writeFileSync(path, 'x');
  const at = Date.now() / 1000 - ageSeconds;
  utimesSync(path, at, at);
  expect(removeUnfinished(folder)).toBe(isRemoved ? 1 : 0);
  expect(readdirSync(folder)).toEqual(isRemoved ? [] : [file]);
});

test('two names for one path differ', () => {
  expect(unfinishedName('/a')).not.toBe(unfinishedName('/a'));
});

test('a file named by unfinishedName is found; a missing folder is no error', () => {
  const folder = tempFolder('unfinished');
  const path = unfinishedName(join(folder, 'zeef.index'));
  writeFileSync(path, 'x');
  expect(removeUnfinished(folder)).toBe(0);
  utimesSync(path, 0, 0);
  expect(removeUnfinished(folder)).toBe(1);
  expect(removeUnfinished(join(folder, 'nowhere'))).toBe(0);
});

test('in a shared folder only the age of an unfinished file counts', async () => {
  const folder = tempFolder('unfinished');
  const [fresh, old] = [sharedUnfinishedName(join(folder, 'a')), sharedUnfinishedName(join(folder, 'a'))];
  const kept = [fresh, join(folder, by(gone, hostname())), join(folder, 'a.unfinished'), join(folder, 'a')];
  for (const path of [old, ...kept]) {
    writeFileSync(path, 'x');
    const at = Date.now() / 1000 - (path === fresh ? 23 : 25) * HOUR_S;
    utimesSync(path, at, at);
  }
  await removeSharedUnfinished(folder);
  expect(readdirSync(folder).sort()).toEqual(kept.map((path) => basename(path)).sort());
  expect(removeUnfinished(folder), 'only the one that has the id of a process').toBe(1);
  await removeSharedUnfinished(join(folder, 'missing'));
});
