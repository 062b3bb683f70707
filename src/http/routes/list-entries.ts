/** One entry of a list over HTTP: shown, disabled or enabled, removed. Never its values. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { DERIVED_KINDS, derivedOf } from '../../core/derived.js';
import { AppError } from '../../core/errors.js';
import { looksLikeValue } from '../../core/value-like.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import type { Service } from '../../service/service.js';
import type { HeldEntry } from '../../store/lists-contract.js';
import { seesDetails, storeAs } from '../authorise.js';
import { count, oneOf, orNull, Problem } from '../schemas.js';
import type { Needs } from './needs.js';

const OneEntry = Type.Object({ list: Type.String(), entryId: Type.String() });
const Changed = Type.Object({ entries: Type.Integer() });

export const EntryResult = Type.Object({
  list: Type.String(),
  entryId: Type.String(),
  values: Type.Array(
    Type.Object({
      algorithm: oneOf(ALGORITHMS),
      enabled: Type.Boolean(),
      quarantined: Type.Boolean(),
      flooded: Type.Boolean(),
      derived: orNull(oneOf(DERIVED_KINDS)),
      category: Type.Optional(orNull(Type.String())),
      severity: Type.Optional(orNull(Type.String())),
      source: Type.Optional(orNull(Type.String())),
      mediaType: Type.Optional(orNull(Type.String())),
      updatedAt: Type.Optional(orNull(Type.String())),
      tags: Type.Optional(Type.Array(Type.String())),
      notes: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  ),
});

/** Entries in one answer: a screen of them, each some look-ups in the database. */
const ENTRIES_PER_PAGE = 50;
export const ENTRIES_PER_PAGE_MAX = 200;
const CURSOR_CHARACTERS_MAX = 16_384;
/** Label of sealed cursors: no number of an algorithm. */
const CURSOR_LABEL = 253;

const PageQuery = Type.Object({
  cursor: Type.Optional(
    Type.String({
      maxLength: CURSOR_CHARACTERS_MAX,
      title: 'the cursor of an answer',
      description: 'The cursor of the previous page.',
    }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ENTRIES_PER_PAGE_MAX })),
});

export const EntriesResult = Type.Object({
  list: Type.String(),
  entries: Type.Array(
    Type.Object({
      entryId: orNull(Type.String()),
      algorithms: Type.Array(oneOf(ALGORITHMS)),
      enabled: Type.Boolean(),
      quarantined: Type.Boolean(),
      flooded: Type.Boolean(),
    }),
  ),
  cursor: orNull(Type.String()),
});

/** Entries of a list with a mark in one answer: a person decides on them one by one. */
const MARKED_MAX = 1_000;

export const MarkedResult = Type.Object({
  list: Type.String(),
  total: count,
  entries: Type.Array(
    Type.Object({
      entryId: Type.String(),
      flooded: Type.Boolean({
        description: 'It suddenly matched at many places: its matches count until a person decides.',
      }),
    }),
  ),
});

export function listEntryRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  markedRoute(app, service, needs);
  pageRoute(app, service, needs);
  showRoute(app, service, needs);
  changeRoute(app, service, needs);
  removeRoute(app, service, needs);
}

/** What a caller may see of a value that an entry holds: never the value. */
function toResult({ algorithm, disabled, quarantined, flooded, ...entry }: HeldEntry, hasDetails: boolean) {
  const marks = { algorithm, enabled: !disabled, quarantined, flooded, derived: derivedOf(entry) };
  if (!hasDetails) return marks;
  const { category, severity, source, mediaType, updatedAt, tags, notes } = entry;
  return { ...marks, category, severity, source, mediaType, updatedAt, tags: [...tags], notes: { ...notes } };
}

function markedRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Params: { list: string } }>(
    '/v1/lists/:list/quarantine',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'The entries of a list that are quarantined, or that a flood marked; the first thousand.',
        params: Type.Object({ list: Type.String() }),
        response: { 200: MarkedResult, default: Problem },
      },
    },
    async (request) => {
      const { list } = request.params;
      const { lists } = service.store;
      if (!(await lists.list(list))) throw new AppError('LIST_NOT_FOUND', { list });
      const marked = (await lists.quarantined()).filter((one) => one.list === list);
      const entries = marked.slice(0, MARKED_MAX).map(({ entryId, flooded }) => ({ entryId, flooded }));
      return { list, total: marked.length, entries };
    },
  );
}

