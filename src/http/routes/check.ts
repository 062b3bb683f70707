/** `POST /v1/check` and `POST /v1/hash`: a picture in, a verdict or hashes out. */
import multipart from '@fastify/multipart';
import type { Static } from '@sinclair/typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CheckAnswer } from '../../check/answers.js';
import type { ImageCheckOptions } from '../../check/check-image.js';
import { AppError } from '../../core/errors.js';
import { MULTIPART_FILES_MAX } from '../../core/limits.js';
import type { DigestAlgorithm } from '../../core/vocabulary.js';
import type { HashWants } from '../../engine/image-engine.js';
import type { Service } from '../../service/service.js';
import { watchImage } from '../../tenants/watched.js';
import { matchesFor, optionsFrom } from '../answers.js';
import type { createAuthoriser } from '../authorise.js';
import { keyedRequest } from '../idempotency.js';
import { CheckQuery, CheckResult, HashQuery, HashResult, Problem } from '../schemas.js';

/** Everything about a picture's hash; for `POST /v1/hash`. */
const ALL_HASHES: Omit<HashWants, 'orientations' | 'frames'> = {
  digests: ['md5', 'sha1', 'sha256'],
  families: 'both',
  algorithms: ['pdq', 'blockhash'],
};

type Query = Static<typeof CheckQuery>;

function imageOptionsFrom(request: FastifyRequest<{ Querystring: Query }>): ImageCheckOptions {
  const { frames = 1, digests } = request.query;
  return {
    ...optionsFrom(request, 'all'),
    frames,
    digests: (digests?.split(',') ?? []) as DigestAlgorithm[],
  };
}

function bodyOf(request: FastifyRequest): Buffer {
  if (!Buffer.isBuffer(request.body))
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', { expected: 'image/* or application/octet-stream' });
  if (request.body.length === 0) throw new AppError('BODY_EMPTY');
  return request.body;
}

export async function imageRoutes(
  app: FastifyInstance,
  service: Service,
  needs: ReturnType<typeof createAuthoriser>,
): Promise<void> {
  const { imageBytesMax } = service.config;
  app.addContentTypeParser(
    /^(image\/[\w.+-]+|application\/octet-stream)/,
    { parseAs: 'buffer', bodyLimit: imageBytesMax },
    (_request, body, done) => done(null, body),
  );
  await app.register(multipart, { limits: { fileSize: imageBytesMax, files: MULTIPART_FILES_MAX, fields: 10 } });

  const check = async (request: FastifyRequest, bytes: Buffer, options: ImageCheckOptions): Promise<CheckAnswer> => {
    const answer = await service.checkImage({ bytes }, options);
    watchImage(answer, request.caller.gate, service.probing);
    return answer;
  };
  const tell = (request: FastifyRequest, answer: CheckAnswer) => ({
    ...answer,
    matches: matchesFor(request, answer.matches),
  });

  app.post<{ Querystring: Query }>(
    '/v1/check',
    {
      onRequest: needs('check', { checks: 1, mayNarrow: true }),
      bodyLimit: imageBytesMax,
      schema: {
        summary: 'Check a picture, or several as multipart/form-data, against the lists.',
        querystring: CheckQuery,
        consumes: ['image/*', 'application/octet-stream', 'multipart/form-data'],
        response: {
          200: Type.Union([CheckResult, Type.Object({ results: Type.Array(CheckResult) })]),
          default: Problem,
        },
      },
      // The union is for the documentation; both shapes are plain JSON already.
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      const keyed = keyedRequest(request, service);
      const options = { ...imageOptionsFrom(request), recording: keyed?.recording };
      if (!request.isMultipart()) {
        const bytes = bodyOf(request);
        keyed?.sawBody(bytes);
        const answer = await check(request, bytes, options);
        await keyed?.recording.commit();
        return tell(request, answer);
      }
      const results: object[] = [];
      // One file at a time: a hundred of them at once would be gigabytes in memory.
      for await (const part of request.files()) {
        // The first was taken before the body was read.
        if (results.length > 0) await request.caller.gate.waitForChecks(1);
        const reference = options.reference ?? (part.filename || null);
        const bytes = await part.toBuffer();
        keyed?.sawBody(JSON.stringify([part.filename, bytes.length]));
        keyed?.sawBody(bytes);
        results.push(tell(request, await check(request, bytes, { ...options, reference })));
      }
      if (results.length === 0) throw new AppError('BODY_EMPTY', { expected: 'one or more files' });
      await keyed?.recording.commit();
      return { results };
    },
  );

  app.post<{ Querystring: Static<typeof HashQuery> }>(
    '/v1/hash',
    {
      onRequest: needs('check', { checks: 1 }),
      bodyLimit: imageBytesMax,
      schema: {
        summary: 'Hashes of a picture; nothing is looked up or recorded.',
        querystring: HashQuery,
        consumes: ['image/*', 'application/octet-stream'],
        response: { 200: HashResult, default: Problem },
      },
    },
    async (request) => {
      const answer = await service.hashImage(
        { bytes: bodyOf(request) },
        { ...ALL_HASHES, orientations: request.query.orientations ?? 'none', frames: request.query.frames ?? 1 },
      );
      if (answer.code !== null) throw new AppError(answer.code, answer.image ? { format: answer.image.format } : {});
      return answer;
    },
  );
}
