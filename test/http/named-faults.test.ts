/** What a route does not know, or gets without a value, is refused by name on every route, in words: got, expected, nearest. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Running, startService } from '../support/running.js';

let running: Running;
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly type?: string;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Route {
  readonly method: string;
  readonly url: string;
  readonly schema: { readonly body?: Schema; readonly querystring?: Schema; readonly headers?: Schema };
}
const routes: Route[] = [];
beforeAll(async () => {
  running = await startService({}, ({ method: methods, url, schema = {} }) => {
    for (const method of [methods].flat()) routes.push({ method, url, schema: schema as Route['schema'] });
  });
});
afterAll(() => running.stop());

interface Answer {
  readonly status: number;
  readonly code?: string;
  readonly details: Readonly<Record<string, unknown>>;
}

async function ask(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(running.url + path, { method, redirect: 'manual', ...init });
  const text = await response.text();
  const { code, details = {} } = text.startsWith('{') ? JSON.parse(text) : {};
  return { status: response.status, code, details };
}

const filled = (url: string) => url.replace(/:\w+/g, 'unknown').replace('*', '');
/** All of them: also health, metrics, pages and their files. Adapters always need a key: verdict.test.ts. */
const all = () => routes.filter(({ method, url }) => method !== 'HEAD' && !url.startsWith('/adapters/'));
const names = ({ schema }: Route) => Object.keys(schema.querystring?.properties ?? {});
/** What a route needs in its query. */
const needed = ({ method, url }: Route): Record<string, string> => {
  if (url === '/v1/lists/:list/entries' && method === 'POST') return { format: 'csv' };
  return url === '/v1/suppressions' && method === 'DELETE' ? { list: 'a', entryId: 'b' } : {};
};
const queryOf = (route: Route, name: string, value: string) =>
  new URLSearchParams({ ...needed(route), [name]: value }).toString();
const json = (body: unknown) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

/** The name with two letters swapped, or one too many. */
const misspelt = (name: string) =>
  name.length > 3 ? `${name.slice(0, 2)}${name[3]}${name[2]}${name.slice(4)}` : `${name}s`;

