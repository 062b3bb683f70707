/** `/v1/verdict` and the adapters: the status of the answer is the verdict, for programs that read nothing else. */
import { Readable } from 'node:stream';
import multipart from '@fastify/multipart';
import type { Static } from '@sinclair/typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ImageCheckOptions } from '../../check/check-image.js';
import { type ArrivedImage, readImage } from '../../check/read-image.js';
import { AppError } from '../../core/errors.js';
import { FRAMES_DEFAULT } from '../../core/limits.js';
import type { Service } from '../../service/service.js';
import { optionsFrom } from '../answers.js';
import { seen } from '../body-budget.js';
import { FILE_BYTES_MAX } from '../file-parts.js';
import { IdempotencyHeaders, type KeyedRequest, keyedRequest } from '../idempotency.js';
import { checkOneHash } from '../one-hash.js';
import { Problem } from '../schemas.js';
import { HashVerdictQuery, HashVerdictResult, VerdictQuery, VerdictResult } from '../verdict-schemas.js';
import { type StatusRules, statusOf } from '../verdict-status.js';
import { checkFiles, checkImage, imageOptionsFrom, MULTIPART_FILES_MAX } from './check.js';
import type { Needs } from './needs.js';

/** Values that `GET /v1/verdict` takes: those of a file, as it may be named by one. */
const VALUES = ['md5', 'sha1', 'sha256', 'pdq'] as const;

/** A body of any length as it arrives: of one over the size limit of images only the digests are kept. */
function streamBodies(app: FastifyInstance, types: RegExp): void {
  app.addContentTypeParser(types, (_request, payload, done) => done(null, payload));
}

export async function verdictRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  streamBodies(app, /^(image\/[\w.+-]+|application\/octet-stream)\s*(;|$)/i);
  await app.register(multipart, {
    limits: { fileSize: FILE_BYTES_MAX, files: MULTIPART_FILES_MAX },
    throwFileSizeLimit: false,
  });
  imageRoute(app, service, needs);
  hashRoute(app, service, needs);
}

/** Read a body that is one image. Errors MEDIA_TYPE_UNSUPPORTED, BODY_EMPTY, BODY_TOO_LARGE; those of the connection. */
async function imageIn({ body, headers }: FastifyRequest, imageBytesMax: number): Promise<ArrivedImage> {
  if (!(body instanceof Readable))
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', {
      field: 'content-type',
      expected: 'image/* or application/octet-stream',
    });
  const tooLarge = () => new AppError('BODY_TOO_LARGE', { field: 'body', bytesMax: FILE_BYTES_MAX });
  if (Number(headers['content-length'] ?? 0) > FILE_BYTES_MAX) throw tooLarge();
  let bytes = 0;
  const counted = seen(body, (more) => {
    bytes += more;
    if (bytes > FILE_BYTES_MAX) throw tooLarge();
  });
  const image = await readImage(counted, imageBytesMax);
  if (bytes === 0) throw new AppError('BODY_EMPTY', { field: 'body' });
  return image;
}

/** Answer with the status of the verdict, once it is recorded. */
async function answerImage(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  { options, rules, keyed }: { options: ImageCheckOptions; rules: StatusRules; keyed: KeyedRequest | null },
): Promise<object> {
  const image = await imageIn(request, service.config.imageBytesMax);
  keyed?.sawBody('bytes' in image ? image.bytes : JSON.stringify(image.tooLarge));
  const answer = await checkImage(service, request, image, options);
  await keyed?.recording.commit();
  const { status, code } = statusOf([answer.verdict], rules);
  reply.code(status);
  return { ...answer, code };
}

function imageRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  const { imageBytesMax, verdictFails } = service.config;
  app.post<{ Querystring: Static<typeof VerdictQuery> }>(
    '/v1/verdict',
    {
      onRequest: needs('check', { checks: 1, mayNarrow: true }),
      bodyLimit: imageBytesMax,
      config: { streams: 'image' },
      schema: {
        summary: 'Check an image, or several, and answer by the status: 200, or the status of a match, or 503.',
        querystring: VerdictQuery,
        headers: IdempotencyHeaders,
        consumes: ['image/*', 'application/octet-stream', 'multipart/form-data'],
        response: {
          200: VerdictResult,
          403: VerdictResult,
          406: VerdictResult,
          422: VerdictResult,
          451: VerdictResult,
          503: VerdictResult,
          default: Problem,
        },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const keyed = keyedRequest(request, service);
      const options = { ...imageOptionsFrom(request), recording: keyed?.recording };
      const rules = { match: request.query.match, verdictFails };
      if (!request.isMultipart()) return answerImage(service, request, reply, { options, rules, keyed });
      const answer = await checkFiles(service, request, options, keyed);
      await keyed?.recording.commit();
      const { status, code } = statusOf(
        answer.results.map(({ verdict }) => verdict),
        rules,
        'error' in answer,
      );
      reply.code(status);
      return { ...answer, code };
    },
  );
}

function hashRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  const { verdictFails } = service.config;
  app.get<{ Querystring: Static<typeof HashVerdictQuery> }>(
    '/v1/verdict',
    {
      onRequest: needs('check:hashes', { checks: 1, mayNarrow: true }),
      schema: {
        summary: 'Check digests of a file, and answer by the status.',
        querystring: HashVerdictQuery,
        response: {
          200: HashVerdictResult,
          403: HashVerdictResult,
          406: HashVerdictResult,
          422: HashVerdictResult,
          451: HashVerdictResult,
          503: HashVerdictResult,
          default: Problem,
        },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const { query } = request;
      const item = Object.fromEntries(
        VALUES.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
      );
      if (Object.keys(item).length === 0)
        throw new AppError('REQUEST_INVALID', { field: 'query', expected: `one of ${VALUES.join(', ')}` });
      const answer = await checkOneHash(service, request, item, optionsFrom(request, 'none'));
      const { status, code } = statusOf([answer.verdict], { match: query.match, verdictFails });
      reply.code(status);
      return { ...answer, code };
    },
  );
}

/** `POST /adapters/pict-rs/{key}`: what pict-rs calls external validation. It sends no header for a key, and reads only the status. */
export async function pictrsRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  const { adapters, imageBytesMax, verdictFails } = service.config;
  // It sends videos too: only their digests can match.
  streamBodies(app, /^((image|video)\/[\w.+-]+|application\/octet-stream)\s*(;|$)/i);
  const requireOn = async () => {
    if (adapters !== 'pict-rs') throw new AppError('ADAPTER_OFF', { expected: 'ZEEF_ADAPTERS=pict-rs' });
  };
  app.post<{ Params: { readonly key: string } }>(
    '/adapters/pict-rs/:key',
    {
      onRequest: [requireOn, needs('check', { checks: 1, keyInPath: true })],
      bodyLimit: imageBytesMax,
      config: { streams: 'image' },
      schema: {
        summary: 'Check an upload of pict-rs, and answer by the status.',
        params: Type.Object({ key: Type.String() }),
        consumes: ['image/*', 'video/*', 'application/octet-stream'],
        response: { 200: VerdictResult, 406: VerdictResult, 503: VerdictResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const { tenant } = request.caller;
      const options: ImageCheckOptions = {
        orientations: 'all',
        lists: null,
        requestedRadiusBits: null,
        detail: null,
        reference: null,
        tenant,
        frames: FRAMES_DEFAULT,
        digests: [],
      };
      return answerImage(service, request, reply, { options, rules: { match: undefined, verdictFails }, keyed: null });
    },
  );
}
