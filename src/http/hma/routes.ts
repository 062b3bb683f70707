/**
 * The calls of Hasher-Matcher-Actioner, for clients that are made for it. A door of its own to the functions of this service: the banks are lists, the contents
 * entries, and a look-up is a check.
 */
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { METADATA_CHARACTERS_MAX } from '../../cases/contents.js';
import type { Service } from '../../service/service.js';
import type { Scope } from '../../store/keys-contract.js';
import { FILE_BYTES_MAX } from '../file-parts.js';
import { parseJson } from '../json-body.js';
import type { Needs } from '../routes/needs.js';
import { bankRoutes } from './banks.js';
import { contentRoutes } from './contents.js';
import type { Door } from './door.js';
import { exchangeRoutes } from './exchanges.js';
import { factRoutes } from './facts.js';
import { HmaRefusal, sendFault } from './faults.js';
import { jsonText } from './forms.js';
import { hashingRoutes } from './hashing.js';
import { matchingRoutes } from './matching.js';

/** Bodies in JSON: two signals, or metadata, each of its characters as an escape. */
const JSON_BYTES_MAX = METADATA_CHARACTERS_MAX * 8;
/** A file, and as many fields beside it as any client sends. */
const FIELDS_MAX = 20;

/** Of every route: its clients send more than it reads, and the document of the API is that of this service's own. */
const FOREIGN = { config: { isForeign: true }, schema: { hide: true } } as const;
const send = (reply: FastifyReply, value: unknown) => reply.type('application/json').send(jsonText(value));

/** Return a URL with the slashes of its path merged, as HMA's server reads it: clients put a path behind an address that ends with one. */
function withMergedSlashes(url: string): string {
  const end = url.search(/[?#]/);
  const path = end < 0 ? url : url.slice(0, end);
  return path.replace(/\/{2,}/g, '/') + url.slice(path.length);
}

/** Make the scope of the interface: JSON and forms are read as HMA reads them, and failures are said in its forms. */
function readForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: JSON_BYTES_MAX },
    async (_: FastifyRequest, body: Buffer) =>
      // A POST with its parameters in the address has no body, whatever type it says.
      body.length === 0 ? undefined : parseJson(body),
  );
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: JSON_BYTES_MAX },
    async (_: FastifyRequest, body: Buffer) => body,
  );
  app.setErrorHandler((error, request, reply) => sendFault(request, reply, error));
}

async function routesAt(
  app: FastifyInstance,
  service: Service,
  needs: Needs,
  place: { prefix: string; keyInPath: boolean },
): Promise<void> {
  const { prefix, keyInPath } = place;
  const { imageBytesMax } = service.config;
  readForms(app);
  // At the root the server has a handler.
  if (prefix !== '')
    app.setNotFoundHandler(async (request) => {
      throw new HmaRefusal(404, `no such call: ${request.method}`);
    });
  await app.register(multipart, {
    limits: { fileSize: FILE_BYTES_MAX, files: 2, fields: FIELDS_MAX, fieldSize: METADATA_CHARACTERS_MAX * 4 },
    throwFileSizeLimit: false,
  });
  const known = new Set<string>();
  app.addHook('onRoute', (route) => {
    known.add(
      route.url
        .slice(prefix.length)
        .replace('/:key', '')
        .replace(/:(\w+)/g, '<$1>') || '/',
    );
  });
  const key = { takesBasic: true, ...(keyInPath && ({ keyInPath: true } as const)) } as const;
  // Distances and contents are returned, which are details.
  const read = { ...key, also: (): Scope => 'details' } as const;
  const door: Door = {
    service,
    send,
    prefix,
    keyInPath,
    upload: { bodyLimit: imageBytesMax },
    paths: () => [...known].sort(),
    as: {
      open: FOREIGN,
      match: { ...FOREIGN, onRequest: [needs('check:hashes', read)] },
      lookUp: { ...FOREIGN, onRequest: [needs('check:hashes', { ...read, checks: 1 })] },
      hash: { ...FOREIGN, onRequest: [needs('check', { ...key, checks: 1 })] },
      curate: { ...FOREIGN, onRequest: [needs('curate', key)] },
    },
  };
  factRoutes(app, door);
  hashingRoutes(app, door);
  matchingRoutes(app, door);
  bankRoutes(app, door);
  contentRoutes(app, door);
  exchangeRoutes(app, door);
}

