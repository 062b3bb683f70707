/** Gives way to everybody else on the machine: least CPU priority, and disk time only when nobody wants it. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** Of every thread there is; threads and processes that are started later inherit it. Result: what could not be done. */
export function giveWay(): string | null {
  let threads = [String(process.pid)];
  try {
    threads = readdirSync('/proc/self/task');
  } catch {
    // Not Linux: the process itself is all that can be named.
  }
  for (const thread of threads) setPriority(Number(thread), constants.priority.PRIORITY_LOW);
  const { status } = spawnSync('ionice', ['-c', '3', '-p', ...threads], { stdio: 'ignore' });
  return status === 0 ? null : 'idle disk priority is not available here (ionice)';
}
