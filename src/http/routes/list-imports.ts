/** `POST /v1/lists/{list}/entries`: import a hash list as it was published, at once or as a job. */
import { Readable } from 'node:stream';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { AppError, ERRORS } from '../../core/errors.js';
import { IMPORT_BYTES_MAX } from '../../core/limits.js';
import { ALGORITHMS } from '../../core/vocabulary.js';
import { parseCategories } from '../../hashlists/categories.js';
import { HASHLIST_FORMATS, requireMeaning } from '../../hashlists/importers.js';
import { parseMapping } from '../../hashlists/mapping.js';
import type { JobProgress } from '../../lists/import/import-jobs.js';
import type { Service } from '../../service/service.js';
import { JOB_STATES } from '../../store/jobs-contract.js';
import { ofSeenLists } from '../authorise.js';
import { ImportReportResult } from '../list-schemas.js';
import { count, oneOf, orNull, Problem } from '../schemas.js';
import type { Needs } from './needs.js';

/** Formats that can be read as a stream; NSRL's is a database, imported by the CLI only. */
const HANDED_FORMATS = HASHLIST_FORMATS.filter((format) => format !== 'nsrl');

/** Types of published lists. None that a page of another site may send without asking: no form, and no plain text. */
const LIST_TYPES = [
  'application/octet-stream',
  'application/json',
  'application/x-ndjson',
  'application/xml',
  'text/csv',
  'text/xml',
] as const;
/** A mapping names some ten columns; lists have some ten categories. */
const NAMES_CHARACTERS_MAX = 4_096;

const ImportQuery = Type.Object({
  format: oneOf(HANDED_FORMATS),
  mode: Type.Optional(oneOf(['replace', 'add'])),
  algorithm: Type.Optional(oneOf(ALGORITHMS)),
  map: Type.Optional(
    Type.String({
      maxLength: NAMES_CHARACTERS_MAX,
      description:
        'Columns of CSV or JSON: value=HASH,algorithm=TYPE,category=SEVERITY,entryId=ID; or md5=MD5,sha1=SHA1.',
    }),
  ),
  categories: Type.Optional(
    Type.String({
      maxLength: NAMES_CHARACTERS_MAX,
      description: 'Only entries of these categories are taken: 1,2 or US/1.',
    }),
  ),
  bank: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: NAMES_CHARACTERS_MAX,
      description: 'The bank of a dump of HMA that has several.',
    }),
  ),
  kind: Type.Optional(oneOf(['match', 'suppression'])),
});

/** Jobs of version 0.1 have no `updated`. */
/** What a bank of HMA has that has no place in a list. */
const HmaFactsResult = Type.Object({
  bank: Type.String(),
  ratio: orNull(Type.Number({ minimum: 0, maximum: 1 })),
  contents: count,
  disabledForEver: count,
  notesLeftOut: count,
  otherTypes: Type.Record(Type.String(), count),
  exchanges: Type.Array(Type.String()),
});
const JobReport = Type.Object({
  ...ImportReportResult.properties,
  updated: Type.Optional(ImportReportResult.properties.updated),
  hma: Type.Optional(HmaFactsResult),
  separators: Type.Optional(
    Type.Array(Type.String(), { description: 'What separates the columns of the file, where it is no comma.' }),
  ),
});

export const JobResult = Type.Object({
  id: Type.String(),
  list: Type.String(),
  state: oneOf(JOB_STATES),
  bytes: count,
  bytesDone: orNull(count),
  rowsRead: orNull(count),
  createdAt: Type.String(),
  finishedAt: orNull(Type.String()),
  report: orNull(JobReport),
  error: orNull(
    Type.Object({
      code: Type.String(),
      says: Type.String({ description: 'What the code says.' }),
      details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
    }),
  ),
});

/** Reduce a job to its public fields. */
function toResult({ id, list, state, bytes, bytesDone, rowsRead, createdAt, finishedAt, ...end }: JobProgress) {
  // The process that did the job may be of a version with other codes.
  const known: Readonly<Record<string, { readonly says: string } | undefined>> = ERRORS;
  const { report, error } = end;
  const says = error && { ...error, says: known[error.code]?.says ?? error.code };
  const progress = { id, list, state, bytes, bytesDone, rowsRead, createdAt, finishedAt };
  return { ...progress, report: report && { ...report }, error: says };
}

export async function listImportRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  // The query names the format, and the body is a stream of any length.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...LIST_TYPES], (_request, payload, done) => done(null, payload));

  importRoute(app, service, needs);
  jobRoute(app, service, needs);
  jobsRoute(app, service, needs);
}

function importRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Params: { list: string }; Querystring: Static<typeof ImportQuery> }>(
    '/v1/lists/:list/entries',
    {
      onRequest: needs('admin'),
      bodyLimit: IMPORT_BYTES_MAX,
      config: { streams: true },
      schema: {
        summary: 'Import a hash list as it was published.',
        description:
          'A short list is imported before the answer (200, or 202 where its version is held); a longer one becomes ' +
          'a job (202, with its Location). Sending the same bytes again returns the same job.',
        params: Type.Object({ list: Type.String() }),
        querystring: ImportQuery,
        consumes: [...LIST_TYPES],
        response: { 200: JobResult, 202: JobResult, default: Problem },
      },
    },
    async (request, reply) => {
      const { format, mode = 'replace', algorithm, map, categories, bank, kind = 'match' } = request.query;
      if (!(request.body instanceof Readable)) throw new AppError('BODY_EMPTY');
      requireMeaning(format, { bank, map });
      const mapping = map === undefined ? {} : { mapping: parseMapping(map) };
      const how = {
        format,
        mode,
        kind,
        radiusBits: service.config.radiusBits,
        detail: service.config.detail,
        ...(algorithm === undefined ? {} : { assumed: algorithm }),
        ...mapping,
        ...(bank === undefined ? {} : { bank }),
        ...(categories === undefined ? {} : { categories: parseCategories(categories) }),
      };
      const job = await service.imports.take(request.params.list, request.body, how, request.caller.actor);
      if (job.state === 'failed') throw new AppError(job.error!.code, { ...job.error!.details, job: job.id });
      reply.header('location', `/v1/jobs/${job.id}`);
      return reply.code(job.state === 'done' ? 200 : 202).send(toResult(job));
    },
  );
}

function jobRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Params: { id: string } }>(
    '/v1/jobs/:id',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'The progress of an import.',
        params: Type.Object({ id: Type.String() }),
        response: { 200: JobResult, default: Problem },
      },
    },
    async ({ params: { id }, caller }) => {
      const [job] = await ofSeenLists(service, caller, [await service.imports.job(id)]);
      if (job === undefined) throw new AppError('NOT_FOUND', { job: id });
      return toResult(job);
    },
  );
}

function jobsRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Querystring: { list?: string } }>(
    '/v1/jobs',
    {
      onRequest: needs('lists'),
      schema: {
        summary: 'Imports, newest first.',
        querystring: Type.Object({ list: Type.Optional(Type.String()) }),
        response: { 200: Type.Object({ jobs: Type.Array(JobResult) }), default: Problem },
      },
    },
    async ({ query, caller }) => {
      const jobs = await ofSeenLists(service, caller, await service.imports.jobs(query.list));
      return { jobs: jobs.map(toResult) };
    },
  );
}