type HmaKnobs = Pick<Service['config'], 'hma' | 'hmaPrefix'>;

/** Calls at the root, also with a key before them. */
const ROOT_CALL = /^\/+(?:[^/]+\/+)?(?:[chm]\/|status(?:\/|[?#]|$))/i;

/** Return an address as a reader of any kind may take it: decoded, in small letters, with merged slashes. */
function plain(url: string): string {
  const merged = withMergedSlashes(url.split(/[?#]/, 1)[0]!);
  try {
    return withMergedSlashes(decodeURIComponent(merged)).toLowerCase();
  } catch {
    return merged.toLowerCase();
  }
}

/** Return whether an address is of the interface, however it is spelt. */
const isOfHma = ({ hmaPrefix }: HmaKnobs, url: string): boolean =>
  hmaPrefix === '/' ? ROOT_CALL.test(plain(url)) : `${plain(url)}/`.startsWith(`${hmaPrefix}/`);

/** Return how addresses are read: those of the interface with merged slashes, all others as they are. */
export const rewriteFor =
  (knobs: HmaKnobs) =>
  ({ url = '/' }: { readonly url?: string | undefined }): string =>
    knobs.hma === 'on' && isOfHma(knobs, url) ? withMergedSlashes(url) : url;

/** Calls under any prefix, also one that was another time. */
const ANY_CALL = /\/(?:c\/(?:banks?|exchanges?)|h\/hash|m\/(?:(?:raw_)?lookup|compare))(?:\/|$)/;

const prefixOf = ({ hmaPrefix }: HmaKnobs) => (hmaPrefix === '/' ? '' : hmaPrefix);
const isAtPrefix = (knobs: HmaKnobs, url: string): boolean => url.startsWith(`${prefixOf(knobs)}/`);
/** Whether a call begins where the interface does, or behind a key. */
const isInPlace = (knobs: HmaKnobs, url: string): boolean =>
  /^(?:\/[^/]+)?\/[chm]\//.test(plain(url).slice(prefixOf(knobs).length));

/** Refuse an address without a route that is one of an interface that is off: some clients delete what they know where it is missing. Null: it is none. */
export function refuseOff(knobs: HmaKnobs, request: FastifyRequest, reply: FastifyReply): FastifyReply | null {
  const isCall = ANY_CALL.test(plain(request.url));
  if (!isCall && !isOfHma(knobs, request.url)) return null;
  // What is no call is 404; a call at another place, or by another spelling of the prefix, is nothing that the client has lost.
  if (knobs.hma === 'on' && isAtPrefix(knobs, request.url) && !(isCall && !isInPlace(knobs, request.url))) return null;
  return sendFault(
    request,
    reply,
    new HmaRefusal(
      503,
      knobs.hma === 'on' ? `the calls are at ${knobs.hmaPrefix}` : 'this interface is switched off: ZEEF_HMA=on',
    ),
  );
}

/** Add the interface, where it is switched on. */
export async function hmaRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  const { hma, hmaPrefix } = service.config;
  if (hma === 'off') return;
  const prefix = hmaPrefix === '/' ? '' : hmaPrefix;
  const at = (place: string, keyInPath: boolean) =>
    app.register(
      (scope) => routesAt(scope, service, needs, { prefix, keyInPath }),
      place === '' ? {} : { prefix: place },
    );
  await at(prefix, false);
  // For clients that send no header.
  await at(`${prefix}/:key`, true);
}