describe('on every route', () => {
  test('there are pages, files, probes and the API', () => {
    const urls = all().map(({ url }) => url);
    expect(urls).toEqual(expect.arrayContaining(['/livez', '/metrics', '/openapi.json', '/dashboard', '/v1/check']));
    expect(urls.length).toBeGreaterThan(60);
  });

  test('an unknown parameter, with the nearest known one', async () => {
    for (const route of all()) {
      const { method, url } = route;
      for (const name of names(route)) {
        const wrong = misspelt(name);
        if (names(route).includes(wrong)) continue;
        const { status, code, details } = await ask(method, `${filled(url)}?${queryOf(route, wrong, 'x')}`);
        expect([status, code, details], `${method} ${url}`).toEqual([
          400,
          'REQUEST_INVALID',
          { field: wrong, expected: `one of ${names(route).join(' ')}`, nearest: name },
        ]);
      }
      for (const unknown of ['zzz', '__proto__', 'constructor']) {
        const { status, details } = await ask(method, `${filled(url)}?${queryOf(route, unknown, '1')}`);
        expect([status, details.field, details.nearest], `${method} ${url}`).toEqual([400, unknown, undefined]);
        expect(details.expected).toBe(names(route).length > 0 ? `one of ${names(route).join(' ')}` : 'none');
      }
    }
  });

  test.each(['', ' ', '\t\n'])('a parameter with %j as its value', async (blank) => {
    for (const route of all())
      for (const name of names(route)) {
        const { status, code, details } = await ask(
          route.method,
          `${filled(route.url)}?${queryOf(route, name, blank)}`,
        );
        expect([status, code, details.field, details.got], `${route.method} ${route.url}`).toEqual([
          400,
          'REQUEST_INVALID',
          name,
          'nothing',
        ]);
        expect(details.expected).toMatch(/^(a|an|one|some|true|the) /);
      }
  });

  test('a parameter without =, and one that is given twice', async () => {
    for (const route of all())
      for (const name of names(route)) {
        const without = new URLSearchParams(Object.entries(needed(route)).filter(([each]) => each !== name));
        const bare = await ask(route.method, `${filled(route.url)}?${without}&${name}`);
        expect([bare.status, bare.details.field, bare.details.got]).toEqual([400, name, 'nothing']);
        const twice = await ask(route.method, `${filled(route.url)}?${without}&${name}=a&${name}=b`);
        expect([twice.status, twice.details.field, twice.details.got]).toEqual([400, name, 'a list of 2']);
      }
  });

  test('a header that looks like one of ours', async () => {
    for (const { method, url } of all())
      for (const name of ['x-idempotency-key', 'idempotent-key', 'zeef-tenant', 'x-zeef-lists']) {
        const { status, details } = await ask(method, filled(url), { headers: { [name]: 'x' } });
        expect([status, details.field], `${method} ${url}`).toEqual([400, name]);
      }
  });

  test('Idempotency-Key, where a change does not keep it', async () => {
    const keeps: string[] = [];
    for (const route of all().filter(({ method }) => method !== 'GET')) {
      const path = `${filled(route.url)}?${new URLSearchParams(needed(route))}`;
      const { details } = await ask(route.method, path, { headers: { 'idempotency-key': 'k' } });
      if (details.field !== 'idempotency-key') keeps.push(route.url);
    }
    expect(keeps.sort()).toEqual(['/v1/check', '/v1/check/hashes', '/v1/verdict']);
  });

  test('an unknown field before one that is missing, with the nearest known one', async () => {
    let fields = 0;
    for (const route of all()) {
      const schema = route.schema.body?.content?.['application/json']?.schema ?? route.schema.body;
      const known = new Set((schema?.anyOf ?? [schema]).flatMap((form) => Object.keys(form?.properties ?? {})));
      for (const name of known) {
        const wrong = misspelt(name);
        // To one letter no name is near.
        if (known.has(wrong) || name.length === 1) continue;
        fields++;
        const path = `${filled(route.url)}?${new URLSearchParams(needed(route))}`;
        const { status, details } = await ask(route.method, path, json({ [wrong]: 1 }));
        expect([status, details], `${route.method} ${route.url}`).toEqual([
          400,
          { field: wrong, expected: `one of ${[...known].join(' ')}`, nearest: name },
        ]);
      }
    }
    expect(fields).toBeGreaterThan(30);
  });

  test('fields: each text of a body says that it may not be empty, but for notes', () => {
    const loose: string[] = [];
    const walk = (schema: Schema | undefined, path: string): void => {
      if (!schema) return;
      const { type, minLength, pattern, format } = schema;
      const isLoose = type === 'string' && !minLength && !pattern && !schema.enum && !format;
      if (isLoose && !path.endsWith(' note')) loose.push(path);
      for (const one of [...(schema.anyOf ?? []), schema.items]) walk(one, path);
      for (const [name, one] of Object.entries(schema.properties ?? {})) walk(one, `${path} ${name}`);
      for (const { schema: one } of Object.values(schema.content ?? {})) walk(one, path);
    };
    for (const { method, url, schema } of all()) walk(schema.body, `${method} ${url}`);
    // Values that are empty are refused with the form of the algorithm.
    const values = ['pdq', 'blockhash', 'photodna', 'md5', 'sha1', 'sha256'];
    expect(loose).toEqual(values.map((name) => `POST /v1/check/hashes items ${name}`));
  });
});

