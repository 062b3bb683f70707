/** `GET /v1/hashes/{hash}` is an item of a batch in all that counts; `POST /v1/compare` reads no list. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/store/keys-contract.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeAll(async () => {
  running = await startService({ photodnaRadius: '50', photodnaIndex: 'linear', radiusBits: '20' });
});
afterAll(() => running.stop());

const MD5 = '3a94856c33abf72d5120897a492e68a2';
const entryHex = readFileSync('hashlists/sample/sample.csv', 'utf8')
  .split('\n')
  .find((line) => line.includes(',pdq,'))!
  .split(',')[2]!;

/** Return the hash with these bits flipped. */
function flip(hex: string, bits: readonly number[]): string {
  const flipped = Buffer.from(hex, 'hex');
  for (const bit of bits) flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped.toString('hex');
}

async function tenantNamed(tenant: string, scopes: readonly Scope[] = ['check:hashes']) {
  const { key } = await running.service.store.keys.createKey({ tenant, scopes, expiresAt: null, name: null });
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${key}`, ...init.headers };
    const response = await fetch(running.url + path, { ...init, headers });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  const post = (path: string, body: object) =>
    send(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
  const checked = async () => (await running.service.ledger.stats({ tenant })).checked;
  return { send, post, checked, seen: async () => (await running.service.store.tenants.tenant(tenant))! };
}

describe('GET /v1/hashes/{hash}', () => {
  test.each([
    [MD5, ''],
    [MD5.toUpperCase(), ''],
    ['0'.repeat(40), ''],
    [entryHex, '?algorithm=pdq'],
    [flip(entryHex, [3, 70, 200]), '?algorithm=pdq'],
    [entryHex, '?algorithm=sha256'],
    [entryHex, '?algorithm=pdq&lists=sample&radius=3&orientations=all'],
  ])('%s%s has the answer of an item', async (hash, query) => {
    const { send, post } = await tenantNamed('details', ['check:hashes', 'details']);
    const {
      algorithm = hash.length === 32 ? 'md5' : 'sha1',
      lists,
      radius,
      orientations,
    } = Object.fromEntries(new URLSearchParams(query));
    const batch = await post('/v1/check/hashes', {
      items: [{ [algorithm]: hash }],
      ...(lists ? { lists: lists.split(',') } : {}),
      ...(radius ? { radius: Number(radius) } : {}),
      ...(orientations ? { orientations } : {}),
    });
    const { generation, ...answer } = (await send(`/v1/hashes/${hash}${query}`)).json;
    expect([answer, generation]).toEqual([batch.json.results[0], batch.json.generation]);
  });

  test('64 digits need the algorithm; what is no value is not repeated', async () => {
    const { send } = await tenantNamed('faults');
    for (const [hash, query, status, code, field] of [
      [entryHex, '', 400, 'REQUEST_INVALID', 'algorithm'],
      [entryHex, '?algorithm=photodna', 400, 'REQUEST_INVALID', 'algorithm'],
      [entryHex.slice(1), '', 422, 'VALUE_INVALID', 'hash'],
      [`g${MD5.slice(1)}`, '', 422, 'VALUE_INVALID', 'md5'],
      [`g${entryHex.slice(1)}`, '?algorithm=pdq', 422, 'VALUE_INVALID', 'pdq'],
      [MD5, '?algorithm=sha256', 422, 'VALUE_INVALID', 'sha256'],
      [`${entryHex}${entryHex}`, '', 422, 'VALUE_INVALID', 'hash'],
      [entryHex.repeat(4), '', 422, 'VALUE_INVALID', 'hash'],
      [entryHex.repeat(9), '', 400, 'REQUEST_INVALID', 'path'],
    ] as const) {
      const { status: got, json } = await send(`/v1/hashes/${hash}${query}`);
      expect([hash, query, got, json.code, json.details.field]).toEqual([hash, query, status, code, field]);
      if (code === 'VALUE_INVALID') expect(JSON.stringify(json)).not.toContain(hash.slice(0, 20));
    }
    expect((await send(`/v1/hashes/${MD5}?lists=nowhere`)).json.code).toBe('LIST_NOT_FOUND');
    expect((await send(`/v1/hashes/${MD5}?radius=3`)).json.code).toBe('SCOPE_MISSING');
  });

  test('without details a match has no entry and no distance', async () => {
    const { send } = await tenantNamed('plain');
    const { matches } = (await send(`/v1/hashes/${MD5}`)).json;
    expect(matches).toEqual([{ list: 'sample', matchType: 'exact', suppressed: false, quarantined: false }]);
  });

  test('it is on record before it is answered, with its reference', async () => {
    const { send, checked } = await tenantNamed('recorded', ['check:hashes', 'hits']);
    expect((await send(`/v1/hashes/${MD5}?reference=file/7`)).json.id).toBe('file/7');
    await send(`/v1/hashes/${'0'.repeat(32)}`);
    expect(await checked()).toBe(2);
    expect((await send('/v1/hits?reference=file/7')).json.hits).toMatchObject([{ list: 'sample', kind: 'hash' }]);
  });

  test('it takes from the limits what an item takes', async () => {
    const { send } = await tenantNamed('limited');
    const { tenants } = running.service.store;
    await tenants.setTenant('limited', { limits: { distinctHashesPerDay: 3 } });
    const value = (n: number) => n.toString(16).padStart(32, '0');
    for (let n = 0; n < 3; n++) expect((await send(`/v1/hashes/${value(n)}`)).status).toBe(200);
    expect((await send(`/v1/hashes/${value(9)}`)).json.code).toBe('QUOTA_EXCEEDED');
    await tenants.setTenant('limited', { limits: { distinctHashesPerDay: 0, checksPerDay: 5 } });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) statuses.push((await send(`/v1/hashes/${value(n)}`)).status);
    expect(statuses.at(-1)).toBe(429);
    expect((await send(`/v1/verdict?md5=${MD5}`)).status).toBe(429);
  });
});

/** A hash at the edge of the radius of the sample list, and its variants by one bit. */
const edge = flip(
  entryHex,
  Array.from({ length: 31 }, (_, n) => n * 8),
);
const walk = Array.from({ length: 150 }, (_, bit) => flip(edge, [bit]));

test.each([
  ['look-ups', (hash: string) => `/v1/hashes/${hash}?algorithm=pdq`],
  ['verdicts', (hash: string) => `/v1/verdict?pdq=${hash}`],
])('probing by %s raises the alarm', async (tenant, pathOf) => {
  const { send, seen } = await tenantNamed(tenant);
  for (const hash of walk) await send(pathOf(hash));
  await expect.poll(async () => (await seen()).alarm).toMatchObject({ kind: expect.stringMatching(/edge|ball/) });
});

test('a parameter beside a body in JSON, which has its own, is refused and not left out', async () => {
  const { post } = await tenantNamed('queried', ['check:hashes', 'details']);
  const items = [{ md5: MD5 }];
  for (const query of ['orientations=all', 'lists=nowhere', 'algorithm=md5', 'radius=0', 'detail=deep', 'reference=a'])
    expect(await post(`/v1/check/hashes?${query}`, { items })).toMatchObject({
      status: 400,
      json: { code: 'REQUEST_INVALID', details: { field: query.split('=')[0] } },
    });
  expect(await post('/v1/check/hashes', { items })).toMatchObject({ status: 200, json: { checked: 1 } });
  const { send } = await tenantNamed('queried-lines', ['check:hashes', 'details']);
  const lines = (query: string) =>
    send(`/v1/check/hashes${query}`, {
      method: 'POST',
      body: `${JSON.stringify(items[0])}\n`,
      headers: { 'content-type': 'application/x-ndjson' },
    });
  expect(await lines('?algorithm=pdq')).toMatchObject({ status: 400, json: { details: { field: 'algorithm' } } });
  expect(await lines('')).toMatchObject({ status: 200, json: { verdict: 'match' } });
  for (const field of ['frames=2', 'detail=deep'])
    expect(await post(`/v1/explain?${field}`, { hash: MD5 })).toMatchObject({
      status: 400,
      json: { details: { field: field.split('=')[0] } },
    });
  expect(await post('/v1/explain?orientations=none', { hash: MD5 })).toMatchObject({ status: 200 });
});

describe('POST /v1/compare', () => {
  const photodna = (byte: number) => Buffer.alloc(144, byte).toString('base64');
  test.each([
    [{ algorithm: 'pdq', a: entryHex, b: entryHex.toUpperCase() }, 0, 20, true],
    [{ algorithm: 'pdq', a: entryHex, b: flip(entryHex, [...Array(20).keys()]) }, 20, 20, true],
    [{ algorithm: 'blockhash', a: entryHex, b: flip(entryHex, [...Array(21).keys()]) }, 21, 20, false],
    [{ algorithm: 'md5', a: MD5, b: MD5.toUpperCase() }, 0, 0, true],
    [{ algorithm: 'sha256', a: entryHex, b: flip(entryHex, [1]) }, null, 0, false],
    [{ algorithm: 'photodna', a: photodna(4), b: photodna(8) }, 48, 50, true],
    [{ algorithm: 'photodna', a: photodna(4), b: Buffer.alloc(144, 9).toString('hex') }, 60, 50, false],
  ] as const)('%j: %s', async (body, distance, radius, within) => {
    const { post } = await tenantNamed('compares');
    expect((await post('/v1/compare', body)).json).toEqual({ algorithm: body.algorithm, distance, radius, within });
  });

  test.each([
    [{ algorithm: 'pdq', a: 'abc', b: entryHex }, 'a'],
    [{ algorithm: 'pdq', a: entryHex, b: `g${entryHex.slice(1)}` }, 'b'],
    [{ algorithm: 'md5', a: MD5, b: entryHex }, 'b'],
    [{ algorithm: 'photodna', a: 'AA==', b: photodna(1) }, 'a'],
  ])('%j names the wrong one, without its value', async (body, field) => {
    const { post } = await tenantNamed('compares');
    const { status, json } = await post('/v1/compare', body);
    expect([status, json.code, json.details.field]).toEqual([422, 'VALUE_INVALID', field]);
    expect(JSON.stringify(json)).not.toContain(entryHex.slice(1, 20));
  });

  test('two images are no fields of it', async () => {
    const { post } = await tenantNamed('compares');
    expect((await post('/v1/compare', { algorithm: 'crc32', a: 'a', b: 'b' })).json.code).toBe('REQUEST_INVALID');
    expect((await post('/v1/compare', { algorithm: 'pdq', a: entryHex })).json.details.field).toBe('b');
  });

  test('nothing is recorded or counted, and a walk around an entry is no probing', async () => {
    const { post, checked, seen } = await tenantNamed('harmless');
    for (const hash of walk)
      expect((await post('/v1/compare', { algorithm: 'pdq', a: edge, b: hash })).status).toBe(200);
    expect([await checked(), (await seen())?.alarm ?? null]).toEqual([0, null]);
    expect((await running.service.gates.of('harmless')).usage.checks).toBe(0);
  });
});

test('without the radius PhotoDNA values are not compared', async () => {
  const other = await startService();
  try {
    const body = JSON.stringify({ algorithm: 'photodna', a: 'AA==', b: 'AA==' });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${other.url}/v1/compare`, { method: 'POST', body, headers });
    expect([response.status, (await response.json()).code]).toEqual([422, 'PHOTODNA_UNCONFIGURED']);
  } finally {
    await other.stop();
  }
});
