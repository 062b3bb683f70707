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
  /** Files to take at once: of more, a disk would be idle for seconds and then busy. Infinity without a limit. */
  readonly filesAtOnce: number;
  /** Wait until the files and bytes are within the limits, or until the scan is to stop. */
  take(files: number, bytes: number): Promise<void>;
  /** Reason of the current pause; null while there is none. */
  readonly holdsFor: 'asked' | 'pause file' | 'load' | null;
  /** Pause or resume. */
  toggle(): void;
}

/** Interval between checks of the reasons to wait. */
const LOOK_MS = 250;
/** Steps of the rate in a second, and the burst after an idle time: one of them. */
const STEPS_A_SECOND = 10;

/** Time of a throttle, so that tests need none. */
interface ThrottleTime {
  /** Milliseconds that never jump. */
  nowMs(): number;
  sleep(ms: number): Promise<unknown>;
}
const SYSTEM_TIME: ThrottleTime = { nowMs: () => performance.now(), sleep: (ms) => delay(ms) };

class Bucket {
  #level: number;
  #atMs: number;
  constructor(
    readonly perSecond: number,
    readonly time: ThrottleTime,
  ) {
    this.#level = perSecond / STEPS_A_SECOND;
    this.#atMs = time.nowMs();
  }
  /** Return the milliseconds to wait. An amount larger than the bucket passes, and later ones wait for it. */
  take(amount: number): number {
    const nowMs = this.time.nowMs();
    this.#level = Math.min(
      this.perSecond / STEPS_A_SECOND,
      this.#level + ((nowMs - this.#atMs) / 1000) * this.perSecond,
    );
    this.#atMs = nowMs;
    this.#level -= amount;
    return this.#level >= 0 ? 0 : (-this.#level / this.perSecond) * 1000;
  }
}

export function createThrottle(
  options: ThrottleOptions,
  shouldStop: () => boolean,
  time: ThrottleTime = SYSTEM_TIME,
): Throttle {
  const files = options.filesPerSecond === null ? null : new Bucket(options.filesPerSecond, time);
  const bytes = options.bytesPerSecond === null ? null : new Bucket(options.bytesPerSecond, time);
  let isPaused = false;
  let lookedMs = 0;
  let holdsFor: Throttle['holdsFor'] = null;
  const look = (): Throttle['holdsFor'] => {
    if (isPaused) return 'asked';
    if (time.nowMs() - lookedMs < LOOK_MS) return holdsFor === 'asked' ? null : holdsFor;
    lookedMs = time.nowMs();
    if (options.pauseFile !== null && existsSync(options.pauseFile)) return 'pause file';
    if (options.loadMax !== null && loadavg()[0]! > options.loadMax) return 'load';
    return null;
  };
  const filesAtOnce =
    options.filesPerSecond === null
      ? Number.POSITIVE_INFINITY
      : Math.max(1, Math.floor(options.filesPerSecond / STEPS_A_SECOND));
  return {
    filesAtOnce,
    get holdsFor() {
      return holdsFor;
    },
    toggle() {
      isPaused = !isPaused;
    },
    async take(fileCount, byteCount) {
      for (holdsFor = look(); holdsFor !== null && !shouldStop(); holdsFor = look()) await time.sleep(LOOK_MS);
      let waitMs = Math.max(
        files !== null && fileCount > 0 ? files.take(fileCount) : 0,
        bytes !== null && byteCount > 0 ? bytes.take(byteCount) : 0,
      );
      for (; waitMs > 0 && !shouldStop(); waitMs -= LOOK_MS) await time.sleep(Math.min(waitMs, LOOK_MS));
    },
  };
}
