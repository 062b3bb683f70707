/** A client that sets the radius finds a distance by bisection: only keys that may see distances may set one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/store/keys-contract.js';
import { PICTURES, type Running, startService } from '../support/running.js';

const picture = new Uint8Array(readFileSync(join(PICTURES, 'mate-freshflower.jpg')));
const entryHex = readFileSync('hashlists/sample/sample.csv', 'utf8')
  .split('\n')
  .find((line) => line.includes(',pdq,'))!
  .split(',')[2]!;
/** Nine bits from the entry. */
const near = Buffer.from(entryHex, 'hex');
for (let at = 0; at < 9; at++) near[at]! ^= 1;
const nearHex = near.toString('hex');

let running: Running;
beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.stop());

type Ask = readonly [path: string, type: string | null, body: () => BodyInit];

/** Every form of a request that can state a radius. */
const FORMS: Readonly<Record<string, (radius: number | null) => Ask>> = {
  'an image': (radius) => [`/v1/check${query(radius)}`, 'image/jpeg', () => picture],
  'several images': (radius) => [
    `/v1/check${query(radius)}`,
    null,
    () => {
      const form = new FormData();
      form.append('a', new Blob([picture]), 'a.jpg');
      return form;
    },
  ],
  JSON: (radius) => [
    '/v1/check/hashes',
    'application/json',
    () => JSON.stringify({ items: [{ pdq: nearHex }], ...(radius === null ? {} : { radius }) }),
  ],
  NDJSON: (radius) => [
    `/v1/check/hashes${query(radius)}`,
    'application/x-ndjson',
    () => `${JSON.stringify({ pdq: nearHex })}\n`,
  ],
  'raw bytes': (radius) => [
    `/v1/check/hashes?algorithm=pdq${radius === null ? '' : `&radius=${radius}`}`,
    'application/octet-stream',
    () => new Uint8Array(Buffer.from(nearHex, 'hex')),
  ],
};
/** A body in JSON has the radius itself. */
const MISPLACED = (radius: number): Ask => [
  `/v1/check/hashes${query(radius)}`,
  'application/json',
  () => JSON.stringify({ items: [{ pdq: nearHex }] }),
];
function query(radius: number | null): string {
  return radius === null ? '' : `?radius=${radius}`;
}

async function send(key: string | null, [path, type, body]: Ask) {
  const response = await fetch(running.url + path, {
    method: 'POST',
    body: body(),
    headers: { ...(type ? { 'content-type': type } : {}), ...(key ? { authorization: `Bearer ${key}` } : {}) },
  });
  return { status: response.status, text: await response.text() };
}

let tenants = 0;
async function keyWith(...scopes: Scope[]) {
  const tenant = `t-${++tenants}`;
  const { key } = await running.service.store.keys.createKey({ tenant, scopes, expiresAt: null });
  const checked = async () => {
    const response = await fetch(`${running.url}/v1/stats`, { headers: { authorization: `Bearer ${key}` } });
    return ((await response.json()) as { checked: number }).checked;
  };
  return { key, tenant, checked };
}

test('without any key, a local client may set the radius', async () => {
  for (const form of Object.values(FORMS)) expect((await send(null, form(31))).status).toBe(200);
});

test('a radius in the query beside a body in JSON is refused, and says nothing to a key without details', async () => {
  expect(await send(null, MISPLACED(31))).toMatchObject({
    status: 400,
    text: expect.stringContaining('REQUEST_INVALID'),
  });
  const plain = await keyWith('check', 'check:hashes');
  expect(await send(plain.key, MISPLACED(31))).toMatchObject({ status: 403 });
  const detailed = await keyWith('check:hashes', 'details');
  expect(await send(detailed.key, MISPLACED(31))).toMatchObject({ status: 400 });
});

