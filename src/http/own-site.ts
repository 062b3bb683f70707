/**
 * Protects a service without keys from websites. Loopback is no identity: a browser on this machine sends what any page
 * asks it to. A request must name this service in `Host`, so that a name that an attacker has pointed at 127.0.0.1 is
 * refused, and must not come from a page of another origin. Forwarding headers have no effect.
 *
 * Once a key exists, neither is checked: no browser adds a bearer key by itself, and no page of another origin may send one, since
 * preflight requests are refused. A key by Basic, which browsers keep and add, is taken from no page of another origin. Probes and proxies may then use any name or address.
 */
import type { FastifyRequest } from 'fastify';
import { AppError } from '../core/errors.js';

/** A name in an error: longer ones are cut. */
const NAME_SHOWN_MAX = 255;

/** Probes hold no fact of a list or a case, and name whatever address they were given. */
const HEALTH: ReadonlySet<string | undefined> = new Set(['/livez', '/readyz']);
/** Pages hold no data; a link to them from another site may work. Their own requests are checked. */
export const isPage = (path: string | undefined): boolean => /^\/(?:$|(?:docs|dashboard)(?:\/|$))/.test(path ?? '');

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Parse `name`, `name:port` or `[address]:port`; null for anything else. */
function authority(text: string, scheme = 'http:'): URL | null {
  if (!/^[\w.:[\]-]+$/.test(text) || !URL.canParse(`${scheme}//${text}`)) return null;
  return new URL(`${scheme}//${text}`);
}

/** Return the name in a host, as browsers write it; a dot at its end has no meaning. */
const nameOf = (host: string): string | undefined =>
  authority(host)
    ?.hostname.replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');

/** Return the names of `ZEEF_ALLOWED_HOSTS`. */
export const namesOf = (list: string): ReadonlySet<string> =>
  new Set(
    list.split(',').flatMap((raw) => {
      const name = raw.trim();
      return nameOf(name.includes(':') ? `[${name}]` : name) ?? [];
    }),
  );

/** Return the host that a request names; the target's own, where it is a whole URL. */
function hostOf({ headers, raw }: FastifyRequest): string {
  const [, inTarget] = /^https?:\/\/([^/?#]*)/i.exec(raw.url ?? '') ?? [];
  return inTarget ?? headers.host ?? '';
}

/** Require that the request names this service. Errors HOST_NOT_ALLOWED. */
function requireOwnHost(host: string, allowed: ReadonlySet<string>): void {
  const name = nameOf(host);
  if (name !== undefined && (isLoopback(name) || allowed.has(name))) return;
  throw new AppError('HOST_NOT_ALLOWED', { field: 'host', host: host.slice(0, NAME_SHOWN_MAX) });
}

/**
 * Require that no page of another origin sent a request whose key a browser may add by itself, as it does with Basic once a person has given it.
 * Errors ORIGIN_NOT_ALLOWED.
 */
export const requireOwnSite = (request: FastifyRequest): void => requireOwnOrigin(request.headers, hostOf(request));

/** Require that no page of another origin sent the request; only browsers send these headers. Errors ORIGIN_NOT_ALLOWED. */
function requireOwnOrigin(headers: FastifyRequest['headers'], host: string): void {
  const { origin, 'sec-fetch-site': site = 'none' } = headers;
  // Another port of this machine is `same-site`, and another origin.
  if (site !== 'same-origin' && site !== 'none')
    throw new AppError('ORIGIN_NOT_ALLOWED', { field: 'sec-fetch-site', site: String(site).slice(0, NAME_SHOWN_MAX) });
  if (origin === undefined) return;
  const from = /^https?:\/\//.test(origin) && URL.canParse(origin) ? new URL(origin) : null;
  if (from !== null && authority(host, from.protocol)?.host === from.host) return;
  throw new AppError('ORIGIN_NOT_ALLOWED', { field: 'origin', origin: origin.slice(0, NAME_SHOWN_MAX) });
}

/** Make the hook; it is the first of all. `areKeysNeeded`: whether a request without a key is refused anyway. */
export function createSiteGuard(areKeysNeeded: () => Promise<boolean>, allowedHosts: string) {
  const allowed = namesOf(allowedHosts);
  // Nearly all requests name the same one.
  let accepted: string | null = null;
  return async (request: FastifyRequest): Promise<void> => {
    const route = request.routeOptions.url;
    if (HEALTH.has(route) || (await areKeysNeeded())) return;
    const host = hostOf(request);
    if (host !== accepted) requireOwnHost(host, allowed);
    accepted = host;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!(isRead && isPage(route))) requireOwnOrigin(request.headers, host);
  };
}
