/** Starts decoder processes: Node on a script, in the sandbox, with sockets to the service: `CONTROL_SOCKET` and one for each worker. The caller reads its stderr. */
import { type ChildProcess, spawn } from 'node:child_process';
import { decoderEnv } from './decoder-env.js';
import { innerPid } from './inner-pid.js';
import type { Sandbox } from './sandbox.js';

interface LaunchOptions {
  readonly sandbox: Sandbox;
  readonly workers: number;
  /** The service's environment; the process gets only its allocator settings. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Start a script. The child is the decoder itself, or the command that waits for it: `decoderPid`. */
export function launchDecoder(script: string, args: readonly string[], options: LaunchOptions): ChildProcess {
  const { sandbox, workers, env } = options;
  const [file, ...words] = sandbox.wrap([process.execPath, ...sandbox.nodeOptions, script, ...args]);
  const sockets = Array.from({ length: 1 + workers }, () => 'pipe' as const);
  const { limits, filesReadOnly, filesHidden } = sandbox.layers;
  // The shell that enters the sandbox goes to the root, and would complain of a working folder that is gone.
  const place = limits || filesReadOnly || filesHidden ? { cwd: '/' } : {};
  const stdio = ['ignore', 'ignore', 'pipe', ...sockets] as const;
  return spawn(file!, words, { stdio: [...stdio], ...place, env: decoderEnv(env, workers) });
}

/** Return the pid of the decoder itself; of the command that starts it, for the first milliseconds; null: it did not start. */
export function decoderPid({ pid }: ChildProcess, { layers }: Sandbox): number | null {
  if (pid === undefined) return null;
  // Without the layer a child is one that the decoder has made.
  return layers.pidNamespace ? (innerPid(pid) ?? pid) : pid;
}
