/** `/v1/webhooks`: receivers of new hits and overdue cases, and their undelivered events. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { requireSecretEnv, requireUrl } from '../../cases/webhooks/deliver.js';
import { pingEvent } from '../../cases/webhooks/events.js';
import type { Service } from '../../service/service.js';
import { DeadLetterResult, NewWebhookBody, WebhookResult } from '../admin-schemas.js';
import { storeAs } from '../authorise.js';
import { Problem } from '../schemas.js';
import type { Needs } from './needs.js';

/** Events in one answer; later ones follow when these are retried. */
const DEAD_LETTERS_TOLD = 1_000;

const Id = Type.Object({ id: Type.String() });
type WithId = { Params: { id: string } };

export function webhookRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  webhooksRoute(app, service, needs);
  addWebhookRoute(app, service, needs);
  removeWebhookRoute(app, service, needs);
  deadLettersRoute(app, service, needs);
  retryRoute(app, service, needs);
  pingRoute(app, service, needs);
}

function webhooksRoute(app: FastifyInstance, { store: { webhooks } }: Service, needs: Needs): void {
  app.get<{ Querystring: { tenant?: string } }>(
    '/v1/webhooks',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Webhooks, with counts of waiting and undelivered events.',
        querystring: Type.Object({ tenant: Type.Optional(Type.String()) }),
        response: { 200: Type.Object({ webhooks: Type.Array(WebhookResult) }), default: Problem },
      },
    },
    async (request) => ({ webhooks: [...(await webhooks.webhooks(request.query.tenant ?? null))] }),
  );
}

function addWebhookRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Body: Static<typeof NewWebhookBody> }>(
    '/v1/webhooks',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Add a webhook for new hits and overdue cases, of one tenant or of all, from now on.',
        body: NewWebhookBody,
        response: { 201: WebhookResult, default: Problem },
      },
    },
    async (request, reply) => {
      const { url, secretEnv, tenant = null } = request.body;
      const about = { url: requireUrl(url), secretEnv: requireSecretEnv(secretEnv), tenant, nowMs: Date.now() };
      const mark = await service.ledger.newsMark();
      return reply.code(201).send(await storeAs(service, request).webhooks.addWebhook({ ...about, mark }));
    },
  );
}

function removeWebhookRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<WithId>(
    '/v1/webhooks/:id',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Remove a webhook and its waiting events.',
        params: Id,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await storeAs(service, request).webhooks.removeWebhook(null, request.params.id);
      return reply.code(204).send();
    },
  );
}

function deadLettersRoute(app: FastifyInstance, { store: { webhooks } }: Service, needs: Needs): void {
  app.get<WithId>(
    '/v1/webhooks/:id/dead',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Undelivered events, oldest first.',
        params: Id,
        response: { 200: Type.Object({ events: Type.Array(DeadLetterResult) }), default: Problem },
      },
    },
    async (request) => ({ events: [...(await webhooks.dead(null, request.params.id, DEAD_LETTERS_TOLD))] }),
  );
}

function retryRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<WithId>(
    '/v1/webhooks/:id/retry',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Retry undelivered events, at once and as often as new ones.',
        params: Id,
        response: { 200: Type.Object({ events: Type.Integer() }), default: Problem },
      },
    },
    async (request) => ({
      events: await storeAs(service, request).webhooks.retry(null, request.params.id),
    }),
  );
}

function pingRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<WithId>(
    '/v1/webhooks/:id/ping',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Send an event without content, to test delivery.',
        params: Id,
        response: { 202: Type.Object({ events: Type.Integer() }), default: Problem },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const nowMs = Date.now();
      const { webhooks } = storeAs(service, request);
      return reply.code(202).send({ events: await webhooks.ping(null, id, pingEvent(id, nowMs), nowMs) });
    },
  );
}
