/** Repeated requests to other services: exponential pauses with jitter, and `Retry-After` (RFC 9110, section 10.2.3). */
import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { AppError } from './errors.js';

/** Statuses below 500 after which the same request may succeed later. */
const PASSING_STATUSES = new Set([408, 425, 429]);
/** A server cannot hold a client longer than this. */
const RETRY_AFTER_MS_MAX = 3_600_000;
/** How often `shouldStop` is called during a pause. */
const STOP_CHECK_MS = 200;

/** A failure after which the same attempt may succeed later. */
export class PassingFailure extends Error {
  /** `waitMs`: as the server asks; null: the usual pause. */
  constructor(
    why: string,
    readonly waitMs: number | null = null,
    cause?: unknown,
  ) {
    super(why, { cause });
  }
}

export const isPassingStatus = (status: number): boolean => status >= 500 || PASSING_STATUSES.has(status);

/** Parse `Retry-After`: seconds or a date, bounded. Null where it is missing or invalid. */
export function retryAfterMs(headers: Headers, nowMs = Date.now()): number | null {
  const text = headers.get('retry-after')?.trim();
  if (!text) return null;
  // A date begins with its weekday; `Date.parse` takes more than dates.
  const dateMs = /^[A-Z]/i.test(text) ? Date.parse(text) : Number.NaN;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : dateMs - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(RETRY_AFTER_MS_MAX, Math.max(0, waitMs));
}

/** Return the reason of a failed `fetch`: the system's code, or the kind of error. */
export function fetchFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'connection failed';
  if (error.name === 'TimeoutError') return 'timed out';
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : 'connection failed';
}

interface Pauses {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Return the pause after an attempt, from 1 on: doubled each time, and shortened by up to half, so that clients spread. */
export function pauseMs(attempt: number, { firstMs, maxMs }: Pauses, random = Math.random()): number {
  return Math.round(Math.min(maxMs, firstMs * 2 ** (attempt - 1)) * (0.5 + random / 2));
}

interface RetryOptions {
  readonly pauses: Pauses;
  readonly retries?: number;
  /** Time after which a failure is final. */
  readonly patienceMs?: number;
  /** Called before a pause. */
  readonly onWait?: (why: string, waitMs: number) => void;
  readonly shouldStop?: () => boolean;
}

/**
 * Repeat an attempt while it throws a `PassingFailure`.
 * Errors  those of the attempt, the last `PassingFailure` too; SHUTTING_DOWN: stopped during a pause.
 */
export function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { pauses, retries = Number.POSITIVE_INFINITY, patienceMs = Number.POSITIVE_INFINITY } = options;
  const startedMs = performance.now();
  let isFinal = false;
  return pRetry(attempt, {
    retries,
    // `onFailedAttempt` waits, as the server asks.
    minTimeout: 0,
    shouldRetry: () => !isFinal,
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      if (!(error instanceof PassingFailure) || retriesLeft === 0 || performance.now() - startedMs > patienceMs) {
        isFinal = true;
        return;
      }
      const waitMs = error.waitMs ?? pauseMs(attemptNumber, pauses);
      options.onWait?.(error.message, waitMs);
      await pause(waitMs, options.shouldStop);
    },
  });
}

/** Errors SHUTTING_DOWN. */
async function pause(waitMs: number, shouldStop: () => boolean = () => false): Promise<void> {
  for (let leftMs = waitMs; leftMs > 0; leftMs -= STOP_CHECK_MS) {
    if (shouldStop()) throw new AppError('SHUTTING_DOWN');
    await delay(Math.min(leftMs, STOP_CHECK_MS));
  }
}
