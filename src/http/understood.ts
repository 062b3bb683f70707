/**
 * Refuses what a request says and no route understands, by its name: a wrong answer is worse than an error. Hooks for all
 * routes; schemas do the rest.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { AppError } from '../core/errors.js';
import { knownNames } from '../core/nearest.js';
import { parseJson } from './json-body.js';
import { unpackBody } from './request-encoding.js';
import { described, takenBy, unknownField } from './schema-faults.js';

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

/** Headers that this service defines; all others are of HTTP, of browsers and of proxies. */
const OWN_HEADERS = /^(x-)?zeef-|idempoten/;
const IDEMPOTENCY = 'idempotency-key';

/** Refuse headers that look like ours and are not: a request without its key would be counted twice. Errors REQUEST_INVALID. */
function refuseUnknownHeaders(headers: FastifyRequest['headers']): void {
  const unknown = Object.keys(headers).find((name) => OWN_HEADERS.test(name) && name !== IDEMPOTENCY);
  if (unknown === undefined) return;
  throw new AppError('REQUEST_INVALID', {
    field: unknown.slice(0, NAME_SHOWN_MAX),
    ...knownNames(unknown, [IDEMPOTENCY]),
  });
}

/** Refuse the key where it would have no effect. Errors REQUEST_INVALID. */
async function refuseIdempotencyKey({ headers, method }: FastifyRequest): Promise<void> {
  if (headers[IDEMPOTENCY] === undefined || method === 'GET' || method === 'HEAD') return;
  throw invalid(IDEMPOTENCY, 'none: only POST /v1/check, POST /v1/check/hashes and POST /v1/verdict keep it');
}

/** Require what no schema sees; a hook of every request. */
export async function requireReadable(request: FastifyRequest): Promise<void> {
  const { headers } = request;
  requireOneHost(request.raw.rawHeaders);
  requireReadableQuery(request.raw.url ?? '');
  if (/%00/.test(request.raw.url ?? '')) throw invalid('path', 'no NUL');
  requireReadableType(headers['content-type']);
  requireReadableTransfer(headers['transfer-encoding']);
  refuseUnknownHeaders(headers);
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

/**
 * Refuse parameters that the route does not know: a misspelt filter would answer for everything. So would one without a value, and
 * of two values one would be ignored.
 */
function refuseUnknown(properties: Readonly<Record<string, object>>) {
  const known = Object.keys(properties);
  return async ({ query }: FastifyRequest): Promise<void> => {
    for (const [name, value] of Object.entries(query as object)) {
      if (!known.includes(name)) {
        const field = name.slice(0, NAME_SHOWN_MAX);
        throw new AppError('REQUEST_INVALID', { field, ...knownNames(name, known) });
      }
      const isOne = typeof value === 'string';
      if (isOne && value.trim() !== '') continue;
      const got = isOne ? 'nothing' : described(value, true);
      throw new AppError('REQUEST_INVALID', { field: name, got, expected: takenBy(properties[name]!) });
    }
  };
}

/** Refuse fields that no form of the route's body knows, by their name. */
const refuseUnknownFields =
  (schema: object) =>
  async ({ body }: FastifyRequest): Promise<void> => {
    const details = unknownField(schema, body);
    if (details !== null) throw new AppError('REQUEST_INVALID', details);
  };

type Hook = (request: FastifyRequest, reply: FastifyReply, ...rest: never[]) => Promise<unknown>;
const listOf = (hooks: unknown): Hook[] => [hooks].flat().filter((hook) => hook !== undefined) as Hook[];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The interface of another service, which ignores what it does not know: its clients send more than it reads. */
    readonly isForeign?: true;
  }
}

/** Add the rules that follow from a route's own declaration; an `onRoute` hook. */
export function completeRoute(route: RouteOptions): void {
  if (route.config?.isForeign) return;
  const before = listOf(route.preParsing);
  if (!before.includes(unpackBody as unknown as Hook)) route.preParsing = [refuseEncoding, ...before] as never;
  const schema = route.schema ?? {};
  const { properties = {} } = (schema.querystring ?? {}) as { properties?: Record<string, object> };
  const after: unknown[] = listOf(route.preValidation);
  const headers = (schema.headers ?? {}) as { properties?: object };
  if (!(IDEMPOTENCY in (headers.properties ?? {}))) after.push(refuseIdempotencyKey);
  const body = jsonOf(schema.body);
  if (body !== undefined) after.push(refuseUnknownFields(body));
  else if (schema.consumes === undefined) after.push(refuseBody);
  route.preValidation = [refuseUnknown(properties), ...after] as never;
}

/** The schema of a body in JSON; the other types of a route have none. */
function jsonOf(body: unknown): object | undefined {
  const { content } = (body ?? {}) as { content?: Readonly<Record<string, { readonly schema: object }>> };
  return content?.['application/json']?.schema ?? (body as object | undefined);
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
