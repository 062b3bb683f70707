/**
 * `/dashboard`: the page, as files that were built, and a policy under which a browser runs nothing else, sends nothing
 * elsewhere, and shows it inside no other page. The page itself is open, since it knows nothing; what it asks needs a key.
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
  // A new version of the service is a new page: the browser asks each time, and is mostly told that nothing changed.
  'cache-control': 'no-cache',
};

export async function dashboardRoutes(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: artefact('src', 'dashboard'),
    prefix: '/dashboard/',
    index: false,
    cacheControl: false,
    // The files that are there now, each a route of its own: no path is looked up.
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
