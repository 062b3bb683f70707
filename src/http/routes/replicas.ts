/** `GET /v1/replicas`: the processes that use the store, for the operator. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Service } from '../../service/service.js';
import { Problem } from '../schemas.js';
import type { Needs } from './needs.js';

const count = Type.Integer({ minimum: 0 });

export const ReplicasResult = Type.Object({
  replicas: Type.Array(
    Type.Object({
      id: Type.String({ description: 'Of one life of a process.' }),
      host: Type.String(),
      kind: Type.Union([Type.Literal('serve'), Type.Literal('scan'), Type.Literal('worker')]),
      codeVersion: Type.String(),
      generation: Type.Integer({ minimum: 0, description: 'Of the lists by which it answers.' }),
      skewMs: Type.Integer({
        description: "Milliseconds by which its clock is ahead of the database's, at least; negative: behind.",
      }),
      seenMsAgo: count,
      isLive: Type.Boolean({ description: 'False: it has written nothing for 15 seconds.' }),
    }),
  ),
});

export function replicaRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get(
    '/v1/replicas',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'The processes that use the store, of the last day.',
        response: { 200: ReplicasResult, default: Problem },
      },
    },
    async () => ({ replicas: [...(await service.store.replicas.replicas())] }),
  );
}
