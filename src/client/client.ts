/** A typed client of the API: `openapi-fetch` with the types of the document, for bodies of bytes too, with a key and a deadline. */
import createFetchClient, { type Client, type ClientOptions as FetchClientOptions } from 'openapi-fetch';
import type { components, paths } from './api.js';

export type { components, operations, paths } from './api.js';
/** Everything that requests and answers say, by name: `Schemas['Match']`. */
export type Schemas = components['schemas'];

export interface ClientOptions {
  /** Address of the service, with the path before `/v1` where a proxy adds one. */
  readonly url: string;
  /** An API key. None is needed on loopback, while no key exists. */
  readonly key?: string | undefined;
  /** Time for a request and its whole answer; 0: any time, as for the import of a list. 30 seconds by default. */
  readonly timeoutMs?: number | undefined;
  /** Takes the place of the global `fetch`: for a proxy, a pool, or a certificate of your own. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
}

/** Answers are JSON; those in other forms are read by `parseAs`. */
export type ZeefClient = Client<paths, 'application/json' | 'application/problem+json'>;

/** As long as the service itself waits for a body and for its decoder, with room for both. */
const TIMEOUT_MS = 30_000;

const isSentAsItIs = (body: unknown): body is BodyInit =>
  typeof body === 'string' ||
  ArrayBuffer.isView(body) ||
  [ArrayBuffer, Blob, FormData, ReadableStream].some((kind) => body instanceof kind);

/** Bytes, forms and text are sent as they are; all else is sent as JSON. */
const bodyOf = (body: unknown) =>
  isSentAsItIs(body) ? body : new Blob([JSON.stringify(body)], { type: 'application/json' });

/**
 * A redirection is not followed, so a key goes to no other host. Not `error`: with it Node 20 and 22 forget the signal of a request whose
 * answer has begun. `duplex`: a stream is sent while it is read.
 */
const REQUESTS = { redirect: 'manual', duplex: 'half' } as FetchClientOptions;

/** Return the request with a deadline. Not by `AbortSignal.any`: its signals can be collected before they fire (Node 20 to 26). */
function within(timeoutMs: number, request: Request): Request {
  const ends = new AbortController();
  const limited = new Request(request, { signal: ends.signal });
  request.signal.addEventListener('abort', () => ends.abort(request.signal.reason), { once: true });
  const timer: unknown = setTimeout(() => {
    const { method, url } = limited;
    ends.abort(new DOMException(`${method} ${url}: no answer within ${timeoutMs} ms`, 'TimeoutError'));
  }, timeoutMs);
  // It holds no process.
  (timer as { unref?(): void }).unref?.();
  return limited;
}

/**
 * Create a client. A call resolves to `{data}`, or to `{error}` with its `code` where the service refuses. It rejects where
 * there is no answer of the service: no connection, the deadline, a redirection, or a page of a proxy. Only `data` accepts a file.
 */
export function createClient({ url, key, timeoutMs = TIMEOUT_MS, fetch: send = fetch }: ClientOptions): ZeefClient {
  const client: ZeefClient = createFetchClient({
    ...REQUESTS,
    baseUrl: url,
    bodySerializer: bodyOf,
    // The type of a body is that of its Blob or form, or else of bytes; a call names another one.
    headers: { 'Content-Type': null, ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }) },
    fetch: (request) => send(timeoutMs > 0 ? within(timeoutMs, request) : request),
  });
  client.use({
    onRequest: ({ request }) => {
      const { headers } = request;
      if (request.body !== null && !headers.has('content-type'))
        headers.set('content-type', 'application/octet-stream');
    },
    onResponse: ({ response, request: { method } }) => {
      const type = response.headers.get('content-type') ?? '';
      const isRefusal = response.status >= 400 && /^application\/(problem\+)?json\b/.test(type);
      if (response.ok || isRefusal) return;
      throw new Error(`${method} ${response.url}: status ${response.status} without an answer of Zeef`);
    },
  });
  return client;
}
