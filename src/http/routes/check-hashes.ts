/** `POST /v1/check/hashes`: hashes and digests that the caller computed, as JSON, as NDJSON or as raw bytes. */
import { Readable } from 'node:stream';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HashItemAnswer } from '../../check/check-hashes.js';
import type { CheckOptions } from '../../check/check-image.js';
import type { HashBatch } from '../../check/hash-batch.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../../check/search-piece.js';
import { Breath } from '../../core/breath.js';
import { AppError } from '../../core/errors.js';
import { BATCH_BYTES_MAX } from '../../core/limits.js';
import { VALUE_BYTES } from '../../core/vocabulary.js';
import type { Service } from '../../service/service.js';
import { pacedBatch } from '../../tenants/paced-batch.js';
import { watchedBatch } from '../../tenants/watched.js';
import { optionsFrom, reduced } from '../answers.js';
import { requireDetailsFor, seesDetails } from '../authorise.js';
import { holding } from '../body-budget.js';
import { answerRead, type ReadItem, readItem, withoutWindows } from '../hash-items.js';
import { answerLines, answerRaw } from '../hash-streams.js';
import { answered, IdempotencyHeaders, type KeyedRequest, keyedRequest, watched } from '../idempotency.js';
import { BatchParser, requireItems } from '../json-body.js';
import { lateValidators } from '../late-compilers.js';
import { unpackBody } from '../request-encoding.js';
import { HashesEnvelope, HashesQuery, HashesRequest, HashesResult, Problem, RawHashesResult } from '../schemas.js';
import { createValidatorCompiler } from '../validation.js';
import type { Needs } from './needs.js';

type JsonBody = Static<typeof HashesEnvelope>;
const compile = lateValidators(createValidatorCompiler());
/** An answer in memory, with its text three times: measured 720 bytes without matches. */
const ANSWER_BYTES = 768;
/** Names in use for lines of JSON; none is registered. */
const LINE_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];
interface HashesRoute {
  Body: JsonBody | Readable;
  Querystring: Static<typeof HashesQuery>;
}

export async function hashRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  // Bodies of these types are streams of any length: only the pieces in flight are in memory.
  for (const type of ['application/octet-stream', ...LINE_TYPES]) {
    app.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  }
  const parser = new BatchParser(service.config.batchItemsMax);
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) =>
    holding(request, () => parser.parse(body)),
  );
  app.addHook('onClose', () => parser.close());

  app.post<HashesRoute>(
    '/v1/check/hashes',
    {
      onRequest: needs('check:hashes', { checks: 'counted', mayNarrow: true }),
      preParsing: unpackBody,
      bodyLimit: BATCH_BYTES_MAX,
      config: { streams: true },
      schema: {
        summary: 'Check hashes and digests that the caller computed.',
        description:
          `JSON: up to ${service.config.batchItemsMax} items in ${BATCH_BYTES_MAX} bytes, answered in order. ` +
          'NDJSON (application/x-ndjson, application/ndjson or ' +
          'application/jsonl): an item a line, an answer a line, of any length. An invalid item is answered with its error. application/octet-stream with ?algorithm=: raw values end to end, of any length, ' +
          'answered with only the matches and their positions. Bodies may be gzip (Content-Encoding). A JSON item may ' +
          'carry all hashes of one file, each with its orientation, family and frame: they are matched together, like an image.',
        querystring: HashesQuery,
        headers: IdempotencyHeaders,
        body: {
          content: {
            'application/json': { schema: HashesRequest },
            ...Object.fromEntries(LINE_TYPES.map((type) => [type, { schema: {} }])),
            'application/octet-stream': { schema: {} },
          },
        },
        response: { 200: Type.Union([HashesResult, RawHashesResult]), default: Problem },
      },
      // The document describes the items; here only what must hold of the whole body is required.
      validatorCompiler: (route) =>
        compile(route.httpPart === 'body' && isHashes(route.schema) ? { ...route, schema: HashesEnvelope } : route),
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request, reply) => {
      const { body } = request;
      if (body instanceof Readable) return answerStream(service, request, body, reply);
      requireNoQuery(request);
      const answer = await answerJson(service, request, body);
      return reply.type('application/json; charset=utf-8').send(answer);
    },
  );
}

const isHashes = (schema: unknown) => 'items' in ((schema as Partial<typeof HashesRequest>).properties ?? {});

/** What a body in JSON says of its items stands in it; a parameter that was not read would look like one that was. Errors REQUEST_INVALID. */
function requireNoQuery({ query }: FastifyRequest<HashesRoute>): void {
  const [field] = Object.keys(query);
  if (field !== undefined) throw new AppError('REQUEST_INVALID', { field, expected: 'in the body, where it is JSON' });
}

/** Reduce the matches of an answer to the caller's scopes. */
const toResult =
  (request: FastifyRequest) =>
  (answer: HashItemAnswer): object =>
    'matches' in answer ? reduced(request, answer) : answer;

