/** `/v1/keys`: keys are created, rotated and revoked; each is returned once. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { KEY_GRACE_HOURS_DEFAULT } from '../../core/limits.js';
import type { Service } from '../../service/service.js';
import { CreatedKeyResult, KeyResult, NewKeyBody, RotationBody } from '../admin-schemas.js';
import { storeAs } from '../authorise.js';
import { Problem } from '../schemas.js';
import type { Needs } from './needs.js';

const HOUR_MS = 3_600_000;
const utc = (time: string | null) => (time === null ? null : new Date(time).toISOString());

const Id = Type.Object({ id: Type.String() });

export function keyRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  keysRoute(app, service, needs);
  createKeyRoute(app, service, needs);
  rotateKeyRoute(app, service, needs);
  revokeKeyRoute(app, service, needs);
}

function keysRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Querystring: { tenant?: string } }>(
    '/v1/keys',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'All keys, including expired and revoked ones; never the key itself.',
        querystring: Type.Object({ tenant: Type.Optional(Type.String()) }),
        response: { 200: Type.Object({ keys: Type.Array(KeyResult) }), default: Problem },
      },
    },
    async (request) => ({ keys: await service.store.keys.keys(request.query.tenant ?? null) }),
  );
}

function createKeyRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Body: Static<typeof NewKeyBody> }>(
    '/v1/keys',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Create a key; it is returned once.',
        body: NewKeyBody,
        response: { 201: CreatedKeyResult, default: Problem },
      },
    },
    async (request, reply) => {
      const { tenant, scopes, name = null, expiresAt = null } = request.body;
      const created = await storeAs(service, request).keys.createKey({
        tenant,
        scopes,
        name,
        expiresAt: utc(expiresAt),
      });
      service.gates.forget(tenant);
      return reply.code(201).header('cache-control', 'no-store').send(created);
    },
  );
}

function rotateKeyRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { id: string }; Body: Static<typeof RotationBody> | null }>(
    '/v1/keys/:id/rotate',
    {
      onRequest: needs('admin'),
      schema: {
        summary:
          'Create a second key with the same tenant, name and scopes; the old one expires after the grace period.',
        params: Id,
        body: Type.Union([RotationBody, Type.Null()]),
        response: { 201: Type.Composite([CreatedKeyResult, Type.Object({ old: KeyResult })]), default: Problem },
      },
    },
    async (request, reply) => {
      const { graceHours = KEY_GRACE_HOURS_DEFAULT, expiresAt } = request.body ?? {};
      const created = await storeAs(service, request).keys.rotateKey(null, request.params.id, {
        nowMs: Date.now(),
        graceMs: graceHours * HOUR_MS,
        ...(expiresAt === undefined ? {} : { expiresAt: utc(expiresAt) }),
      });
      return reply.code(201).header('cache-control', 'no-store').send(created);
    },
  );
}

function revokeKeyRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<{ Params: { id: string } }>(
    '/v1/keys/:id',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Revoke a key; it is refused from this answer on.',
        params: Id,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await storeAs(service, request).keys.revokeKey(null, request.params.id);
      return reply.code(204).send();
    },
  );
}
