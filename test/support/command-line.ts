/** Commands in the process of the test: each has an environment and an output of its own, and starts at once. */
import type { CliContext } from '../../src/cli/context.js';
import { runCommandLine } from '../../src/cli/program.js';
import { terminalText } from '../../src/core/terminal.js';

export interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Ways {
  /** Of the terminal that stdout is; null: it is a pipe. */
  readonly columns?: number | null;
  readonly input?: string | Uint8Array;
}

/** Run one command. Neither stdin nor signals reach it. */
export const inProcess = (env: Record<string, string>, ...args: string[]) => runWith({}, env, args);

/** The same where stdout is a terminal of so many columns. */
export const onTerminal = (columns: number | null, env: Record<string, string>, ...args: string[]) =>
  runWith({ columns }, env, args);

/** The same with something on stdin. */
export const withInput = (input: string | Uint8Array, env: Record<string, string>, ...args: string[]) =>
  runWith({ input }, env, args);

async function runWith(
  { columns = null, input = '' }: Ways,
  env: Record<string, string>,
  args: readonly string[],
): Promise<Printed> {
  let [code, out, err] = [0, '', ''];
  const cli: Partial<CliContext> = {
    env,
    out: (text, as = 'text') => {
      out += as === 'document' && columns === null ? text : terminalText(text);
    },
    err: (text) => {
      err += terminalText(text);
    },
    isOutputClosed: () => false,
    isTerminal: false,
    columns,
    stdin: async function* () {
      yield Buffer.from(input);
    },
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
