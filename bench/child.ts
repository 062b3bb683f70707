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

/** Return a process's ticks: its own and those of its children that have ended. */
function ticksOf(pid: number): { own: number; ended: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  const sum = (from: number) => Number(fields[from]) + Number(fields[from + 1]);
  return { own: sum(11), ended: sum(13) };
}

/** Processor time of processes and of their children that have ended; 0 where there is no /proc. */
export function processorSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const { own, ended } = ticksOf(pid);
      ticks += own + ended;
    } catch {
      // It has ended, and its time is its parent's.
    }
  }
  return ticks / TICKS_PER_SECOND;
}

/** Processor time of the children of this process that have ended; 0 where there is no /proc. */
export function endedChildrenSeconds(): number {
  try {
    return ticksOf(process.pid).ended / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
