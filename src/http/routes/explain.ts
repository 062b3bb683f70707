/** `POST /v1/explain`: why an image or a hash matched, or did not. Counted, billed and watched as a check, and not recorded. */
import type { Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../core/errors.js';
import { FRAMES_DEFAULT } from '../../core/limits.js';
import { VALUE_BYTES } from '../../core/vocabulary.js';
import type { Service } from '../../service/service.js';
import { watchImage, watchValue } from '../../tenants/watched.js';
import { ExplainBody, ExplainQuery, ExplainResult } from '../explain-schemas.js';
import { Problem } from '../schemas.js';
import { imageBodyOf, readImages, readShortJson } from './check.js';
import { algorithmOf } from './hashes.js';
import type { Needs } from './needs.js';

interface ExplainRoute {
  readonly Querystring: Static<typeof ExplainQuery>;
  readonly Body: Static<typeof ExplainBody> | Buffer;
}

const IMAGE_TYPES = ['image/*', 'application/octet-stream'] as const;
const isJson = ({ headers }: FastifyRequest) => /^\s*application\/json\s*(;|$)/i.test(headers['content-type'] ?? '');

export async function explainRoutes(app: FastifyInstance, service: Service, needs: Needs): Promise<void> {
  readImages(app, service);
  readShortJson(app);
  app.post<ExplainRoute>(
    '/v1/explain',
    {
      // What may be asked without the details too needs its own scope here.
      onRequest: needs('details', { checks: 1, also: (request) => (isJson(request) ? 'check:hashes' : 'check') }),
      bodyLimit: service.config.imageBytesMax,
      schema: {
        summary: 'Say why an image or a hash matched, or did not, entry by entry.',
        querystring: ExplainQuery,
        body: {
          content: {
            'application/json': { schema: ExplainBody },
            ...Object.fromEntries(IMAGE_TYPES.map((type) => [type, { schema: {} }])),
          },
        },
        response: { 200: ExplainResult, default: Problem },
      },
      serializerCompiler: () => (data) => JSON.stringify(data),
    },
    async (request) => {
      const { body, query } = request;
      if (!Buffer.isBuffer(body) && isJson(request)) return explainHash(service, request, body);
      const { orientations = 'all', frames = FRAMES_DEFAULT, detail = null } = query;
      const { gate, tenant } = request.caller;
      return service.explainImage(
        tenant,
        { bytes: imageBodyOf(request) },
        { orientations, frames, detail },
        (digests, searched, { matches }) => watchImage({ digests, matches }, searched, gate, service.probing),
      );
    },
  );
}

/** Errors VALUE_INVALID; REQUEST_INVALID: several algorithms have values of this length, a parameter of images; those of the tenant's limits. */
async function explainHash(
  service: Service,
  request: FastifyRequest<ExplainRoute>,
  { hash, algorithm: named, quality }: Static<typeof ExplainBody>,
): Promise<object> {
  const { orientations = 'none', ...ofImages } = request.query;
  const [field] = Object.keys(ofImages);
  if (field !== undefined) throw new AppError('REQUEST_INVALID', { field, expected: 'an image: a hash has none' });
  const hex = hash.trim().toLowerCase();
  const algorithm = named ?? algorithmOf(hex);
  const digits = VALUE_BYTES[algorithm] * 2;
  if (hex.length !== digits || !/^[0-9a-f]+$/.test(hex))
    throw new AppError('VALUE_INVALID', { field: 'hash', expected: `${digits} hex digits` });
  const noteShown = watchValue({ [algorithm]: hex }, request.caller.gate, service.probing);
  const value = { algorithm, hex, ...(quality === undefined ? {} : { quality }) };
  return service.explainHash(request.caller.tenant, value, orientations, noteShown);
}
