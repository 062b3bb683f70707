/** The pid of a program that a command runs as its only child, in a namespace of pids. */
import { existsSync, readFileSync } from 'node:fs';

const childrenFile = (pid: number) => `/proc/${pid}/task/${pid}/children`;

/** Return whether this kernel lists the children of a process. */
export function areChildrenListed(): boolean {
  return existsSync(childrenFile(process.pid));
}

/** Return the first child of a process; null: it has none yet, or has ended. */
export function innerPid(pid: number): number | null {
  try {
    return Number.parseInt(readFileSync(childrenFile(pid), 'latin1'), 10) || null;
  } catch {
    return null;
  }
}
