/** One request to a publisher's service with the credentials of its list: retried after failures that pass, never redirected. */
import { boundedWork } from '../../core/bounded-work.js';
import { AppError } from '../../core/errors.js';
import { fetchFailure, isPassingStatus, PassingFailure, retryAfterMs, withRetries } from '../../core/retry.js';
import type { SourceSession } from '../../lists/import/source-session.js';

const REQUEST_MS_MAX = 60_000;
/** A list of reasons has a handful of lines; the answers to feedback are shorter. */
const ANSWER_BYTES_MAX = 1_048_576;
/** Bytes in which a web page says what it is. */
const PAGE_BEGIN_BYTES = 1_024;
const RETRIES = 5;
const PAUSE_MS_MAX = 60_000;
const FIRST_PAUSE_MS = 1_000;
const WAIT_MS_MAX = 300_000;
/** Statuses that say nothing about the entry: wrong credentials, and redirects. */
const NOT_OF_THE_ENTRY = new Set([401, 403, 407]);

interface ServiceRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly url: string;
  readonly contentType?: string;
  readonly body?: string;
}

interface ServiceAnswer {
  readonly status: number;
  /** False: the service answered that it does not take this request. */
  readonly isTaken: boolean;
  readonly body: Uint8Array;
}

export interface RequestOptions {
  readonly signal: AbortSignal;
  readonly firstPauseMs?: number;
  /** Time of one attempt; a minute by default. */
  readonly requestMs?: number;
  /** Attempts after the first one that failed. */
  readonly retries?: number;
}

/** Errors PassingFailure: of the connection; SHUTTING_DOWN; those of `failed`. */
async function answerTo(
  session: SourceSession,
  { method, url, contentType, body }: ServiceRequest,
  { signal, requestMs = REQUEST_MS_MAX }: RequestOptions,
  failed: (why: string) => AppError,
): Promise<{ readonly response: Response; readonly answer: Uint8Array }> {
  try {
    const headers = await session.headers(signal);
    if (contentType !== undefined) headers.set('content-type', contentType);
    return await boundedWork({ signals: [signal], ms: requestMs }, async (inTime) => {
      const request = { method, headers, redirect: 'manual', signal: inTime, ...(body === undefined ? {} : { body }) };
      const response = await fetch(session.addressOf(url), request as RequestInit);
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of response.body ?? []) {
        bytes += piece.byteLength;
        if (bytes > ANSWER_BYTES_MAX) throw failed(`the answer exceeds ${ANSWER_BYTES_MAX} bytes`);
        pieces.push(piece);
      }
      return { response, answer: Buffer.concat(pieces) };
    });
  } catch (error) {
    if (signal.aborted) throw new AppError('SHUTTING_DOWN');
    if (error instanceof AppError || error instanceof PassingFailure) throw error;
    // The error of `fetch` may quote what was sent.
    throw new PassingFailure(fetchFailure(error));
  }
}

/** A login page, of the service or of something before it, took nothing. */
const isWebPage = (answer: Uint8Array) =>
  /^\s*<(!doctype html|html)/i.test(Buffer.from(answer.subarray(0, PAGE_BEGIN_BYTES)).toString('latin1'));

/**
 * Send a request and read its answer. Errors SOURCE_FAILED: the service does not answer, or says nothing about the request itself;
 * SHUTTING_DOWN: `signal`.
 */
export async function requestService(
  session: SourceSession,
  request: ServiceRequest,
  options: RequestOptions,
): Promise<ServiceAnswer> {
  const { signal, firstPauseMs = FIRST_PAUSE_MS, retries = RETRIES } = options;
  const { host } = new URL(request.url);
  const failed = (why: string) => new AppError('SOURCE_FAILED', { why, host });
  const attempt = async (): Promise<ServiceAnswer> => {
    const { response, answer } = await answerTo(session, request, options, failed);
    const { status, ok } = response;
    if (isPassingStatus(status)) throw new PassingFailure(`status ${status}`, retryAfterMs(response.headers));
    if (status < 400 ? !ok : NOT_OF_THE_ENTRY.has(status)) throw failed(`status ${status}`);
    if (ok && isWebPage(answer)) throw failed('the answer is a web page');
    return { status, isTaken: ok, body: answer };
  };
  try {
    return await withRetries(attempt, {
      retries,
      waitMsMax: WAIT_MS_MAX,
      pauses: { firstMs: firstPauseMs, maxMs: PAUSE_MS_MAX },
      shouldStop: () => signal.aborted,
    });
  } catch (error) {
    throw error instanceof PassingFailure ? failed(error.message) : error;
  }
}
