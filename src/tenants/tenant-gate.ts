/**
 * The limits of one tenant: checks a second, concurrent requests, and checks, bytes and different hashes a day.
 * Decides at once, from the state of this process; `TenantGates` keeps that up to date. Of the rate and of the concurrent
 * requests this process has a part (`shares.ts`), which is the whole where no other one serves the tenant.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../core/clock.js';
import { AppError } from '../core/errors.js';
import { type Algorithm, VALUE_BYTES } from '../core/vocabulary.js';
import type { Portions } from '../store/shares-contract.js';
import type { DayUsage, TenantInfo, TenantLimits } from '../store/tenants-contract.js';
import { DistinctCounter } from './distinct-counter.js';
import { EXCHANGE_MS, type Need } from './shares.js';
import { type Rate, TokenBucket } from './token-bucket.js';

const DAY_MS = 86_400_000;
/** Sums of parts may lack this much of a whole request. */
const ROUNDING = 1e-9;
/** The default burst. */
const BURST_SECONDS = 10;
/** Longest wait of a stream for its rate; a longer one is refused, so that it does not hold a connection. */
const RATE_WAIT_MS_MAX = 10_000;

/** Halved about once a second; what is long ago is none. */
const faded = (use: number) => (use < 0.01 ? 0 : use / 2);

/** The last day that was asked for: each request asks several times. */
const last = { number: Number.NaN, day: '' };

export function dayOf(ms: number): string {
  const number = Math.floor(ms / DAY_MS);
  if (number !== last.number) Object.assign(last, { number, day: new Date(ms).toISOString().slice(0, 10) });
  return last.day;
}

/** Usage of a whole day, as far as this process knows. */
export interface UsageNow {
  readonly day: string;
  readonly checks: number;
  readonly bytes: number;
  /** An estimate; null without a limit. */
  readonly distinctHashes: number | null;
  readonly concurrentRequests: number;
}

export class TenantGate {
  info: TenantInfo | null;
  #day: string;
  /** The last known sum of all processes in the store, and this process's usage since. */
  #saved: { checks: number; bytes: number };
  #unsaved = { checks: 0, bytes: 0 };
  #counter: DistinctCounter;
  #inFlight = 0;
  /** What clients wanted since the last `need`: checks, and requests at a time, admitted or not. */
  #wanted = { checks: 0, requests: 0 };
  /** The same of the time before, weighted less the longer ago it was. */
  #use: Portions = { checks: 0, requests: 0 };
  #fadedMs = -Infinity;
  /** The part of the rate for which the bucket was filled. */
  #ratePart = 1;
  readonly #bucket = new TokenBucket(RATE_WAIT_MS_MAX);

  constructor(
    readonly tenant: string,
    private readonly about: {
      readonly clock: Clock;
      readonly defaults: TenantLimits;
      readonly seed: number;
      /** Checks a second of a tenant with an alarm; 0: not slowed down. */
      readonly alarmedPerSecond: number;
      /** This process's parts of the limits. */
      readonly partOf: (tenant: string) => Portions;
    },
    now: { readonly info: TenantInfo | null; readonly day: string; readonly usage: DayUsage },
  ) {
    this.info = now.info;
    this.#day = now.day;
    this.#saved = now.usage;
    this.#counter = this.#newCounter(now.usage.distinct);
  }

  get limits(): TenantLimits {
    return { ...this.about.defaults, ...this.info?.limits };
  }

  get usage(): UsageNow {
    this.#turnDay();
    const isCounted = this.limits.distinctHashesPerDay > 0;
    return {
      day: this.#day,
      checks: this.#saved.checks + this.#unsaved.checks,
      bytes: this.#saved.bytes + this.#unsaved.bytes,
      distinctHashes: isCounted ? this.#counter.estimate : null,
      concurrentRequests: this.#inFlight,
    };
  }

  /** Begin a request; the result ends it, once. Errors TOO_MANY_CONCURRENT. */
  enter(): () => void {
    const { concurrentRequests } = this.limits;
    this.#wanted.requests = Math.max(this.#wanted.requests, this.#inFlight + 1);
    const part = this.about.partOf(this.tenant).requests;
    // A part of a small limit can be less than one request: then one is admitted in each process.
    if (concurrentRequests > 0 && this.#inFlight >= Math.max(1, Math.floor(part * concurrentRequests + ROUNDING))) {
      throw new AppError('TOO_MANY_CONCURRENT', { limit: concurrentRequests, retryAfterSeconds: 1 });
    }
    this.#inFlight++;
    let isIn = true;
    return () => {
      if (isIn) this.#inFlight--;
      isIn = false;
    };
  }

