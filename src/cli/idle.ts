/** Idle priority: the lowest CPU priority, and disk time only when the disk is otherwise idle. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** Set idle priority for every thread; later threads and processes inherit it. Return the failure, or null. */
export function giveWay(): string | null {
  let threads = [String(process.pid)];
  try {
    threads = readdirSync('/proc/self/task');
  } catch {
    // Not Linux: only the process itself can be named.
  }
  for (const thread of threads) setPriority(Number(thread), constants.priority.PRIORITY_LOW);
  const { status } = spawnSync('ionice', ['-c', '3', '-p', ...threads], { stdio: 'ignore' });
  return status === 0 ? null : 'idle disk priority is not available here (ionice)';
}
