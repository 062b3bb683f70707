/** Fetches one page of a source, and the address of the next: retried after failures that pass. */
import { boundedWork } from '../../core/bounded-work.js';
import { AppError } from '../../core/errors.js';
import { fetchFailure, isPassingStatus, PassingFailure, retryAfterMs, withRetries } from '../../core/retry.js';
import type { PageFacts } from '../../hashlists/sources.js';
import type { PageReader } from './page-reader.js';
import type { SourceSession } from './source-session.js';

/** One page of a source: a thousand entries are under 2 MB. */
const SOURCE_PAGE_BYTES_MAX = 67_108_864;
const PAGE_MS_MAX = 60_000;
const UNAUTHORIZED = 401;
const RETRIES = 5;
const FIRST_PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 60_000;
/** A source that asks for a longer pause is synced at its next turn. */
const WAIT_MS_MAX = 300_000;

export interface FetchOptions {
  /** The environment that holds secrets of sources. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pages: PageReader;
  /** The first pause after a failure; each further one is twice as long. */
  readonly firstPauseMs?: number;
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

/** Request a page once. Errors: PassingFailure; those of `failed`; SHUTTING_DOWN: `signal`. */
async function requestPage(
  session: SourceSession,
  url: string,
  signal: AbortSignal,
  failed: (why: string, status?: number) => AppError,
): Promise<Uint8Array> {
  let response: Response;
  let body: Uint8Array;
  try {
    const headers = await session.headers(signal);
    ({ response, body } = await boundedWork({ signals: [signal], ms: PAGE_MS_MAX }, async (inTime) => {
      const got = await fetch(session.addressOf(url), { headers, redirect: 'manual', signal: inTime });
      return { response: got, body: got.ok ? await readBounded(got, failed) : new Uint8Array() };
    }));
  } catch (error) {
    if (signal.aborted) throw new AppError('SHUTTING_DOWN');
    if (error instanceof AppError || error instanceof PassingFailure) throw error;
    // The address that was sent may contain a secret: the error of `fetch` is not kept.
    throw new PassingFailure(fetchFailure(error));
  }
  const { status } = response;
  if (response.ok) return body;
  await response.body?.cancel();
  if (status === UNAUTHORIZED && session.renew()) return requestPage(session, url, signal, failed);
  if (!isPassingStatus(status)) throw failed(`status ${status}`, status);
  throw new PassingFailure(`status ${status}`, retryAfterMs(response.headers));
}

/**
 * Fetch and read one page; retried after network errors, server errors and truncated pages.
 * Errors  SOURCE_FAILED; SHUTTING_DOWN: `signal`.
 */
export async function fetchPage(
  session: SourceSession,
  url: string,
  signal: AbortSignal,
  { pages, firstPauseMs = FIRST_PAUSE_MS }: Pick<FetchOptions, 'pages' | 'firstPauseMs'>,
): Promise<{ readonly body: Uint8Array; readonly facts: PageFacts }> {
  const { type, members } = session.source;
  const { host } = new URL(url);
  const failed = (why: string, status?: number) =>
    new AppError('SOURCE_FAILED', { why: why.slice(0, 100), host, ...(status === undefined ? {} : { status }) });
  const attempt = async () => {
    const body = await requestPage(session, url, signal, failed);
    const page = await pages.read({ type, body, url, members }, signal);
    if (page.ok) return { body: page.kept ?? body, facts: page.facts };
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
    throw error.cause instanceof AppError ? error.cause : failed(error.message);
  }
}
