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
    // At once: what ends a piece of work takes its time.
    // In place of a line of progress, which ends without a newline.
    const place = process.stderr.isTTY ? '\r\x1b[K' : '';
    if (signal === 'SIGINT') process.stderr.write(`${place}zeef: stopping; a second Ctrl-C ends at once\n`);
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
    process.stderr.write(terminalText(`zeef: ${error.message}\n`));
    process.exit(FAILED);
  }
}
const { runCommandLine } = await loadCommands();

// A reader that went away (zeef ... | head) ends no command: the exit code says what was found, with or without a reader.
let isOutputClosed = false;
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  isOutputClosed = true;
  if (code === 'EPIPE') return;
  process.stderr.write(`zeef: the output cannot be written: ${code}\n`);
  process.exit(FAILED);
});
// Nothing depends on progress and messages: without a reader they are dropped.
process.stderr.on('error', () => {});

await runCommandLine(process.argv.slice(2), {
  env: process.env,
  // A document that is kept, on a pipe or in a file, is not changed.
  out: (text, as = 'text') => {
    if (!isOutputClosed) process.stdout.write(as === 'document' && !process.stdout.isTTY ? text : terminalText(text));
  },
  // The event comes later than the error.
  isOutputClosed: () => isOutputClosed || process.stdout.errored !== null,
  err: (text) => void process.stderr.write(terminalText(text)),
  isTerminal: process.stderr.isTTY === true,
  // A terminal that does not know its size says 0.
  columns: process.stdout.columns || null,
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
