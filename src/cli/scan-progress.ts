/** Tells where a scan is: one line that redraws on a terminal, a line of JSON every so often elsewhere. */
import { SingleBar } from 'cli-progress';
import { type ProgressMeter, progressLine } from '../service/scan/progress.js';
import type { Surroundings } from './context.js';

const REDRAWS_A_SECOND = 4;

export interface ShownProgress {
  stop(): void;
}

export function showProgress(around: Surroundings, meter: ProgressMeter, everySeconds: number): ShownProgress {
  const json = () => around.err(`${JSON.stringify({ type: 'progress', ...meter.now() })}\n`);
  const bar = around.isTerminal
    ? new SingleBar({
        format: (_options, _params, payload: { line?: string }) => payload.line ?? '',
        stream: process.stderr,
        clearOnComplete: true,
        hideCursor: true,
        fps: REDRAWS_A_SECOND,
      })
    : null;
  const draw = () => bar?.update({ line: progressLine(meter.now()) });
  bar?.start(1, 0, { line: '' });
  const timer = setInterval(bar ? draw : json, bar ? 1_000 / REDRAWS_A_SECOND : everySeconds * 1_000);
  timer.unref();
  // Also on a terminal: a line that stays.
  around.onAsked('status', () => (bar ? around.err(`\r\x1b[K${progressLine(meter.now())}\n`) : json()));
  return {
    stop() {
      clearInterval(timer);
      bar?.stop();
    },
  };
}
