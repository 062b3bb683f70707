/** `POST /v1/check` with the address of an image: off unless hosts are named, and answered as the image itself would be. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PICTURES, type Running, startService } from '../support/running.js';

const IMAGE = readFileSync(`${PICTURES}/mate-freshflower.jpg`);
let images: Server;
let port: number;
let running: Running;

beforeAll(async () => {
  images = createServer(({ url }, response) => {
    if (url === '/listed.jpg') response.end(IMAGE);
    else if (url === '/text') response.end('no image');
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => images.listen(0, '127.0.0.1', resolve));
  port = (images.address() as AddressInfo).port;
  const urlNet = { resolve: async () => ['127.0.0.1'], isPublic: () => true };
  running = await startService({ urlHosts: `images.example:${port}` }, undefined, { urlNet });
});
afterAll(async () => {
  images.close();
  await running.stop();
});

async function ask(body: unknown, { url = running.url, query = '' } = {}) {
  const answer = await fetch(`${url}/v1/check${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}
const addressOf = (path: string) => ({ url: `http://images.example:${port}${path}` });

test('the answer is that to the image, and it is on record', async () => {
  const { status, json } = await ask(addressOf('/listed.jpg'), { query: '?reference=by-address' });
  expect(status).toBe(200);
  const sent = await fetch(`${running.url}/v1/check`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(IMAGE),
  });
  const { id: _i, checkId: _c, ...same } = (await sent.json()) as Record<string, unknown>;
  expect(json).toMatchObject({ ...same, id: 'by-address', verdict: 'match' });
  const { hits } = await running.service.ledger.hits({ reference: 'by-address', limit: 2 });
  expect(hits).toHaveLength(1);
});

test('what is no image is not checked; what cannot be fetched is no verdict', async () => {
  expect(await ask(addressOf('/text'))).toMatchObject({ status: 200, json: { verdict: 'not_checked' } });
  expect(await ask(addressOf('/missing'))).toMatchObject({
    status: 422,
    json: { code: 'URL_FAILED', details: { field: 'url', why: 'status 404' } },
  });
});

test.each([
  [{ url: 'https://other.example/a.jpg' }, 403, 'URL_REFUSED'],
  [{ url: 'http://127.0.0.1/a.jpg' }, 403, 'URL_REFUSED'],
  [{ url: 'file:///etc/passwd' }, 400, 'REQUEST_INVALID'],
  [{ url: 7 }, 400, 'REQUEST_INVALID'],
  [{ url: 'https://images.example/', detail: 'deep' }, 400, 'REQUEST_INVALID'],
  [{ address: 'https://images.example/' }, 415, 'MEDIA_TYPE_UNSUPPORTED'],
  [[], 415, 'MEDIA_TYPE_UNSUPPORTED'],
  ['{"url":', 400, 'REQUEST_INVALID'],
])('%j is %i %s', async (body, status, code) => {
  expect(await ask(body)).toMatchObject({ status, json: { code } });
});

test('a body in JSON is short, though an image is not', async () => {
  expect(await ask(`{"url":"${'a'.repeat(16_384)}"}`)).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
  expect(await ask(`{"url":"${'a'.repeat(16_000)}"}`)).toMatchObject({
    status: 400,
    json: { code: 'REQUEST_INVALID' },
  });
});

test('by default no address is fetched', async () => {
  const plain = await startService();
  try {
    expect(await ask({ url: 'https://images.example/a.jpg' }, { url: plain.url })).toMatchObject({
      status: 403,
      json: { code: 'URL_REFUSED', details: { why: expect.stringContaining('ZEEF_URL_HOSTS') } },
    });
  } finally {
    await plain.stop();
  }
});
