/**
 * Fetches images for clients that send an address in place of the image, from hosts that the operator names. A name is resolved once, all its addresses
 * must be public, and the connection goes to the address that was looked at: a resolver that answers otherwise a moment later changes nothing.
 */
import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import pLimit from 'p-limit';
import { type ArrivedImage, readImage } from '../check/read-image.js';
import { AppError } from '../core/errors.js';
import { URL_CHARACTERS_MAX } from '../core/limits.js';
import { PACKAGE_VERSION } from '../core/package-root.js';
import { isAllowed, rulesOf } from './host-rules.js';
import { isPublicAddress } from './public-address.js';

/** Of one image, over all redirects: as long as an image may be decoded. */
const FETCH_MS_MAX = 20_000;
/** Images are a few megabytes; of one over the size limit of images only the digests are kept. */
const FETCH_BYTES_MAX = 104_857_600;
/** At once: each holds an image in memory beside those that are uploaded. */
const FETCHES_MAX = 4;
/** Further ones that wait, for a second each. */
const WAITING_MAX = 60;
/** A host that moved, and its file. */
const REDIRECTS_MAX = 3;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What the network is asked; another one in tests. */
export interface UrlNet {
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly isPublic: (address: string) => boolean;
}

export interface UrlReader {
  /**
   * Errors  REQUEST_INVALID: no address of HTTP; URL_REFUSED: a host that is not named, or an address that is not public, also of a redirect;
   *         URL_FAILED: no answer, another status than 200, or too much; QUEUE_FULL.
   */
  read(url: string): Promise<ArrivedImage>;
}

const NET: UrlNet = {
  resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
  isPublic: isPublicAddress,
};

const refused = (why: string) => new AppError('URL_REFUSED', { field: 'url', why });
const failed = (why: string, cause?: unknown) => new AppError('URL_FAILED', { field: 'url', why }, cause);

/** Errors REQUEST_INVALID. */
function parsed(text: string, base?: URL): URL {
  const url = text.length <= URL_CHARACTERS_MAX && URL.canParse(text, base) ? new URL(text, base) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new AppError('REQUEST_INVALID', { field: 'url', expected: 'http or https URL without credentials' });
  return url;
}

/** Return a promise that rejects where the signal aborts first. */
async function before<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new Error('no answer in time'));
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Return the address to connect to. Errors URL_REFUSED, URL_FAILED. */
async function addressOf({ hostname }: URL, { resolve, isPublic }: UrlNet, signal: AbortSignal): Promise<string> {
  const host = hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) > 0 ? [host] : await before(signal, resolve(host)).catch(() => []);
  const [first] = addresses;
  if (first === undefined) throw failed(signal.aborted ? 'no answer in time' : 'the name has no address');
  // Of several any might be taken at the next time.
  if (!addresses.every(isPublic)) throw refused('the address is not public');
  return first;
}

/** Request an address, of which nothing was asked before. Errors URL_REFUSED, URL_FAILED. */
async function open(url: URL, net: UrlNet, signal: AbortSignal): Promise<IncomingMessage> {
  const address = await addressOf(url, net, signal);
  const family = isIP(address);
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      {
        signal,
        // Its own connection, to no address but this one.
        agent: false,
        lookup: (_host, { all }, done) =>
          all
            ? done(null, [{ address, family }])
            : (done as (e: null, a: string, f: number) => void)(null, address, family),
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': `zeef/${PACKAGE_VERSION}` },
      },
      resolve,
    );
    // Each of them: one that comes behind the answer, of which the body says it too, must not end the process.
    request.on('error', (error) => reject(failed(signal.aborted ? 'no answer in time' : 'no connection', error)));
    request.end();
  });
}

/** Return the address of a redirect. Errors URL_REFUSED: less safe than the one before; URL_FAILED. */
function redirected(from: URL, location: string | undefined): URL {
  if (location === undefined) throw failed('a redirect without an address');
  let to: URL;
  try {
    to = parsed(location, from);
  } catch (error) {
    throw failed('a redirect to no address of HTTP', error);
  }
  if (from.protocol === 'https:' && to.protocol !== 'https:') throw refused('a redirect from https to http');
  return to;
}

/** Yield the body, in bounds. Errors URL_FAILED: too much, or less than was announced. */
async function* bodyOf(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      bytes += piece.byteLength;
      if (bytes > FETCH_BYTES_MAX) throw failed(`more than ${FETCH_BYTES_MAX} bytes`);
      yield piece;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw failed(signal.aborted ? 'no answer in time' : 'the connection ended early', error);
  } finally {
    response.destroy();
  }
}

interface UrlReaderOptions {
  /** As in `ZEEF_URL_HOSTS`; empty: no address is fetched. */
  readonly hosts: string;
  readonly imageBytesMax: number;
  readonly net?: Partial<UrlNet> | undefined;
}

export function createUrlReader({ hosts, imageBytesMax, net: own }: UrlReaderOptions): UrlReader {
  const net = { ...NET, ...own };
  const rules = rulesOf(hosts);
  const inTurn = pLimit(FETCHES_MAX);

  const fetchOne = async (text: string): Promise<ArrivedImage> => {
    const signal = AbortSignal.timeout(FETCH_MS_MAX);
    let url = parsed(text);
    for (let redirects = 0; ; redirects++) {
      if (!isAllowed(url, rules)) throw refused('the host is not one that may be fetched');
      const response = await open(url, net, signal);
      const { statusCode = 0, headers } = response;
      if (statusCode === 200 && /^(?:identity)?$/i.test(headers['content-encoding'] ?? ''))
        return readImage(bodyOf(response, signal), imageBytesMax);
      response.destroy();
      if (!REDIRECTS.has(statusCode)) throw failed(statusCode === 200 ? 'a compressed body' : `status ${statusCode}`);
      if (redirects === REDIRECTS_MAX) throw failed(`more than ${REDIRECTS_MAX} redirects`);
      url = redirected(url, headers.location);
    }
  };

  return {
    async read(text) {
      if (rules.length === 0) throw refused('no host may be fetched: ZEEF_URL_HOSTS is empty');
      if (!isAllowed(parsed(text), rules)) throw refused('the host is not one that may be fetched');
      if (inTurn.pendingCount >= WAITING_MAX) throw new AppError('QUEUE_FULL', { waiting: WAITING_MAX });
      return inTurn(() => fetchOne(text));
    },
  };
}
