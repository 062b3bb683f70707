/** `/v1/lists/{list}/contents`: entries that are added one by one, by their numbers: what is kept with them, and whether they count. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import {
  addContent,
  type Content,
  type ContentChange,
  changeContent,
  contentById,
  inactiveOf,
  keptWith,
  METADATA_CHARACTERS_MAX,
} from '../../cases/contents.js';
import { AppError } from '../../core/errors.js';
import { ENTRY_KEY_MAX, NOTE_CHARACTERS_MAX } from '../../core/limits.js';
import { ALGORITHMS, VALUE_BYTES } from '../../core/vocabulary.js';
import type { Service } from '../../service/service.js';
import type { ListStore } from '../../store/lists-contract.js';
import { storeAs } from '../authorise.js';
import { count, oneOf, orNull, Problem, TIME_CHARACTERS_MAX, VALUE_CHARACTERS_MAX } from '../schemas.js';
import type { Needs } from './needs.js';

/** Values that a client adds in hex; a PhotoDNA value comes by an import. */
const ADDED = ['pdq', 'md5', 'sha1', 'sha256'] as const;
const MEDIA_TYPES = ['photo', 'video'] as const;

const value = Type.Optional(Type.String({ minLength: 1, maxLength: VALUE_CHARACTERS_MAX }));
const note = Type.Optional(orNull(Type.String({ maxLength: NOTE_CHARACTERS_MAX })));
const metadata = Type.Optional(orNull(Type.Record(Type.String(), Type.Unknown())));

const NewContentBody = Type.Object(
  {
    pdq: value,
    md5: value,
    sha1: value,
    sha256: value,
    mediaType: Type.Optional(oneOf(MEDIA_TYPES)),
    note,
    metadata,
  },
  { additionalProperties: false },
);
const ContentChangeBody = Type.Object(
  {
    inactive: Type.Optional(Type.Boolean()),
    inactiveUntil: Type.Optional(Type.String({ format: 'date-time', maxLength: TIME_CHARACTERS_MAX })),
    note,
    metadata,
  },
  { additionalProperties: false, minProperties: 1 },
);

const ContentResult = Type.Object({
  list: Type.String(),
  contentId: count,
  entryId: Type.String(),
  algorithms: Type.Array(oneOf(ALGORITHMS)),
  inactive: Type.Boolean(),
  inactiveUntil: orNull(Type.String()),
  note: orNull(Type.String()),
  metadata: orNull(Type.Record(Type.String(), Type.Unknown())),
});

const OneContent = Type.Object({
  list: Type.String(),
  contentId: Type.Integer({ minimum: 1, maximum: ENTRY_KEY_MAX }),
});
interface ContentRequest {
  Params: Static<typeof OneContent>;
}

function toResult({ list, contentId, entryId, held }: Content): Static<typeof ContentResult> {
  const inactive = inactiveOf(held);
  const until = inactive === null || inactive === 'forever' ? null : inactive.until;
  return {
    list,
    contentId,
    entryId,
    algorithms: [...new Set(held.map(({ algorithm }) => algorithm))],
    inactive: inactive === 'forever' || (until !== null && Date.parse(until) > Date.now()),
    inactiveUntil: until,
    ...keptWith(held),
  };
}

/** Errors REQUEST_INVALID: it is too long. */
function metadataText(given: Readonly<Record<string, unknown>> | null | undefined): string | null | undefined {
  if (given === undefined || given === null) return given;
  const text = JSON.stringify(given);
  if (text.length <= METADATA_CHARACTERS_MAX) return text;
  throw new AppError('REQUEST_INVALID', { field: 'metadata', charactersMax: METADATA_CHARACTERS_MAX });
}

