/**
 * Every route × every scope × every kind of key, from the routes that the server registered. A route that is not in
 * the table fails, and so does data of one tenant in a response to another.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RouteOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SCOPES, type Scope } from '../../src/store/keys-contract.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));

interface Row {
  /** Null: no key is needed. */
  readonly scope: Scope | null;
  /** A further scope that is needed. */
  readonly also?: Scope;
  /** Sent with the request; path parameters are ids that do not exist. */
  readonly body?: object | Buffer;
  readonly query?: string;
  /** The key is in the path, and not in a header. */
  readonly keyInPath?: true;
}

/** All routes. Path parameters are filled in below. */
const TABLE: Readonly<Record<string, Row>> = {
  'POST /v1/check': { scope: 'check', body: picture },
  'POST /v1/hash': { scope: 'check', body: picture },
  'POST /v1/check/hashes': { scope: 'check:hashes', body: { items: [{ md5: '0'.repeat(32) }] } },
  'POST /v1/verdict': { scope: 'check', body: picture },
  'GET /v1/verdict': { scope: 'check:hashes', query: `?md5=${'0'.repeat(32)}` },
  'POST /adapters/pict-rs/:key': { scope: 'check', body: picture, keyInPath: true },
  'GET /v1/hashes/:hash': { scope: 'check:hashes' },
  'POST /v1/compare': { scope: 'check:hashes', body: { algorithm: 'md5', a: 'a', b: 'b' } },
  'POST /v1/explain': { scope: 'details', also: 'check', body: picture },
  'GET /v1/stats': { scope: 'check' },
  'GET /v1/hits': { scope: 'hits' },
  'POST /v1/hits/search': { scope: 'hits', body: { digest: '0'.repeat(32) } },
  'GET /v1/hits/:id': { scope: 'hits' },
  'GET /v1/hits/:id/notice': { scope: 'hits' },
  'PATCH /v1/hits/:id': { scope: 'hits', body: { status: 'notified' } },
  'GET /v1/report': { scope: 'hits', query: '?period=2026' },
  'GET /v1/lists': { scope: 'lists' },
  'GET /v1/lists/:list': { scope: 'lists' },
  'GET /v1/lists/:list/versions': { scope: 'lists' },
  'GET /v1/lists/:list/quarantine': { scope: 'lists' },
  'GET /v1/lists/:list/source': { scope: 'lists' },
  'PUT /v1/lists/:list/source': { scope: 'admin', body: { type: 'ncmec', url: 'https://example.org/' } },
  'DELETE /v1/lists/:list/source': { scope: 'curate' },
  'POST /v1/lists/:list/source/sync': { scope: 'curate' },
  'GET /v1/lists/:list/feedback': { scope: 'admin' },
  'POST /v1/lists/:list/feedback': { scope: 'admin', body: { yes: true } },
  'PATCH /v1/lists/:list': { scope: 'curate', body: { enabled: true } },
  'POST /v1/lists': { scope: 'admin', body: { list: 'not a name' } },
  'DELETE /v1/lists/:list': { scope: 'curate' },
  'POST /v1/lists/:list/approve': { scope: 'admin' },
  'POST /v1/lists/:list/reject': { scope: 'admin' },
  'POST /v1/lists/:list/rollback': { scope: 'admin', body: { version: 1 } },
  'GET /v1/lists/:list/entries': { scope: 'lists' },
  'GET /v1/lists/:list/entries/:entryId': { scope: 'lists' },
  'PATCH /v1/lists/:list/entries/:entryId': { scope: 'curate', body: { enabled: true } },
  'DELETE /v1/lists/:list/entries/:entryId': { scope: 'curate' },
  'POST /v1/lists/:list/entries': { scope: 'admin', query: '?format=plain', body: Buffer.from('nothing') },
  'POST /v1/lists/:list/images': { scope: 'curate', body: Buffer.from('nothing') },
  'POST /v1/lists/:list/contents': { scope: 'curate', body: { md5: 'ab'.repeat(16) } },
  'GET /v1/lists/:list/contents/:contentId': { scope: 'details', also: 'lists' },
  'PATCH /v1/lists/:list/contents/:contentId': { scope: 'curate', body: { inactive: true } },
  'DELETE /v1/lists/:list/contents/:contentId': { scope: 'curate' },
  'GET /v1/jobs/:id': { scope: 'lists' },
  'GET /v1/jobs': { scope: 'lists' },
  'GET /v1/suppressions': { scope: 'lists' },
  'POST /v1/suppressions': { scope: 'admin', body: { list: 'nowhere', entryId: 'e' } },
  'DELETE /v1/suppressions/:id': { scope: 'admin' },
  'DELETE /v1/suppressions': { scope: 'admin', query: '?list=nowhere&entryId=e' },
  'GET /v1/keys': { scope: 'admin' },
  'POST /v1/keys': { scope: 'admin', body: { tenant: 'not a name', scopes: ['check'] } },
  'POST /v1/keys/:id/rotate': { scope: 'admin', body: {} },
  'DELETE /v1/keys/:id': { scope: 'admin' },
  'GET /v1/tenants': { scope: 'admin' },
  'GET /v1/tenants/:tenant': { scope: 'admin' },
  'PATCH /v1/tenants/:tenant': { scope: 'admin', body: { disabled: false } },
  'GET /v1/webhooks': { scope: 'admin' },
  'POST /v1/webhooks': { scope: 'admin', body: { url: 'no address', secretEnv: 'S' } },
  'DELETE /v1/webhooks/:id': { scope: 'admin' },
  'GET /v1/webhooks/:id/dead': { scope: 'admin' },
  'POST /v1/webhooks/:id/retry': { scope: 'admin' },
  'POST /v1/webhooks/:id/ping': { scope: 'admin' },
  'GET /v1/audit': { scope: 'admin' },
  'GET /v1/status': { scope: 'admin' },
  'GET /v1/replicas': { scope: 'admin' },
  'GET /v1/whoami': { scope: null },
  'GET /livez': { scope: null },
  'GET /readyz': { scope: null },
  'GET /metrics': { scope: null },
  'GET /openapi.json': { scope: null },
  'GET /': { scope: null },
};
const isOpen = (path: string) => /^\/(docs|dashboard)(\/|$)/.test(path);