/**
 * The cursor of a page is sealed: it has the id of an entry, which may be a value. Nor does a page begin at an id that the client names: by halving, it would
 * reveal such ids.
 */
const cursorAt = ({ vault }: Service['store'], list: string, entryId: string): string =>
  vault.seal(CURSOR_LABEL, Buffer.from(JSON.stringify([list, entryId]))).toString('base64url');

/** Errors REQUEST_INVALID: none of this list, or sealed by a key that is gone. */
function idAt({ vault }: Service['store'], list: string, cursor: string): string {
  try {
    const read: unknown = JSON.parse(vault.open(CURSOR_LABEL, Buffer.from(cursor, 'base64url')).toString());
    if (Array.isArray(read) && read[0] === list && typeof read[1] === 'string') return read[1];
  } catch {
    // As one of another list.
  }
  throw new AppError('REQUEST_INVALID', { field: 'cursor', expected: 'the cursor of the previous page' });
}

function pageRoute(app: FastifyInstance, { store }: Service, needs: Needs): void {
  app.get<{ Params: { list: string }; Querystring: Static<typeof PageQuery> }>(
    '/v1/lists/:list/entries',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'The entries of a list, by their ids, in pages.',
        params: Type.Object({ list: Type.String() }),
        querystring: PageQuery,
        response: { 200: EntriesResult, default: Problem },
      },
    },
    async (request) => {
      const { list } = request.params;
      const { cursor, limit = ENTRIES_PER_PAGE } = request.query;
      const after = cursor === undefined ? null : idAt(store, list, cursor);
      // One more than is returned: whether there is a next page.
      const found = await store.lists.entryPage(list, { after, limit: limit + 1 });
      const shown = found.slice(0, limit);
      const next = found.length > limit ? cursorAt(store, list, shown.at(-1)!.entryId) : null;
      const entries = shown.map(({ entryId, algorithms, disabled, quarantined, flooded }) => ({
        entryId: looksLikeValue(entryId) ? null : entryId,
        algorithms: [...algorithms],
        enabled: !disabled,
        quarantined,
        flooded,
      }));
      return { list, entries, cursor: next };
    },
  );
}

function showRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Params: { list: string; entryId: string } }>(
    '/v1/lists/:list/entries/:entryId',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'One entry: its algorithms and marks; with the scope details all but its values.',
        params: OneEntry,
        response: { 200: EntryResult, default: Problem },
      },
    },
    async (request) => {
      const { list, entryId } = request.params;
      const held = await service.store.lists.entry(list, entryId);
      if (held.length === 0) throw new AppError('NOT_FOUND', { list, entryId });
      return { list, entryId, values: held.map((value) => toResult(value, seesDetails(request.caller))) };
    },
  );
}

function changeRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.patch<{ Params: { list: string; entryId: string }; Body: { enabled: boolean } }>(
    '/v1/lists/:list/entries/:entryId',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Disable or enable one entry, at once and through later imports.',
        params: OneEntry,
        body: Type.Object({ enabled: Type.Boolean() }, { additionalProperties: false }),
        response: { 200: Changed, default: Problem },
      },
    },
    async (request) => {
      const { list, entryId } = request.params;
      const change = request.body.enabled ? 'enable' : 'disable';
      const entries = await storeAs(service, request).lists.changeEntries(list, { entryId }, change);
      if (entries === 0) throw new AppError('NOT_FOUND', { list, entryId });
      await service.reload();
      return { entries };
    },
  );
}

function removeRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.delete<{ Params: { list: string; entryId: string } }>(
    '/v1/lists/:list/entries/:entryId',
    {
      onRequest: needs('curate'),
      schema: {
        summary: 'Remove one entry; an import of a list that has it brings it again.',
        params: OneEntry,
        response: { 200: Changed, default: Problem },
      },
    },
    async (request) => {
      const { list, entryId } = request.params;
      const entries = await storeAs(service, request).lists.changeEntries(list, { entryId }, 'remove');
      if (entries === 0) throw new AppError('NOT_FOUND', { list, entryId });
      await service.reload();
      return { entries };
    },
  );
}
