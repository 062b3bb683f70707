/** `GET /v1/hashes/{hash}` and `POST /v1/compare`: one value against the lists, and two against each other. */
import type { Static } from '@sinclair/typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { compareHashes } from '../../check/compare-hashes.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from '../../check/search-piece.js';
import { AppError } from '../../core/errors.js';
import { VALUE_BYTES } from '../../core/vocabulary.js';
import type { Service } from '../../service/service.js';
import { optionsFrom } from '../answers.js';
import { checkOneHash } from '../one-hash.js';
import { Problem } from '../schemas.js';
import { CompareBody, CompareResult, OneHashQuery, OneHashResult } from '../verdict-schemas.js';
import type { Needs } from './needs.js';

/** Return the algorithm that a value of this length has. Errors REQUEST_INVALID: several have; VALUE_INVALID: none has. */
export function algorithmOf(hash: string): BatchAlgorithm {
  const [only, ...others] = BATCH_ALGORITHMS.filter((algorithm) => hash.length === VALUE_BYTES[algorithm] * 2);
  if (only === undefined) throw new AppError('VALUE_INVALID', { field: 'hash', expected: '32, 40 or 64 hex digits' });
  if (others.length === 0) return only;
  throw new AppError('REQUEST_INVALID', { field: 'algorithm', got: 'nothing', expected: [only, ...others].join(' ') });
}

export function hashLookupRoutes(app: FastifyInstance, service: Service, needs: Needs): void {
  app.get<{ Params: { readonly hash: string }; Querystring: Static<typeof OneHashQuery> }>(
    '/v1/hashes/:hash',
    {
      onRequest: needs('check:hashes', { checks: 1, mayNarrow: true }),
      schema: {
        summary: 'Check one hash or digest.',
        params: Type.Object({ hash: Type.String() }),
        querystring: OneHashQuery,
        response: { 200: OneHashResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      const { hash } = request.params;
      const { algorithm = algorithmOf(hash) } = request.query;
      return checkOneHash(service, request, { [algorithm]: hash }, optionsFrom(request, 'none'));
    },
  );
  app.post<{ Body: Static<typeof CompareBody> }>(
    '/v1/compare',
    {
      onRequest: needs('check:hashes'),
      schema: {
        summary: 'Return the distance of two values.',
        body: CompareBody,
        response: { 200: CompareResult, default: Problem },
      },
    },
    async ({ body }) => compareHashes(body, service.config),
  );
}