describe.each(Object.entries(FORMS))('%s', (_name, form) => {
  test.each([0, 8, 31, 256])('a radius of %i gets 403 without details, and nothing is checked', async (radius) => {
    const { key, tenant, checked } = await keyWith('check', 'check:hashes');
    const { status, text } = await send(key, form(radius));
    expect(status).toBe(403);
    expect(JSON.parse(text)).toMatchObject({ code: 'SCOPE_MISSING', details: { scope: 'details', field: 'radius' } });
    expect(await checked()).toBe(0);
    expect((await running.service.gates.of(tenant)).usage).toMatchObject({ checks: 0 });
  });

  test('a key without details and a request without a radius get a verdict, and no distance', async () => {
    const { key, checked } = await keyWith('check', 'check:hashes');
    const { status, text } = await send(key, form(null));
    expect([status, /"verdict":"match"|"matched":1/.test(text)]).toEqual([200, true]);
    expect(text).not.toContain('distance');
    expect(await checked()).toBe(1);
  });

  test.each<[string, Scope[]]>([
    ['details', ['check', 'check:hashes', 'details']],
    ['admin', ['admin']],
  ])('a key with %s may set the radius', async (_scope, scopes) => {
    const { key } = await keyWith(...scopes);
    expect(await send(key, form(31))).toMatchObject({ status: 200, text: expect.stringContaining('"distance":') });
  });
});

test('a distance of 9 matches at radius 9 and not at 8', async () => {
  const { key } = await keyWith('check:hashes', 'details');
  const verdictAt = async (radius: number) => {
    const { text } = await send(key, FORMS.JSON!(radius));
    return (JSON.parse(text) as { results: { verdict: string }[] }).results[0]!.verdict;
  };
  expect([await verdictAt(9), await verdictAt(8)]).toEqual(['match', 'no_match']);
});

test('a radius in the query is refused before its value or the body is parsed', async () => {
  const { key } = await keyWith('check', 'check:hashes');
  for (const radius of ['', 'x', '1&radius=2', '257']) {
    for (const [path, type] of [
      ['/v1/check', 'image/jpeg'],
      ['/v1/check/hashes', 'application/json'],
    ] as const) {
      const { status, text } = await send(key, [`${path}?radius=${radius}`, type, () => '{ broken']);
      expect([status, JSON.parse(text).code], `${path} ${radius}`).toEqual([403, 'SCOPE_MISSING']);
    }
  }
});

test('windows of a hash need details, and fail alone without it: chosen certain bits are a radius of their own', async () => {
  const rectangle = { left: 0, top: 0, right: 1, bottom: 1 };
  const window = { kind: 'part', rectangle, degrees: 0, proportion: 1, certain: 'ff'.repeat(32) };
  const items = [
    { id: 'plain', pdq: nearHex },
    { id: 'window', hashes: [{ algorithm: 'pdq', value: nearHex, window }] },
  ];
  const forms: Record<string, () => Ask> = {
    JSON: () => ['/v1/check/hashes', 'application/json', () => JSON.stringify({ detail: 'deep', items })],
    NDJSON: () => [
      '/v1/check/hashes?detail=deep',
      'application/x-ndjson',
      () => items.map((item) => JSON.stringify(item)).join('\n'),
    ],
  };
  const refused = { id: 'window', error: { code: 'SCOPE_MISSING', field: 'hashes', expected: 'details' } };
  for (const form of Object.values(forms)) {
    for (const [scopes, second] of [
      [['check:hashes'], refused],
      // At a distance of 9, more than 6 of 256 chosen bits are wrong.
      [['check:hashes', 'details'], { id: 'window', verdict: 'no_match' }],
    ] as const) {
      const { key } = await keyWith(...scopes);
      const { status, text } = await send(key, form());
      expect(status).toBe(200);
      const answers: unknown = text.startsWith('{"generation"')
        ? (JSON.parse(text) as { results: unknown }).results
        : text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line));
      expect(answers).toMatchObject([{ id: 'plain', verdict: 'match' }, second]);
    }
  }
});
