/** `POST /v1/check` and `POST /v1/hash`: an image in, a verdict or hashes out. */
import multipart from '@fastify/multipart';
import type { Static } from '@sinclair/typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest, RequestPayload } from 'fastify';
import type { CheckAnswer } from '../../check/answers.js';
import type { ImageCheckOptions } from '../../check/check-image.js';
import type { ImageInput } from '../../check/image-hasher.js';
import { AppError, ERRORS } from '../../core/errors.js';
import { FRAMES_DEFAULT } from '../../core/limits.js';
import type { DigestAlgorithm } from '../../core/vocabulary.js';
import type { HashWants } from '../../engine/image-engine.js';
import type { Service } from '../../service/service.js';
import { watchImage } from '../../tenants/watched.js';
import { optionsFrom, type Reduced, reduced } from '../answers.js';
import { FILE_BYTES_MAX, filesOf } from '../file-parts.js';
import { IdempotencyHeaders, type KeyedRequest, keyedRequest } from '../idempotency.js';
import { parseJson } from '../json-body.js';
import { problemOf } from '../problem.js';
import { CheckQuery, CheckResult, FilesResult, HashQuery, HashResult, Problem } from '../schemas.js';
import { wholeBody } from '../whole-body.js';
import type { Needs } from './needs.js';

/** Files in one multipart request: each is decoded on its own, and the request waits for the slowest. */
export const MULTIPART_FILES_MAX = 100;

/** The longest address, each of its characters as an escape, and room. */
const JSON_BODY_BYTES_MAX = 16_384;

/** All hashes and digests of an image; for `POST /v1/hash`. */
const ALL_HASHES: Omit<HashWants, 'orientations' | 'frames'> = {
  detail: 'plain',
  digests: ['md5', 'sha1', 'sha256'],
  families: 'both',
  algorithms: ['pdq', 'blockhash'],
};

type Query = Static<typeof CheckQuery>;
type ImageResult = Reduced<CheckAnswer>;

export function imageOptionsFrom(request: FastifyRequest<{ Querystring: Query }>): ImageCheckOptions {
  const { frames = FRAMES_DEFAULT, digests } = request.query;
  return {
    ...optionsFrom(request, 'all'),
    frames,
    digests: (digests?.split(',') ?? []) as DigestAlgorithm[],
  };
}

/** Return a body that is one image. Errors MEDIA_TYPE_UNSUPPORTED, BODY_EMPTY. */
export function imageBodyOf(request: FastifyRequest): Buffer {
  if (!Buffer.isBuffer(request.body))
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', {
      field: 'content-type',
      expected: 'image/* or application/octet-stream',
    });
  if (request.body.length === 0) throw new AppError('BODY_EMPTY', { field: 'body' });
  return request.body;
}

/** Let the routes take an image as the body. */
export function readImages(app: FastifyInstance, { config: { imageBytesMax } }: Service): void {
  app.addContentTypeParser(
    /^(image\/[\w.+-]+|application\/octet-stream)\s*(;|$)/i,
    async (request: FastifyRequest, payload: RequestPayload) => wholeBody(request, payload, imageBytesMax),
  );
}

/** Let the routes take short JSON, in place of that of the other routes: bodies here may be as long as an image. */
export function readShortJson(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      if (body.length > JSON_BODY_BYTES_MAX)
        throw new AppError('BODY_TOO_LARGE', { field: 'body', bytesMax: JSON_BODY_BYTES_MAX });
      return parseJson(body);
    },
  );
}

export async function imageRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  readImages(app, service);
  readShortJson(app);
  await app.register(multipart, {
    limits: { fileSize: FILE_BYTES_MAX, files: MULTIPART_FILES_MAX },
    // A file over the limit gets an answer of its own.
    throwFileSizeLimit: false,
  });
  checkRoute(app, service, needs);
  hashRoute(app, service, needs);
}

function checkRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Querystring: Query }>(
    '/v1/check',
    {
      onRequest: needs('check', { checks: 1, mayNarrow: true }),
      bodyLimit: service.config.imageBytesMax,
      schema: {
        summary: 'Check an image, or several as multipart/form-data, against the lists.',
        querystring: CheckQuery,
        headers: IdempotencyHeaders,
        consumes: ['image/*', 'application/octet-stream', 'multipart/form-data', 'application/json'],
        response: {
          200: Type.Union([CheckResult, FilesResult]),
          default: Problem,
        },
      },
      // The union is for the documentation; both shapes are plain JSON already.
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      const keyed = keyedRequest(request, service);
      const options = { ...imageOptionsFrom(request), recording: keyed?.recording };
      const answer = request.isMultipart()
        ? await checkFiles(service, request, options, keyed)
        : await checkBody(service, request, options, keyed);
      await keyed?.recording.commit();
      return answer;
    },
  );
}