  /** Verify that a check would be admitted now, without counting it. Errors RATE_LIMITED, QUOTA_EXCEEDED. */
  requireRoom(): void {
    const { checks, bytes, distinctHashes } = this.usage;
    this.#requireDay('checksPerDay', checks + 1);
    this.#requireDay('bytesPerDay', bytes);
    // At the limit, known values are still admitted; only the values themselves show which those are.
    this.#requireDay('distinctHashesPerDay', distinctHashes ?? 0);
    const rate = this.#rate();
    const waitMs = rate ? this.#bucket.waitMs(1, rate, this.about.clock.monotonicMs()) : 0;
    if (waitMs > 0) this.#wanted.checks++;
    this.#requireRate(waitMs);
  }

  /** Count checks. Errors RATE_LIMITED, QUOTA_EXCEEDED; TOO_MANY_ITEMS: more than the burst. */
  takeChecks(count: number): void {
    const rate = this.#rate();
    if (rate && count > rate.batchMax) throw new AppError('TOO_MANY_ITEMS', { items: count, itemsMax: rate.batchMax });
    this.#wanted.checks += count;
    this.#requireDay('checksPerDay', this.#checks() + count);
    if (rate) this.#requireRate(this.#bucket.take(count, rate, this.about.clock.monotonicMs()));
    this.#unsaved.checks += count;
  }

