/**
 * What a decoder process writes to stderr: warnings of its native libraries about an image, in words that the image may have chosen.
 * It is always read, so that the process never waits, and reported within a bound.
 */
import type { Readable } from 'node:stream';

/** Of one process; a report costs some bytes beside its own, so that there are few. */
const BYTES_A_MINUTE = 16_384;
const REPORT_BYTES = 256;
const MINUTE_MS = 60_000;

/** Read to the end. `onOutput` gets text that may hold any character; once a minute at most with a note that the rest is left out. */
export function readOutput(stderr: Readable, onOutput: (text: string) => void): void {
  let untilMs = 0;
  let leftBytes = 0;
  stderr.on('data', (chunk: Buffer) => {
    const nowMs = performance.now();
    if (nowMs >= untilMs) {
      untilMs = nowMs + MINUTE_MS;
      leftBytes = BYTES_A_MINUTE;
    }
    if (leftBytes <= 0) return;
    const kept = chunk.subarray(0, leftBytes);
    leftBytes -= chunk.length + REPORT_BYTES;
    onOutput(kept.toString('utf8') + (leftBytes > 0 ? '' : ' [left out: the rest of a minute]'));
  });
  stderr.on('error', () => {});
}
