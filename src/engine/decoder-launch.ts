/** Starts decoder processes: Node on a script, in the sandbox, with a socket to the service on descriptor 3. */
import { type ChildProcess, spawn } from 'node:child_process';
import { decoderEnv } from './decoder-env.js';
import type { Sandbox } from './sandbox.js';

interface LaunchOptions {
  readonly sandbox: Sandbox;
  readonly workers: number;
  /** The service's environment; the process gets only its allocator settings. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Start a script. The child is the decoder itself: the commands of the sandbox have executed it. */
export function launchDecoder(script: string, args: readonly string[], options: LaunchOptions): ChildProcess {
  const { sandbox, workers, env } = options;
  const [file, ...words] = sandbox.wrap([process.execPath, ...sandbox.nodeOptions, script, ...args]);
  return spawn(file!, words, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'], env: decoderEnv(env, workers) });
}
