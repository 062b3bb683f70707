/** Garbage collection at once: signals and buffers that nothing holds are gone. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { onTestFinished } from 'vitest';

/** Return the function that collects all garbage. */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** Collect garbage all the time until the test ends. */
export function collectAllTheTime(): void {
  const timer = setInterval(garbageCollector(), 10);
  onTestFinished(() => clearInterval(timer));
}
