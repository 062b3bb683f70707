/**
 * `/dashboard`: the built files of the page, under a policy that restricts a browser to their scripts, to requests to this
 * service, and to top-level display. The page itself needs no key, since it holds no data; its requests do.
 */
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { artefact } from '../../core/package-root.js';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  // A new version of the service has a new page: the browser revalidates each time, mostly with 304.
  'cache-control': 'no-cache',
};

export async function dashboardRoutes(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: artefact('src', 'dashboard'),
    prefix: '/dashboard/',
    index: false,
    cacheControl: false,
    // Each existing file is a route of its own: no path is resolved at request time.
    wildcard: false,
    globIgnore: ['**/*.map'],
    schemaHide: true,
    setHeaders: (response) => {
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    },
  });
  app.get('/dashboard', { schema: { hide: true } }, (_request, reply) => reply.sendFile('index.html'));
  app.get('/dashboard/', { schema: { hide: true } }, (_request, reply) => reply.redirect('../dashboard'));
}
