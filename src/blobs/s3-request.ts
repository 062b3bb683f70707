/**
 * One signed request to S3, repeated where it may succeed later. By `node:http`, not `fetch`: that would follow redirects,
 * unpack a body that was stored packed, and rewrite a key with `..` in it. Signatures are those of `aws4fetch`, whose own
 * requests are not used: they repeat ten times, but never a connection that was lost.
 */
import { createHash } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { AwsV4Signer } from 'aws4fetch';
import { AppError } from '../core/errors.js';
import {
  fetchFailure,
  isLostConnection,
  isPassingStatus,
  PassingFailure,
  retryAfterMs,
  withRetries,
} from '../core/retry.js';
import { childText, readS3Xml } from './s3-xml.js';

interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3Place {
  /** Scheme, host and port. */
  readonly origin: string;
  /** What is before the key: `/` with the bucket in the host, else `/bucket/`. */
  readonly path: string;
  readonly region: string;
  readonly credentials: S3Credentials;
}

export interface S3Limits {
  /** Time without a byte in either direction. */
  readonly idleMs: number;
  /** Time of one attempt, without the body of an object. */
  readonly attemptMs: number;
  /** After the first attempt. */
  readonly retries: number;
  readonly firstPauseMs: number;
  /** Time after which a failure is final. */
  readonly patienceMs: number;
  /** Of each of the 10,000 parts that an upload may have but the last, 5 MiB or more: the memory of an upload. */
  readonly partBytes: number;
}

/** A server that is silent for longer has lost the request; a part at 500 kbit/s; pauses of six to twelve seconds in all. */
export const S3_LIMITS: S3Limits = {
  idleMs: 20_000,
  attemptMs: 300_000,
  retries: 6,
  firstPauseMs: 200,
  patienceMs: Infinity,
  partBytes: 16_777_216,
};
const PAUSE_MS_MAX = 10_000;
/** A page of 1,000 keys, each of 1,024 bytes and percent-encoded, with its facts. */
const ANSWER_BYTES_MAX = 8_388_608;
/** Errors are some hundred bytes. */
const ERROR_BYTES_MAX = 65_536;
/** Failures that pass, whatever their status: a body of a 200 may hold one too. */
const PASSING_CODES = new Set([
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
]);
const NOT_IMPLEMENTED = 501;
const CODE = /^[A-Za-z0-9.]{1,64}$/;
const REGION = /^[a-z0-9-]{1,32}$/;

export interface S3Ask {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Null: the bucket. */
  readonly key: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** RFC 3986, as the signature has it: `encodeURIComponent` leaves five characters more. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
const encodePath = (path: string): string => path.split('/').map(encode).join('/');
const encodeQuery = (query: Readonly<Record<string, string>>): string =>
  Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** A body that was cut before it was read. */
const CUT = 'ERR_STREAM_PREMATURE_CLOSE';

/** An error of `node:http` in the form that `core/retry.ts` reads. Errors never quote the address. */
export function s3ConnectionFailure(error: unknown): Error {
  const failure = new Error('request failed', { cause: error });
  return isLostConnection(failure) || (error as NodeJS.ErrnoException).code === CUT
    ? new PassingFailure(fetchFailure(failure), null, error)
    : new AppError('STORE_FAILED', { why: fetchFailure(failure) }, error);
}

export const timeoutError = (): Error => Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });

const asStoreFailure = (failure: PassingFailure): AppError =>
  new AppError('STORE_FAILED', { why: failure.message }, failure);

/** Read a body that must be short. Errors STORE_FAILED; PassingFailure: the connection was lost. */
export async function readAnswer(response: IncomingMessage, bytesMax = ANSWER_BYTES_MAX): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of response) {
      bytes += (piece as Buffer).length;
      if (bytes > bytesMax) throw new AppError('STORE_FAILED', { why: 'the response of S3 is too long' });
      pieces.push(piece as Buffer);
    }
  } catch (error) {
    throw error instanceof AppError ? error : s3ConnectionFailure(error);
  }
  return Buffer.concat(pieces);
}

/** Return the failure that a code of S3, or else a status, means. `mayBeMissing`: the request is for one object. */
export function s3Failure(
  code: string,
  status: number,
  { waitMs = null, mayBeMissing = false }: { waitMs?: number | null; mayBeMissing?: boolean } = {},
): Error {
  const why = CODE.test(code) ? code : `HTTP status ${status}`;
  const passes = PASSING_CODES.has(code) || (isPassingStatus(status) && status !== NOT_IMPLEMENTED);
  if (passes) return new PassingFailure(why, waitMs);
  if (status === 412) return new AppError('FILE_CHANGED', { why });
  // After HEAD there is no code. A bucket that is missing is a fault of the place.
  if (status === 404 && mayBeMissing && (code === 'NoSuchKey' || code === ''))
    return new AppError('NOT_FOUND', { why });
  return new AppError('STORE_FAILED', { why });
}

