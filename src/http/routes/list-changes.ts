/** What a person decides about lists over HTTP: a new one, an end, a held version, an earlier one, one entry. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors.js';
import { approveHeld, rollBack } from '../../lists/list-versions.js';
import type { Service } from '../../service/service.js';
import type { createAuthoriser } from '../authorise.js';
import { ImportReportResult, ListResult, NewListBody, Problem } from '../schemas.js';

export function listChangeRoutes(
  app: FastifyInstance,
  service: Service,
  needs: ReturnType<typeof createAuthoriser>,
): void {
  const listsAs = (request: FastifyRequest) => service.audit.as(request.caller.actor).lists;
  const named = Type.Object({ list: Type.String() });

  app.post<{ Body: Static<typeof NewListBody> }>(
    '/v1/lists',
    {
      onRequest: needs('admin'),
      schema: { summary: 'A new list, empty.', body: NewListBody, response: { 201: ListResult, default: Problem } },
    },
    async (request, reply) => {
      const { list, kind = 'match', radiusBits = service.config.radiusBits, ...change } = request.body;
      const lists = listsAs(request);
      const info = await lists.createList({ list, kind, radiusBits });
      const made = Object.keys(change).length > 0 ? await lists.updateList(list, change) : info;
      await service.reload();
      return reply.code(201).send(made);
    },
  );

  app.delete<{ Params: { list: string } }>(
    '/v1/lists/:list',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'A list, its entries and its versions are forgotten.',
        params: named,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await listsAs(request).removeList(request.params.list);
      await service.reload();
      return reply.code(204).send();
    },
  );

  app.post<{ Params: { list: string } }>(
    '/v1/lists/:list/approve',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'The held version comes into force: somebody has looked at it.',
        params: named,
        response: { 200: ImportReportResult, default: Problem },
      },
    },
    async (request) => {
      const report = await approveHeld(listsAs(request), request.params.list);
      await service.reload();
      return report;
    },
  );

  app.post<{ Params: { list: string } }>(
    '/v1/lists/:list/reject',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'The held version is forgotten.',
        params: named,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      await listsAs(request).dropHeld(request.params.list);
      return reply.code(204).send();
    },
  );

  app.post<{ Params: { list: string }; Body: { version: number } }>(
    '/v1/lists/:list/rollback',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'The list holds again what it held as an earlier version.',
        params: named,
        body: Type.Object({ version: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
        response: { 200: ImportReportResult, default: Problem },
      },
    },
    async (request) => {
      const report = await rollBack(listsAs(request), request.params.list, request.body.version);
      await service.reload();
      return report;
    },
  );

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
      const entries = await listsAs(request).changeEntries(
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
