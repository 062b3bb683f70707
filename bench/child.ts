/** Child processes of tests and benches. */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

const TICKS_PER_SECOND = 100;

/** Return an environment with only PATH, the run's temporary folder and `variables`. */
export function childEnv(variables: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), ...variables };
}

/** Kill the child if this process exits first. */
export function endWithParent<C extends ChildProcess>(child: C): C {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

/** Return the child processes of a process (Linux). */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

/** Return a process and all that it has started, and these (Linux). */
export function withDescendants(pid: number): number[] {
  let children: number[] = [];
  try {
    children = childrenOf(pid);
  } catch {
    // It has just ended.
  }
  return [pid, ...children.flatMap(withDescendants)];
}

/** Processor time of processes and of their children that have ended; 0 where there is no /proc. */
export function processorSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      for (const field of fields.slice(11, 15)) ticks += Number(field);
    } catch {
      // It has ended, and its time is its parent's.
    }
  }
  return ticks / TICKS_PER_SECOND;
}
