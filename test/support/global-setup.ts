/**
 * The run's temporary folder: TMPDIR of every test and child process, removed at the end. A run that leaves a temporary
 * file or a process behind fails, whatever its tests say.
 */
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { isUsedByOthers, kill, type Stray, strays } from '../../bench/strays.js';
import { beginTempRun, isAbandoned, isRunFolder } from '../../bench/temp-folder.js';

/** A process that was sent its signal ends within this time, on a busy machine too. */
const ENDING_MS_MAX = 5_000;
const POLL_MS = 100;
/** How often to look for other runs on this machine. */
const OTHERS_MS = 5_000;

export default function setup({ tmpDir }: TestProject): () => Promise<void> {
  // A child process that does not get TMPDIR uses /tmp.
  const parents = [...new Set([resolve(tmpdir()), '/tmp'])].filter((folder) => existsSync(folder));
  const before = new Set(parents.flatMap(tempFilesIn));
  /** Where a file may be of another test run, possibly of another version. */
  const shared = new Set<string>();
  const lookForOthers = () => {
    for (const folder of parents) if (isUsedByOthers(folder)) shared.add(folder);
  };
  lookForOthers();
  const looking = setInterval(lookForOthers, OTHERS_MS).unref();
  const run = beginTempRun();
  const isOfRun = (folder: string) => folder.startsWith(run.folder);
  const stop = (signal: NodeJS.Signals) => {
    kill(strays(isOfRun, true) ?? []);
    // The test runner removes its own files at its usual end alone.
    rmSync(tmpDir, { recursive: true, force: true });
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);

  const teardown = async () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    const processes = await remaining(() => strays(isOfRun));
    if (processes === null) process.stderr.write('No /proc: processes left behind are not looked for\n');
    kill(processes ?? []);
    const { entries, bytes } = sizeOf(run.folder);
    run.end();
    clearInterval(looking);
    lookForOthers();
    const files = parents.flatMap(tempFilesIn).filter((path) => !before.has(path));
    const doubtful = files.filter((path) => shared.has(dirname(path)));
    if (doubtful.length > 0)
      process.stderr.write(`Left behind by this test run or by another one on this machine: ${doubtful.join(', ')}\n`);
    const left = [
      ...(processes ?? []).map(({ pid, command }) => `process ${pid}: ${command}`),
      ...files.filter((path) => !doubtful.includes(path)),
    ];
    process.stderr.write(
      `Temporary files of the run: ${entries} in TMPDIR, ${(bytes / 1e6).toFixed(0)} MB, removed; left behind: ${left.length}\n`,
    );
    if (left.length > 0) throw new Error(`the test run left behind:\n${left.join('\n')}`);
  };
  return () =>
    teardown().catch((error: unknown) => {
      // The test runner reports this error, and would exit with 0.
      process.exitCode = 1;
      throw error;
    });
}

/** Return the names that tests, benches and Zeef itself give; those of runs that are still active are left out. */
function tempFilesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith('zeef-') && (!isRunFolder(name) || isAbandoned(name)))
    .map((name) => join(folder, name));
}

async function remaining(find: () => Stray[] | null): Promise<Stray[] | null> {
  const untilMs = performance.now() + ENDING_MS_MAX;
  for (;;) {
    const found = find();
    if (found === null || found.length === 0 || performance.now() > untilMs) return found;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Return the size of a folder; a file with several names counts once. */
function sizeOf(folder: string): { entries: number; bytes: number } {
  const inodes = new Set<number>();
  let bytes = 0;
  const visit = (path: string) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined || inodes.has(stat.ino)) return;
    inodes.add(stat.ino);
    bytes += stat.blocks * 512;
    if (stat.isDirectory()) for (const name of readdirSync(path)) visit(join(path, name));
  };
  visit(folder);
  return { entries: readdirSync(folder).length, bytes };
}
