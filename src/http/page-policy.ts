/**
 * Headers that restrict what a browser does with a response. A page may run its own scripts and ask this service alone; every other
 * response may do nothing, should a browser ever display it. No response may be framed, or embedded by another origin.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

const CLOSED = ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];
const NOTHING = ["default-src 'none'", ...CLOSED].join('; ');
/** The policy of a page with these sources of styles and images. */
const ofPage = (styles: string, images: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src ${styles}`,
    "connect-src 'self'",
    `img-src ${images}`,
    ...CLOSED,
  ].join('; ');

const DASHBOARD = ofPage("'self'", 'data:');
/** Swagger UI sets styles on elements, and has its icons in its style sheet. */
const DOCS = ofPage("'self' 'unsafe-inline'", "'self' data:");

const HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

function policyOf(path: string): string {
  if (/^\/dashboard(\/|$)/.test(path)) return DASHBOARD;
  return /^\/docs(\/|$)/.test(path) ? DOCS : NOTHING;
}

/** Add the headers. A route's own policy stays. */
export function addPagePolicy(request: FastifyRequest, reply: FastifyReply): void {
  for (const [name, value] of Object.entries(HEADERS)) reply.header(name, value);
  if (!reply.hasHeader('content-security-policy'))
    reply.header('content-security-policy', policyOf(request.routeOptions.url ?? ''));
}
