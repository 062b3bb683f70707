/** A line on the terminal for a command that takes longer than a second and has no progress of its own: what runs, and for how long. */
import { Worker } from 'node:worker_threads';
import { artefact } from '../core/package-root.js';
import type { CliContext } from './context.js';

/** They show their own progress, or run for as long as they are wanted. */
const SHOW_THEIR_OWN: ReadonlySet<string> = new Set([
  'serve',
  'scan',
  'lists import',
  'lists sync',
  'migrate',
  'bench',
]);

/** Places of what both threads share: whether one of them writes to the terminal, and whether the line is on it. */
export const [WRITING, SHOWN] = [0, 1] as const;
export const CLEAR_LINE = '\r\x1b[K';

export interface WorkingLineSetup {
  readonly command: string;
  readonly state: Int32Array;
}

interface WorkingLine {
  /** The context for the commands: what they print takes the place of the line. */
  readonly cli: CliContext;
  start(command: string): void;
  stop(): void;
}

export function workingLine(cli: CliContext): WorkingLine {
  const state = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  let thread: Worker | null = null;
  /** Run `write` without the line on the terminal, and without the other thread. */
  const inItsPlace = (write: () => void) => {
    if (thread === null) return write();
    // The other thread holds it for some bytes.
    while (Atomics.compareExchange(state, WRITING, 0, 1) !== 0);
    if (Atomics.exchange(state, SHOWN, 0) === 1) cli.errStream.write(CLEAR_LINE);
    write();
    Atomics.store(state, WRITING, 0);
  };
  const stop = () => {
    inItsPlace(() => {});
    const ended = thread;
    thread = null;
    if (ended === null) return;
    // It keeps the place, so that nothing is drawn any more.
    Atomics.store(state, WRITING, 1);
    void ended.terminate();
  };
  return {
    cli: {
      ...cli,
      out(text, as) {
        // The reader of a pipe may be a pager, which has the terminal from now on.
        if (cli.columns === null) stop();
        inItsPlace(() => cli.out(text, as));
      },
      err: (text) => inItsPlace(() => cli.err(text)),
    },
    start(command) {
      if (!cli.isTerminal || SHOW_THEIR_OWN.has(command)) return;
      const workerData: WorkingLineSetup = { command, state };
      thread = new Worker(artefact('src', 'cli', 'working-line-worker.js'), { workerData });
      thread.unref();
      // Nothing depends on it.
      thread.on('error', () => {});
    },
    stop,
  };
}