/** Return the code of S3 in a body: empty without a body, and `?` for one that has none, such as the page of a proxy. */
async function codeIn(response: IncomingMessage): Promise<string> {
  try {
    const body = await readAnswer(response, ERROR_BYTES_MAX);
    return body.length === 0 ? '' : (childText(readS3Xml(body), 'Code') ?? '?');
  } catch {
    return '?';
  }
}

async function failureOf(ask: S3Ask, response: IncomingMessage): Promise<Error> {
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400) {
    const region = String(headers['x-amz-bucket-region'] ?? '');
    const where = REGION.test(region) ? `: the bucket is in ${region}` : '';
    return new AppError('STORE_FAILED', { why: `redirected (HTTP status ${status})${where}` });
  }
  const waitMs = retryAfterMs(new Headers({ 'retry-after': headers['retry-after'] ?? '' }));
  const mayBeMissing = ask.key !== null && ask.query === undefined && ask.method !== 'PUT';
  return s3Failure(await codeIn(response), status, { waitMs, mayBeMissing });
}

/** What the owner of a client knows and learns of its requests. */
export interface S3Watch {
  /** Called before a request is repeated. */
  readonly onWait?: (why: string) => void;
  /** A request that is to be repeated ends instead with SHUTTING_DOWN. */
  readonly shouldStop?: () => boolean;
}

export class S3Requests {
  readonly #place: S3Place;
  readonly #limits: S3Limits;
  readonly #watch: S3Watch;
  readonly #agent: HttpAgent;
  readonly #keys = new Map<string, ArrayBuffer>();

  constructor(place: S3Place, limits: S3Limits, watch: S3Watch) {
    this.#watch = watch;
    this.#place = place;
    this.#limits = limits;
    const options = { keepAlive: true };
    this.#agent = place.origin.startsWith('https:') ? new HttpsAgent(options) : new HttpAgent(options);
  }

  get limits(): S3Limits {
    return this.#limits;
  }

  /**
   * Send a request, and let `accept` read the response of a status from 200 to 299; repeat both after a failure that passes.
   * Errors  NOT_FOUND: no such object; FILE_CHANGED: a condition failed; STORE_FAILED; SHUTTING_DOWN; those of `accept`.
   */
  async send<T>(ask: S3Ask, accept: (response: IncomingMessage) => Promise<T> | T): Promise<T> {
    try {
      return await withRetries(() => this.#attempt(ask, accept), {
        pauses: { firstMs: this.#limits.firstPauseMs, maxMs: PAUSE_MS_MAX },
        retries: this.#limits.retries,
        patienceMs: this.#limits.patienceMs,
        waitMsMax: PAUSE_MS_MAX,
        ...this.#watch,
      });
    } catch (error) {
      throw error instanceof PassingFailure ? asStoreFailure(error) : error;
    }
  }

  async #attempt<T>(ask: S3Ask, accept: (response: IncomingMessage) => Promise<T> | T): Promise<T> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), this.#limits.attemptMs);
    let response: IncomingMessage | undefined;
    try {
      response = await this.#transmit(ask, abort.signal);
      const status = response.statusCode ?? 0;
      if (status < 200 || status >= 300) throw await failureOf(ask, response);
      return await accept(response);
    } catch (error) {
      response?.destroy();
      throw abort.signal.aborted ? s3ConnectionFailure(timeoutError()) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Errors PassingFailure, STORE_FAILED: of the connection. */
  async #transmit(ask: S3Ask, signal: AbortSignal): Promise<IncomingMessage> {
    const { origin } = this.#place;
    const path = encodePath(this.#place.path + (ask.key ?? ''));
    const search = encodeQuery(ask.query ?? {});
    const headers = await this.#sign(ask, path, search);
    const body = ask.body ?? Buffer.alloc(0);
    const { protocol, hostname, port } = new URL(origin);
    const options = {
      method: ask.method,
      // Brackets of IPv6 are a matter of URLs.
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path: search === '' ? path : `${path}?${search}`,
      headers: { ...headers, 'content-length': String(body.length) },
      agent: this.#agent,
      timeout: this.#limits.idleMs,
      signal,
    };
    return new Promise((resolve, reject) => {
      const request = (protocol === 'https:' ? httpsRequest : httpRequest)(options, (response) => resolve(response));
      request.once('timeout', () => request.destroy(timeoutError()));
      // Also later, when the response is read: its own error is the one to report.
      request.on('error', (error) => reject(s3ConnectionFailure(error)));
      request.end(body);
    });
  }

  async #sign(ask: S3Ask, path: string, search: string): Promise<Record<string, string>> {
    const { origin, region, credentials } = this.#place;
    const signer = new AwsV4Signer({
      method: ask.method,
      url: search === '' ? origin : `${origin}/?${search}`,
      headers: { ...ask.headers, 'x-amz-content-sha256': sha256(ask.body ?? '') },
      ...credentials,
      service: 's3',
      region,
      cache: this.#keys,
    });
    // What is sent is what is signed; the signer would take it from a URL, which has resolved `.` and `..` in keys.
    signer.encodedPath = path;
    const { headers } = await signer.sign();
    return { ...Object.fromEntries(headers), host: new URL(origin).host };
  }
}
