/** docs/api.md agrees with the routes: paths, query, scope, JSON bodies. */
import type { RouteOptions } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SCOPES } from '../../src/store/keys-contract.js';
import { withoutReferences } from '../support/openapi-document.js';
import { type Running, startService } from '../support/running.js';
import { codeSpansOf, PAGES, pageText } from './blocks.js';

interface Schema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
}
interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

let running: Running;
let operations: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
const registered = new Set<string>();

beforeAll(async () => {
  running = await startService({ adapters: 'pict-rs' }, ({ method, url }: RouteOptions) => {
    for (const each of [method].flat()) if (each !== 'HEAD') registered.add(`${each} ${documented(url)}`);
  });
  operations = withoutReferences(await (await fetch(`${running.url}/openapi.json`)).json()).paths as typeof operations;
});
afterAll(() => running.stop());

/** Return a path as the pages write it; the files of a web page count as that page. */
function documented(url: string): string {
  return url
    .replace(/^\/docs(\/.*)?$/, '/docs/')
    .replace(/^\/dashboard\/.*$/, '/dashboard')
    .replace(/:(\w+)/g, '{$1}');
}

const ROWS = [
  ...pageText('docs/api.md').matchAll(/^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`?]+)\??([^`]*)` \| (\S+) \| (.*?) \|/gm),
].map(([, route, query, scope, body]) => ({
  route: route!,
  query: query!.split('&').filter(Boolean),
  scope: scope!.replaceAll('`', ''),
  body: body!,
}));
const operationOf = (route: string): Operation | undefined => {
  const [method, path] = route.split(' ') as [string, string];
  return operations[path]?.[method.toLowerCase()];
};
const sorted = (fields: string) => fields.split(', ').sort().join();
const forms = (schema: Schema): string[] =>
  (schema.anyOf ?? [schema])
    .filter(({ properties }) => properties !== undefined)
    .map(({ properties = {}, required = [] }) =>
      Object.keys(properties)
        .map((name) => (required.includes(name) ? name : `${name}?`))
        .sort()
        .join(),
    );

test('docs/api.md lists exactly the existing routes', () => {
  // Two rows of one route differ in their query.
  expect([...new Set(ROWS.map(({ route }) => route))].sort()).toEqual([...registered].sort());
});

test('each row has the query of its route', () => {
  for (const { route, query } of ROWS) {
    const names = (operationOf(route)?.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name);
    expect([route, ...query.sort()]).toEqual([route, ...names.sort()]);
  }
});

test('each row has the fields of its JSON body', () => {
  for (const { route, body } of ROWS) {
    const schema = operationOf(route)?.requestBody?.content['application/json']?.schema;
    const named = [...body.matchAll(/`\{(.*?)\}`/g)].map(([, fields]) => sorted(fields!));
    expect([route, ...named]).toEqual([route, ...(schema ? forms(schema) : [])]);
  }
});

test('the fields of an item and of one of its hashes are documented', () => {
  const schema = operationOf('POST /v1/check/hashes')!.requestBody!.content['application/json']!.schema;
  const { items: item } = schema.properties!.items as { items: Schema };
  const { items: hash } = item.properties!.hashes as { items: Schema };
  const spans = [...pageText('docs/api.md').matchAll(/`\{([^`]*)\}`/g)].map(([, fields]) => sorted(fields!));
  for (const form of [...forms(item), ...forms(hash)]) expect(spans).toContain(form);
});

test('each row has the scope that its route needs', async () => {
  const { key: one } = await running.service.store.keys.createKey({
    tenant: 'a',
    scopes: ['lists'],
    name: null,
    expiresAt: null,
  });
  const { key: other } = await running.service.store.keys.createKey({
    tenant: 'a',
    scopes: ['check'],
    name: null,
    expiresAt: null,
  });
  const needed = async (route: string, key: string): Promise<string | null> => {
    const [method, path] = route.split(' ') as [string, string];
    const url = running.url + path.replace('{key}', key).replace(/\{\w+\}/g, 'nothing');
    const body = method === 'GET' || method === 'DELETE' ? null : '{}';
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    };
    const response = await fetch(url, { method, headers, body, redirect: 'manual' });
    return response.status === 403 ? (await response.json()).details.scope : null;
  };
  for (const { route, scope } of ROWS) {
    // Each of the two keys lacks the scope of the other: a route that needs no scope refuses neither.
    const found = (await needed(route, one)) ?? (await needed(route, other)) ?? 'none';
    expect([route, found]).toEqual([route, scope]);
    const documented = operationOf(route)?.security?.flatMap(({ key = [] }) => key) ?? [];
    // No scheme of a document has a key in the path.
    const hasScheme = scope !== 'none' && !route.includes('{key}');
    expect([route, ...documented], 'openapi.json').toEqual([route, ...(hasScheme ? [scope] : [])]);
  }
});

test('docs/keys.md lists all scopes', () => {
  const rows = [...pageText('docs/keys.md').matchAll(/^\| `([\w:]+)` \| /gm)].map(([, name]) => name!);
  expect(rows.filter((name) => (SCOPES as readonly string[]).includes(name))).toEqual([...SCOPES]);
});

test.each(PAGES)('%s names existing routes', (page) => {
  const known = new Set([...registered].map((route) => route.replace(/\{\w+\}/g, '{}')));
  const routes = codeSpansOf(pageText(page)).flatMap(
    (span) => /^(?:GET|POST|PUT|PATCH|DELETE) \/[^\s?]*/.exec(span) ?? [],
  );
  const named = routes.map((route) => route.replace(/\{\w+\}|(?<=\/)[A-Z]+(?=\/|$)/g, '{}'));
  expect(named.filter((route) => !known.has(route))).toEqual([]);
});
