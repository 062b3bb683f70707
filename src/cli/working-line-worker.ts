/** Draws the line of `working-line.ts`, in a thread of its own: a command may hold the main one for longer than a second. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { CLEAR_LINE, SHOWN, type WorkingLineSetup, WRITING } from './working-line.js';

const STDERR = 2;
/** Until the line is shown, and from one to the next. */
const LINE_EVERY_MS = 1_000;

const { command, state } = workerData as WorkingLineSetup;
const startedMs = performance.now();

setInterval(() => {
  // The main thread writes now, or has written its last.
  if (Atomics.compareExchange(state, WRITING, 0, 1) !== 0) return;
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  try {
    writeSync(STDERR, `${CLEAR_LINE}zeef ${command}: at work for ${seconds} s`);
    Atomics.store(state, SHOWN, 1);
  } catch {
    // Nothing depends on it.
  }
  Atomics.store(state, WRITING, 0);
}, LINE_EVERY_MS);
