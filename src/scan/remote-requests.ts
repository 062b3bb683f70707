/**
 * Requests to the hash endpoint of another service. A batch waits while that service is busy or away, and is sent again
 * unchanged; `retry-after` is obeyed. A fault that stays ends the scan at once, with its reason. Leaves to the caller: the
 * content of a batch, and the meaning of its answers.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import pLimit from 'p-limit';
import type { HashItem, HashItemAnswer } from '../check/check-hashes.js';
import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';
import { newId } from '../core/new-id.js';
import {
  fetchFailure,
  isLostConnection,
  isTlsFault,
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

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed body; null where it is no JSON. */
  readonly answer: unknown;
}

/** Requests in flight: one is searched while the next is transferred. */
const REQUESTS_MAX = 2;
const REQUEST_MS_MAX = 120_000;
const FIRST_PAUSE_MS = 500;
const PAUSE_MS_MAX = 60_000;
/** A service that is unreachable for longer than a night is gone; the scan ends, and the next command resumes it. */
const PATIENCE_MS = 12 * 3_600_000;

/**
 * Statuses of a service that is busy (429, 503) or away: 502 and 504 are a proxy that lost it, 408 and 425 a request that
 * did not arrive whole.
 */
const AWAY = new Set([408, 425, 429, 502, 503, 504]);
/** Attempts that may end with another 5xx: a fault of one moment passes, one of this batch or of the service stays. */
const FAULTS_MAX = 5;
/** Codes of problems, those of a newer service too. */
const CODE = /^[A-Z][A-Z_]{1,59}$/;
/** A reason is shown on one line; parts of it come from the other side. */
const WHY_CHARACTERS_MAX = 200;

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
    const idempotencyKey = newId();
    const body = await pack(JSON.stringify(request));
    const pauses = { firstMs: firstPauseMs, maxMs: PAUSE_MS_MAX };
    let faults = 0;
    const attempt = async () => {
      const response = await this.#post(body, idempotencyKey);
      if (response.status >= 500 && !AWAY.has(response.status)) faults++;
      return this.#answerOf(response, faults);
    };
    try {
      const answer = await withRetries(attempt, { pauses, patienceMs, onWait, shouldStop });
      if (answer.results.length === request.items.length) return answer;
    } catch (error) {
      throw error instanceof PassingFailure ? this.#failed(error.message, error) : error;
    }
    throw this.#failed('answers are missing');
  }

  /** Errors PassingFailure; SERVER_FAILED: another attempt would fail too. */
  async #post(body: Buffer, idempotencyKey: string): Promise<Reply> {
    const { key } = this.#options;
    const headers = requestHeaders({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'idempotency-key': idempotencyKey,
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    });
    if (headers === null) throw this.#failed('the key cannot be sent in a header');
    try {
      const response = await fetch(this.#address, {
        method: 'POST',
        body: new Uint8Array(body),
        // The key is for this address alone.
        redirect: 'manual',
        signal: AbortSignal.timeout(REQUEST_MS_MAX),
        headers,
      });
      return { status: response.status, headers: response.headers, answer: parsed(await response.text()) };
    } catch (error) {
      const why = fetchFailure(error);
      // Any other fault, such as an unknown name, is one of the address until it has answered once.
      if (!isTlsFault(error) && (isLostConnection(error) || this.#hasAnswered)) {
        throw new PassingFailure(why, null, error);
      }
      throw this.#failed(why, error);
    }
  }

  /** `faults`: answers to this batch that were a 5xx of the service itself. Errors as `#post`. */
  #answerOf({ status, headers, answer }: Reply, faults: number): HashResponse {
    if (status >= 200 && status < 300) {
      if (Array.isArray((answer as Partial<HashResponse> | null)?.results)) {
        this.#hasAnswered = true;
        return answer as HashResponse;
      }
      if (this.#hasAnswered) throw new PassingFailure('no answer of a Zeef service');
      throw this.#failed('not a Zeef service');
    }
    const { code, details } = (answer ?? {}) as Partial<Problem>;
    const named = typeof code === 'string' && CODE.test(code) ? code : null;
    const why = [named ?? `status ${status}`, named && details?.scope, this.#targetOf(status, headers)]
      .filter((part) => typeof part === 'string')
      .join(' ')
      .slice(0, WHY_CHARACTERS_MAX);
    const staysSo = named !== null && named in ERRORS && !ERRORS[named as ErrorCode].retry;
    const isPassing = AWAY.has(status) || (status >= 500 && faults < FAULTS_MAX && !staysSo);
    if (!isPassing) throw this.#failed(why);
    throw new PassingFailure(why, retryAfterMs(headers));
  }

  /** Return where a redirect points, in words: it is not followed, so the operator must name that address. */
  #targetOf(status: number, headers: Headers): string | null {
    const location = headers.get('location');
    if (status < 300 || status > 399 || location === null || !URL.canParse(location, this.#address)) return null;
    const { origin, pathname } = new URL(location, this.#address);
    // Without the query, which may hold what is no business of a log.
    return `redirects to ${origin}${pathname}`;
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
