/**
 * A rate with a burst, stored as one number: the time at which the bucket is full again. In any span of t seconds at most
 * burst + rate × t are admitted.
 *
 * Source  the generic cell rate algorithm (ITU-T I.371), in its form of a virtual time.
 */
export interface Rate {
  readonly perSecond: number;
  /** Admitted at once; at least 1, or less where this is the part of one process of several. */
  readonly burst: number;
  /** The largest batch, if it is more than the burst: it is admitted by a full bucket, which then owes the rest. */
  readonly batchMax?: number;
  /** The most that can be owed, where the rate is a part that changes: what is owed does not end with the part. */
  readonly debtMax?: number;
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
  waitMs(count: number, rate: Rate, nowMs: number): number {
    const { perSecond, burst, batchMax = burst } = rate;
    if (count > Math.max(burst, batchMax)) return Infinity;
    const needed = Math.min(count, burst);
    return Math.max(0, this.#missingMs(rate, nowMs) + ((needed - burst) * 1000) / perSecond);
  }

  /** Change the rate, but not what is there: a larger bucket is not fuller, and a smaller one holds no more than it can. */
  resize(from: Rate, to: Rate, nowMs: number): void {
    const held = from.burst - (this.#missingMs(from, nowMs) * from.perSecond) / 1000;
    this.#fullAtMs = this.#sinceOriginMs(nowMs) + (Math.max(0, to.burst - held) * 1000) / to.perSecond;
  }

  #spend(count: number, rate: Rate, nowMs: number): void {
    this.#fullAtMs = this.#sinceOriginMs(nowMs) + this.#missingMs(rate, nowMs) + (count * 1000) / rate.perSecond;
  }

  /** Return the milliseconds until the bucket is full. Capped at a burst and the longest wait, since a rate may be changed. */
  #missingMs({ perSecond, burst, batchMax = burst, debtMax }: Rate, nowMs: number): number {
    const sinceMs = this.#sinceOriginMs(nowMs);
    const mostMs =
      debtMax === undefined
        ? (Math.max(burst, batchMax) * 1000) / perSecond + this.waitMsMax
        : ((burst + debtMax) * 1000) / perSecond;
    this.#fullAtMs = Math.min(this.#fullAtMs, sinceMs + mostMs);
    return Math.max(0, this.#fullAtMs - sinceMs);
  }

  #sinceOriginMs(nowMs: number): number {
    this.#originMs ??= nowMs;
    return nowMs - this.#originMs;
  }
}
