/** What a request says and no route understands is refused by its name, on every route: never a 5xx, never a wrong answer. */
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NAME_CHARACTERS_MAX, NOTE_CHARACTERS_MAX } from '../../src/core/limits.js';
import { REFERENCE_CHARACTERS_MAX } from '../../src/http/schemas.js';
import { Methods } from '../../src/http/understood.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
interface Route {
  readonly method: string;
  readonly url: string;
  readonly schema: { readonly body?: object; readonly querystring?: { readonly properties?: object } };
}
const routes: Route[] = [];
beforeAll(async () => {
  running = await startService({ imageBytesMax: '2000000' }, ({ method: methods, url, schema = {} }) => {
    for (const method of [methods].flat()) routes.push({ method, url, schema: schema as Route['schema'] });
  });
});
afterAll(() => running.stop());

const filled = (url: string) => url.replace(/:\w+/g, 'nobody').replace('*', '');
const api = () => routes.filter(({ url, method }) => url.startsWith('/v1/') && method !== 'HEAD');
const changes = () => api().filter(({ method }) => method !== 'GET');
/** What some routes need in their query before anything else is looked at. */
const need = (method: string, url: string) => {
  if (url === '/v1/lists/:list/entries' && method === 'POST') return 'format=csv&';
  return url === '/v1/suppressions' && method === 'DELETE' ? 'list=a&entryId=b&' : '';
};

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly field: unknown;
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Uint8Array,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      running.url + path,
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
          const json = text.startsWith('{') ? JSON.parse(text) : {};
          resolve({
            status: response.statusCode!,
            code: json.code,
            field: json.details?.field,
            headers: response.headers,
            text,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
const of = ({ status, code, field }: Answer) => [status, code, field];

describe('on every route', () => {
  test('an unknown query parameter', async () => {
    for (const { method, url } of api()) {
      const answer = await send(method, `${filled(url)}?${need(method, url)}raduis=1`);
      expect(of(answer), `${method} ${url}`).toEqual([400, 'REQUEST_INVALID', 'raduis']);
    }
  });

  test.each(['%E0%A4%A', '%', '%ff', 'a%00b'])('a query with %s', async (text) => {
    for (const { method, url } of api())
      expect(of(await send(method, `${filled(url)}?tenant=${text}`)), `${method} ${url}`).toEqual([
        400,
        'REQUEST_INVALID',
        'tenant',
      ]);
  });

  test.each(['%E0%A4%A', 'a%00b'])('a path with %s', async (text) => {
    for (const { method, url } of api().filter((one) => one.url.includes(':')))
      expect(of(await send(method, url.replace(/:\w+/g, text))), `${method} ${url}`).toEqual([
        400,
        'REQUEST_INVALID',
        'path',
      ]);
  });

  test('a method that the address does not accept: 405 with Allow', async () => {
    for (const { url } of api()) {
      const hasPut = routes.some((one) => one.url === url && one.method === 'PUT');
      const { status, code, headers } = await send(hasPut ? 'PATCH' : 'PUT', filled(url));
      expect([status, code], url).toEqual([405, 'METHOD_NOT_ALLOWED']);
      const allowed = routes.filter((one) => one.url === url).map(({ method }) => method);
      for (const method of allowed) expect(String(headers.allow), url).toContain(method);
    }
    expect((await send('PUT', '/v1/nowhere')).status).toBe(404);
  });

  test('a Content-Type that it does not read', async () => {
    for (const type of ['application/pdf', 'application/octet-streams', 'text/html', 'multipart/mixed; boundary=b'])
      for (const { method, url } of changes()) {
        const answer = await send(method, `${filled(url)}?${need(method, url)}`, { 'content-type': type }, 'x');
        expect(of(answer), `${method} ${url} ${type}`).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED', 'content-type']);
      }
  });

  test('a cursor that is none', async () => {
    const paged = api().filter(({ schema }) => 'cursor' in (schema.querystring?.properties ?? {}));
    expect(paged.map(({ url }) => url).sort()).toEqual(expect.arrayContaining(['/v1/audit', '/v1/hits']));
    for (const { url } of paged)
      for (const cursor of ['nonsense', '-1', '0'.repeat(27), '9e99'])
        expect(of(await send('GET', `${filled(url)}?cursor=${cursor}`)), `${url} ${cursor}`).toEqual([
          400,
          'REQUEST_INVALID',
          'cursor',
        ]);
  });

  test('a part of the path that no name can have', async () => {
    for (const { method, url } of api().filter((one) => one.url.includes(':')))
      expect(of(await send(method, url.replace(/:\w+/g, 'x'.repeat(513)))), `${method} ${url}`).toEqual([
        400,
        'REQUEST_INVALID',
        'path',
      ]);
  });

  test('a part of the path as long as the longest id', async () => {
    for (const { method, url } of api().filter((one) => one.url.includes(':')))
      expect([400, 404, 415, 422], `${method} ${url}`).toContain(
        of(await send(method, url.replace(/:\w+/g, 'x'.repeat(512))))[0],
      );
  });

  test('fields: each object of a body names all of its own, and each text has a bound', () => {
    const loose: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { type, properties, additionalProperties, maxLength, pattern } = schema as Record<string, unknown>;
      const { enum: choices, patternProperties } = schema as Record<string, unknown>;
      if (type === 'object' && additionalProperties !== false && !patternProperties) loose.push(`${path} fields`);
      if (type === 'string' && !maxLength && !pattern && !choices) loose.push(`${path} length`);
      for (const [name, value] of Object.entries(schema)) if (name !== 'properties') walk(value, `${path}/${name}`);
      for (const [name, value] of Object.entries((properties as object | undefined) ?? {}))
        walk(value, `${path}/${name}`);
    };
    const bodies = changes().filter(({ schema }) => schema.body !== undefined);
    expect(bodies.length).toBeGreaterThan(10);
    for (const { method, url, schema } of bodies) walk(schema.body, `${method} ${url} `);
    expect(loose).toEqual([]);
  });

  test('a body with GET', async () => {
    for (const { url } of api().filter(({ method }) => method === 'GET'))
      expect(of(await send('GET', filled(url), { 'content-length': '1' }, 'x')), url).toEqual([
        400,
        'REQUEST_INVALID',
        'body',
      ]);
  });

  test.each(['br', 'gzip, gzip', 'deflate', 'GZIP'])('Content-Encoding: %s', async (encoding) => {
    for (const { method, url } of changes()) {
      if (encoding === 'GZIP' && url === '/v1/check/hashes') continue;
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
      const answer = await send(method, `${filled(url)}?${need(method, url)}`, headers, '{}');
      expect(of(answer), `${method} ${url}`).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED', 'content-encoding']);
    }
  });

  test.each(['application/json; charset=utf-16', 'application/json; charset="latin1"'])('%s', async (type) => {
    for (const { method, url } of changes())
      expect(of(await send(method, filled(url), { 'content-type': type }, '{}')), `${method} ${url}`).toEqual([
        415,
        'MEDIA_TYPE_UNSUPPORTED',
        'content-type',
      ]);
  });

  test('an unknown field, bad UTF-8, broken JSON and no object as JSON', async () => {
    const json = { 'content-type': 'application/json' };
    const isJson = ({ url }: { url: string }) =>
      !/^\/v1\/(check|hash|verdict|lists\/:list\/(entries|images))$/.test(url);
    for (const { method, url } of changes().filter(isJson)) {
      const path = `${filled(url)}?${need(method, url)}`;
      const unknown = await send(method, path, json, '{"surprise":1}');
      expect([unknown.status, unknown.code], `${method} ${url}`).toEqual([400, 'REQUEST_INVALID']);
      expect(unknown.text, `${method} ${url}`).toMatch(/surprise|must have required property/);
      for (const body of [
        Buffer.from('{"note":"\xff"}', 'latin1'),
        '{"note":',
        '{"__proto__":{"a":1}}',
        '[1]',
        '"x"',
        '7',
      ]) {
        const answer = await send(method, path, json, body);
        expect([answer.status, answer.code], `${method} ${url} ${body}`).toEqual([400, 'REQUEST_INVALID']);
      }
    }
  });
});

describe('a parameter', () => {
  test.each([
    ['/v1/hits?cursor=nonsense', 'cursor'],
    ['/v1/audit?cursor=nonsense', 'cursor'],
    ['/v1/hits?limit=5&limit=6', 'limit'],
    ['/v1/hits?tenant=a&tenant=b', 'tenant'],
    ['/v1/stats?interval=week', 'interval'],
    ['/v1/hits/x/notice?language=xx', 'language'],
  ])('%s is refused by name', async (path, field) => {
    expect(of(await send('GET', path))).toEqual([400, 'REQUEST_INVALID', field]);
  });

  test('that needs a list or a field names it', async () => {
    const json = { 'content-type': 'application/json' };
    expect(of(await send('PATCH', '/v1/hits/x', json, '{"status":"notified","remark":"x"}'))).toEqual([
      400,
      'REQUEST_INVALID',
      'remark',
    ]);
    expect(of(await send('PATCH', '/v1/tenants/t', json, '{"limits":{"checks":1}}'))).toEqual([
      400,
      'REQUEST_INVALID',
      'limits/checks',
    ]);
    expect(of(await send('POST', '/v1/keys', json, '{"tenant":"t"}'))).toEqual([400, 'REQUEST_INVALID', 'scopes']);
  });
});

test('a gzip body is gzip by any name', async () => {
  const { gzipSync } = await import('node:zlib');
  for (const encoding of ['gzip', 'GZIP', 'x-gzip']) {
    const headers = { 'content-type': 'application/octet-stream', 'content-encoding': encoding };
    const answer = await send('POST', '/v1/check/hashes?algorithm=md5', headers, gzipSync(Buffer.alloc(1_600)));
    expect(JSON.parse(answer.text), encoding).toMatchObject({ checked: 100 });
  }
});

test('texts that are stored are bounded', async () => {
  const json = { 'content-type': 'application/json' };
  const long = 'x'.repeat(REFERENCE_CHARACTERS_MAX + 1);
  const note = 'x'.repeat(NOTE_CHARACTERS_MAX + 1);
  const name = 'x'.repeat(NAME_CHARACTERS_MAX + 1);
  for (const [method, path, body] of [
    ['PATCH', '/v1/hits/x', { status: 'notified', note }],
    ['POST', '/v1/suppressions', { algorithm: 'md5', value: '0'.repeat(32), note }],
    ['POST', '/v1/suppressions', { list: name, entryId: 'e' }],
    ['POST', '/v1/suppressions', { list: 'l', entryId: long }],
    ['POST', '/v1/suppressions', { list: 'l', source: long }],
    ['POST', '/v1/lists', { list: name }],
    ['POST', '/v1/lists', { list: 'l', expiresAt: `2030-01-01T00:00:00.${'0'.repeat(1_000)}Z` }],
    ['POST', '/v1/keys', { tenant: name, scopes: ['check'] }],
    ['POST', '/v1/keys', { tenant: 't', scopes: ['check'], name: 'x'.repeat(201) }],
    ['POST', '/v1/webhooks', { url: `http://a/${'x'.repeat(2_048)}`, secretEnv: 'S' }],
    ['POST', '/v1/webhooks', { url: 'http://a/', secretEnv: 'S'.repeat(101) }],
    ['POST', '/v1/webhooks', { url: 'http://a/', secretEnv: 'S', tenant: name }],
  ] as const)
    expect([path, body, (await send(method, path, json, JSON.stringify(body))).status]).toEqual([path, body, 400]);
  const { keys } = running.service.store;
  const about = { tenant: 't', scopes: ['check'], expiresAt: null, name: 'x'.repeat(201) } as const;
  await expect(keys.createKey(about)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
});

describe('multipart', () => {
  const part = (name: string, content: string, file: string | null = 'a.jpg') =>
    `--b\r\nContent-Disposition: form-data; name="${name}"${file === null ? '' : `; filename="${file}"`}\r\n\r\n${content}\r\n`;
  const END = '--b--\r\n';
  const type = 'multipart/form-data; boundary=b';
  const post = (body: string, contentType = type, path = '/v1/check') =>
    send('POST', path, { 'content-type': contentType }, body);

  test.each<[string, string, string]>([
    ['no boundary', 'multipart/form-data', part('a', 'x') + END],
    ['an empty boundary', 'multipart/form-data; boundary=', part('a', 'x') + END],
    ['an empty quoted boundary', 'multipart/form-data; boundary=""', part('a', 'x') + END],
    ['a huge boundary', `multipart/form-data; boundary=${'b'.repeat(300)}`, part('a', 'x') + END],
    ['another boundary', 'multipart/form-data; boundary=c', part('a', 'x') + END],
    ['a cut body', type, part('a', 'x'.repeat(1_000)).slice(0, 500)],
    ['a body cut in its header', type, '--b\r\nContent-Disp'],
    ['no end', type, part('a', 'x')],
    ['eleven fields', type, Array.from({ length: 11 }, (_, at) => part(`f${at}`, 'x', null)).join('') + END],
    ['a field', type, part('radius', '5', null) + part('a', 'x') + END],
    ['__proto__', type, part('__proto__', 'x') + END],
    ['__proto__ as a field', type, part('__proto__', 'x', null) + END],
    ['a long name', type, part('a', 'x', 'n'.repeat(REFERENCE_CHARACTERS_MAX + 1)) + END],
  ])('%s is 400', async (_name, contentType, body) => {
    expect(await post(body, contentType)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });

  test('a field is named', async () => {
    expect((await post(part('radius', '5', null) + END)).field).toBe('radius');
  });

  test('one too large file of several is its own answer', async () => {
    const body = part('a', 'first', '1') + part('b', 'x'.repeat(2_000_001), '2') + part('c', 'third', '3') + END;
    const { status, text } = await post(body);
    expect(status).toBe(200);
    const sha256 = createHash('sha256').update('x'.repeat(2_000_001)).digest('hex');
    expect(JSON.parse(text).results).toMatchObject([
      { id: '1', verdict: 'not_checked', reason: 'not_an_image' },
      { id: '2', verdict: 'not_checked', reason: 'too_large', digests: { sha256 } },
      { id: '3', verdict: 'not_checked', reason: 'not_an_image' },
    ]);
    const exact = await post(part('b', 'x'.repeat(2_000_000), '2') + END);
    expect(JSON.parse(exact.text).results).toMatchObject([{ reason: 'not_an_image' }]);
  });

  test('a file that is sent as text is refused, not taken for an image', async () => {
    const coded = (coding: string) =>
      part('a', 'aW1hZ2U=', '1').replace('\r\n\r\n', `\r\nContent-Transfer-Encoding: ${coding}\r\n\r\n`) + END;
    for (const coding of ['base64', 'Quoted-Printable'])
      expect(of(await post(coded(coding)))).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED', 'content-transfer-encoding']);
    for (const coding of ['7bit', '8BIT', 'binary']) expect((await post(coded(coding))).status).toBe(200);
  });

  test('in chunks is read like any other', async () => {
    const { hostname, port } = new URL(running.url);
    const socket = connect(Number(port), hostname);
    const body = part('a', 'y'.repeat(200_000), '1') + END;
    socket.write(
      `POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    for (let at = 0; at < body.length; at += 50_000) {
      const piece = body.slice(at, at + 50_000);
      socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    socket.write('0\r\n\r\n');
    const text = await new Promise<string>((resolve, reject) => {
      socket.on('data', (chunk) => resolve(String(chunk)));
      socket.setTimeout(5_000, () => reject(new Error('no answer')));
    });
    socket.destroy();
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });
});

test('a batch with an unknown field; an item with one', async () => {
  const json = { 'content-type': 'application/json' };
  const md5 = '0'.repeat(32);
  const post = (body: unknown) => send('POST', '/v1/check/hashes', json, JSON.stringify(body));
  expect(of(await post({ items: [], surprise: 1 }))).toEqual([400, 'REQUEST_INVALID', 'surprise']);
  const hash = { algorithm: 'pdq', value: '0'.repeat(64), frames: 1 };
  const { text } = await post({
    items: [
      { id: 'a', md5, qualty: 3 },
      { id: 'b', hashes: [hash] },
      { id: 'c', md5 },
    ],
  });
  expect(JSON.parse(text).results).toMatchObject([
    { id: 'a', error: { code: 'VALUE_INVALID', field: 'qualty' } },
    { id: 'b', error: { code: 'VALUE_INVALID', field: 'hashes/0/frames' } },
    { id: 'c', verdict: 'no_match' },
  ]);
});

test('Transfer-Encoding: a coding beside chunked is refused, not passed on', async () => {
  const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
  socket.write(
    'POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  );
  const text = await new Promise<string>((resolve, reject) => {
    socket.on('data', (chunk) => resolve(String(chunk)));
    socket.on('error', reject);
  });
  socket.destroy();
  expect(text).toMatch(/^HTTP\/1\.1 415 /);
  expect(text).toContain('transfer-encoding');
});

test('two Host headers are refused, whatever they name', async () => {
  const socket = connect(Number(new URL(running.url).port), '127.0.0.1');
  socket.write('GET /v1/lists HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n');
  const text = await new Promise<string>((resolve, reject) => {
    socket.on('data', (chunk) => resolve(String(chunk)));
    socket.on('error', reject);
  });
  socket.destroy();
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toContain('"field":"host"');
});

test('Expect: an unknown expectation is 417', async () => {
  expect((await send('POST', '/v1/hash', { expect: 'magic', 'content-type': 'image/jpeg' }, 'x')).status).toBe(417);
});

test('the methods of an address', () => {
  const methods = new Methods();
  methods.add({ url: '/v1/lists/:list', method: ['GET', 'HEAD'] });
  methods.add({ url: '/v1/lists/:list', method: 'PATCH' });
  expect(methods.of('/v1/lists/a?x')).toEqual(['GET', 'HEAD', 'PATCH']);
  expect(methods.of('/v1/lists/a/b')).toEqual([]);
});
