/** `/h`: hashes of a file; nothing is looked up. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Door } from './door.js';
import { HmaRefusal } from './faults.js';
import { parametersOf } from './forms.js';
import { isAsked, type Media, mediaAt, mediaOf, signalsOf } from './media.js';

export function hashingRoutes(app: FastifyInstance, { service, as, send, upload }: Door): void {
  const signals = async (request: FastifyRequest, media: Media) =>
    isAsked(media.contentType, parametersOf(request.query).types) ? signalsOf(service, media) : {};
  app.get('/h/hash', as.hash, async (request, reply) => {
    const { url, content_type: contentType } = parametersOf(request.query);
    if (!url) throw new HmaRefusal(422, 'url is required');
    return send(reply, await signals(request, await mediaAt(service, url, contentType)));
  });
  app.post('/h/hash', { ...as.hash, ...upload }, async (request, reply) =>
    send(reply, await signals(request, await mediaOf(request, service))),
  );
}