/** Return the address that a body in JSON has in place of an image; null for other bodies. Errors REQUEST_INVALID. */
function urlIn({ body }: FastifyRequest): string | null {
  if (Buffer.isBuffer(body) || typeof body !== 'object' || body === null || !Object.hasOwn(body, 'url')) return null;
  const { url, ...others } = body as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new AppError('REQUEST_INVALID', { field: unknown.slice(0, 50), expected: 'url alone' });
  if (typeof url !== 'string') throw new AppError('REQUEST_INVALID', { field: 'url', expected: 'text' });
  return url;
}

/** Check a body that is one image, or has the address of one. Errors MEDIA_TYPE_UNSUPPORTED, BODY_EMPTY, those of the check and of `UrlReader`. */
async function checkBody(
  service: Service,
  request: FastifyRequest,
  options: ImageCheckOptions,
  keyed: KeyedRequest | null,
): Promise<object> {
  const url = urlIn(request);
  if (url !== null) {
    keyed?.sawBody(JSON.stringify({ url }));
    return checkImage(service, request, await service.urls.read(url), options);
  }
  const bytes = imageBodyOf(request);
  keyed?.sawBody(bytes);
  return checkImage(service, request, { bytes }, options);
}

/**
 * Check the files of a multipart body, in order; a fault after the first ends the answer, as its `error`.
 * Errors  BODY_EMPTY; those of the form, the check and the tenant's limits at the first file; with a key, at any.
 */
export async function checkFiles(
  service: Service,
  request: FastifyRequest,
  options: ImageCheckOptions,
  keyed: KeyedRequest | null,
): Promise<{ readonly results: readonly ImageResult[]; readonly error?: object }> {
  const results: ImageResult[] = [];
  try {
    // One file at a time: a hundred of them at once would be gigabytes in memory.
    for await (const { name, image } of filesOf(request, service.config.imageBytesMax)) {
      // The first check was taken from the limits before the body was read.
      if (results.length > 0) await request.caller.gate.waitForChecks(1);
      const reference = options.reference ?? (name || null);
      keyed?.sawBody(JSON.stringify([name, 'tooLarge' in image ? image.tooLarge : image.bytes.byteLength]));
      if ('bytes' in image) keyed?.sawBody(image.bytes);
      results.push(await checkImage(service, request, image, { ...options, reference }));
    }
  } catch (fault) {
    // The checks so far are recorded and counted, unless they are recorded together: their answers stand.
    if (results.length === 0 || keyed !== null) throw fault;
    const { code, details } = problemOf(request, fault);
    return { results, error: { code, says: ERRORS[code].says, field: details.field ?? null } };
  }
  if (results.length === 0) throw new AppError('BODY_EMPTY', { field: 'body', expected: 'one or more files' });
  return { results };
}

/** Check one image, and reduce its matches to the caller's scopes. */
export async function checkImage(
  service: Service,
  request: FastifyRequest,
  image: ImageInput,
  options: ImageCheckOptions,
): Promise<ImageResult> {
  const { gate } = request.caller;
  const answer = await service.checkImage(image, {
    ...options,
    onSearched: (found, searched) => watchImage(found, searched, gate, service.probing),
  });
  return reduced(request, answer);
}

function hashRoute(app: FastifyInstance, service: Service, needs: Needs): void {
  app.post<{ Querystring: Static<typeof HashQuery> }>(
    '/v1/hash',
    {
      onRequest: needs('check', { checks: 1 }),
      bodyLimit: service.config.imageBytesMax,
      schema: {
        summary: 'Compute the hashes of an image, without a match or a record.',
        querystring: HashQuery,
        consumes: ['image/*', 'application/octet-stream'],
        response: { 200: HashResult, default: Problem },
      },
    },
    async (request) => {
      const answer = await service.hashImage(
        { bytes: imageBodyOf(request) },
        {
          ...ALL_HASHES,
          orientations: request.query.orientations ?? 'none',
          frames: request.query.frames ?? FRAMES_DEFAULT,
        },
      );
      if (answer.code !== null) throw new AppError(answer.code, answer.image ? { format: answer.image.format } : {});
      return answer;
    },
  );
}