let running: Running;
const registered: string[] = [];
/** By kind of key. All scopes but `admin`, unless named otherwise. */
const keys: Record<string, string> = {};
const ALL_BUT_ADMIN = SCOPES.filter((scope) => scope !== 'admin');
/** Part of every response that holds data of tenant A. */
const MARK = 'alpha-marker';

beforeAll(async () => {
  running = await startService({ adapters: 'pict-rs' }, (route: RouteOptions) => {
    for (const method of [route.method].flat()) registered.push(`${method} ${route.url}`);
  });
  const { store } = running.service;
  const make = async (name: string, tenant: string, scopes: readonly Scope[], expiresAt: string | null = null) => {
    const { key, info } = await store.keys.createKey({
      tenant,
      scopes,
      expiresAt,
      name: tenant.startsWith(MARK) ? `${MARK}-${name}` : name,
    });
    keys[name] = key;
    return info.id;
  };
  for (const scope of SCOPES) await make(scope, `${MARK}-a`, [scope]);
  await make('a', `${MARK}-a`, ALL_BUT_ADMIN);
  await make('b', 'beta', ALL_BUT_ADMIN);
  await make('admin of b', 'beta', ['admin']);
  await make('expired', `${MARK}-a`, ALL_BUT_ADMIN, '2020-01-01T00:00:00Z');
  await store.keys.revokeKey(null, await make('revoked', `${MARK}-a`, ALL_BUT_ADMIN));
  await make('of a tenant that is disabled', `${MARK}-disabled`, ALL_BUT_ADMIN);
  await store.tenants.setTenant(`${MARK}-disabled`, { disabled: true });
  keys.unknown = `zeef_${randomBytes(32).toString('base64url')}`;
  keys['wrong by one letter'] = `${keys.a!.slice(0, -2)}${keys.a!.at(-2) === 'A' ? 'B' : 'A'}${keys.a!.at(-1)}`;
  keys['no key at all'] = 'x';
});
afterAll(() => running.stop());

