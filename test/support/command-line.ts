/** Commands in the process of the test: each has an environment and an output of its own, and starts at once. */
import type { CliContext } from '../../src/cli/context.js';
import { runCommandLine } from '../../src/cli/program.js';

interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Run one command. Neither stdin nor signals reach it. */
export const inProcess = (env: Record<string, string>, ...args: string[]) => onTerminal(null, env, ...args);

/** The same where stdout is a terminal of so many columns. */
export async function onTerminal(
  columns: number | null,
  env: Record<string, string>,
  ...args: string[]
): Promise<Printed> {
  let [code, out, err] = [0, '', ''];
  const cli: Partial<CliContext> = {
    env,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isOutputClosed: () => false,
    isTerminal: false,
    columns,
    isStopping: () => false,
    stopped: new Promise<void>(() => {}),
    onAsked: () => {},
    setExitCode: (to) => {
      code = to;
    },
    cwd: () => process.cwd(),
  };
  await runCommandLine(args, cli as CliContext);
  return { code, out, err };
}
