/**
 * Requests to the hash endpoint of another service. A batch waits while that service is busy or away, and is sent again
 * unchanged; `retry-after` is obeyed. Leaves to the caller: the content of a batch, and the meaning of its answers.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
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
  /** Given up after so long without an answer. */
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

/** An attempt that may succeed later. `waitMs`: as the service asks, or null. */
interface PassingFailure {
  readonly why: string;
  readonly waitMs: number | null;
}

/** Of RFC 9457, with the name of a scope that the key lacks. */
interface Problem {
  readonly code: string;
  readonly details: { readonly scope?: string };
}

/** Requests under way: one is searched while the next travels. */
const REQUESTS_MAX = 2;
const REQUEST_MS_MAX = 120_000;
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 60_000;
/** A service that is away for longer than a night has been forgotten; the scan ends, and resumes at the next command. */
const PATIENCE_MS = 12 * 3_600_000;
/** How often `shouldStop` is called while a batch waits. */
const STOP_CHECK_MS = 200;
/** Refusals that time may change. */
const PASSING = new Set([408, 409, 425, 429]);

const pack = promisify(gzip);

/** Seconds, or a date. Null where the header is missing or invalid. */
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
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: RequestOptions) {
    const { url } = options;
    this.#options = options;
    this.#address = new URL('v1/check/hashes', url.endsWith('/') ? url : `${url}/`).href;
  }

  /**
   * One answer for each item, in their order. No more than `REQUESTS_MAX` requests are under way; the others wait.
   *
   * Errors  SERVER_FAILED; SHUTTING_DOWN where the scan is stopped while a batch waits.
   */
  async send(request: HashRequest): Promise<HashResponse> {
    while (this.#running >= REQUESTS_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
    try {
      return await this.#sendUntilAnswered(request);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #sendUntilAnswered(request: HashRequest): Promise<HashResponse> {
    const { firstPauseMs = FIRST_PAUSE_MS, patienceMs = PATIENCE_MS, onWait } = this.#options;
    const json = JSON.stringify(request);
    // Of this batch of this scan: a retry is not counted again, the same batch in the next scan is.
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