async function ask(route: string, authorization: string | undefined, more = '') {
  const [method, path] = route.split(' ') as [string, string];
  const { body, query = '', keyInPath } = TABLE[route]!;
  const inPath = encodeURIComponent(authorization?.replace(/^Bearer ?/, '') || '-');
  const filled = path.replace(/:\w+/g, keyInPath ? inPath : 'nobody');
  const isBytes = Buffer.isBuffer(body);
  const response = await fetch(`${running.url}${filled}${query}${more}`, {
    method,
    headers: {
      ...(authorization === undefined || keyInPath ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': isBytes ? 'image/jpeg' : 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
  });
  const headers = Object.fromEntries(
    [...response.headers].filter(([name]) => !['date', 'x-request-id'].includes(name)),
  );
  const text = await response.text();
  return { status: response.status, headers, text };
}

/** What a client can distinguish: all of a response but the request id. */
const seen = ({ status, headers, text }: Awaited<ReturnType<typeof ask>>) => ({
  status,
  headers,
  text: text.replace(/"requestId":"[^"]*"/, ''),
});

const ROUTES = Object.keys(TABLE);
const KEYED = ROUTES.filter((route) => TABLE[route]!.scope !== null);

test('the table has exactly the routes that the server registers', () => {
  const told = new Set(registered.filter((route) => !isOpen(route.split(' ')[1]!)));
  // HEAD has the same hooks as GET.
  expect([...told].filter((route) => !route.startsWith('HEAD ')).sort()).toEqual([...ROUTES].sort());
  for (const route of told) if (route.startsWith('HEAD ')) expect(told).toContain(route.replace('HEAD', 'GET'));
});

describe.each(KEYED)('%s', (route) => {
  const { scope, also, keyInPath } = TABLE[route]!;

  test.each(SCOPES)('a key with only the scope %s gets 403 unless the route allows it', async (given) => {
    const { status, text } = await ask(route, `Bearer ${keys[given]}`);
    const may = (given === scope && also === undefined) || given === 'admin';
    if (may) expect([401, 403]).not.toContain(status);
    else expect([status, JSON.parse(text).code]).toEqual([403, 'SCOPE_MISSING']);
  });

  test('a key with all scopes but admin gets 403 only where admin is needed', async () => {
    const { status } = await ask(route, `Bearer ${keys.a}`);
    if (scope === 'admin') expect(status).toBe(403);
    else expect([401, 403]).not.toContain(status);
  });

  test('a request without a key gets KEY_MISSING', async () => {
    const { status, text } = await ask(route, undefined);
    expect([status, JSON.parse(text).code]).toEqual([401, keyInPath ? 'KEY_INVALID' : 'KEY_MISSING']);
  });

  test('every invalid key gets the same response', async () => {
    const bad = [
      'unknown',
      'wrong by one letter',
      'expired',
      'revoked',
      'of a tenant that is disabled',
      'no key at all',
    ];
    // A key alone is one in a path.
    const alone = keyInPath ? [] : [keys.a!];
    const headers = [...bad.map((name) => `Bearer ${keys[name]}`), 'Bearer', 'Basic eDp5', ...alone, 'Bearer a b', ''];
    const answers = await Promise.all(headers.map(async (header) => seen(await ask(route, header))));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 401, text: expect.stringContaining('"code":"KEY_INVALID"') });
  });

  test('a response to tenant B holds no data of tenant A, also with ?tenant=A', async () => {
    // A sends a request first, so that there is data to leak.
    await ask(route, `Bearer ${keys.a}`);
    for (const more of ['', `?tenant=${MARK}-a`]) {
      const query = TABLE[route]!.query ?? '';
      const { text, headers } = await ask(route, `Bearer ${keys.b}`, query === '' ? more : more.replace('?', '&'));
      expect(text + JSON.stringify(headers)).not.toContain(MARK);
    }
  });
});

