/**
 * Files that are being written, beside the name that they get once they are whole. A process that is killed leaves its
 * file; a later one removes it.
 */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Whether a writer on another machine or in another container still runs cannot be seen from here: no write lasts so long. */
const FOREIGN_MS_MAX = 86_400_000;
const NAME = /\.(\d+)@([^/]+)\.unfinished$/;

const host = () => encodeURIComponent(hostname());

export const unfinishedName = (path: string): string => `${path}.${process.pid}@${host()}.unfinished`;

/**
 * Removes the unfinished files in a folder whose writers are gone, and returns how many; 0 where there is no such folder.
 * A file that cannot be removed stays.
 */
export function removeUnfinished(folder: string): number {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return 0;
  }
  return names.filter((name) => {
    try {
      if (!isAbandoned(join(folder, name))) return false;
      rmSync(join(folder, name));
      return true;
    } catch {
      return false;
    }
  }).length;
}

function isAbandoned(path: string): boolean {
  const [, pid, of] = NAME.exec(path) ?? [];
  if (pid === undefined) return false;
  const writtenMs = statSync(path).mtimeMs;
  if (of !== host()) return writtenMs < Date.now() - FOREIGN_MS_MAX;
  // A container gives the same number to each of its processes in turn.
  if (Number(pid) === process.pid) return writtenMs < Date.now() - process.uptime() * 1000;
  return !isRunning(Number(pid));
}

/** Whether a process of this machine has that number, also one of another user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
