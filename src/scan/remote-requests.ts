/**
 * Requests to the hash endpoint of another service. A batch waits while that service is busy or away, and is sent again
 * unchanged; `retry-after` is obeyed. Leaves to the caller: the content of a batch, and the meaning of its answers.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import pLimit from 'p-limit';
import { ulid } from 'ulid';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import { AppError } from '../core/errors.js';

export interface RequestOptions {
  readonly url: string;
  readonly key: string | null;
  readonly shouldStop: () => boolean;
  /** Called when a batch has to wait, with the reason. */
  readonly onWait: (why: string, waitMs: number) => void;
  readonly firstPauseMs?: number;
  /** Time without an answer after which a batch fails. */
  readonly patienceMs?: number;
}

/** Body of a request, as `POST /v1/check/hashes` takes it. */
interface HashRequest {
  readonly orientations: 'none';
  readonly lists?: readonly string[];
  readonly radius?: number;
  readonly items: readonly HashItem[];
}

interface HashResponse {
  readonly generation: number;
  readonly results: readonly HashItemAnswer[];
}

/** A failure of an attempt that may succeed later. `waitMs`: from `retry-after`, or null. */
interface PassingFailure {
  readonly why: string;
  readonly waitMs: number | null;
}

/** Problem details of RFC 9457, with the scope that the key lacks. */
interface Problem {
  readonly code: string;
  readonly details: { readonly scope?: string };
}

/** Requests in flight: one is searched while the next is transferred. */
const REQUESTS_MAX = 2;
const REQUEST_MS_MAX = 120_000;
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 60_000;
/** A service that is unreachable for longer than a night is gone; the scan ends, and the next command resumes it. */
const PATIENCE_MS = 12 * 3_600_000;
/** How often `shouldStop` is called while a batch waits. */
const STOP_CHECK_MS = 200;
/** Statuses below 500 that are retried. */
const PASSING = new Set([408, 409, 425, 429]);

const pack = promisify(gzip);

/** Parse seconds or a date. Null where the header is missing or invalid. */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

export class RemoteRequests {
  readonly #options: RequestOptions;
  readonly #address: string;
  readonly #inFlight = pLimit(REQUESTS_MAX);

  constructor(options: RequestOptions) {
    const { url } = options;
    this.#options = options;
    this.#address = new URL('v1/check/hashes', url.endsWith('/') ? url : `${url}/`).href;
  }

  /**
   * Send a batch and return one answer per item, in order. At most `REQUESTS_MAX` requests are in flight; the others wait.
   *
   * Errors  SERVER_FAILED; SHUTTING_DOWN where the scan is stopped while a batch waits.
   */
  send(request: HashRequest): Promise<HashResponse> {
    return this.#inFlight(() => this.#sendUntilAnswered(request));
  }

  async #sendUntilAnswered(request: HashRequest): Promise<HashResponse> {
    const { firstPauseMs = FIRST_PAUSE_MS, patienceMs = PATIENCE_MS, onWait } = this.#options;
    const json = JSON.stringify(request);
    // One key per batch and scan: a retry is not counted again, the same batch of the next scan is.
    const idempotencyKey = ulid();
    const body = await pack(json);
    const startedMs = performance.now();
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX)) {
      const outcome = await this.#attempt(body, idempotencyKey);
      if ('results' in outcome) {
        if (outcome.results.length === request.items.length) return outcome;
        throw new AppError('SERVER_FAILED', { why: 'answers are missing' });
      }
      if (performance.now() - startedMs > patienceMs) throw new AppError('SERVER_FAILED', { why: outcome.why });
      // A little earlier or later than other clients, so that they do not all return at the same time.
      const waitMs = outcome.waitMs ?? pauseMs * (0.75 + Math.random() / 2);
      onWait(outcome.why, waitMs);
      await this.#wait(waitMs);
    }
  }

  async #attempt(body: Buffer, idempotencyKey: string): Promise<HashResponse | PassingFailure> {
    const { url, key } = this.#options;
    try {
      const response = await fetch(this.#address, {
        method: 'POST',
        body: new Uint8Array(body),
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
        headers: {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'idempotency-key': idempotencyKey,
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        },
      });
      if (response.ok) return (await response.json()) as HashResponse;
      const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
      const why = [problem.code ?? `status ${response.status}`, problem.details?.scope ?? []].flat().join(' ');
      if (response.status < 500 && !PASSING.has(response.status))
        throw new AppError('SERVER_FAILED', { why, host: new URL(url).host });
      return { why, waitMs: retryAfterMs(response.headers.get('retry-after')) };
    } catch (error) {
      if (error instanceof AppError) throw error;
      const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
      return { why: cause?.code ?? (error as Error).name, waitMs: null };
    }
  }

  async #wait(waitMs: number): Promise<void> {
    for (let leftMs = waitMs; leftMs > 0; leftMs -= STOP_CHECK_MS) {
      if (this.#options.shouldStop()) throw new AppError('SHUTTING_DOWN');
      await delay(Math.min(leftMs, STOP_CHECK_MS));
    }
  }
}
