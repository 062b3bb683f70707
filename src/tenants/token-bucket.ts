/**
 * A rate with a burst, stored as one number: the time at which the bucket is full again. In any span of t seconds at most
 * burst + rate × t are admitted.
 *
 * Source  the generic cell rate algorithm (ITU-T I.371), in its form of a virtual time.
 */
export interface Rate {
  readonly perSecond: number;
  /** Admitted at once; at least 1. */
  readonly burst: number;
}

export class TokenBucket {
  /** Since the first query: a double resolves nanoseconds within days, but not within decades. */
  #fullAtMs = 0;
  #originMs: number | null = null;

  /** `waitMsMax`: the longest wait that `reserve` grants. */
  constructor(readonly waitMsMax = 0) {}

  /** Return the milliseconds until `count` would be admitted; 0: they were taken. Infinity: more than the burst. */
  take(count: number, rate: Rate, nowMs: number): number {
    const waitMs = this.waitMs(count, rate, nowMs);
    if (waitMs === 0) this.#spend(count, rate, nowMs);
    return waitMs;
  }

  /** As `take`, but takes them in advance if the returned wait is at most `waitMsMax`; the caller must wait that long. */
  reserve(count: number, rate: Rate, nowMs: number): number {
    const waitMs = this.waitMs(count, rate, nowMs);
    if (waitMs <= this.waitMsMax) this.#spend(count, rate, nowMs);
    return waitMs;
  }

  /** Return the milliseconds until `count` would be admitted; takes nothing. */
  waitMs(count: number, { perSecond, burst }: Rate, nowMs: number): number {
    if (count > burst) return Infinity;
    return Math.max(0, this.#missingMs({ perSecond, burst }, nowMs) + ((count - burst) * 1000) / perSecond);
  }

  #spend(count: number, rate: Rate, nowMs: number): void {
    this.#fullAtMs = this.#sinceOriginMs(nowMs) + this.#missingMs(rate, nowMs) + (count * 1000) / rate.perSecond;
  }

  /** Return the milliseconds until the bucket is full. Capped at a burst and the longest wait, since a rate may be changed. */
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
