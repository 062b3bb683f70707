/** Child processes of tests and benches. */
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';

/** Nothing of this process's environment but PATH and the run's temporary folder. */
export function childEnv(variables: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', TMPDIR: tmpdir(), ...variables };
}

/** Kills the child when this process exits first. */
export function endWithParent<C extends ChildProcess>(child: C): C {
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}
