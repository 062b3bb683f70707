/**
 * Throttle of a scan: limits files and bytes a second, and pauses on request or while the machine is busy. Files in
 * flight are finished; only the next file waits.
 */
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export interface ThrottleOptions {
  readonly filesPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** The scan waits while this file exists. */
  readonly pauseFile: string | null;
  /** The scan waits while the one-minute load average is above this. */
  readonly loadMax: number | null;
}

export interface Throttle {
  /** Wait until the files and bytes are within the limits, or until the scan is to stop. */
  take(files: number, bytes: number): Promise<void>;
  /** Reason of the current pause; null while there is none. */
  readonly holdsFor: 'asked' | 'pause file' | 'load' | null;
  /** Pause or resume. */
  toggle(): void;
}

/** Interval between checks of the reasons to wait. */
const LOOK_MS = 250;
/** Burst after an idle time, in seconds of the rate. */
const BURST_SECONDS = 1;

class Bucket {
  #level: number;
  #atMs = performance.now();
  constructor(readonly perSecond: number) {
    this.#level = perSecond * BURST_SECONDS;
  }
  /** Return the milliseconds to wait. An amount larger than the bucket passes, and later ones wait for it. */
  take(amount: number): number {
    const nowMs = performance.now();
    this.#level = Math.min(
      this.perSecond * BURST_SECONDS,
      this.#level + ((nowMs - this.#atMs) / 1000) * this.perSecond,
    );
    this.#atMs = nowMs;
    this.#level -= amount;
    return this.#level >= 0 ? 0 : (-this.#level / this.perSecond) * 1000;
  }
}

export function createThrottle(options: ThrottleOptions, shouldStop: () => boolean): Throttle {
  const files = options.filesPerSecond === null ? null : new Bucket(options.filesPerSecond);
  const bytes = options.bytesPerSecond === null ? null : new Bucket(options.bytesPerSecond);
  let isPaused = false;
  let lookedMs = 0;
  let holdsFor: Throttle['holdsFor'] = null;
  const look = (): Throttle['holdsFor'] => {
    if (isPaused) return 'asked';
    if (performance.now() - lookedMs < LOOK_MS) return holdsFor === 'asked' ? null : holdsFor;
    lookedMs = performance.now();
    if (options.pauseFile !== null && existsSync(options.pauseFile)) return 'pause file';
    if (options.loadMax !== null && loadavg()[0]! > options.loadMax) return 'load';
    return null;
  };
  return {
    get holdsFor() {
      return holdsFor;
    },
    toggle() {
      isPaused = !isPaused;
    },
    async take(fileCount, byteCount) {
      for (holdsFor = look(); holdsFor !== null && !shouldStop(); holdsFor = look()) await delay(LOOK_MS);
      let waitMs = Math.max(
        files !== null && fileCount > 0 ? files.take(fileCount) : 0,
        bytes !== null && byteCount > 0 ? bytes.take(byteCount) : 0,
      );
      for (; waitMs > 0 && !shouldStop(); waitMs -= LOOK_MS) await delay(Math.min(waitMs, LOOK_MS));
    },
  };
}
