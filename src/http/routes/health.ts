/** `/livez`, `/readyz`, `/metrics`: liveness, readiness and metrics. */
import type { FastifyInstance } from 'fastify';
import type { Service } from '../../service/service.js';

export function healthRoutes(app: FastifyInstance, service: Service): void {
  app.get('/livez', { schema: { summary: 'The process is alive.' } }, async () => ({ status: 'alive' }));
  app.get(
    '/readyz',
    {
      schema: {
        summary:
          'Checks can be answered: a list is in force and as new as those of others, answers can be recorded, the clock is right.',
      },
    },
    async (_request, reply) => {
      const readiness = service.readiness();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    },
  );
  app.get('/metrics', { schema: { summary: 'Prometheus metrics.' } }, async (_request, reply) => {
    const { contentType, body } = await service.renderMetrics();
    return reply.type(contentType).send(body);
  });
}
