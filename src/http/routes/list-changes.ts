/** Changes of lists over HTTP: create and remove a list, approve or reject a held version, roll back. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../core/errors.js';
import { approveHeld, rollBack } from '../../lists/list-versions.js';
import { OWN_SUPPRESSIONS } from '../../lists/suppressions.js';
import type { Service } from '../../service/service.js';
import { storeAs } from '../authorise.js';
import { ImportReportResult, ListResult, NewListBody } from '../list-schemas.js';
import { Problem, TIME_CHARACTERS_MAX } from '../schemas.js';
import type { Needs } from './needs.js';

const Named = Type.Object({ list: Type.String() });

/** An import that is held meanwhile takes the place of the held version, under its number: a person decides on the one that was seen. */
const HeldQuery = Type.Object({
  importedAt: Type.Optional(
    Type.String({
      maxLength: TIME_CHARACTERS_MAX,
      description: 'Only if the held version is that of this `importedAt`, as `GET /v1/lists/{list}/versions` had it.',
    }),
  ),
});
type HeldRequest = { Params: { list: string }; Querystring: Static<typeof HeldQuery> };

export function listChangeRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  createListRoute(app, service, needs);
  removeListRoute(app, service, needs);
  approveRoute(app, service, needs);
  rejectRoute(app, service, needs);
  rollbackRoute(app, service, needs);
}

/** By the operator alone: imports and syncs go to a list by its name. A tenant's own banks have names that are made up. */
function createListRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Body: Static<typeof NewListBody> }>(
    '/v1/lists',
    {
      onRequest: needs('admin'),
      schema: { summary: 'Create an empty list.', body: NewListBody, response: { 201: ListResult, default: Problem } },
    },
    async (request, reply) => {
      const { list, kind } = request.body;
      if (list === OWN_SUPPRESSIONS && kind !== 'suppression')
        throw new AppError('REQUEST_INVALID', { field: 'kind', expected: 'suppression, for a list of this name' });
      const { radiusBits, detail } = service.config;
      const defaults = { kind: 'match', radiusBits, detail } as const;
      const made = await storeAs(service, request).lists.createList({ ...defaults, ...request.body });
      await service.reload();
      return reply.code(201).send(made);
    },
  );
}

function removeListRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<{ Params: { list: string } }>(
    '/v1/lists/:list',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Remove a list, its entries and its versions.',
        params: Named,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await storeAs(service, request).lists.removeList(request.params.list);
      await service.reload();
      return reply.code(204).send();
    },
  );
}

function approveRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<HeldRequest>(
    '/v1/lists/:list/approve',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Approve the held version; it becomes active.',
        params: Named,
        querystring: HeldQuery,
        response: { 200: ImportReportResult, default: Problem },
      },
    },
    async (request) => {
      const report = await approveHeld(storeAs(service, request).lists, request.params.list, request.query.importedAt);
      await service.reload();
      return report;
    },
  );
}

function rejectRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<HeldRequest>(
    '/v1/lists/:list/reject',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Discard the held version.',
        params: Named,
        querystring: HeldQuery,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await storeAs(service, request).lists.dropHeld(request.params.list, request.query.importedAt);
      return reply.code(204).send();
    },
  );
}

function rollbackRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { list: string }; Body: { version: number } }>(
    '/v1/lists/:list/rollback',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Activate an earlier version of the list.',
        params: Named,
        body: Type.Object({ version: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
        response: { 200: ImportReportResult, default: Problem },
      },
    },
    async (request) => {
      const report = await rollBack(storeAs(service, request).lists, request.params.list, request.body.version);
      await service.reload();
      return report;
    },
  );
}