const openBatch = (
  service: Service,
  { caller }: FastifyRequest<HashesRoute>,
  options: CheckOptions,
  as: { readonly isStream: boolean },
): HashBatch => {
  const batch = watchedBatch(service.openBatch(options, as), caller.gate, service.probing);
  return seesDetails(caller) ? batch : withoutWindows(batch);
};

async function readItems(items: readonly unknown[]): Promise<ReadItem[]> {
  const breath = new Breath();
  const read: ReadItem[] = [];
  for (const item of items) {
    if (breath.isDue) await breath.take();
    read.push(readItem(item));
  }
  return read;
}

/** Add a batch to the fingerprint of its request. */
async function sawBatch(keyed: KeyedRequest, { items, ...envelope }: JsonBody): Promise<void> {
  const breath = new Breath();
  keyed.sawBody(JSON.stringify(envelope));
  for (const item of items) {
    if (breath.isDue) await breath.take();
    keyed.sawBody(`${JSON.stringify(item)}\n`);
  }
}

/** Serialise answers: a hundred thousand of them take a second. */
async function resultsText(answers: readonly object[]): Promise<string> {
  const breath = new Breath();
  const texts: string[] = [];
  for (const answer of answers) {
    if (breath.isDue) await breath.take();
    texts.push(JSON.stringify(answer));
  }
  return `[${texts.join(',')}]`;
}

/**
 * Return the response body as JSON, once its answers are recorded.
 * Errors  SCOPE_MISSING; TOO_MANY_ITEMS; those of the idempotency key, the tenant's limits and the store.
 */
async function answerJson(service: Service, request: FastifyRequest<HashesRoute>, body: JsonBody): Promise<string> {
  const { items, orientations = 'none', lists, radius, detail } = body;
  requireDetailsFor(request.caller, 'radius', radius);
  const { batchItemsMax } = service.config;
  requireItems(items.length, batchItemsMax);
  request.bodyShare?.takeMemory(items.length * ANSWER_BYTES);
  const keyed = keyedRequest(request, service);
  if (keyed !== null) await sawBatch(keyed, body);
  const recording = keyed?.recording ?? service.openRecording(request.caller.tenant);
  const options: CheckOptions = {
    orientations,
    lists: lists ? new Set(lists) : null,
    requestedRadiusBits: radius ?? null,
    detail: detail ?? null,
    reference: null,
    tenant: request.caller.tenant,
    recording,
  };
  request.caller.gate.takeChecks(items.length);
  const batch = openBatch(service, request, options, { isStream: false });
  const answers = await answerRead(batch, await readItems(items));
  // Serialised before the commit: many answers are committed together, and finished text is sent at once.
  const facts = JSON.stringify({
    generation: batch.generation,
    checked: answers.filter((answer) => 'verdict' in answer).length,
    matched: answers.filter((answer) => 'verdict' in answer && answer.verdict === 'match').length,
  });
  const results = await resultsText(answers.map(toResult(request)));
  const text = `${facts.slice(0, -1)},"results":${results}}`;
  await recording.commit();
  return text;
}

/**
 * Answer NDJSON lines or raw values while they arrive.
 * Errors  those of the idempotency key and of `rawAlgorithm`, and REQUEST_INVALID: an algorithm of lines; before the body is read.
 */
function answerStream(
  service: Service,
  request: FastifyRequest<HashesRoute>,
  body: Readable,
  reply: FastifyReply,
): FastifyReply {
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  const isLines = LINE_TYPES.includes(type);
  if (isLines && request.query.algorithm !== undefined)
    throw new AppError('REQUEST_INVALID', { field: 'algorithm', expected: 'raw values: an item names its own' });
  const keyed = keyedRequest(request, service);
  const options = { ...optionsFrom(request, 'none'), recording: keyed?.recording };
  const batch = pacedBatch(openBatch(service, request, options, { isStream: true }), request.caller.gate);
  const input = watched(body, keyed);
  const mayTruncate = keyed === null;
  const send = (answers: AsyncIterable<string>) => reply.send(Readable.from(answered(answers, keyed)));
  if (isLines) {
    reply.type(type).header('zeef-generation', String(batch.generation));
    return send(answerLines(input, batch, toResult(request), mayTruncate));
  }
  const algorithm = rawAlgorithm(request);
  reply.type('application/json; charset=utf-8');
  return send(answerRaw(input, batch, algorithm, toResult(request), mayTruncate));
}

/** Return the algorithm of raw values. Errors REQUEST_INVALID: none is given; VALUE_INVALID: the last value is incomplete. */
function rawAlgorithm({ query: { algorithm }, headers }: FastifyRequest<HashesRoute>): BatchAlgorithm {
  if (algorithm === undefined) {
    throw new AppError('REQUEST_INVALID', { field: 'algorithm', expected: BATCH_ALGORITHMS.join(' ') });
  }
  // The length of a compressed body proves nothing; an incomplete value is reported at the end.
  const length = headers['content-encoding'] === 'gzip' ? 0 : Number(headers['content-length'] ?? 0);
  if (length % VALUE_BYTES[algorithm] !== 0) {
    throw new AppError('VALUE_INVALID', { bytes: length, expected: `a multiple of ${VALUE_BYTES[algorithm]}` });
  }
  return algorithm;
}