describe('hits of two tenants', () => {
  const hitsOf = async (key: string, query = '') =>
    (JSON.parse((await ask('GET /v1/hits', `Bearer ${key}`, query)).text) as { hits: { id: string; tenant: string }[] })
      .hits;
  const check = async (key: string, reference: string) => {
    const response = await fetch(`${running.url}/v1/check?reference=${reference}`, {
      method: 'POST',
      body: new Uint8Array(picture),
      headers: { authorization: `Bearer ${key}`, 'content-type': 'image/jpeg' },
    });
    expect(await response.json()).toMatchObject({ verdict: 'match' });
  };

  test('a tenant sees only its own hits; those of another tenant are as if they did not exist', async () => {
    await check(keys.a!, `${MARK}-file`);
    await check(keys.b!, 'beta-file');
    const [ofA, ofB] = [await hitsOf(keys.a!), await hitsOf(keys.b!)];
    expect(new Set(ofA.map(({ tenant }) => tenant))).toEqual(new Set([`${MARK}-a`]));
    expect(new Set(ofB.map(({ tenant }) => tenant))).toEqual(new Set(['beta']));
    const foreign = ofA[0]!.id;
    const paths = [
      '/v1/hits',
      `/v1/hits?tenant=${MARK}-a`,
      `/v1/hits?reference=${MARK}-file`,
      `/v1/hits?cursor=${foreign}`,
      `/v1/hits/${foreign}`,
      `/v1/hits/${foreign}?tenant=${MARK}-a`,
      `/v1/hits/${foreign}/notice`,
      '/v1/stats',
      `/v1/stats?tenant=${MARK}-a`,
      '/v1/report?period=2026',
      `/v1/report?period=2026&tenant=${MARK}-a`,
      '/v1/lists',
      '/v1/suppressions',
      '/v1/jobs',
      '/metrics',
      '/readyz',
    ];
    for (const path of paths) {
      const response = await fetch(running.url + path, { headers: { authorization: `Bearer ${keys.b}` } });
      expect(await response.text(), path).not.toMatch(new RegExp(`${MARK}|${path.includes(foreign) ? '$^' : foreign}`));
    }
    // The hit of another tenant and a hit that does not exist get the same response.
    const tell = async (method: string, id: string) => {
      const response = await fetch(`${running.url}/v1/hits/${id}`, {
        method,
        headers: { authorization: `Bearer ${keys.b}`, 'content-type': 'application/json' },
        ...(method === 'PATCH' ? { body: JSON.stringify({ status: 'notified' }) } : {}),
      });
      const text = (await response.text()).replace(/"requestId":"[^"]*"/, '').replaceAll(id, 'ID');
      return { status: response.status, text };
    };
    const nowhere = foreign.replace(/.{4}$/, '0000');
    for (const method of ['GET', 'PATCH']) {
      expect(await tell(method, foreign)).toEqual(await tell(method, nowhere));
      expect((await tell(method, foreign)).status).toBe(404);
    }
    expect((await hitsOf(keys.a!))[0]).toMatchObject({ id: foreign, status: 'open' });
    expect((await hitsOf(keys['admin of b']!, `?tenant=${MARK}-a`)).map(({ id }) => id)).toContain(foreign);
  });

  test('the key that changed a hit is in the audit log', async () => {
    const [mine] = await hitsOf(keys.b!);
    const response = await fetch(`${running.url}/v1/hits/${mine!.id}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${keys.b}`, 'content-type': 'application/json' },
      body: JSON.stringify({ status: 'notified' }),
    });
    expect(response.status).toBe(200);
    const [row] = await running.service.store.audit.page({ tenant: 'beta', before: null, limit: 1 });
    expect(row).toMatchObject({ action: 'hit.status', target: mine!.id, details: { status: 'notified' } });
    expect(row!.actor).toBe((await running.service.store.keys.findByKey(keys.b!))!.id);
  });
});

test('HEAD without a key gets 401 where GET needs a key', async () => {
  for (const route of KEYED.filter((one) => one.startsWith('GET ')).map((one) => one.replace('GET', 'HEAD'))) {
    expect(registered).toContain(route);
    const path = route.split(' ')[1]!.replace(/:\w+/g, 'nobody');
    const isFree = TABLE[route.replace('HEAD', 'GET')]?.scope === null;
    expect((await fetch(running.url + path, { method: 'HEAD' })).status, route).toBe(isFree ? 200 : 401);
  }
});

test('counts are the tenant’s own; an admin gets those of all tenants or of one', async () => {
  const stats = async (key: string, query = '') =>
    JSON.parse((await ask('GET /v1/stats', `Bearer ${key}`, query)).text) as { checked: number };
  const before = await stats(keys.b!);
  for (let n = 0; n < 3; n++) await ask('POST /v1/check/hashes', `Bearer ${keys.a}`);
  expect((await stats(keys.b!)).checked).toBe(before.checked);
  expect((await stats(keys.b!, `?tenant=${MARK}-a`)).checked).toBe(before.checked);
  const [ofA, ofB] = [await stats(keys.a!), await stats(keys.b!)];
  expect((await stats(keys['admin of b']!, `?tenant=${MARK}-a`)).checked).toBe(ofA.checked);
  expect((await stats(keys['admin of b']!)).checked).toBe(ofA.checked + ofB.checked);
});

test('routes without a key return no data of a tenant', async () => {
  for (const route of ROUTES.filter((one) => TABLE[one]!.scope === null)) {
    const { status, text } = await ask(route, undefined);
    expect(status).toBe(200);
    expect(text).not.toContain(MARK);
  }
});

test.each(ROUTES.filter((route) => /\/v1\/(webhooks|keys)\/:id/.test(route)))(
  '%s with an unknown id gets NOT_FOUND',
  async (route) => {
    const { status, text } = await ask(route, `Bearer ${keys.admin}`);
    expect([status, JSON.parse(text).code]).toEqual([404, 'NOT_FOUND']);
  },
);