  /** The most that a stream waits for at once. Of a part a second of its rate, since several pieces wait, and it may shrink. */
  get checksAtOnce(): number {
    const { perSecond, burst } = this.#rate() ?? { perSecond: Infinity, burst: Infinity };
    return Math.max(1, Math.floor(this.#ratePart === 1 ? burst : Math.min(perSecond, burst)));
  }

  /** As `takeChecks`, but waits for the rate for a limited time; where this process has a part of it, for a larger one too. */
  async waitForChecks(count: number): Promise<void> {
    this.#wanted.checks += count;
    this.#requireDay('checksPerDay', this.#checks() + count);
    const { clock } = this.about;
    const untilMs = clock.monotonicMs() + RATE_WAIT_MS_MAX;
    for (let rate = this.#rate(); rate; rate = this.#rate()) {
      const nowMs = clock.monotonicMs();
      const waitMs = this.#bucket.waitMs(count, rate, nowMs);
      if (nowMs + waitMs <= untilMs) {
        this.#bucket.reserve(count, rate, nowMs);
        if (waitMs > 0) await delay(waitMs);
        break;
      }
      // The next exchange may give this process a larger part.
      if (this.#ratePart === 1 || nowMs + EXCHANGE_MS > untilMs) this.#requireRate(waitMs);
      await delay(EXCHANGE_MS);
    }
    this.#unsaved.checks += count;
  }

  /** Count checks that were known only after they were made: the limits refuse the next. */
  noteChecks(count: number): void {
    const rate = this.#rate();
    this.#wanted.checks += count;
    if (rate) this.#bucket.reserve(count, rate, this.about.clock.monotonicMs());
    this.#turnDay();
    this.#unsaved.checks += count;
  }

  /** Errors QUOTA_EXCEEDED. */
  takeBytes(count: number): void {
    this.#requireDay('bytesPerDay', this.usage.bytes + count);
    this.#unsaved.bytes += count;
  }

  /** Count values (concatenated) before their look-up. Errors QUOTA_EXCEEDED. */
  takeValues(algorithm: Algorithm, values: Uint8Array): void {
    this.noteValues(algorithm, values);
    if (this.limits.distinctHashesPerDay > 0) this.#requireDay('distinctHashesPerDay', this.#counter.estimate);
  }

  /** As `takeValues`, after the look-up. */
  noteValues(algorithm: Algorithm, values: Uint8Array): void {
    if (this.limits.distinctHashesPerDay === 0) return;
    this.#turnDay();
    this.#counter.addAll(values, VALUE_BYTES[algorithm]);
  }

  /** Return what this process needs of the limits: what clients wanted lately, however often it is called. */
  need(): Need {
    const nowMs = this.about.clock.monotonicMs();
    if (nowMs - this.#fadedMs >= EXCHANGE_MS / 2) {
      this.#fadedMs = nowMs;
      this.#fade();
    }
    const { concurrentRequests } = this.limits;
    const requests = concurrentRequests > 0 ? Math.min(1, this.#inFlight / concurrentRequests) : 0;
    return { tenant: this.tenant, use: this.#use, held: { checks: 0, requests } };
  }

  #fade(): void {
    const { checksPerSecond } = this.#wholeRate() ?? { checksPerSecond: Infinity };
    // Clients that ask for more than the limit need no more than all of it.
    const lately = { ...this.#wanted, checks: Math.min(this.#wanted.checks, checksPerSecond) };
    this.#use = {
      checks: faded(this.#use.checks) + lately.checks,
      requests: Math.max(faded(this.#use.requests), lately.requests),
    };
    this.#wanted = { checks: 0, requests: this.#inFlight };
  }

  /** Apply a changed part of the rate now, so that the bucket fills at that rate from now on. */
  applyPart(): void {
    this.#rate();
  }

  /** Return the usage that the store does not have yet; null without any. */
  unsaved(): { readonly day: string; readonly usage: DayUsage } | null {
    if (this.#unsaved.checks === 0 && this.#unsaved.bytes === 0) return null;
    const distinct = this.limits.distinctHashesPerDay > 0 ? this.#counter.registers : null;
    return { day: this.#day, usage: { ...this.#unsaved, distinct } };
  }

  /** Note that the store added `sent` and now holds `whole`. */
  saved(day: string, sent: DayUsage, whole: DayUsage): void {
    if (day !== this.#day) return;
    this.#unsaved.checks -= sent.checks;
    this.#unsaved.bytes -= sent.bytes;
    this.#saved = whole;
    if (whole.distinct) this.#counter.join(whole.distinct);
  }

  #checks(): number {
    this.#turnDay();
    return this.#saved.checks + this.#unsaved.checks;
  }

  #newCounter(registers: Uint8Array | null): DistinctCounter {
    const counter = new DistinctCounter(this.about.seed);
    if (registers) counter.join(registers);
    return counter;
  }

  /** Start a new day. Unsaved usage of the day before is dropped: a few seconds that no longer limit anything. */
  #turnDay(): void {
    const today = dayOf(this.about.clock.nowMs());
    if (today === this.#day) return;
    this.#day = today;
    this.#saved = { checks: 0, bytes: 0 };
    this.#unsaved = { checks: 0, bytes: 0 };
    this.#counter = this.#newCounter(null);
  }

  /** The rate of all processes. */
  #wholeRate(): { readonly checksPerSecond: number; readonly checksBurst: number } | null {
    const { checksPerSecond, checksBurst } = this.limits;
    const { alarmedPerSecond } = this.about;
    const isSlowed = this.info?.alarm != null && alarmedPerSecond > 0;
    if (isSlowed && (checksPerSecond === 0 || alarmedPerSecond < checksPerSecond)) {
      return { checksPerSecond: alarmedPerSecond, checksBurst: alarmedPerSecond * BURST_SECONDS };
    }
    if (checksPerSecond === 0) return null;
    return { checksPerSecond, checksBurst: checksBurst > 0 ? checksBurst : checksPerSecond * BURST_SECONDS };
  }

  /** The rate of this process. A part that grew or shrank takes no checks with it: they would be admitted twice. */
  #rate(): Required<Rate> | null {
    const whole = this.#wholeRate();
    if (!whole) return null;
    const of = (part: number) => ({
      perSecond: whole.checksPerSecond * part,
      burst: whole.checksBurst * part,
      batchMax: whole.checksBurst,
      debtMax: whole.checksBurst + (RATE_WAIT_MS_MAX / 1000) * whole.checksPerSecond,
    });
    const part = this.about.partOf(this.tenant).checks;
    if (part !== this.#ratePart) {
      this.#bucket.resize(of(this.#ratePart), of(part), this.about.clock.monotonicMs());
      this.#ratePart = part;
    }
    return of(part);
  }

  #requireRate(waitMs: number): void {
    if (waitMs === 0) return;
    throw new AppError('RATE_LIMITED', {
      perSecond: this.#wholeRate()?.checksPerSecond ?? 0,
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    });
  }

  #requireDay(quota: 'checksPerDay' | 'bytesPerDay' | 'distinctHashesPerDay', wanted: number): void {
    const limit = this.limits[quota];
    if (limit === 0 || wanted <= limit) return;
    const nowMs = this.about.clock.nowMs();
    throw new AppError('QUOTA_EXCEEDED', {
      quota,
      limit,
      retryAfterSeconds: Math.ceil((DAY_MS - (nowMs % DAY_MS)) / 1000),
    });
  }
}
