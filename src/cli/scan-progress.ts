/** Progress of a scan: one line that redraws on a terminal, a JSON line at an interval elsewhere. */
import { type ProgressMeter, progressLine } from '../scan/progress.js';
import type { CliContext } from './context.js';

const REDRAW_MS = 250;
/** Return to the first column and erase the line. */
const CLEARED = '\r\x1b[K';

interface ShownProgress {
  stop(): void;
}

export function showProgress(cli: CliContext, meter: ProgressMeter, everySeconds: number): ShownProgress {
  const { isTerminal, err, errStream } = cli;
  // Not by `err`, which escapes what controls a terminal.
  const clear = () => errStream.write(CLEARED);
  const draw = () => {
    clear();
    err(progressLine(meter.now()));
  };
  const json = () => err(`${JSON.stringify({ type: 'progress', ...meter.now() })}\n`);
  const timer = setInterval(isTerminal ? draw : json, isTerminal ? REDRAW_MS : everySeconds * 1_000);
  timer.unref();
  let isShown = true;
  // On a terminal the line stays, and the next one is drawn below it.
  cli.onAsked('status', () => {
    if (!isTerminal) return json();
    draw();
    err('\n');
  });
  return {
    stop() {
      clearInterval(timer);
      if (isShown && isTerminal) clear();
      isShown = false;
    },
  };
}
