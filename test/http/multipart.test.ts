/** Several files in one request: the answers of those that were checked stand, and every byte counts. */
import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TenantChange } from '../../src/store/tenants-contract.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

const END = '--b--\r\n';
const part = (content: string, name = 'a', file: string | null = 'a.jpg', coding = 'binary') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${file === null ? '' : `; filename="${file}"`}\r\nContent-Transfer-Encoding: ${coding}\r\n\r\n${content}\r\n`;
const files = (count: number) => Array.from({ length: count }, (_, at) => part('x', `f${at}`, `${at}`)).join('');

let tenants = 0;
async function tenantWith(limits: TenantChange['limits'] = {}) {
  const tenant = `multipart-${tenants++}`;
  const { store, gates } = running.service;
  const { key } = await store.keys.createKey({ tenant, scopes: ['check'], expiresAt: null });
  await store.tenants.setTenant(tenant, { limits });
  return {
    usage: async () => (await gates.of(tenant)).usage,
    /** Send in chunks, without Content-Length. */
    post: (pieces: readonly string[], headers: Record<string, string> = {}) =>
      new Promise<{ status: number; json: { code?: string; results?: unknown[]; error?: object } }>(
        (resolve, reject) => {
          const request = httpRequest(
            `${running.url}/v1/check`,
            {
              method: 'POST',
              agent: false,
              headers: {
                authorization: `Bearer ${key}`,
                'content-type': 'multipart/form-data; boundary=b',
                'transfer-encoding': 'chunked',
                ...headers,
              },
            },
            (response) => {
              let text = '';
              response.on('data', (chunk) => {
                text += String(chunk);
              });
              response.on('end', () => resolve({ status: response.statusCode!, json: JSON.parse(text) }));
            },
          );
          request.on('error', reject);
          for (const piece of pieces) request.write(piece);
          request.end();
        },
      ),
  };
}

test('the 101st file ends the answer; the first hundred keep theirs', async () => {
  const { post, usage } = await tenantWith();
  const { status, json } = await post([files(103), END]);
  expect(status).toBe(200);
  expect(json.results).toHaveLength(100);
  expect(json.results?.[99]).toMatchObject({ id: '99', verdict: 'not_checked', reason: 'not_an_image' });
  expect(json.error).toMatchObject({ code: 'TOO_MANY_ITEMS', field: 'body' });
  expect((await usage()).checks).toBe(100);
  const whole = await post([files(100), END]);
  expect([whole.status, whole.json.error]).toEqual([200, undefined]);
});

test.each<[string, string, object]>([
  ['a field', part('5', 'radius', null) + END, { code: 'REQUEST_INVALID', field: 'radius' }],
  ['a long name', part('x', 'b', 'n'.repeat(1_025)), { code: 'REQUEST_INVALID', field: 'filename' }],
  [
    'a coding',
    part('eA==', 'b', 'b', 'base64'),
    { code: 'MEDIA_TYPE_UNSUPPORTED', field: 'content-transfer-encoding' },
  ],
  ['a cut file', part('x'.repeat(100)).slice(0, 150), { code: 'REQUEST_INVALID', field: 'body' }],
])('%s after two files ends the answer; alone it refuses the request', async (_name, fault, error) => {
  const { post } = await tenantWith();
  const { status, json } = await post([files(2), fault]);
  expect([status, json.results?.length]).toEqual([200, 2]);
  expect(json.error).toMatchObject(error);
  expect((await post([fault])).status).toBeGreaterThanOrEqual(400);
});

test('a limit between two files ends the answer', async () => {
  const { post, usage } = await tenantWith({ checksPerDay: 3 });
  const { status, json } = await post([files(5), END]);
  expect([status, json.results?.length]).toEqual([200, 3]);
  expect(json.error).toMatchObject({ code: 'QUOTA_EXCEEDED' });
  expect((await usage()).checks).toBe(3);
});

test('with a key the request fails as a whole', async () => {
  const { post } = await tenantWith();
  const { status, json } = await post([files(101), END], { 'idempotency-key': randomUUID() });
  expect([status, json.code]).toEqual([413, 'TOO_MANY_ITEMS']);
});

test.each([
  ['before the first part', (filler: string) => [filler, '\r\n', part('x'), END]],
  ['in headers', (filler: string) => [part('x', 'a', 'a', filler.slice(0, 50_000)), END]],
  ['in a part without a name', (filler: string) => ['--b\r\nX: 1\r\n\r\n', filler, '\r\n', part('x'), END]],
  ['in a file', (filler: string) => [part(filler), END]],
])('bytes %s count', async (_name, bodyOf) => {
  const body = bodyOf('y'.repeat(100_000));
  const length = body.join('').length;
  const free = await tenantWith({ bytesPerDay: 1_000_000 });
  await free.post(body);
  expect((await free.usage()).bytes).toBe(length);
  const { post, usage } = await tenantWith({ bytesPerDay: 40_000 });
  expect(await post(body)).toMatchObject({ status: 429, json: { code: 'QUOTA_EXCEEDED' } });
  expect((await usage()).bytes).toBeLessThanOrEqual(40_000);
});