describe('a value that is refused says what it got and what is expected', () => {
  test.each<[string, string, RequestInit, object]>([
    ['GET', '/v1/stats?interval=wek', {}, { field: 'interval', got: 'wek' }],
    ['GET', '/v1/stats?interval=houre', {}, { field: 'interval', nearest: 'hour', got: 'houre' }],
    ['GET', '/v1/hits?limit=0', {}, { field: 'limit', got: '0', expected: 'a whole number from 1 to 1000' }],
    ['GET', '/v1/hits?limit=many', {}, { field: 'limit', got: 'many', expected: 'a whole number from 1 to 1000' }],
    [
      'GET',
      '/v1/hits?from=yesterday',
      {},
      { field: 'from', got: 'yesterday', expected: expect.stringMatching(/zone/) },
    ],
    ['GET', '/v1/audit?all=yes', {}, { field: 'all', got: 'yes', expected: 'true or false' }],
    [
      'POST',
      '/v1/check?lists=a,',
      { body: 'x', headers: { 'content-type': 'image/png' } },
      { field: 'lists', got: 'a,' },
    ],
    [
      'POST',
      '/v1/keys',
      json({ tenant: 't' }),
      { field: 'scopes', got: 'nothing', expected: expect.stringMatching(/^a list/) },
    ],
    ['POST', '/v1/keys', json({ tenant: '', scopes: ['check'] }), { field: 'tenant', got: 'an empty text' }],
    ['POST', '/v1/keys', json({ tenant: 't', scopes: ['chek'] }), { field: 'scopes/0', got: 'chek', nearest: 'check' }],
    ['PATCH', '/v1/lists/a', json({ radiusBits: 'far' }), { field: 'radiusBits', got: 'a text of 3 characters' }],
    ['PATCH', '/v1/lists/a', json({ enabled: null }), { field: 'enabled', got: 'null', expected: 'true or false' }],
    [
      'PATCH',
      '/v1/tenants/t',
      json({ limits: { checksPerDai: 1 } }),
      { field: 'limits/checksPerDai', nearest: 'checksPerDay' },
    ],
    ['POST', '/v1/check/hashes', json({ items: [], lists: [] }), { field: 'lists', got: 'a list of 0' }],
    ['POST', '/v1/check/hashes', json({ itmes: [] }), { field: 'itmes', nearest: 'items' }],
    ['DELETE', '/v1/suppressions?list=a', {}, { field: 'entryId', got: 'nothing', expected: 'a text' }],
  ])('%s %s', async (method, path, init, details) => {
    expect(await ask(method, path, init)).toMatchObject({ status: 400, code: 'REQUEST_INVALID', details });
  });

  test('a secret of two words in the wrong place is not repeated', async () => {
    const source = { type: 'ncmec', url: 'http://a/', secrets: { password: 'pass word' } };
    const { status, details } = await ask('PUT', '/v1/lists/sample/source', json(source));
    expect([status, details.field]).toEqual([400, 'secrets/password']);
    expect(JSON.stringify(details)).not.toContain('pass word');
  });

  test('a hash or a key in the wrong place is not repeated', async () => {
    const secret = 'd41d8cd98f00b204e9800998ecf8427e';
    for (const body of [
      { algorithm: secret, value: 'x' },
      { tenant: 't', scopes: [secret] },
    ]) {
      const path = 'tenant' in body ? '/v1/keys' : '/v1/suppressions';
      const { details } = await ask('POST', path, json(body));
      expect(details.got).toBe('a text of 32 characters');
      expect(JSON.stringify(details)).not.toContain(secret);
    }
  });

  test('items: the field, what it takes, and the nearest name', async () => {
    const items = [{ id: 'a', mdd5: 'x' }, { id: 'b', md5: 'x' }, { id: '', md5: '0'.repeat(32) }, { id: 'd' }];
    const expected = [
      { error: { field: 'mdd5', nearest: 'md5', expected: expect.stringMatching(/^one of id pdq /) } },
      { error: { field: 'md5', expected: '32 hex digits' } },
      { error: { field: 'id', expected: 'a text from 1 to 1024 characters' } },
      { error: { field: null, expected: expect.stringMatching(/^one of pdq/) } },
    ];
    const whole = await fetch(`${running.url}/v1/check/hashes`, { method: 'POST', ...json({ items }) });
    expect(((await whole.json()) as { results: object[] }).results).toMatchObject(expected);
    const lines = await fetch(`${running.url}/v1/check/hashes`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: items.map((item) => `${JSON.stringify(item)}\n`).join(''),
    });
    const answers = (await lines.text()).trimEnd().split('\n');
    expect(answers.map((line) => JSON.parse(line))).toMatchObject(expected);
  });

  test('a body without its type, or of another: what to send', async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    expect(await ask('POST', '/v1/check', { body: bytes })).toMatchObject({
      status: 415,
      details: {
        field: 'content-type',
        got: 'nothing',
        expected: 'Content-Type: image/*, or application/octet-stream, or multipart/form-data, or application/json',
      },
    });
    const form = { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expect(await ask('POST', '/v1/keys', form)).toMatchObject({
      status: 415,
      details: { got: 'application/x-www-form-urlencoded', expected: 'Content-Type: application/json' },
    });
    expect((await ask('POST', '/v1/check/hashes', { body: bytes })).details.expected).toMatch(
      /^Content-Type: application\/json, or application\/x-ndjson/,
    );
    expect((await ask('POST', '/v1/lists/a/approve', form)).details.expected).toBe('no body');
  });
});

// Last: from then on a key is needed.
test('a key without Bearer, or in another header: what to send, and not the key', async () => {
  const made = await fetch(`${running.url}/v1/keys`, { method: 'POST', ...json({ tenant: 't', scopes: ['admin'] }) });
  const { key } = (await made.json()) as { key: string };
  const expected = 'Authorization: Bearer zeef_...';
  await vi.waitFor(async () => expect((await ask('GET', '/v1/lists')).status).toBe(401), { timeout: 5_000 });
  for (const [header, value, status, field] of [
    ['authorization', key, 401, 'authorization'],
    ['authorization', `Basic ${key}`, 401, 'authorization'],
    ['authorization', 'Bearer', 401, 'authorization'],
    ['x-api-key', key, 401, 'x-api-key'],
  ] as const) {
    const answer = await ask('GET', '/v1/lists', { headers: { [header]: value } });
    expect([answer.status, answer.details.field, answer.details.expected]).toEqual([status, field, expected]);
    expect(JSON.stringify(answer)).not.toContain(key);
  }
  expect((await ask('GET', '/v1/lists', { headers: { authorization: `Bearer ${key}` } })).status).toBe(200);
});
