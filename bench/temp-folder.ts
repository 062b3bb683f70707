/**
 * Temporary folders of tests, benches and scripts. A run creates one folder, named after its process, and sets TMPDIR
 * to it, so that child processes use it too. The whole folder is removed when the run ends, even after a failure.
 */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { isRunning } from '../src/core/unfinished.js';
import { kill, strays } from './strays.js';

const RUN_NAME = /^zeef-temp-(\d+)-\w+$/;

export interface TempRun {
  readonly folder: string;
  /** Remove the folder and restore TMPDIR. */
  end(): void;
}

/** Begin a run; also remove the processes and folders of runs whose process was killed. */
export function beginTempRun(): TempRun {
  const parent = resolve(tmpdir());
  kill(strays(isAbandoned) ?? []);
  for (const name of readdirSync(parent).filter(isAbandoned)) {
    try {
      removeFolder(join(parent, name));
    } catch {
      // It belongs to another user.
    }
  }
  const folder = mkdtempSync(join(parent, `zeef-temp-${process.pid}-`));
  const { TMPDIR: before } = process.env;
  process.env.TMPDIR = folder;
  const end = () => {
    process.off('exit', end);
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    removeFolder(folder);
  };
  // An error or a signal can end the process before the run does.
  process.on('exit', end);
  return { folder, end };
}

/** Run `act` with its own temporary folder. */
export async function withTempRun<T>(act: () => Promise<T>): Promise<T> {
  const run = beginTempRun();
  try {
    return await act();
  } finally {
    run.end();
  }
}

/** Create an empty folder, removed at the end of the run. Errors: outside a run, since nothing would remove it. */
export function tempFolder(name: string): string {
  const parent = tmpdir();
  if (!RUN_NAME.test(basename(parent))) throw new Error(`TMPDIR is not the folder of a run: ${parent}`);
  return mkdtempSync(join(parent, `${name}-`));
}

export const isRunFolder = (path: string): boolean => RUN_NAME.test(basename(path));

/** Return whether a folder is that of a run whose process has ended. */
export function isAbandoned(path: string): boolean {
  const [, pid] = RUN_NAME.exec(basename(path)) ?? [];
  return pid !== undefined && !isRunning(Number(pid));
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // A test that failed may have left a folder without permissions.
    openFolders(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function openFolders(folder: string): void {
  if (!lstatSync(folder).isDirectory()) return;
  chmodSync(folder, 0o700);
  for (const name of readdirSync(folder)) openFolders(join(folder, name));
}
