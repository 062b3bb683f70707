/** A service without keys: websites can neither read nor change it, by forms, by scripts or by a rebound name. */
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLoopback, isPage, namesOf } from '../../src/http/own-site.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
let port: string;
const routes: { method: string; url: string }[] = [];
beforeAll(async () => {
  running = await startService({ allowedHosts: 'zeef.example, other.example, FD00:0::1' }, (route) => {
    // Adapters always need a key: verdict.test.ts.
    if (route.url.startsWith('/adapters/')) return;
    for (const method of [route.method].flat()) routes.push({ method, url: route.url });
  });
  port = new URL(running.url).port;
});
afterAll(() => running.stop());

/** Send a request with exactly these headers; `fetch` sets some of them itself. */
function send(method: string, path: string, headers: Record<string, string> = {}, body?: string, url = running.url) {
  return new Promise<{ status: number; code: string | undefined; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const request = httpRequest(
        `${url}${path}`,
        {
          method,
          headers: { ...(body === undefined ? {} : { 'content-length': String(body.length) }), ...headers },
          agent: false,
        },
        (response) => {
          let text = '';
          response.on('data', (chunk) => {
            text += String(chunk);
          });
          response.on('end', () => {
            const code = /"code":"(\w+)"/.exec(text)?.[1];
            resolve({ status: response.statusCode!, code, headers: response.headers });
          });
        },
      );
      request.on('error', reject);
      request.end(body);
    },
  );
}
const refusal = async (...request: Parameters<typeof send>) => {
  const { status, code } = await send(...request);
  return [status, code];
};
const filled = (url: string) => url.replace(/:\w+/g, 'nobody').replace('*', '');
const EVIL = [421, 'HOST_NOT_ALLOWED'];
const FOREIGN = [403, 'ORIGIN_NOT_ALLOWED'];

describe('the name in Host', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost',
    'LOCALHOST:80',
    '127.9.9.9',
    '[::1]:8080',
    'zeef.example:9',
    'other.example',
    'Other.Example.:80',
    'localhost.',
    '127.1',
    '[0:0:0:0:0:0:0:1]',
    '[fd00::1]:8080',
  ])('%s is accepted', async (host) => expect((await send('GET', '/v1/lists', { host })).status).toBe(200));

  test.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.localhost',
    '0.0.0.0',
    '[::]',
    'user@localhost',
    'localhost/x',
    'localhost..',
    '.localhost',
    '[::ffff:7f00:1]',
    '128.0.0.1',
  ])('%s is refused', async (host) => expect(await refusal('GET', '/v1/lists', { host })).toEqual(EVIL));

  test('decides alone: forwarding headers have no effect', async () => {
    const forwarded = { 'x-forwarded-host': 'localhost', forwarded: 'host=localhost' };
    expect(await refusal('GET', '/v1/hits', { host: 'evil.example', ...forwarded })).toEqual(EVIL);
    const other = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' };
    expect((await send('GET', '/v1/hits', other)).status).toBe(200);
  });

  /** Send these lines, and return the first line of the answer. */
  const answerTo = async (...lines: string[]) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    return text.split('\r\n')[0];
  };

  test('in a target that is a whole URL counts, whatever Host says', async () => {
    expect(await answerTo('GET http://evil.example/v1/hits HTTP/1.1', 'Host: localhost')).toMatch(/ 421 /);
    expect(await answerTo('GET http://localhost/v1/hits HTTP/1.1', 'Host: evil.example')).toMatch(/ 200 /);
    expect(await answerTo('PUT http://localhost/v1/hits HTTP/1.1', 'Host: localhost')).toMatch(/ 405 /);
  });

  test('is needed: HTTP/1.0 has none, and reaches the probes alone', async () => {
    expect(await answerTo('GET /v1/hits HTTP/1.0')).toMatch(/ 421 /);
    expect(await answerTo('GET /v1/hits HTTP/1.1', 'Host:')).toMatch(/ 421 /);
    expect(await answerTo('GET /livez HTTP/1.0')).toMatch(/ 200 /);
  });

  test('counts with a key too, while no key exists: a rebound page may send any', async () => {
    const authorization = 'Bearer zeef_x';
    for (const path of ['/metrics', '/openapi.json', '/v1/whoami'])
      expect(await refusal('GET', path, { host: 'evil.example', authorization })).toEqual(EVIL);
  });

  test('is refused on every route but the probes', async () => {
    expect(routes.length).toBeGreaterThan(60);
    for (const { method, url } of routes) {
      const isProbe = url === '/livez' || url === '/readyz';
      const { status } = await send(method, filled(url), { host: 'evil.example' });
      if (isProbe) expect(status, `${method} ${url}`).toBe(200);
      else expect(status, `${method} ${url}`).toBe(421);
    }
    expect((await send('GET', '/nowhere', { host: 'evil.example' })).status).toBe(421);
  });
});

