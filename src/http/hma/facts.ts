/** `/status`, `/site-map` and what the interface says of its types. */
import type { FastifyInstance } from 'fastify';
import { banksSeen, type Door } from './door.js';
import { indexOf, typesIn } from './matching.js';
import { CONTENT_TYPES, SIGNAL_TYPES } from './media.js';

const ALIVE = 'I-AM-ALIVE';
/** The release whose interface this is. */
const HMA_VERSION = '1.1.7';

export function factRoutes(app: FastifyInstance, { service, as, send, prefix, keyInPath, paths }: Door): void {
  app.get('/status', as.open, async (_request, reply) => {
    const { notReady } = service.readiness();
    // Without a list in force it is alive, and its look-ups say that nothing was searched: clients make their banks over it.
    const isStale = notReady.some((why) => why !== 'no_list');
    return reply
      .code(isStale ? 503 : 200)
      .type('text/html; charset=utf-8')
      .send(isStale ? 'INDEX-STALE' : ALIVE);
  });
  app.get('/status/live', as.open, async (_request, reply) => reply.type('text/html; charset=utf-8').send(ALIVE));
  app.get('/site-map', as.open, async (_request, reply) => send(reply, paths()));
  app.get('/openapi/openapi.json', as.open, async (_request, reply) =>
    send(reply, {
      openapi: '3.1.0',
      info: { title: 'Open Media Match API', version: HMA_VERSION },
      paths: Object.fromEntries(paths().map((path) => [path.replaceAll('<', '{').replaceAll('>', '}'), {}])),
    }),
  );
  if (prefix !== '' && !keyInPath)
    app.get('/', as.open, async (_request, reply) => reply.redirect(`${prefix}/status`, 302));
  app.get('/c/signal_type', as.match, async (_request, reply) =>
    send(
      reply,
      SIGNAL_TYPES.map((name) => ({ enabled_ratio: 1, name })),
    ),
  );
  app.get('/c/content_type', as.match, async (_request, reply) =>
    send(
      reply,
      CONTENT_TYPES.map((name) => ({ enabled: true, name })),
    ),
  );
  app.get('/c/signal_type/index', as.match, async (request, reply) => {
    const types = typesIn(request);
    const banks = await banksSeen(service, request);
    const states = types.map((type) => {
      const { size, builtTo } = indexOf(banks, type);
      const facts = { db_size: size, index_built_to: builtTo, index_out_of_date: false, index_size: size };
      return [type, { ...facts, newest_db_item: builtTo }];
    });
    return send(reply, Object.fromEntries(states));
  });
}
