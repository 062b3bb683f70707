/** Requests against their schemas: values are not coerced, and invalid ones are refused with a code. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ tenantChecksPerDay: '1000' });
});
afterAll(() => running.stop());

async function ask(method: string, path: string, body?: object): Promise<[status: number, answer: object]> {
  const response = await fetch(running.url + path, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  });
  return [response.status, (await response.json()) as object];
}
const invalid = [400, expect.objectContaining({ code: 'REQUEST_INVALID' })];

describe('null in a body', () => {
  test('removes a tenant’s own limit; 0 means no limit', async () => {
    const limits = (checksPerDay: number | null) => ask('PATCH', '/v1/tenants/t', { limits: { checksPerDay } });
    expect(await limits(0)).toMatchObject([200, { limits: { checksPerDay: 0 }, ownLimits: { checksPerDay: 0 } }]);
    const [status, answer] = await limits(null);
    expect([status, answer]).toMatchObject([200, { limits: { checksPerDay: 1000 } }]);
    expect(answer).toHaveProperty('ownLimits', {});
  });

  test('as the tenant of a webhook means all tenants', async () => {
    const hook = { url: 'http://127.0.0.1:1/hook', secretEnv: 'HOOK_SECRET', tenant: null };
    expect(await ask('POST', '/v1/webhooks', hook)).toMatchObject([201, { tenant: null }]);
  });

  test('is not false: it does not enable a disabled tenant', async () => {
    await ask('PATCH', '/v1/tenants/t', { disabled: true });
    expect(await ask('PATCH', '/v1/tenants/t', { disabled: null })).toEqual(invalid);
    expect(await ask('GET', '/v1/tenants/t')).toMatchObject([200, { disabled: true }]);
  });
});

test.each([
  ['PATCH', '/v1/tenants/t', { limits: { checksPerDay: '5' } }],
  ['PATCH', '/v1/tenants/t', { disabled: 'false' }],
  ['PATCH', '/v1/tenants/t', { alarm: '' }],
  ['PATCH', '/v1/lists/sample', { enabled: 0 }],
  ['POST', '/v1/check/hashes', { items: [{ md5: '0'.repeat(32) }], radius: '5' }],
  ['POST', '/v1/check/hashes', { items: null }],
])('%s %s %j is refused: values are not coerced', async (method, path, body) => {
  expect(await ask(method, path, body)).toEqual(invalid);
});

test.each([
  '/v1/report?from=2016-12-31T23:59:60Z&to=2017-01-02T00:00:00Z',
  '/v1/report?from=2016-12-01T00:00:00Z&to=2016-12-31T23:59:60Z',
  '/v1/stats?from=2016-12-31T23:59:60Z',
  '/v1/hits?to=2016-12-31T23:59:60Z',
  '/v1/hits/%E0%A4%A',
])('%s gets REQUEST_INVALID', async (path) => {
  expect(await ask('GET', path)).toEqual(invalid);
});

// Last: from then on a key is needed.
test('POST /v1/keys: a null name is no name; a leap second is refused', async () => {
  const about = { tenant: 't', scopes: ['check'] };
  expect(await ask('POST', '/v1/keys', { ...about, expiresAt: '2016-12-31T23:59:60Z' })).toEqual(invalid);
  expect(await ask('POST', '/v1/keys', { ...about, name: null, expiresAt: null })).toMatchObject([
    201,
    { info: { name: null, expiresAt: null } },
  ]);
});

describe('one bad item of a batch is that item’s error, in every form', () => {
  const good = 'd41d8cd98f00b204e9800998ecf8427f';
  const items = [
    { id: 'a', md5: good },
    { id: 'b', pdq: null },
    { id: 'c', md5: 1 },
    { id: 'd', quality: 50 },
    { id: 'e', pdq: '0'.repeat(63), md5: good },
    { id: 'f', hashes: Array(2_757).fill({ algorithm: 'pdq', value: '0'.repeat(64) }) },
    null,
    { id: 'h', pdq: '0f'.repeat(32), quality: 99, md5: good },
    { id: 7, md5: good },
    { id: 'x'.repeat(1_025), md5: good },
  ];
  const invalid = (id: string | null, field: string | null) => ({ id, error: { code: 'VALUE_INVALID', field } });
  const expected = [
    { id: 'a', verdict: 'no_match' },
    invalid('b', 'pdq'),
    invalid('c', 'md5'),
    invalid('d', null),
    invalid('e', 'pdq'),
    invalid('f', 'hashes'),
    invalid(null, null),
    { id: 'h', verdict: 'no_match' },
    invalid(null, 'id'),
    invalid(null, 'id'),
  ];

  // Without a key: the tests above may have made one.
  let own: Running;
  beforeAll(async () => {
    own = await startService();
  });
  afterAll(() => own.stop());

  test('JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${own.url}/v1/check/hashes`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ items }),
    });
    const [status, body] = [answer.status, await answer.json()];
    expect(status).toBe(200);
    expect(body).toMatchObject({ checked: 2, results: expected });
  });

  test.each(['application/x-ndjson', 'application/ndjson; charset=utf-8', 'Application/JSONL'])('%s', async (type) => {
    const lines = [...items.map((item) => JSON.stringify(item)), '{"id":"cut","md5":"d4', `["${'x'.repeat(70_000)}"]`];
    const answer = await fetch(`${own.url}/v1/check/hashes`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: lines.join('\n'),
    });
    expect(answer.status).toBe(200);
    const answers = (await answer.text()).trimEnd().split('\n');
    expect(answers.map((line) => JSON.parse(line))).toMatchObject([
      ...expected,
      invalid('cut', null),
      invalid(null, null),
    ]);
  });
});
