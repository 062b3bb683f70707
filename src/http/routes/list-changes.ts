/** What a person decides about lists over HTTP: a new one, an end, a held version, an earlier one, one entry. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors.js';
import { approveHeld, rollBack } from '../../lists/list-versions.js';
import type { Service } from '../../service/service.js';
import { ImportReportResult, ListResult, NewListBody, Problem } from '../schemas.js';
import type { Needs } from './needs.js';

const Named = Type.Object({ list: Type.String() });

/** The lists of the store; a change is audited as one of the caller. */
const listsAs = (service: Service, request: FastifyRequest) => service.audit.as(request.caller.actor).lists;

export function listChangeRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  createListRoute(app, service, needs);
  removeListRoute(app, service, needs);
  approveRoute(app, service, needs);
  rejectRoute(app, service, needs);
  rollbackRoute(app, service, needs);
  changeEntryRoute(app, service, needs);
}

function createListRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Body: Static<typeof NewListBody> }>(
    '/v1/lists',
    {
      onRequest: needs('admin'),
      schema: { summary: 'A new list, empty.', body: NewListBody, response: { 201: ListResult, default: Problem } },
    },
    async (request, reply) => {
      const { list, kind = 'match', radiusBits = service.config.radiusBits, ...change } = request.body;
      const lists = listsAs(service, request);
      const info = await lists.createList({ list, kind, radiusBits });
      const made = Object.keys(change).length > 0 ? await lists.updateList(list, change) : info;
      await service.reload();
      return reply.code(201).send(made);
    },
  );
}

function removeListRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<{ Params: { list: string } }>(
    '/v1/lists/:list',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'A list, its entries and its versions are forgotten.',
        params: Named,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await listsAs(service, request).removeList(request.params.list);
      await service.reload();
      return reply.code(204).send();
    },
  );
}

function approveRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { list: string } }>(
    '/v1/lists/:list/approve',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'The held version comes into force: somebody has looked at it.',
        params: Named,
        response: { 200: ImportReportResult, default: Problem },
      },
    },
    async (request) => {
      const report = await approveHeld(listsAs(service, request), request.params.list);
      await service.reload();
      return report;
    },
  );
}

function rejectRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { list: string } }>(
    '/v1/lists/:list/reject',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'The held version is forgotten.',
        params: Named,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await listsAs(service, request).dropHeld(request.params.list);
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
        summary: 'The list holds again what it held as an earlier version.',
        params: Named,
        body: Type.Object({ version: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
        response: { 200: ImportReportResult, default: Problem },
      },
    },
    async (request) => {
      const report = await rollBack(listsAs(service, request), request.params.list, request.body.version);
      await service.reload();
      return report;
    },
  );
}

function changeEntryRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.patch<{ Params: { list: string; entryId: string }; Body: { enabled: boolean } }>(
    '/v1/lists/:list/entries/:entryId',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'One entry matches no more, or again; at once, and through later imports.',
        params: Type.Object({ list: Type.String(), entryId: Type.String() }),
        body: Type.Object({ enabled: Type.Boolean() }, { additionalProperties: false }),
        response: { 200: Type.Object({ entries: Type.Integer() }), default: Problem },
      },
    },
    async (request) => {
      const { list, entryId } = request.params;
      const entries = await listsAs(service, request).changeEntries(
        list,
        { entryId },
        request.body.enabled ? 'enable' : 'disable',
      );
      if (entries === 0) throw new AppError('NOT_FOUND', { list, entryId });
      await service.reload();
      return { entries };
    },
  );
}
