#!/usr/bin/env node
/** The only place that touches the process: environment, arguments, signals, exit. */
import { nodeProblem } from './core/node-version.js';
import { limitProblem } from './core/process-limits.js';
import { terminalText } from './core/terminal.js';

const FAILED = 2;

const problem = nodeProblem(process.versions.node);
if (problem) {
  process.stderr.write(`zeef: ${problem}\n`);
  process.exit(FAILED);
}

// Node would end with 1, which means `matched`. Promises that reject unheard arrive here too.
process.on('uncaughtException', (error) => {
  process.stderr.write(terminalText(`zeef: ${limitProblem(error) ?? error.stack ?? String(error)}\n`));
  process.exit(FAILED);
});

let stopping = false;
const stopped = new Promise<void>((resolve) => {
  const stop = (signal: NodeJS.Signals) => {
    // The first asks, the second ends at once.
    if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
    stopping = true;
    resolve();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
});

/** Loaded only now: an older Node cannot parse all of it, and a native package may be missing. */
async function loadCommands() {
  try {
    return await import('./cli/program.js');
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AppError')) throw error;
    process.stderr.write(`zeef: ${error.message}\n`);
    process.exit(FAILED);
  }
}
const { runCommandLine } = await loadCommands();

// A reader that went away (zeef ... | head) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 2));

await runCommandLine(process.argv.slice(2), {
  env: process.env,
  // A document that is kept, on a pipe or in a file, is not changed.
  out: (text, as = 'text') =>
    void process.stdout.write(as === 'document' && !process.stdout.isTTY ? text : terminalText(text)),
  err: (text) => void process.stderr.write(terminalText(text)),
  isTerminal: process.stderr.isTTY === true,
  errStream: process.stderr,
  // Functions: opening a stream changes it for its other users, and the folder may be gone.
  stdin: () => process.stdin,
  cwd: () => process.cwd(),
  isStopping: () => stopping,
  stopped,
  // Loaded where it is needed: that is a third of what every other command would take to start.
  createServer: async (service, log) => (await import('./http/server.js')).createServer(service, log),
  onAsked: (what, listener) => void process.on(what === 'status' ? 'SIGUSR1' : 'SIGUSR2', listener),
  setExitCode: (code) => {
    process.exitCode = code;
  },
});
