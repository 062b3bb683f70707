/** `/v1/suppressions`: suppressed values and entries. Values are accepted and never returned. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Algorithm } from '../../core/vocabulary.js';
import { type NewSuppression, suppress, suppressions, unsuppress } from '../../lists/suppressions.js';
import type { Service } from '../../service/service.js';
import { ofSeenLists, storeAs } from '../authorise.js';
import { NewSuppressionBody, SuppressionResult } from '../list-schemas.js';
import { Problem } from '../schemas.js';
import type { Needs } from './needs.js';

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
        summary: 'Suppressions: values that were added here, and entries in quarantine.',
        response: { 200: Type.Object({ suppressions: Type.Array(SuppressionResult) }), default: Problem },
      },
    },
    async ({ caller }) => {
      return { suppressions: await ofSeenLists(service, caller, await suppressions(service.store.lists)) };
    },
  );
}

function suppressRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Body: Static<typeof NewSuppressionBody> }>(
    '/v1/suppressions',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Suppress a benign hash or digest, an entry of a list, or all entries of one source.',
        body: NewSuppressionBody,
        response: {
          201: Type.Object({ id: Type.Union([Type.String(), Type.Null()]), entries: Type.Integer() }),
          default: Problem,
        },
      },
    },
    async (request, reply) => {
      const made = await suppress(
        storeAs(service, request).lists,
        request.body as NewSuppression & { algorithm: Algorithm },
      );
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
        summary: 'Remove a suppression; its value counts again.',
        params: Type.Object({ id: Type.String() }),
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await unsuppress(storeAs(service, request).lists, { id: request.params.id });
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
        summary: 'Release an entry from quarantine.',
        querystring: Type.Object({ list: Type.String(), entryId: Type.String() }),
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await unsuppress(storeAs(service, request).lists, request.query);
      await service.reload();
      return reply.code(204).send();
    },
  );
}
