/**
 * `/` leads to `/dashboard`: the built files of the page, under the policy of `page-policy.ts`. The page itself needs no key, since it holds
 * no data; its requests do.
 */
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { artefact } from '../../core/package-root.js';

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
    // A new version of the service has a new page: the browser revalidates each time, mostly with 304.
    setHeaders: (response) => response.setHeader('cache-control', 'no-cache'),
  });
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.redirect('dashboard'));
  app.get('/dashboard', { schema: { hide: true } }, (_request, reply) => reply.sendFile('index.html'));
  app.get('/dashboard/', { schema: { hide: true } }, (_request, reply) => reply.redirect('../dashboard'));
}
