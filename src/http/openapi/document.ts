/** The document of the API: what the schemas of the routes say, and what `operations.ts` says of each beside. */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema, RouteOptions } from 'fastify';
import { PACKAGE_VERSION } from '../../core/package-root.js';
import { complete } from './complete.js';
import { INTRODUCTION } from './introduction.js';
import type { Operation } from './operations/operation.js';
import { OPERATIONS } from './operations.js';
import type { ApiDocument } from './shapes.js';
import { TAGS } from './tags.js';

/** Return the key of a route in `OPERATIONS`. */
const nameOf = (method: string, url: string) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`;

/** Return the scope that the hooks of a route need; undefined: no key is needed. */
function scopeOf({ onRequest }: Pick<RouteOptions, 'onRequest'>): string | undefined {
  const hooks = [onRequest ?? []].flat() as readonly { readonly scope?: string }[];
  return hooks.find(({ scope }) => scope !== undefined)?.scope;
}

/** The scheme of the key with the scope; an empty requirement: no key. */
function securityOf(scope: string | undefined, { isKeyOptional, keyInPath }: Operation): Record<string, string[]>[] {
  if (keyInPath) return [];
  if (scope !== undefined) return [{ key: [scope] }];
  return isKeyOptional ? [{}, { key: [] }] : [];
}

function describe(method: string, url: string, route: RouteOptions): FastifySchema {
  const schema = route.schema ?? {};
  const operation = OPERATIONS[nameOf(method, url)];
  if (operation === undefined || schema.hide) return { ...schema, hide: true };
  const scope = scopeOf(route);
  const needed = scope === undefined ? 'No key is needed.' : `Needs the scope \`${scope}\`.`;
  return {
    ...schema,
    tags: [operation.tag],
    operationId: operation.id,
    description: [operation.about, needed].join('\n\n'),
    security: securityOf(scope, operation),
  };
}

export const DOCUMENT: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Zeef',
      summary: 'Perceptual-hash matching of known images.',
      description: INTRODUCTION,
      version: PACKAGE_VERSION,
      license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This service.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'zeef_...',
          description:
            'A key, as it was returned once by `zeef keys create` or `POST /v1/keys`, with `zeef_` at its beginning.',
        },
      },
    },
    security: [{ key: [] }],
  },
  transform: ({ schema, url, route }) => ({ schema: describe(String(route.method), url, { ...route, schema }), url }),
  transformObject: (given) => complete((given as { readonly openapiObject: ApiDocument }).openapiObject) as object,
};
