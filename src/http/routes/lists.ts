/** `/v1/lists`: sizes and versions; never a hash. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../core/errors.js';
import { listHealth } from '../../lists/list-health.js';
import { renameList } from '../../lists/rename-list.js';
import type { Service } from '../../service/service.js';
import { requireCuratable, seesList, storeAs } from '../authorise.js';
import { ListChangeBody, ListHealthResult, ListResult, VersionResult } from '../list-schemas.js';
import { Problem } from '../schemas.js';
import type { Needs } from './needs.js';

export function listRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get(
    '/v1/lists',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'All lists: sizes, versions, rejected and quarantined entries, held versions.',
        response: { 200: Type.Object({ lists: Type.Array(ListHealthResult) }), default: Problem },
      },
    },
    async ({ caller }) => ({ lists: (await listHealth(service.store.lists)).filter((list) => seesList(caller, list)) }),
  );

  app.get<{ Params: { list: string } }>(
    '/v1/lists/:list',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'One list.',
        params: Type.Object({ list: Type.String() }),
        response: { 200: ListResult, default: Problem },
      },
    },
    async (request) => {
      const found = (await service.lists()).find((each) => each.list === request.params.list);
      if (!found) throw new AppError('LIST_NOT_FOUND', { list: request.params.list });
      return found;
    },
  );

  changeRoute(app, service, needs);

  app.get<{ Params: { list: string } }>(
    '/v1/lists/:list/versions',
    {
      onRequest: needs('lists'),
      schema: {
        summary:
          'The versions of a list with the changes of each import, newest first; a held version waits for approval.',
        params: Type.Object({ list: Type.String() }),
        response: { 200: Type.Object({ versions: Type.Array(VersionResult) }), default: Problem },
      },
    },
    async (request) => ({ versions: [...(await service.store.lists.versions(request.params.list))] }),
  );
}

function changeRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.patch<{ Params: { list: string }; Body: Static<typeof ListChangeBody> }>(
    '/v1/lists/:list',
    {
      onRequest: needs('curate'),
      schema: {
        summary:
          'Change a list: its name, or enabled, radius, low-quality images, category and severity maps, expiry, bank, sample.',
        params: Type.Object({ list: Type.String() }),
        body: ListChangeBody,
        response: { 200: ListResult, default: Problem },
      },
    },
    async (request) => {
      requireCuratable(request.caller, request.body);
      const { list } = request.params;
      const { name, ...change } = request.body;
      if (name !== undefined && Object.keys(change).length > 0)
        throw new AppError('REQUEST_INVALID', { field: 'name', expected: 'no other change beside it' });
      const changes = storeAs(service, request);
      const changed =
        name === undefined
          ? await changes.lists.updateList(list, change)
          : await renameList(changes, service.config, { list, to: name });
      await service.reload();
      return changed;
    },
  );
}
