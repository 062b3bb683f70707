/** `/v1/lists/{list}/source`: the source that a list is fetched from: set, watched, synced on request, removed. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../../core/errors.js';
import { URL_CHARACTERS_MAX } from '../../core/limits.js';
import { SECRET_ROLES, SOURCE_TYPES } from '../../core/vocabulary.js';
import { changeSource, putSource } from '../../lists/change-source.js';
import { EVERY_MINUTES_MAX, MEMBERS_MAX, SECRET_CHARACTERS_MAX, sourceFrom } from '../../lists/source-settings.js';
import { endSource, type SourceState, SYNC_STATES, sourceState } from '../../lists/source-state.js';
import type { Service } from '../../service/service.js';
import { storeAs } from '../authorise.js';
import { count, oneOf, orNull, Problem } from '../schemas.js';
import type { Needs } from './needs.js';

/** Over HTTP a variable is named by its prefix: a key must not send other variables of the service to a host of its choice. */
const VARIABLE = '^SOURCE_[A-Z0-9_]{1,90}$';
/** A user's name, or a member's id. */
const NAME_CHARACTERS_MAX = 256;

const Named = Type.Object({ list: Type.String() });
const textOrNull = orNull(Type.String());

const Secret = Type.Union([
  Type.Object(
    { value: Type.String({ minLength: 1, maxLength: SECRET_CHARACTERS_MAX, description: 'Stored sealed.' }) },
    { additionalProperties: false },
  ),
  Type.Object(
    {
      env: Type.String({
        pattern: VARIABLE,
        title: 'a name in capitals that begins with SOURCE_',
        description: 'Name of an environment variable of the service.',
      }),
    },
    { additionalProperties: false },
  ),
]);

const SourceBody = Type.Object(
  {
    type: oneOf(SOURCE_TYPES),
    url: Type.String({
      minLength: 1,
      maxLength: URL_CHARACTERS_MAX,
      description: 'The base of the service, or its first page.',
    }),
    user: Type.Optional(orNull(Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }))),
    secrets: Type.Optional(
      Type.Object(Object.fromEntries(SECRET_ROLES.map((role) => [role, Type.Optional(Secret)])), {
        additionalProperties: false,
      }),
    ),
    members: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }), { maxItems: MEMBERS_MAX }),
    ),
    privacyGroup: Type.Optional(orNull(Type.String({ minLength: 1, maxLength: NAME_CHARACTERS_MAX }))),
    everyMinutes: Type.Optional(orNull(Type.Integer({ minimum: 1, maximum: EVERY_MINUTES_MAX }))),
  },
  { additionalProperties: false },
);

const SourceResult = Type.Object({
  list: Type.String(),
  type: oneOf(SOURCE_TYPES),
  url: Type.String(),
  user: textOrNull,
  secrets: Type.Array(
    Type.Object({
      role: oneOf(SECRET_ROLES),
      variable: Type.Union([Type.String(), Type.Null()], { description: 'Null: stored sealed; never shown.' }),
    }),
  ),
  members: Type.Array(Type.String()),
  privacyGroup: textOrNull,
  everyMinutes: orNull(count),
  checkpoint: textOrNull,
  syncedAt: textOrNull,
  requestedAt: textOrNull,
  lastTry: Type.Union([
    Type.Object({
      startedAt: Type.String(),
      endedAt: Type.String(),
      outcome: oneOf(['synced', 'held', 'failed']),
      why: textOrNull,
    }),
    Type.Null(),
  ]),
  state: oneOf(SYNC_STATES),
  pages: count,
  dueAt: textOrNull,
});

/** A copy without readonly arrays, for the serializer. */
const toResult = (state: SourceState) => ({ ...state, secrets: [...state.secrets], members: [...state.members] });

/** Errors LIST_NOT_FOUND; NOT_FOUND: the list has no source. */
async function stateOf({ store, config }: Service, list: string) {
  const state = await sourceState(store, config.dataDir, list);
  if (state === null) throw new AppError('NOT_FOUND', { list, what: 'source' });
  return toResult(state);
}

export function listSourceRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  readRoute(app, service, needs);
  setRoute(app, service, needs);
  removeRoute(app, service, needs);
  syncRoute(app, service, needs);
}

function readRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Params: { list: string } }>(
    '/v1/lists/:list/source',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'The source of a list and the state of its syncs; never a secret.',
        params: Named,
        response: { 200: SourceResult, default: Problem },
      },
    },
    (request) => stateOf(service, request.params.list),
  );
}

/** By the operator alone: a source has an address, which the service asks, and may name secrets of the service. */
function setRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.put<{ Params: { list: string }; Body: Static<typeof SourceBody> }>(
    '/v1/lists/:list/source',
    {
      onRequest: needs('admin'),
      schema: {
        summary: 'Set the source of a list, with all of its secrets.',
        params: Named,
        body: SourceBody,
        response: { 200: SourceResult, default: Problem },
      },
    },
    async (request) => {
      const { list } = request.params;
      const { lists, vault } = storeAs(service, request);
      const { secrets = {}, ...settings } = request.body;
      const given = Object.fromEntries(Object.entries(secrets).flatMap(([role, one]) => (one ? [[role, one]] : [])));
      const made = { ...settings, secrets: given };
      await putSource(lists, list, (before) => sourceFrom(list, made, { vault, before }));
      service.syncs.request();
      return stateOf(service, list);
    },
  );
}

function removeRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<{ Params: { list: string } }>(
    '/v1/lists/:list/source',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Remove the source of a list; its entries stay, and a running sync ends at its next page.',
        params: Named,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      const { list } = request.params;
      await stateOf(service, list);
      await endSource(storeAs(service, request), service.config.dataDir, list);
      return reply.code(204).send();
    },
  );
}

function syncRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { list: string } }>(
    '/v1/lists/:list/source/sync',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Request a sync of the list; a running service begins it at once.',
        description: 'Answers before the sync: watch `state` and `lastTry` of the source at the Location.',
        params: Named,
        response: { 202: SourceResult, default: Problem },
      },
    },
    async (request, reply) => {
      const { list } = request.params;
      const { lists } = storeAs(service, request);
      const requestedAt = new Date().toISOString();
      const isAsked = await changeSource(lists, list, (now) => ({ ...now, requestedAt }));
      if (!isAsked) throw new AppError('NOT_FOUND', { list, what: 'source' });
      service.syncs.request();
      reply.header('location', `/v1/lists/${list}/source`);
      return reply.code(202).send(await stateOf(service, list));
    },
  );
}
