/** Processes that outlive the test run or bench that started them (Linux: read from /proc). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { artefact } from '../src/core/package-root.js';

export interface Stray {
  readonly pid: number;
  readonly command: string;
}

interface Running extends Stray {
  readonly parent: number;
  /** Its TMPDIR; null if the environment has none. */
  readonly tempFolder: string | null;
}

const DECODER = artefact('src', 'engine', 'decoder-main.js');

/** List all processes of this namespace; null without /proc. */
function runningProcesses(): Running[] | null {
  let names: string[];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return null;
  }
  // Process ids in another namespace (a container) are not valid here.
  const namespace = readlinkSync('/proc/self/ns/pid');
  return names.flatMap((name) => {
    try {
      if (readlinkSync(`/proc/${name}/ns/pid`) !== namespace) return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ').trim();
      // The process name, in parentheses, may contain any character.
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      const tempFolder = /(?:^|\0)TMPDIR=([^\0]*)/.exec(readFileSync(`/proc/${name}/environ`, 'utf8'))?.[1] ?? null;
      return [{ pid: Number(name), parent: Number(parent), command, tempFolder }];
    } catch {
      // The process has ended, or belongs to another user.
      return [];
    }
  });
}

/**
 * Return processes whose TMPDIR satisfies `isOfRun`, and decoder processes without a parent (a decoder gets no TMPDIR).
 * The children of this process are test workers, which the test runner ends. Null without /proc.
 */
export function strays(isOfRun: (tempFolder: string) => boolean, withWorkers = false): Stray[] | null {
  const running = runningProcesses();
  if (running === null) return null;
  const commandOf = new Map(running.map(({ pid, command }) => [pid, command]));
  const isNode = (pid: number) => pid !== 1 && /^node/.test(basename((commandOf.get(pid) ?? '').split(' ')[0]!));
  return running.filter(
    ({ pid, parent, command, tempFolder }) =>
      pid !== process.pid &&
      (withWorkers || parent !== process.pid) &&
      ((tempFolder !== null && isOfRun(tempFolder)) || (command.includes(DECODER) && !isNode(parent))),
  );
}

/** Return whether a test run or bench of another process uses `folder` for its temporary files. */
export function isUsedByOthers(folder: string): boolean {
  const running = runningProcesses() ?? [];
  const parentOf = new Map(running.map(({ pid, parent }) => [pid, parent]));
  const lineage = (pid: number): number[] => {
    const parent = parentOf.get(pid);
    return parent === undefined ? [pid] : [pid, ...lineage(parent)];
  };
  const own = lineage(process.pid);
  return running.some(
    ({ pid, command, tempFolder }) =>
      /\bvitest\b|\bmain\.js bench\b/.test(command) &&
      (tempFolder ?? '/tmp') === folder &&
      !own.includes(pid) &&
      !lineage(pid).includes(process.pid),
  );
}

export function kill(processes: readonly Stray[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended.
    }
  }
}
