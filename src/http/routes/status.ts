/** `GET /v1/whoami`: the key, its tenant and scopes. `GET /v1/status`: throughput and latency, for the operator. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Service } from '../../service/service.js';
import type { createAuthoriser } from '../authorise.js';
import { Problem } from '../schemas.js';

const count = Type.Integer({ minimum: 0 });
const seconds = Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
  description: 'Seconds; null without requests.',
});
const Latency = { count, p50: seconds, p90: seconds, p99: seconds };
const textOrNull = Type.Union([Type.String(), Type.Null()]);
const rate = Type.Number({ minimum: 0, description: 'Images and hashes answered per second.' });

export const WhoamiResult = Type.Object({
  keyNeeded: Type.Boolean(),
  tenant: Type.Union([Type.String(), Type.Null()], { description: 'Null where a key is needed and none is given.' }),
  scopes: Type.Array(Type.String()),
  key: Type.Union(
    [
      Type.Object({
        id: Type.String({ description: 'Id of the key.' }),
        name: textOrNull,
        expiresAt: Type.Union([Type.String(), Type.Null()], { description: 'When the key expires; null: never.' }),
      }),
      Type.Null(),
    ],
    {
      description: 'Null where none is needed or given; never the key itself.',
    },
  ),
});
export const StatusResult = Type.Object({
  ready: Type.Boolean(),
  generation: count,
  entries: count,
  pace: Type.Object({
    checksPerSecond: rate,
    ...Latency,
    series: Type.Array(Type.Object({ start: Type.String(), checksPerSecond: rate, ...Latency })),
  }),
});

export function statusRoutes(app: FastifyInstance, service: Service, needs: ReturnType<typeof createAuthoriser>): void {
  app.get(
    '/v1/whoami',
    {
      schema: {
        summary: 'The key, its tenant and its scopes.',
        response: { 200: WhoamiResult, default: Problem },
      },
    },
    async (request) => {
      const { keyNeeded, caller } = await needs.whoAsks(request);
      const key = caller?.key ?? null;
      return {
        keyNeeded,
        tenant: caller?.tenant ?? null,
        scopes: [...(caller?.scopes ?? [])],
        key: key && { id: key.id, name: key.name, expiresAt: key.expiresAt },
      };
    },
  );

  app.get(
    '/v1/status',
    {
      onRequest: needs('admin'),
      schema: {
        summary:
          'Throughput and latency of checks over HTTP: the last minute, and the last hour in steps of ten seconds.',
        response: { 200: StatusResult, default: Problem },
      },
    },
    async () => {
      const { ready, generation, entries } = service.readiness();
      return { ready, generation, entries, pace: service.metrics.pace() };
    },
  );
}
