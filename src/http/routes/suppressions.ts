/** `/v1/suppressions`: what must not count, one by one. Values go in and never come out. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Algorithm } from '../../core/vocabulary.js';
import { type NewSuppression, suppress, suppressions, unsuppress } from '../../lists/suppressions.js';
import type { Service } from '../../service/service.js';
import { NewSuppressionBody, Problem, SuppressionResult } from '../schemas.js';
import type { Needs } from './needs.js';

/** The lists of the store; a change is audited as one of the caller. */
const listsAs = (service: Service, request: FastifyRequest) => service.audit.as(request.caller.actor).lists;

export function suppressionRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  suppressionsRoute(app, service, needs);
  suppressRoute(app, service, needs);
  unsuppressValueRoute(app, service, needs);
  unsuppressEntryRoute(app, service, needs);
}

function suppressionsRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get(
    '/v1/suppressions',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'What must not count: values that were added here, and entries in quarantine.',
        response: { 200: Type.Object({ suppressions: Type.Array(SuppressionResult) }), default: Problem },
      },
    },
    async () => ({ suppressions: [...(await suppressions(service.store.lists))] }),
  );
}

function suppressRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Body: Static<typeof NewSuppressionBody> }>(
    '/v1/suppressions',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'A benign hash or digest, an entry of a list, or all entries of one source, must not count.',
        body: NewSuppressionBody,
        response: {
          201: Type.Object({ id: Type.Union([Type.String(), Type.Null()]), entries: Type.Integer() }),
          default: Problem,
        },
      },
    },
    async (request, reply) => {
      const made = await suppress(listsAs(service, request), request.body as NewSuppression & { algorithm: Algorithm });
      await service.reload();
      return reply.code(201).send(made);
    },
  );
}

function unsuppressValueRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<{ Params: { id: string } }>(
    '/v1/suppressions/:id',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'A value counts again.',
        params: Type.Object({ id: Type.String() }),
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await unsuppress(listsAs(service, request), { id: request.params.id });
      await service.reload();
      return reply.code(204).send();
    },
  );
}

function unsuppressEntryRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<{ Querystring: { list: string; entryId: string } }>(
    '/v1/suppressions',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'An entry leaves quarantine.',
        querystring: Type.Object({ list: Type.String(), entryId: Type.String() }),
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await unsuppress(listsAs(service, request), request.query);
      await service.reload();
      return reply.code(204).send();
    },
  );
}
