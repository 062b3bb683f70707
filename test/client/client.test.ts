/** The client before a service, and before what is none: proxies, redirections, silence. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { type ClientOptions, createClient, type Schemas, type ZeefClient } from '../../src/client/client.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../support/running.js';

const listed = new Uint8Array(readFileSync(join(PICTURES, 'mate-freshflower.jpg')));
const other = new Uint8Array(readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg')));
const MD5 = '0'.repeat(32);

let running: Running;
let key: string;
let zeef: ZeefClient;
const servers: Server[] = [];

beforeAll(async () => {
  running = await startService();
  const { keys } = running.service.store;
  const scopes = ['check', 'check:hashes', 'lists', 'hits', 'details'] as const;
  key = (await keys.createKey({ tenant: 'forum', scopes, name: null, expiresAt: null })).key;
  zeef = createClient({ url: running.url, key });
});
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await running.stop();
});

async function serverThat(answers: RequestListener): Promise<string> {
  const server = createServer(answers);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a service', () => {
  test('checks an image in every form of its bytes, files of a form, and hashes', async () => {
    const forms = [listed, listed.buffer as ArrayBuffer, new Blob([listed], { type: 'image/jpeg' })];
    for (const body of [...forms, new Blob([listed]), new Blob([listed]).stream()]) {
      const { data } = await zeef.POST('/v1/check', { body, params: { query: { reference: 'a/17.jpg' } } });
      expect(data).toMatchObject({ id: 'a/17.jpg', verdict: 'match', matches: [{ list: 'sample' }, {}, {}, {}, {}] });
    }
    const form = new FormData();
    for (const [name, bytes] of Object.entries({ listed, other })) form.append('file', new Blob([bytes]), name);
    const files = await zeef.POST('/v1/check', { body: form });
    expect(files.data).toMatchObject({ results: [{ verdict: 'match' }, { verdict: 'no_match' }] });
    expect((await zeef.POST('/v1/check', { body: new TextEncoder().encode('no image') })).data).toMatchObject({
      verdict: 'not_checked',
      reason: 'not_an_image',
    });
    const hashed = await zeef.POST('/v1/hash', { body: other, headers: { 'content-type': 'image/jpeg' } });
    const { digests, pdq } = hashed.data!;
    const items = [{ id: 'b', sha256: digests.sha256!, pdq: pdq!.hash }];
    expect((await zeef.POST('/v1/check/hashes', { body: { items } })).data).toMatchObject({ checked: 1, matched: 0 });
    const lines = await zeef.POST('/v1/check/hashes', {
      body: `${JSON.stringify({ id: 'b', md5: MD5 })}\n`,
      headers: { 'content-type': 'application/x-ndjson' },
      parseAs: 'text',
    });
    expect(JSON.parse(lines.data!)).toMatchObject({ id: 'b', verdict: 'no_match' });
    const values = Uint8Array.from(Buffer.from(pdq!.hash, 'hex'));
    const raw = await zeef.POST('/v1/check/hashes', { body: values, params: { query: { algorithm: 'pdq' } } });
    expect(raw.data).toMatchObject({ checked: 1, results: [] });
    const one = await zeef.GET('/v1/hashes/{hash}', { params: { path: { hash: MD5 } } });
    expect(one.data?.verdict).toBe('no_match');
  });

  test('has lists and cases, which a decision changes', async () => {
    expect((await zeef.GET('/v1/lists')).data?.lists.map(({ list }) => list)).toEqual(['sample']);
    const { data } = await zeef.GET('/v1/hits', { params: { query: { status: 'open', limit: 1 } } });
    const [hit]: Schemas['Hit'][] = data!.hits;
    const changed = await zeef.PATCH('/v1/hits/{id}', {
      params: { path: { id: hit!.id } },
      body: { status: 'removed', note: 'By the client.' },
    });
    expect(changed.data).toMatchObject({ id: hit!.id, status: 'removed' });
  });

  test('refuses with a code: a key, a scope, a field, a state; a verdict by status has one beside its answer', async () => {
    const codeOf = async (of: ZeefClient) => (await of.POST('/v1/check', { body: other })).error?.code;
    expect(await codeOf(createClient({ url: running.url }))).toBe('KEY_MISSING');
    expect(await codeOf(createClient({ url: running.url, key: 'zeef_wrong' }))).toBe('KEY_INVALID');
    const refused = await zeef.POST('/v1/lists', { body: { list: 'own' } });
    expect(refused.data).toBeUndefined();
    expect(refused.error).toMatchObject({ code: 'SCOPE_MISSING', status: 403, requestId: expect.any(String) });
    const wrong = await zeef.POST('/v1/check', { body: other, params: { query: { radius: 300 } } });
    expect(wrong.error).toMatchObject({ code: 'REQUEST_INVALID', details: { field: 'radius' } });
    expect((await zeef.POST('/v1/check', { body: new Uint8Array() })).error?.code).toBe('BODY_EMPTY');
    const byStatus = (body: Uint8Array) => zeef.POST('/v1/verdict', { body });
    expect((await byStatus(listed)).error).toMatchObject({ verdict: 'match', code: null });
    expect((await byStatus(new Uint8Array(9))).error).toMatchObject({ verdict: 'not_checked', code: 'NOT_CHECKED' });
    expect((await byStatus(other)).data).toMatchObject({ verdict: 'no_match' });
  });

  test('may be under a path, with other headers, and behind a fetch of the caller', async () => {
    const seen: string[] = [];
    const url = await serverThat(async (request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization === `Bearer ${key}`}`);
      const answer = await fetch(`${running.url}${request.url!.replace('/images/zeef', '')}`, {
        headers: { authorization: request.headers.authorization! },
      });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type')! });
      response.end(await answer.text());
    });
    for (const address of [`${url}/images/zeef`, `${url}/images/zeef/`])
      expect((await createClient({ url: address, key }).GET('/v1/lists')).data?.lists).toHaveLength(1);
    expect(seen).toEqual(Array(2).fill('GET /images/zeef/v1/lists true'));
    const own: string[] = [];
    const send = (request: Request) => {
      own.push(`${request.method} ${request.headers.get('content-type')}`);
      return fetch(request);
    };
    const client = createClient({ url: running.url, key, fetch: send });
    await client.POST('/v1/check', { body: other });
    await client.POST('/v1/check', { body: { url: 'https://images.example/17.jpg' } });
    await client.GET('/v1/lists');
    expect(own).toEqual(['POST application/octet-stream', 'POST application/json', 'GET null']);
  });
});

describe('what is no service', () => {
  const check = (url: ClientOptions['url'], timeoutMs = 5_000) =>
    createClient({ url, key: 'zeef_secret', timeoutMs }).POST('/v1/check', { body: other });

  test('accepts nothing: no connection, a page of a proxy, an empty answer, a redirection', async () => {
    await expect(check('http://127.0.0.1:9')).rejects.toThrow();
    for (const status of [403, 404, 502, 503]) {
      const page = await serverThat((request, response) => {
        request.resume();
        response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
      });
      await expect(check(page)).rejects.toThrow(`status ${status} without an answer of Zeef`);
    }
    const empty = await serverThat((request, response) => {
      request.resume();
      response.writeHead(502).end();
    });
    await expect(check(empty)).rejects.toThrow('status 502');
    const html = await serverThat((request, response) => {
      request.resume();
      response.end('<h1>Welcome</h1>');
    });
    await expect(check(html)).rejects.toThrow();
    const asked: string[] = [];
    const far = await serverThat((request, response) => {
      asked.push(String(request.headers.authorization));
      response.end('{"verdict":"no_match"}');
    });
    const near = await serverThat((request, response) => {
      request.resume();
      const headers = { location: `${far}/v1/check`, 'content-type': 'application/json' };
      response.writeHead(307, headers).end('{"verdict":"no_match"}');
    });
    await expect(check(near)).rejects.toThrow('status 307 without an answer of Zeef');
    expect(asked).toEqual([]);
  });

  test('is waited for until the deadline or the signal, before the answer and within it', async () => {
    const silent = await serverThat((request) => void request.resume());
    const slow = await serverThat((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"verdict":');
    });
    for (const url of [silent, slow]) {
      const from = performance.now();
      await expect(check(url, 300)).rejects.toMatchObject({ name: 'TimeoutError' });
      expect(performance.now() - from).toBeLessThan(4_000);
      const given = new AbortController();
      const answer = createClient({ url, timeoutMs: 0 }).POST('/v1/check', { body: other, signal: given.signal });
      setTimeout(() => given.abort(), 100);
      await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    }
  });

  test('is not waited for longer where garbage is collected meanwhile', async () => {
    // In a process of its own: what the test runner holds is not collected.
    const file = join(tempFolder('client-garbage'), 'wait.mjs');
    writeFileSync(
      file,
      `import { createServer } from 'node:http';
import { createClient } from ${JSON.stringify(pathToFileURL(resolve('dist/src/client/client.js')))};
const server = createServer((request, response) => {
  request.resume();
  if (request.url.startsWith('/slow')) response.writeHead(200, { 'content-type': 'application/json' }).write('{"verdict":');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
setInterval(gc, 30);
const ends = async (path) => {
  const url = \`http://127.0.0.1:\${server.address().port}\${path}\`;
  try {
    return await createClient({ url, timeoutMs: 1_000 }).POST('/v1/check', { body: new Uint8Array(100) });
  } catch ({ name }) {
    return name;
  }
};
const each = (path) => Promise.all(Array.from({ length: 100 }, () => ends(path)));
const late = new Promise((resolve) => setTimeout(resolve, 10_000, ['some are waited for']));
const names = [await Promise.race([each(''), late]), await Promise.race([each('/slow'), late])].flat();
console.log(JSON.stringify([...new Set(names)]));
process.exit();
`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file], { env: childEnv() });
    expect(JSON.parse(stdout)).toEqual(['TimeoutError']);
  });
});
