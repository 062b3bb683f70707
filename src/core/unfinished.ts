/**
 * Temporary files, written beside their final name and renamed when complete. A killed process leaves its file; a later
 * process removes it.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

/** A writer on another machine or in another container cannot be probed from here; no write lasts this long. */
const FOREIGN_MS_MAX = 86_400_000;
const NAME = /\.(\d+)@([^/]+)\.unfinished$/;
const SHARED_NAME = /\.[0-9a-f-]{36}@shared\.unfinished$/;

const host = () => encodeURIComponent(hostname());

let made = 0;

/** Return a name of its own for each call, also of several threads. */
export function unfinishedName(path: string): string {
  made++;
  return `${path}.${threadId}-${made}.${process.pid}@${host()}.unfinished`;
}

/** The same in a folder that machines share: containers on several may have one host name, and the same process ids. */
export const sharedUnfinishedName = (path: string): string => `${path}.${randomUUID()}@shared.unfinished`;

/** Remove the files of `sharedUnfinishedName` that were not written to for a day: no writer can be probed. Errors: none. */
export async function removeSharedUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!SHARED_NAME.test(name)) continue;
    const path = join(folder, name);
    const writtenMs = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    );
    if (writtenMs < Date.now() - FOREIGN_MS_MAX) await rm(path, { force: true }).catch(() => {});
  }
}

/**
 * Remove the unfinished files and folders in a folder whose writers have ended, and return their number; 0 if the folder is missing.
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
      rmSync(join(folder, name), { recursive: true });
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
  // In a restarted container the new process gets the same pid.
  if (Number(pid) === process.pid) return writtenMs < Date.now() - process.uptime() * 1000;
  return !isRunning(Number(pid));
}

/** Return whether a process with this pid runs on this machine, under any user. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
