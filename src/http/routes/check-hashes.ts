/** `POST /v1/check/hashes`: hashes and digests that the caller computed, as JSON, as NDJSON or as raw bytes. */
import { Readable } from 'node:stream';
import type { Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HashItemAnswer } from '../../check/check-hashes.js';
import type { CheckOptions } from '../../check/check-image.js';
import { BATCH_ALGORITHMS } from '../../check/check-values.js';
import type { HashBatch } from '../../check/hash-batch.js';
import { AppError } from '../../core/errors.js';
import { BATCH_BYTES_MAX } from '../../core/limits.js';
import { VALUE_BYTES } from '../../core/vocabulary.js';
import type { Service } from '../../service/service.js';
import { pacedBatch } from '../../tenants/paced-batch.js';
import { watchedBatch } from '../../tenants/watched.js';
import { matchesFor, optionsFrom } from '../answers.js';
import { type createAuthoriser, requireDetailsForRadius } from '../authorise.js';
import { answerLines, answerRaw } from '../hash-streams.js';
import { answered, keyedRequest, watched } from '../idempotency.js';
import { unpackBody } from '../request-encoding.js';
import { HashesQuery, HashesRequest, HashesResult, Problem } from '../schemas.js';

type Query = Static<typeof HashesQuery>;
type Body = Static<typeof HashesRequest> | Readable;

export async function hashRoutes(
  app: FastifyInstance,
  service: Service,
  needs: ReturnType<typeof createAuthoriser>,
): Promise<void> {
  // Bodies of these types are streams of any length: only what is in hand is in memory.
  for (const type of ['application/octet-stream', 'application/x-ndjson']) {
    app.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }

  app.post<{ Body: Body; Querystring: Query }>(
    '/v1/check/hashes',
    {
      onRequest: needs('check:hashes', { checks: 'counted', mayNarrow: true }),
      preParsing: unpackBody,
      bodyLimit: BATCH_BYTES_MAX,
      schema: {
        summary: 'Check hashes and digests that the caller computed.',
        description:
          'JSON: up to 100,000 items, answered in order. NDJSON (application/x-ndjson): an item a line, an answer a ' +
          'line, of any length. application/octet-stream with ?algorithm=: raw values end to end, of any length, ' +
          'answered with only the matches and their positions. Bodies may be gzip (Content-Encoding). An item of JSON may ' +
          'carry all hashes of one file, each with what it is of: they are asked together, as of a picture.',
        querystring: HashesQuery,
        body: {
          content: {
            'application/json': { schema: HashesRequest },
            'application/x-ndjson': { schema: {} },
            'application/octet-stream': { schema: {} },
          },
        },
        response: { 200: HashesResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const tell = (answer: HashItemAnswer): HashItemAnswer | object =>
        'matches' in answer && answer.matches.length > 0
          ? { ...answer, matches: matchesFor(request, answer.matches) }
          : answer;
      if (!(request.body instanceof Readable)) {
        const answer = await answerJson(request, request.body, tell);
        return reply.type('application/json; charset=utf-8').send(answer);
      }
      const keyed = keyedRequest(request, service);
      const options = { ...optionsFrom(request, 'none'), recording: keyed?.recording };
      const batch = pacedBatch(openBatch(request, options), request.caller.gate);
      const body = watched(request.body, keyed);
      if (request.headers['content-type']?.startsWith('application/x-ndjson')) {
        reply.type('application/x-ndjson').header('zeef-generation', String(batch.generation));
        return reply.send(Readable.from(answered(answerLines(body, batch, tell, keyed === null), keyed)));
      }
      const { algorithm } = request.query;
      if (algorithm === undefined) {
        throw new AppError('REQUEST_INVALID', { field: 'algorithm', expected: BATCH_ALGORITHMS.join(' ') });
      }
      // Of a packed body the length says nothing; what is cut short is told at the end.
      const length =
        request.headers['content-encoding'] === 'gzip' ? 0 : Number(request.headers['content-length'] ?? 0);
      if (length % VALUE_BYTES[algorithm] !== 0) {
        throw new AppError('VALUE_INVALID', { bytes: length, expected: `a multiple of ${VALUE_BYTES[algorithm]}` });
      }
      reply.type('application/json; charset=utf-8');
      return reply.send(Readable.from(answered(answerRaw(body, batch, algorithm, tell, keyed === null), keyed)));
    },
  );

  const openBatch = ({ caller }: FastifyRequest<{ Querystring: Query }>, options: CheckOptions): HashBatch =>
    watchedBatch(service.openBatch(options), caller.gate, service.probing);

  async function answerJson(
    request: FastifyRequest<{ Querystring: Query }>,
    { items, orientations = 'none', lists, radius }: Static<typeof HashesRequest>,
    tell: (answer: HashItemAnswer) => object,
  ): Promise<string> {
    requireDetailsForRadius(request.caller, radius);
    const { batchItemsMax } = service.config;
    if (items.length > batchItemsMax) {
      throw new AppError('TOO_MANY_ITEMS', { items: items.length, itemsMax: batchItemsMax });
    }
    const keyed = keyedRequest(request, service);
    keyed?.sawBody(JSON.stringify(request.body));
    const recording = keyed?.recording ?? service.openRecording(request.caller.tenant);
    const options: CheckOptions = {
      orientations,
      lists: lists ? new Set(lists) : null,
      askedRadiusBits: radius ?? null,
      reference: null,
      tenant: request.caller.tenant,
      recording,
    };
    request.caller.gate.takeChecks(items.length);
    const batch = openBatch(request, options);
    const answers = await batch.checkItems(items);
    // Written out before it waits to be on record: many leave together, and what is text already leaves at once.
    const text = JSON.stringify({
      generation: batch.generation,
      checked: answers.filter((answer) => 'verdict' in answer).length,
      matched: answers.filter((answer) => 'verdict' in answer && answer.verdict === 'match').length,
      results: answers.map(tell),
    });
    await recording.commit();
    return text;
  }
}
