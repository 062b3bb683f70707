/** Count of files in a process of its own while the scan runs: on a mount that hangs it is left behind. */
import { spawn } from 'node:child_process';
import { artefact } from '../../core/package-root.js';
import { allocatorEnv } from '../../engine/decoder-env.js';
import type { CountNote, CountTask } from './count-main.js';

export interface Counting {
  /** Number of files, or null while they are being counted. */
  readonly total: number | null;
  stop(): void;
}

/** `env`: of this process, of which the counting one gets the allocator's settings only. */
export function countFiles(task: CountTask, env: Readonly<Record<string, string | undefined>>): Counting {
  let total: number | null = null;
  const counter = spawn(process.execPath, [artefact('src', 'scan', 'walk', 'count-main.js')], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: allocatorEnv(env),
  });
  counter.on('message', ({ files, isWhole }: CountNote) => {
    if (isWhole) total = files;
  });
  // A failure only costs the estimate.
  counter.on('error', () => {});
  counter.send(task, () => {});
  counter.unref();
  counter.channel?.unref();
  return {
    get total() {
      return total;
    },
    stop: () => void counter.kill('SIGKILL'),
  };
}