/** Errors VALUE_INVALID; REQUEST_INVALID: there is none. */
function valuesIn(body: Static<typeof NewContentBody>) {
  const values = ADDED.flatMap((algorithm) => {
    const hex = body[algorithm];
    if (hex === undefined) return [];
    const digits = VALUE_BYTES[algorithm] * 2;
    if (hex.length !== digits || !/^[0-9a-f]+$/i.test(hex))
      throw new AppError('VALUE_INVALID', { field: algorithm, expected: `${digits} hex digits` });
    return [{ algorithm, value: hex.toLowerCase() }];
  });
  if (values.length === 0)
    throw new AppError('REQUEST_INVALID', { field: 'body', expected: `one of ${ADDED.join(' ')}` });
  return values;
}

/** Errors REQUEST_INVALID: both are given. */
function inactiveIn({ inactive, inactiveUntil }: Static<typeof ContentChangeBody>): ContentChange['inactive'] {
  if (inactive !== undefined && inactiveUntil !== undefined)
    throw new AppError('REQUEST_INVALID', { field: 'inactiveUntil', expected: 'inactive or inactiveUntil' });
  if (inactiveUntil !== undefined) return { until: new Date(inactiveUntil).toISOString() };
  return inactive === undefined ? undefined : inactive ? 'forever' : null;
}

/** Return a content of the named list. Errors NOT_FOUND, STORE_FAILED. */
async function contentIn(lists: ListStore, { list, contentId }: Static<typeof OneContent>): Promise<Content> {
  const content = await contentById(lists, contentId);
  if (content === null || content.list !== list) throw new AppError('NOT_FOUND', { list, contentId });
  return content;
}

export function listContentRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  addRoute(app, service, needs);
  showRoute(app, service, needs);
  changeRoute(app, service, needs);
  removeRoute(app, service, needs);
}

function addRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { list: string }; Body: Static<typeof NewContentBody> }>(
    '/v1/lists/:list/contents',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Add an entry with these values, and what the client keeps with it.',
        params: Type.Object({ list: Type.String() }),
        body: NewContentBody,
        response: { 201: ContentResult, default: Problem },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const content = await addContent(storeAs(service, request).lists, {
        list: request.params.list,
        tenantEntriesMax: service.config.tenantEntriesMax,
        values: valuesIn(body),
        mediaType: body.mediaType ?? null,
        note: body.note,
        metadata: metadataText(body.metadata),
      });
      await service.reload();
      return reply.code(201).send(toResult(content));
    },
  );
}

function showRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<ContentRequest>(
    '/v1/lists/:list/contents/:contentId',
    {
      onRequest: needs('details', { also: () => 'lists' }),
      schema: {
        summary: 'One entry by its number: what is kept with it, and whether it counts; never its values.',
        params: OneContent,
        response: { 200: ContentResult, default: Problem },
      },
    },
    async (request) => toResult(await contentIn(storeAs(service, request).lists, request.params)),
  );
}

function changeRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.patch<ContentRequest & { Body: Static<typeof ContentChangeBody> }>(
    '/v1/lists/:list/contents/:contentId',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Change what is kept with an entry, or whether and from when it counts.',
        description: 'An entry that does not count is still found: its matches are suppressed, and said to be.',
        params: OneContent,
        body: ContentChangeBody,
        response: { 200: ContentResult, default: Problem },
      },
    },
    async (request) => {
      const { lists } = storeAs(service, request);
      const { body } = request;
      const change = { inactive: inactiveIn(body), note: body.note, metadata: metadataText(body.metadata) };
      const changed = await changeContent(lists, await contentIn(lists, request.params), change);
      await service.reload();
      return toResult(changed);
    },
  );
}

function removeRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<ContentRequest>(
    '/v1/lists/:list/contents/:contentId',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Remove an entry by its number; an import of a list that has it brings it again.',
        params: OneContent,
        response: { 204: Type.Null(), default: Problem },
      },
    },
    async (request, reply) => {
      const { lists } = storeAs(service, request);
      const { list, entryId } = await contentIn(lists, request.params);
      await lists.changeEntries(list, { entryId }, 'remove');
      await service.reload();
      return reply.code(204).send();
    },
  );
}