describe('a page of another origin', () => {
  const own = () => `http://127.0.0.1:${port}`;
  test.each<[string, () => Record<string, string>]>([
    ['Origin', () => ({ origin: 'http://evil.example' })],
    ['Origin null', () => ({ origin: 'null' })],
    ['another port of this machine', () => ({ origin: 'http://127.0.0.1:1' })],
    ['another name of this machine', () => ({ origin: `http://localhost:${port}` })],
    ['an unreadable Origin', () => ({ origin: 'about:blank' })],
    ['Sec-Fetch-Site cross-site', () => ({ 'sec-fetch-site': 'cross-site' })],
    ['Sec-Fetch-Site same-site', () => ({ 'sec-fetch-site': 'same-site' })],
    ['both, of which one is its own', () => ({ origin: own(), 'sec-fetch-site': 'cross-site' })],
  ])('%s: refused on every route but pages and probes', async (_name, headers) => {
    for (const { method, url } of routes) {
      const { status, code } = await send(method, filled(url), headers());
      const isOpen = isPage(url) || url === '/livez' || url === '/readyz';
      if (isOpen) expect(status, `${method} ${url}`).toBeLessThan(400);
      else if (method === 'HEAD') expect(status, `${method} ${url}`).toBe(403);
      else expect([status, code], `${method} ${url}`).toEqual(FOREIGN);
    }
  });

  test.each<[string, () => Record<string, string>]>([
    ['its own origin', () => ({ origin: own(), 'sec-fetch-site': 'same-origin' })],
    ['an address that the user typed', () => ({ 'sec-fetch-site': 'none' })],
    ['a client that is no browser', () => ({})],
    ['TLS before it', () => ({ host: 'zeef.example', origin: 'https://zeef.example' })],
  ])('%s: accepted', async (_name, headers) => expect((await send('GET', '/v1/hits', headers())).status).toBe(200));
});

test('no change accepts a type that a form can send, or a body without a type', async () => {
  const changes = routes.filter(({ method }) => !['GET', 'HEAD'].includes(method));
  expect(changes.length).toBeGreaterThan(18);
  for (const { method, url } of changes) {
    const query = url.endsWith('/entries')
      ? '?format=plain'
      : url === '/v1/suppressions' && method === 'DELETE'
        ? '?list=a&entryId=b'
        : '';
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', null]) {
      if (/^\/v1\/(check|verdict)$/.test(url) && type?.startsWith('multipart')) continue;
      const headers = type === null ? {} : { 'content-type': type };
      const answer = await refusal(method, filled(url) + query, headers, 'x=y');
      expect(answer, `${method} ${url} ${type}`).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED']);
    }
  }
});

test('with a key, neither header matters: no browser adds a key by itself', async () => {
  const keyed = await startService();
  try {
    const { key } = await keyed.service.store.keys.createKey({ tenant: 't', scopes: ['hits'], expiresAt: null });
    const authorization = `Bearer ${key}`;
    const foreign = { host: 'zeef.example', origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' };
    await expect
      .poll(() => refusal('GET', '/v1/hits', { host: 'localhost' }, undefined, keyed.url))
      .toEqual([401, 'KEY_MISSING']);
    expect((await send('GET', '/v1/hits', { authorization, ...foreign }, undefined, keyed.url)).status).toBe(200);
    // Probes and scrapers use the address of a container.
    for (const path of ['/livez', '/readyz', '/metrics'])
      expect((await send('GET', path, { host: '10.1.2.3:8080' }, undefined, keyed.url)).status).toBe(200);
    expect(await refusal('GET', '/v1/hits', foreign, undefined, keyed.url)).toEqual([401, 'KEY_MISSING']);
    // A page of another origin gets no permission to send a key.
    const preflight = await send('OPTIONS', '/v1/hits', { origin: 'http://evil.example' }, undefined, keyed.url);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  } finally {
    await keyed.stop();
  }
});

test('a scheme has no case, and any number of spaces; 401 names the scheme', async () => {
  const keyed = await startService();
  try {
    const { key } = await keyed.service.store.keys.createKey({ tenant: 't', scopes: ['hits'], expiresAt: null });
    const ask = (authorization: string) => send('GET', '/v1/hits', { authorization }, undefined, keyed.url);
    for (const header of [`Bearer ${key}`, `bearer ${key}`, `BEARER   ${key}`])
      expect((await ask(header)).status, header).toBe(200);
    for (const header of [`Basic ${key}`, `Bearer${key}`, key, `Bearer ${key} x`]) {
      const answer = await ask(header);
      expect([answer.status, answer.code, answer.headers['www-authenticate']]).toEqual([401, 'KEY_INVALID', 'Bearer']);
    }
  } finally {
    await keyed.stop();
  }
});

test('every response has a policy: no frame, no other origin, no guessed type', async () => {
  const unrouted = ['/nowhere', '/%zz', `/v1/lists/${'x'.repeat(200)}`].map((url) => ({ method: 'GET', url }));
  for (const { method, url } of [...routes, ...unrouted]) {
    const { status, headers } = await send(method, filled(url));
    // A browser guesses no type, and refuses a script or a style without one.
    if (status === 200) expect(headers['content-type'], `${method} ${url}`).toMatch(/^\w+\/[\w+.-]+/);
    const policy = String(headers['content-security-policy']);
    expect(policy, `${method} ${url}`).toContain("default-src 'none'");
    expect(policy, `${method} ${url}`).toContain("frame-ancestors 'none'");
    expect(headers, `${method} ${url}`).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
  }
});

test('names', () => {
  expect([...namesOf('')]).toEqual([]);
  expect([...namesOf('A.example, b')]).toEqual(['a.example', 'b']);
  expect(isLoopback('128.0.0.1')).toBe(false);
  expect(isPage('/docsx')).toBe(false);
});
