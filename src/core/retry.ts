/** Repeated requests to other services: exponential pauses with jitter, and `Retry-After` (RFC 9110, section 10.2.3). */
import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { AppError } from './errors.js';

/** Statuses below 500 after which the same request may succeed later. */
const PASSING_STATUSES = new Set([408, 425, 429]);
/** A quota lasts until midnight; a server cannot hold a client for longer than a day. */
const RETRY_AFTER_MS_MAX = 86_400_000;
/** The form that servers send (RFC 9110, section 5.6.7); `Date.parse` takes many others. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
/** How often `shouldStop` is called during a pause. */
const STOP_CHECK_MS = 200;

/** A failure after which the same attempt may succeed later. */
export class PassingFailure extends Error {
  /** `waitMs`: the shortest pause, as the server asks; null: the usual one. */
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
  const dateMs = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : dateMs - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(RETRY_AFTER_MS_MAX, Math.max(0, waitMs));
}

/** Return headers; null where a value cannot be sent. The error of `fetch` would quote it, and it may be a secret. */
export function requestHeaders(values: Readonly<Record<string, string>>): Headers | null {
  try {
    return new Headers(values);
  } catch {
    return null;
  }
}

/** Return the system's code of a failed `fetch`; null where it has none. */
function codeOf(error: unknown): string | null {
  const { code } = ((error as Error | null)?.cause ?? {}) as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : null;
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';

/** Return the reason of a failed `fetch`: the system's code, or the kind of error. */
export function fetchFailure(error: unknown): string {
  if (isTimeout(error)) return 'timed out';
  const { cause } = (error ?? {}) as Error;
  // Reasons of fetch itself, such as `bad port`; its other messages may quote the address with its password.
  const why = cause instanceof Error && /^[a-z ]{1,40}$/.test(cause.message) ? cause.message : 'connection failed';
  return codeOf(error) ?? why;
}

/** The network or the other side was away: no fault of the address. Names that a resolver could not look up now too. */
const LOST = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN'],
  ...['ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL', 'EAI_AGAIN'],
  ...['UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
]);

/** Return whether a `fetch` failed since the connection was lost or could not be made. */
export const isLostConnection = (error: unknown): boolean => isTimeout(error) || LOST.has(codeOf(error) ?? '');

/** Codes of certificates that were refused, as OpenSSL names them, and of TLS itself. */
const TLS_FAULT =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|EPROTO$)|_CERT(_|$)|^(INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)$/;

/** Return whether a `fetch` failed since the other side could not be trusted, or does not speak TLS. */
export const isTlsFault = (error: unknown): boolean => TLS_FAULT.test(codeOf(error) ?? '');

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
  /** Longest pause that a server is granted; where it asks for a longer one, its failure is final. */
  readonly waitMsMax?: number;
  /** Called before a pause. */
  readonly onWait?: (why: string, waitMs: number) => void;
  readonly shouldStop?: () => boolean;
}

/**
 * Repeat an attempt while it throws a `PassingFailure`.
 * Errors  those of the attempt, the last `PassingFailure` too; SHUTTING_DOWN: stopped before an attempt or in a pause.
 */
export function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { pauses, retries = Infinity, patienceMs = Infinity, waitMsMax = Infinity } = options;
  const startedMs = performance.now();
  let isFinal = false;
  const shouldStop = options.shouldStop ?? (() => false);
  const unlessStopped = () => {
    if (shouldStop()) throw new AppError('SHUTTING_DOWN');
    return attempt();
  };
  return pRetry(unlessStopped, {
    retries,
    // `onFailedAttempt` waits, as the server asks.
    minTimeout: 0,
    shouldRetry: () => !isFinal,
    onFailedAttempt: async ({ error, attemptNumber, retriesLeft }) => {
      const isOver = retriesLeft === 0 || performance.now() - startedMs > patienceMs;
      if (isOver || !(error instanceof PassingFailure) || (error.waitMs ?? 0) > waitMsMax) {
        isFinal = true;
        return;
      }
      const waitMs = Math.max(error.waitMs ?? 0, pauseMs(attemptNumber, pauses));
      options.onWait?.(error.message, waitMs);
      await pause(waitMs, shouldStop);
    },
  });
}

/** Errors SHUTTING_DOWN. */
async function pause(waitMs: number, shouldStop: () => boolean): Promise<void> {
  for (let leftMs = waitMs; leftMs > 0; leftMs -= STOP_CHECK_MS) {
    if (shouldStop()) throw new AppError('SHUTTING_DOWN');
    await delay(Math.min(leftMs, STOP_CHECK_MS));
  }
}
