/** Fetches one page of a source, and the address of the next: retried after failures that pass. */
import { AppError } from '../../core/errors.js';
import {
  fetchFailure,
  isPassingStatus,
  PassingFailure,
  requestHeaders,
  retryAfterMs,
  withRetries,
} from '../../core/retry.js';
import { secretFrom } from '../../core/secret.js';
import type { PageFacts } from '../../hashlists/sources.js';
import type { SourceInfo } from '../../store/lists-contract.js';
import type { PageReader } from './page-reader.js';

/** One page of a source: a thousand entries are under 2 MB. */
const SOURCE_PAGE_BYTES_MAX = 67_108_864;
const PAGE_MS_MAX = 60_000;
const RETRIES = 5;
const FIRST_PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 60_000;
/** A source that asks for a longer pause is synced at its next turn. */
const WAIT_MS_MAX = 300_000;

export interface FetchOptions {
  /** The environment that holds the source's secret. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pages: PageReader;
  /** The first pause after a failure; each further one is twice as long. */
  readonly firstPauseMs?: number;
}

/** Errors  SOURCE_FAILED: there is no secret, or it cannot be sent. */
function headersOf({ user, secretEnv, header }: SourceInfo, env: FetchOptions['env']): Headers {
  const values: Record<string, string> = {};
  if (secretEnv !== null) {
    const read = secretFrom(env, secretEnv);
    if ('why' in read) throw new AppError('SOURCE_FAILED', { why: read.why, variable: secretEnv });
    const basic = Buffer.from(`${user}:${read.secret}`).toString('base64');
    if (header !== null) values[header] = read.secret;
    else values.authorization = user === null ? `Bearer ${read.secret}` : `Basic ${basic}`;
  }
  const headers = requestHeaders(values);
  if (headers === null) throw new AppError('SOURCE_FAILED', { why: 'the secret cannot be sent in a header' });
  return headers;
}

/** Errors: as `failed` makes them. */
async function readBounded(response: Response, failed: (why: string) => AppError): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > SOURCE_PAGE_BYTES_MAX) throw failed(`page exceeds ${SOURCE_PAGE_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/**
 * Fetch and read one page; retried after network errors, server errors and truncated pages.
 * Errors  SOURCE_FAILED; SHUTTING_DOWN: `signal`.
 */
export async function fetchPage(
  source: SourceInfo,
  url: string,
  signal: AbortSignal,
  { env, pages, firstPauseMs = FIRST_PAUSE_MS }: FetchOptions,
): Promise<{ readonly body: Uint8Array; readonly facts: PageFacts }> {
  const failed = (why: string, cause?: unknown) =>
    new AppError('SOURCE_FAILED', { why: why.slice(0, 100), host: new URL(url).host }, cause);
  const headers = headersOf(source, env);
  const attempt = async () => {
    let response: Response;
    let body: Uint8Array;
    try {
      const inTime = AbortSignal.timeout(PAGE_MS_MAX);
      response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.any([signal, inTime]) });
      body = response.ok ? await readBounded(response, failed) : new Uint8Array();
    } catch (error) {
      if (signal.aborted) throw new AppError('SHUTTING_DOWN');
      if (error instanceof AppError) throw error;
      throw new PassingFailure(fetchFailure(error), null, error);
    }
    const { status } = response;
    if (!response.ok) {
      await response.body?.cancel();
      if (!isPassingStatus(status)) throw failed(`status ${status}`);
      throw new PassingFailure(`status ${status}`, retryAfterMs(response.headers));
    }
    const page = await pages.read({ type: source.type, body, url }, signal);
    if (page.ok) return { body, facts: page.facts };
    // A page that was cut on its way: another attempt may get all of it.
    const fault = new AppError('SOURCE_FAILED', page.details);
    throw new PassingFailure(fault.message, null, fault);
  };
  try {
    return await withRetries(attempt, {
      retries: RETRIES,
      waitMsMax: WAIT_MS_MAX,
      pauses: { firstMs: firstPauseMs, maxMs: PAUSE_MS_MAX },
      shouldStop: () => signal.aborted,
    });
  } catch (error) {
    if (!(error instanceof PassingFailure)) throw error;
    throw error.cause instanceof AppError ? error.cause : failed(error.message, error);
  }
}
