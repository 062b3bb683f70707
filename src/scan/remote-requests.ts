/**
 * Requests to the hash endpoint of another service. A batch waits while that service is busy or away, and is sent again
 * unchanged; `retry-after` is obeyed. Leaves to the caller: the content of a batch, and the meaning of its answers.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import pLimit from 'p-limit';
import { ulid } from 'ulid';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import { AppError } from '../core/errors.js';
import {
  fetchFailure,
  isPassingStatus,
  PassingFailure,
  requestHeaders,
  retryAfterMs,
  withRetries,
} from '../core/retry.js';

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

const pack = promisify(gzip);

export class RemoteRequests {
  readonly #options: RequestOptions;
  readonly #address: string;
  readonly #inFlight = pLimit(REQUESTS_MAX);
  /** True once the service has answered: what is no answer then is a fault on the way, and no wrong address. */
  #hasAnswered = false;

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
    const { firstPauseMs = FIRST_PAUSE_MS, patienceMs = PATIENCE_MS, onWait, shouldStop } = this.#options;
    // One key per batch and scan: a retry is not counted again, the same batch of the next scan is.
    const idempotencyKey = ulid();
    const body = await pack(JSON.stringify(request));
    const pauses = { firstMs: firstPauseMs, maxMs: PAUSE_MS_MAX };
    try {
      const answer = await withRetries(() => this.#attempt(body, idempotencyKey), {
        pauses,
        patienceMs,
        onWait,
        shouldStop,
      });
      if (answer.results.length === request.items.length) return answer;
    } catch (error) {
      throw error instanceof PassingFailure ? this.#failed(error.message, error) : error;
    }
    throw this.#failed('answers are missing');
  }

  /** Errors PassingFailure; SERVER_FAILED: another attempt would fail too. */
  async #attempt(body: Buffer, idempotencyKey: string): Promise<HashResponse> {
    const { key } = this.#options;
    let response: Response;
    let answer: unknown;
    const headers = requestHeaders({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'idempotency-key': idempotencyKey,
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    });
    if (headers === null) throw this.#failed('the key cannot be sent in a header');
    try {
      response = await fetch(this.#address, {
        method: 'POST',
        body: new Uint8Array(body),
        // The key is for this address alone.
        redirect: 'manual',
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
        headers,
      });
      answer = parsed(await response.text());
    } catch (error) {
      throw new PassingFailure(fetchFailure(error), null, error);
    }
    const { status } = response;
    if (response.ok) {
      if (Array.isArray((answer as Partial<HashResponse> | null)?.results)) {
        this.#hasAnswered = true;
        return answer as HashResponse;
      }
      if (this.#hasAnswered) throw new PassingFailure('no answer of a Zeef service');
      throw this.#failed('not a Zeef service');
    }
    const problem = (answer ?? {}) as Partial<Problem>;
    const why = [problem.code ?? `status ${status}`, problem.details?.scope ?? []].flat().join(' ');
    if (!isPassingStatus(status)) throw this.#failed(why);
    throw new PassingFailure(why, retryAfterMs(response.headers));
  }

  #failed(why: string, cause?: unknown): AppError {
    return new AppError('SERVER_FAILED', { why, host: new URL(this.#options.url).host }, cause);
  }
}

/** Return the value of a JSON text; null for another text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
