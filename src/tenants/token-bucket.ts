/**
 * A rate with a burst, as one number: when the bucket will be full again. In any span of t seconds at most
 * burst + rate × t are admitted.
 *
 * Source  the generic cell rate algorithm (ITU-T I.371), in its form of a virtual time.
 */
export interface Rate {
  readonly perSecond: number;
  /** At least 1: what may come at once. */
  readonly burst: number;
}

export class TokenBucket {
  /** Since the first question: a double tells nanoseconds of days, but not of decades. */
  #fullAtMs = 0;
  #originMs: number | null = null;

  /** `waitMsMax`: the longest that `reserve` may let anybody wait. */
  constructor(readonly waitMsMax = 0) {}

  /** Unit: milliseconds until `count` would be admitted; 0 where they are, and are taken. Infinity: more than the burst. */
  take(count: number, rate: Rate, nowMs: number): number {
    const waitMs = this.waitMs(count, rate, nowMs);
    if (waitMs === 0) this.#spend(count, rate, nowMs);
    return waitMs;
  }

  /** As `take`, but takes them at once for whoever waits the milliseconds that it returns, if those are at most `waitMsMax`. */
  reserve(count: number, rate: Rate, nowMs: number): number {
    const waitMs = this.waitMs(count, rate, nowMs);
    if (waitMs <= this.waitMsMax) this.#spend(count, rate, nowMs);
    return waitMs;
  }

  /** Until `count` would be admitted; takes nothing. */
  waitMs(count: number, { perSecond, burst }: Rate, nowMs: number): number {
    if (count > burst) return Infinity;
    return Math.max(0, this.#missingMs({ perSecond, burst }, nowMs) + ((count - burst) * 1000) / perSecond);
  }

  #spend(count: number, rate: Rate, nowMs: number): void {
    this.#fullAtMs = this.#sinceOriginMs(nowMs) + this.#missingMs(rate, nowMs) + (count * 1000) / rate.perSecond;
  }

  /** Until the bucket is full. More than a burst and the longest wait is owed only where the clock was set back. */
  #missingMs({ perSecond, burst }: Rate, nowMs: number): number {
    const sinceMs = this.#sinceOriginMs(nowMs);
    this.#fullAtMs = Math.min(this.#fullAtMs, sinceMs + (burst * 1000) / perSecond + this.waitMsMax);
    return Math.max(0, this.#fullAtMs - sinceMs);
  }

  #sinceOriginMs(nowMs: number): number {
    this.#originMs ??= nowMs;
    return nowMs - this.#originMs;
  }
}
