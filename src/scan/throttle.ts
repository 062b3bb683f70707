/**
 * Holds a scan back: to so many files and bytes a second, while a pause is asked for, while the machine is busy.
 * Nothing that is begun is stopped by it; only the next file waits.
 */
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export interface ThrottleOptions {
  readonly filesPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** The scan waits while this file is there. */
  readonly pauseFile: string | null;
  /** The scan waits while the load of one minute is above this. */
  readonly loadMax: number | null;
}

export interface Throttle {
  /** Waits until so much may be begun, or until the scan is to stop. */
  take(files: number, bytes: number): Promise<void>;
  /** Why nothing is begun at present. */
  readonly holdsFor: 'asked' | 'pause file' | 'load' | null;
  /** Pauses, or goes on. */
  toggle(): void;
}

/** How often a reason to wait is looked at again. */
const LOOK_MS = 250;
/** What may be taken at once after a quiet time: a second's worth. */
const BURST_SECONDS = 1;

class Bucket {
  #level: number;
  #atMs = performance.now();
  constructor(readonly perSecond: number) {
    this.#level = perSecond * BURST_SECONDS;
  }
  /** Milliseconds to wait. One that is larger than the bucket is let through and paid for afterwards. */
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
