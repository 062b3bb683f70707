/** `POST /v1/explain` is counted, billed and watched as a check, needs the scopes of one and `details`, and records nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/store/keys-contract.js';
import { PICTURES, type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ imageBytesMax: '400000' });
});
afterAll(() => running.stop());

const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
const MD5 = '3a94856c33abf72d5120897a492e68a2';
const entryHex = readFileSync('hashlists/sample/sample.csv', 'utf8')
  .split('\n')
  .find((line) => line.includes(',pdq,'))!
  .split(',')[2]!;

function flip(hex: string, bits: readonly number[]): string {
  const flipped = Buffer.from(hex, 'hex');
  for (const bit of bits) flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped.toString('hex');
}

async function tenantNamed(tenant: string, scopes: readonly Scope[] = ['check', 'check:hashes', 'details']) {
  const { key } = await running.service.store.keys.createKey({ tenant, scopes, expiresAt: null, name: null });
  const ask = async (body: Uint8Array | object | string, query = '', type?: string) => {
    const isBytes = body instanceof Uint8Array;
    const response = await fetch(`${running.url}/v1/explain${query}`, {
      method: 'POST',
      body: isBytes ? new Uint8Array(body) : typeof body === 'string' ? body : JSON.stringify(body),
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': type ?? (isBytes ? 'image/jpeg' : 'application/json'),
      },
    });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  const info = async () => (await running.service.store.tenants.tenant(tenant))!;
  return { ask, info, stats: () => running.service.ledger.stats({ tenant }) };
}

describe('scopes', () => {
  test.each<[readonly Scope[], number, number]>([
    [['check', 'check:hashes', 'details'], 200, 200],
    [['check', 'check:hashes'], 403, 403],
    [['check', 'details'], 200, 403],
    [['check:hashes', 'details'], 403, 200],
    [['details'], 403, 403],
    [['admin'], 200, 200],
  ])('%j: an image %i, a hash %i', async (scopes, image, hash) => {
    const { ask } = await tenantNamed(`s-${scopes.join('-').replaceAll(':', '')}`, scopes);
    const missing = { code: 'SCOPE_MISSING' };
    for (const [body, status] of [
      [picture, image],
      [{ hash: MD5 }, hash],
    ] as const) {
      const answer = await ask(body);
      expect(answer.status).toBe(status);
      if (status === 403) expect(answer.json).toMatchObject(missing);
      else expect(answer.json).toMatchObject({ lists: expect.any(Array) });
    }
  });
});

describe('limits', () => {
  test('each is a check and its values are counted; nothing is on record', async () => {
    const { ask, stats } = await tenantNamed('counted');
    await running.service.store.tenants.setTenant('counted', {
      limits: { checksPerDay: 4, distinctHashesPerDay: 100 },
    });
    running.service.gates.forget('counted');
    const gate = await running.service.gates.of('counted');
    for (const body of [picture, { hash: MD5 }, { hash: entryHex, algorithm: 'pdq' }])
      expect((await ask(body)).json).toMatchObject({ verdict: 'match' });
    const { checks, bytes, distinctHashes } = gate.usage;
    expect([checks, bytes > picture.length]).toEqual([3, true]);
    // The file and its other hashes, the digest and the hash.
    expect(distinctHashes).toBeGreaterThanOrEqual(3);
    expect((await ask({ hash: MD5 })).status).toBe(200);
    expect((await ask({ hash: MD5 })).json).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect((await ask(picture)).json).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await stats()).toMatchObject({ checked: 0, matched: 0 });
    expect((await running.service.ledger.hits({ tenant: 'counted', limit: 10 })).hits).toEqual([]);
  });

  test('a new value beyond the quota of values is refused before it is searched', async () => {
    const { ask } = await tenantNamed('values');
    await running.service.store.tenants.setTenant('values', { limits: { distinctHashesPerDay: 2 } });
    running.service.gates.forget('values');
    for (const digit of ['0', '1']) expect((await ask({ hash: digit.repeat(32) })).status).toBe(200);
    expect((await ask({ hash: '2'.repeat(32) })).json).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      details: { quota: 'distinctHashesPerDay' },
    });
  });
});

describe('probing', () => {
  const bits = (from: number, count: number) => Array.from({ length: count }, (_, at) => (from + at * 5) % 256);

  test.each([
    ['within the radius', 28],
    ['beyond it, where a check says nothing', 44],
  ])('a walk %s raises an alarm', async (name, distance) => {
    const { ask, info } = await tenantNamed(`walk-${name.split(' ')[0]}`);
    const from = flip(entryHex, bits(0, distance));
    for (let bit = 0; bit < 70; bit++) await ask({ hash: flip(from, [bit]), algorithm: 'pdq' });
    await expect.poll(async () => (await info()).alarm).not.toBeNull();
  });

  test('as many far from everything raise none', async () => {
    const { ask, info } = await tenantNamed('far');
    for (let at = 0; at < 70; at++) await ask({ hash: flip(entryHex, bits(at, 120)), algorithm: 'pdq' });
    expect((await info())?.alarm ?? null).toBeNull();
  });
});

describe('what is no image and no hash', () => {
  test.each<[string, Uint8Array | object | string, string, string | undefined, object]>([
    ['64 digits', { hash: entryHex }, '', undefined, { code: 'REQUEST_INVALID', details: { field: 'algorithm' } }],
    [
      'a wrong length',
      { hash: entryHex.slice(1) },
      '',
      undefined,
      { code: 'VALUE_INVALID', details: { field: 'hash' } },
    ],
    ['no hex', { hash: `g${MD5.slice(1)}` }, '', undefined, { code: 'VALUE_INVALID', details: { field: 'hash' } }],
    [
      'a digest of another kind',
      { hash: MD5, algorithm: 'sha256' },
      '',
      undefined,
      { code: 'VALUE_INVALID', details: { field: 'hash', expected: '64 hex digits' } },
    ],
    [
      'an unknown field',
      { hash: MD5, list: 'x' },
      '',
      undefined,
      { code: 'REQUEST_INVALID', details: { field: 'list' } },
    ],
    ['an unknown kind', { hash: MD5, algorithm: 'x' }, '', undefined, { code: 'REQUEST_INVALID' }],
    ['no hash', {}, '', undefined, { code: 'REQUEST_INVALID' }],
    ['a quality beyond 100', { hash: MD5, quality: 101 }, '', undefined, { code: 'REQUEST_INVALID' }],
    ['an unknown detail', picture, '?detail=all', undefined, { code: 'REQUEST_INVALID', details: { field: 'detail' } }],
    ['a radius', picture, '?radius=5', undefined, { code: 'REQUEST_INVALID', details: { field: 'radius' } }],
    ['no body', new Uint8Array(), '', undefined, { code: 'BODY_EMPTY' }],
    ['text', 'text', '', 'text/plain', { code: 'MEDIA_TYPE_UNSUPPORTED' }],
    ['long JSON', { hash: 'a'.repeat(20_000) }, '', undefined, { code: 'BODY_TOO_LARGE' }],
    ['a file over the limit', new Uint8Array(400_001), '', undefined, { code: 'BODY_TOO_LARGE' }],
  ])('%s', async (_, body, query, type, expected) => {
    const { ask } = await tenantNamed('faults');
    const { json } = await ask(body, query, type);
    expect(json).toMatchObject(expected);
    expect(JSON.stringify(json)).not.toContain(entryHex.slice(0, 20));
  });

  test('a hash with spaces around it and in upper case is taken', async () => {
    const { ask } = await tenantNamed('spaces');
    expect((await ask({ hash: ` ${MD5.toUpperCase()}\n` })).json).toMatchObject({ algorithm: 'md5', verdict: 'match' });
  });
});
