/**
 * Refuses what a request says and no route understands, by its name: a wrong answer is worse than an error. Hooks for all
 * routes; schemas do the rest.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { AppError } from '../core/errors.js';
import { parseJson } from './json-body.js';
import { unpackBody } from './request-encoding.js';

/** Longest boundary of multipart (RFC 2046, 5.1.1). */
const BOUNDARY_CHARACTERS_MAX = 70;
/** A name in an error: longer ones are cut. */
const NAME_SHOWN_MAX = 200;

const invalid = (field: string, expected: string) =>
  new AppError('REQUEST_INVALID', { field: field.slice(0, NAME_SHOWN_MAX), expected });

/** Require valid percent-encoding without NUL in a query. Errors REQUEST_INVALID, with the parameter's name. */
function requireReadableQuery(url: string): void {
  const at = url.indexOf('?');
  if (at < 0) return;
  for (const pair of url.slice(at + 1).split('&')) {
    const name = pair.split('=')[0]!;
    try {
      if (decodeURIComponent(pair).includes('\0')) throw new URIError('NUL');
    } catch {
      throw invalid(name, 'valid percent-encoding in UTF-8, without NUL');
    }
  }
}

/** Require parameters of the Content-Type that this service reads. Errors MEDIA_TYPE_UNSUPPORTED, REQUEST_INVALID. */
function requireReadableType(type: string | undefined): void {
  if (type === undefined) return;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset))
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', { field: 'content-type', expected: 'charset=utf-8' });
  if (!/^\s*multipart\//i.test(type)) return;
  const [, quoted, plain] = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^;\s]*))/i.exec(type) ?? [];
  const length = (quoted ?? plain ?? '').length;
  if (length === 0 || length > BOUNDARY_CHARACTERS_MAX)
    throw invalid('content-type', `a boundary of 1 to ${BOUNDARY_CHARACTERS_MAX} characters`);
}

/** Write the encoding as the routes compare it: a coding has no case, and `x-gzip` is `gzip` (RFC 9110, 8.4.1). */
function settleEncoding(headers: FastifyRequest['headers']): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase();
  if (encoding === undefined) return;
  if (encoding === 'identity') delete headers['content-encoding'];
  else headers['content-encoding'] = encoding === 'x-gzip' ? 'gzip' : encoding;
}

/** Require no coding of the transfer but pieces: Node passes others on unread. Errors MEDIA_TYPE_UNSUPPORTED. */
function requireReadableTransfer(coding: string | undefined): void {
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', { field: 'transfer-encoding', expected: 'chunked' });
}

/** Require one host: of two, a proxy and this service may each read another (RFC 9112, 3.2). Errors REQUEST_INVALID. */
function requireOneHost(rawHeaders: readonly string[]): void {
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  if (hosts.length > 1) throw invalid('host', 'one Host');
}

/** Require what no schema sees; a hook of every request. */
export async function requireReadable(request: FastifyRequest): Promise<void> {
  const { headers } = request;
  requireOneHost(request.raw.rawHeaders);
  requireReadableQuery(request.raw.url ?? '');
  if (/%00/.test(request.raw.url ?? '')) throw invalid('path', 'no NUL');
  requireReadableType(headers['content-type']);
  requireReadableTransfer(headers['transfer-encoding']);
  settleEncoding(headers);
  const isEmpty = headers['content-length'] === undefined || headers['content-length'] === '0';
  const hasBody = headers['transfer-encoding'] !== undefined || !isEmpty;
  if (hasBody && (request.method === 'GET' || request.method === 'HEAD'))
    throw invalid('body', `none with ${request.method}`);
}

/** Refuse encodings where the route does not unpack bodies. */
async function refuseEncoding({ headers }: FastifyRequest): Promise<void> {
  if (headers['content-encoding'] !== undefined)
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', { field: 'content-encoding', expected: 'identity' });
}

/** Refuse the content of a body where a route has none; an empty object has no content. */
async function refuseBody({ body }: FastifyRequest): Promise<void> {
  if (body === undefined || body === null) return;
  const [field] = typeof body === 'object' && !Array.isArray(body) ? Object.keys(body) : ['body'];
  if (field !== undefined) throw invalid(field, 'no body');
}

/** Refuse parameters that the route does not know: a misspelt filter would answer for everything. */
const refuseUnknown =
  (known: readonly string[]) =>
  async ({ query }: FastifyRequest): Promise<void> => {
    const unknown = Object.keys(query as object).find((name) => !known.includes(name));
    if (unknown !== undefined) throw invalid(unknown, known.length > 0 ? `one of ${known.join(' ')}` : 'no parameter');
  };

type Hook = (request: FastifyRequest, reply: FastifyReply, ...rest: never[]) => Promise<unknown>;
const listOf = (hooks: unknown): Hook[] => [hooks].flat().filter((hook) => hook !== undefined) as Hook[];

/** Add the rules that follow from a route's own declaration; an `onRoute` hook. */
export function completeRoute(route: RouteOptions): void {
  const before = listOf(route.preParsing);
  if (!before.includes(unpackBody as unknown as Hook)) route.preParsing = [refuseEncoding, ...before] as never;
  if (!/^\/v1\//.test(route.url)) return;
  const schema = route.schema ?? {};
  const { properties = {} } = (schema.querystring ?? {}) as { properties?: object };
  route.preValidation = [refuseUnknown(Object.keys(properties)), ...listOf(route.preValidation)] as never;
  if (schema.body === undefined && schema.consumes === undefined)
    route.preValidation = [...listOf(route.preValidation), refuseBody] as never;
}

/** Accept JSON only, and no plain text: a page of another site may send that without asking. */
export function readJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    parseJson(body),
  );
}

/** The methods of each address, for `Allow`. */
export class Methods {
  readonly #routes: { readonly pattern: RegExp; readonly method: string }[] = [];

  add({ url, method }: Pick<RouteOptions, 'url' | 'method'>): void {
    const escaped = url
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replaceAll('\\*', '.*');
    for (const one of [method].flat()) this.#routes.push({ pattern: new RegExp(`^${escaped}$`), method: one });
  }

  /** Return the methods that the path of a URL accepts; none where it is unknown. */
  of(url: string): readonly string[] {
    const path = url.replace(/^https?:\/\/[^/?]*/i, '').split('?')[0]!;
    return [...new Set(this.#routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))].sort();
  }
}
