import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listRows } from '../../bench/list-rows.js';
import { tempFolder } from '../../bench/temp-folder.js';
import type { Hit } from '../../src/ledger/ledger.js';
import type { Report } from '../../src/ledger/report.js';
import { LEDGER_FILE } from '../../src/sqlite/ledger/database.js';
import type { Scope } from '../../src/store/keys-contract.js';
import { PHOTOGRAPHS, PICTURES, type Running, startService } from '../support/running.js';

const picture = readFileSync(join(PICTURES, 'mate-freshflower.jpg'));
const unknown = readFileSync(join(PHOTOGRAPHS, 'mate-dune.jpg'));
const KNOWN = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
const md5 = KNOWN.toString('hex');
const none = 'f'.repeat(32);

let running: Running;
const keys = {} as Record<'a' | 'b' | 'boss' | 'deaf', string>;

async function addKnown({ service }: Running): Promise<void> {
  await service.store.lists.createList({ list: 'digests', kind: 'match', radiusBits: 31 });
  await service.store.lists.replaceEntries('digests', listRows('md5', KNOWN));
  await service.reload();
}

beforeAll(async () => {
  running = await startService({ takedownHours: '1,12,24' });
  await addKnown(running);
  const key = async (tenant: string, ...scopes: Scope[]) =>
    (await running.service.store.keys.createKey({ tenant, scopes, expiresAt: null })).key;
  keys.a = await key('a', 'check', 'check:hashes', 'hits', 'details');
  keys.b = await key('b', 'check', 'check:hashes', 'hits', 'details');
  keys.boss = await key('boss', 'admin');
  keys.deaf = await key('a', 'check');
});
afterAll(() => running.stop());

async function ask<T>(
  key: string,
  path: string,
  {
    method = 'GET',
    type = 'application/json',
    body,
    headers = {},
  }: {
    method?: string;
    type?: string;
    body?: Buffer | object;
    headers?: Record<string, string>;
  } = {},
): Promise<{ status: number; body: T & { code?: string } }> {
  const sent = body === undefined ? undefined : Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body);
  const response = await fetch(`${running.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(sent === undefined ? {} : { 'content-type': type }), ...headers },
    ...(sent === undefined ? {} : { body: sent }),
  });
  return { status: response.status, body: (await response.json()) as T & { code?: string } };
}
const checkImage = (key: string, body: Buffer, query = '', headers = {}) =>
  ask<{ verdict: string }>(key, `/v1/check${query}`, { method: 'POST', type: 'image/jpeg', body, headers });
const checkItems = (key: string, items: object[], headers = {}) =>
  ask<{ matched: number }>(key, '/v1/check/hashes', { method: 'POST', body: { items }, headers });
const hitsOf = async (key: string, query = '') =>
  (await ask<{ hits: Hit[]; cursor: string | null }>(key, `/v1/hits?limit=100${query}`)).body;
interface Told {
  checked: number;
  matched: number;
  exact: number;
  near: number;
  suppressed: number;
  notChecked: number;
  byList: Record<string, number>;
  byCategory: Record<string, number>;
  byReason: Record<string, number>;
  byTenant: Record<string, number>;
  series: { checked: number }[];
}
const statsOf = async (key: string, query = '') => (await ask<Told>(key, `/v1/stats?${query}`)).body;

test('a tenant sees its own hits and counts; an admin sees all, and can filter them', async () => {
  await checkImage(keys.a, picture, '?reference=https%3A%2F%2Fa%2F1');
  await checkImage(keys.a, picture, '?reference=https%3A%2F%2Fa%2F1');
  await checkImage(keys.a, unknown);
  await checkImage(keys.a, Buffer.from('nothing'));
  await checkItems(keys.b, [{ id: 'x', md5 }, { md5: none }]);

  const { hits } = await hitsOf(keys.a);
  expect(hits).toHaveLength(1);
  expect(hits[0]).toMatchObject({
    tenant: 'a',
    reference: 'https://a/1',
    kind: 'image',
    timesSeen: 2,
    seenAfterRemoval: 0,
    list: 'sample',
    matchType: 'exact',
    distance: 0,
    status: 'open',
    quarantined: false,
    history: [],
    clock: { stoppedAt: null, seconds: null, deadlines: [{ hours: 1, met: null }, { hours: 12 }, { hours: 24 }] },
  });
  expect(hits[0]!.digests.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(hits[0]!.matches.length).toBeGreaterThan(0);
  expect(JSON.stringify(await hitsOf(keys.b))).not.toContain('https://a/1');
  expect((await hitsOf(keys.b)).hits).toMatchObject([{ reference: 'x', kind: 'hash', digests: { md5 } }]);
  expect((await hitsOf(keys.boss)).hits.map(({ tenant }) => tenant)).toEqual(['b', 'a']);
  expect((await hitsOf(keys.boss, '&tenant=a')).hits).toHaveLength(1);
  expect((await hitsOf(keys.a, '&tenant=b')).hits, 'a tenant cannot choose').toMatchObject([{ tenant: 'a' }]);
  expect((await ask(keys.b, `/v1/hits/${hits[0]!.id}`)).body.code).toBe('NOT_FOUND');
  expect((await ask(keys.deaf, '/v1/hits')).body.code).toBe('SCOPE_MISSING');

  expect(await statsOf(keys.a)).toMatchObject({
    checked: 4,
    matched: 2,
    exact: 2,
    near: 0,
    suppressed: 0,
    notChecked: 1,
    byList: { sample: 2 },
    byReason: { not_an_image: 1 },
    byTenant: {},
  });
  const all = await statsOf(keys.boss);
  expect(all).toMatchObject({ checked: 6, matched: 3, byTenant: { a: 4, b: 2 }, byList: { sample: 2, digests: 1 } });
  expect(all.byCategory).toMatchObject({ uncategorised: 1 });
  expect(all.series.reduce((sum, { checked }) => sum + checked, 0)).toBe(6);
  expect(await statsOf(keys.boss, 'list=digests')).toMatchObject({ checked: 6, matched: 1, byList: { digests: 1 } });
  expect(await statsOf(keys.boss, 'category=uncategorised')).toMatchObject({ matched: 1 });
  expect(await statsOf(keys.boss, 'from=2001-01-01T00:00:00Z&to=2002-01-01T00:00:00Z')).toMatchObject({ checked: 0 });
});

test('pages of hits continue where the last one ended', async () => {
  await checkItems(
    keys.b,
    Array.from({ length: 25 }, (_, n) => ({ id: `page ${n}`, md5 })),
  );
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const path: string = `/v1/hits?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { body } = await ask<{ hits: Hit[]; cursor: string | null }>(keys.b, path);
    seen.push(...body.hits.map(({ id }) => id));
    cursor = body.cursor;
  }
  expect(seen).toEqual((await hitsOf(keys.b)).hits.map(({ id }) => id));
  expect(new Set(seen).size).toBe(26);
});

describe('a case', () => {
  const patch = (key: string, id: string, body: object) =>
    ask<Hit & { suppression?: object }>(key, `/v1/hits/${id}`, { method: 'PATCH', body });
  const newHit = async (reference: string) => {
    await checkItems(keys.a, [{ id: reference, md5 }]);
    const { hits } = await hitsOf(keys.a, `&reference=${reference}`);
    return hits[0]!;
  };

  test('is notified, removed and seen again; its clock counts from the notice', async () => {
    const { id, firstSeenAt } = await newHit('case-1');
    const notified = (await patch(keys.a, id, { status: 'notified', note: 'mail of today' })).body;
    expect(notified).toMatchObject({ status: 'notified', clock: { stoppedAt: null } });
    expect(Date.parse(notified.clock.startedAt)).toBeGreaterThanOrEqual(Date.parse(firstSeenAt));
    const removed = (await patch(keys.a, id, { status: 'removed' })).body;
    expect(removed.clock.stoppedAt).not.toBe(null);
    expect(removed.clock.seconds).toBeGreaterThanOrEqual(0);
    expect(removed.clock.deadlines.map(({ met }) => met)).toEqual([true, true, true]);
    expect(removed.history).toMatchObject([
      { status: 'notified', note: 'mail of today', by: 'a' },
      { status: 'removed', note: null, by: 'a' },
    ]);
    expect((await patch(keys.a, id, { status: 'removed' })).body.code).toBe('HIT_STATE');
    await checkItems(keys.a, [{ id: 'case-1', md5 }]);
    const again = (await ask(keys.a, `/v1/hits/${id}`)).body;
    expect(again).toMatchObject({ timesSeen: 2, seenAfterRemoval: 1, status: 'open', clock: { stoppedAt: null } });
    expect((await patch(keys.a, id, { status: 'removed' })).body).toMatchObject({ status: 'removed' });
    expect((await patch(keys.b, id, { status: 'notified' })).body.code).toBe('NOT_FOUND');
    expect((await patch(keys.a, id, { status: 'open' })).body.code).toBe('REQUEST_INVALID');
    expect((await hitsOf(keys.a, '&status=removed')).hits.map((hit) => hit.id)).toEqual([id]);
    expect((await hitsOf(keys.a, '&overdue=1')).hits).toEqual([]);
  });

  test('as a false positive offers a suppression, which only an admin can add', async () => {
    const { id } = await newHit('case-2');
    expect((await patch(keys.a, id, { status: 'false_positive', suppress: true })).body.code).toBe('SCOPE_MISSING');
    expect((await patch(keys.boss, id, { status: 'removed', suppress: true })).body.code).toBe('REQUEST_INVALID');
    const told = (await patch(keys.a, id, { status: 'false_positive' })).body;
    expect(told.suppression).toEqual({ offered: true, added: false, list: 'digests', entryId: 'e0' });
    const other = await newHit('case-3');
    const added = (await patch(keys.boss, other.id, { status: 'false_positive', suppress: true })).body;
    expect(added.suppression).toMatchObject({ added: true });
    expect((await checkItems(keys.a, [{ id: 'case-4', md5 }])).body.matched, 'it does not count any more').toBe(0);
    const { hits } = await hitsOf(keys.a, '&reference=case-4');
    expect(hits, 'kept, and marked').toMatchObject([{ quarantined: true }]);
    await running.service.store.lists.changeEntries('digests', { entryId: 'e0' }, 'release');
    await running.service.reload();
  });
});

test('the report of a period agrees with the statistics; an invalid period is refused', async () => {
  const year = new Date().getUTCFullYear();
  const { body } = await ask<Report>(keys.boss, `/v1/report?period=${year}`);
  const stats = await statsOf(keys.boss);
  expect(body).toMatchObject({
    period: String(year),
    from: `${year}-01-01T00:00:00.000Z`,
    to: `${year + 1}-01-01T00:00:00.000Z`,
    tenant: null,
    checked: stats.checked,
    matched: stats.matched,
    suppressed: stats.suppressed,
    hitRate: stats.matched / stats.checked,
  });
  expect(body.byTenant.reduce((sum, { checked }) => sum + checked, 0)).toBe(body.checked);
  expect(body.takedown).toMatchObject({ removed: 1, falsePositives: 2, seenAgainAfterRemoval: 1, overdue: 0 });
  expect(body.takedown.byTenant.reduce((sum, { cases }) => sum + cases, 0)).toBe(body.takedown.cases);
  expect(body.takedown.within).toEqual([1, 12, 24].map((hours) => ({ hours, count: 1, share: 1 })));
  expect(body.reversals).toEqual({ decided: 3, reversed: 2, errorRate: 2 / 3 });
  const own = (await ask<Report>(keys.b, `/v1/report?period=${year}&tenant=a`)).body;
  expect(own).toMatchObject({ tenant: 'b', byTenant: [{ tenant: 'b' }] });
  const backwards = 'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z';
  for (const query of ['period=2026-Q5', 'period=2026-02-30', '', 'from=2026-01-01T00:00:00Z', backwards]) {
    expect((await ask(keys.boss, `/v1/report?${query}`)).body.code, query).toBe('REQUEST_INVALID');
  }
  for (const path of ['stats', 'hits'])
    expect((await ask(keys.boss, `/v1/${path}?${backwards}`)).body.code, path).toBe('REQUEST_INVALID');
});

describe('Idempotency-Key', () => {
  const raw = Buffer.concat([KNOWN, Buffer.alloc(16, 1), Buffer.alloc(16, 2)]);
  const lines = Buffer.from(`{"id":"l1","md5":"${md5}"}\n{"md5":"${none}"}\n`);
  const send = {
    picture: (headers: object, body = picture) => checkImage(keys.a, body, '?reference=keyed', headers),
    JSON: (headers: object, body = raw) =>
      checkItems(keys.a, [{ id: 'j', md5 }, { md5: body === raw ? none : md5 }], headers),
    'raw bytes': (headers: Record<string, string>, body = raw) =>
      ask(keys.a, '/v1/check/hashes?algorithm=md5', {
        method: 'POST',
        type: 'application/octet-stream',
        body,
        headers,
      }),
  };
  const wrong = Buffer.concat([unknown, Buffer.from('x')]);
  test.each(Object.keys(send) as (keyof typeof send)[])('%s: repeated, counts once, same response', async (form) => {
    const before = await statsOf(keys.a);
    const headers = { 'idempotency-key': `key of ${form}`.replaceAll(' ', '-') };
    const first = await send[form](headers);
    const counted = await statsOf(keys.a);
    expect(counted.checked).toBeGreaterThan(before.checked);
    const seen = (await hitsOf(keys.a)).hits.map(({ id, timesSeen }) => [id, timesSeen]);
    const second = await send[form](headers);
    const plain = ({ checkId: _, ...rest }: Record<string, unknown>) => rest;
    expect([second.status, plain({ ...second.body })]).toEqual([200, plain({ ...first.body })]);
    expect(await statsOf(keys.a)).toEqual(counted);
    expect((await hitsOf(keys.a)).hits.map(({ id, timesSeen }) => [id, timesSeen])).toEqual(seen);
    // Another body with the same key is refused, and counts nothing.
    const other = await send[form](headers, Buffer.concat([wrong.subarray(0, 32 * 16)]));
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect(await statsOf(keys.a)).toEqual(counted);
  });

  test('NDJSON and several images in one request count once', async () => {
    const headers = { authorization: `Bearer ${keys.a}`, 'idempotency-key': 'lines' };
    const before = await statsOf(keys.a);
    const answers: string[] = [];
    for (let time = 0; time < 2; time++) {
      const response = await fetch(`${running.url}/v1/check/hashes`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-ndjson' },
        body: new Uint8Array(lines),
      });
      answers.push(await response.text());
    }
    expect(answers[0]).toContain('"verdict":"match"');
    expect(answers[1]).toBe(answers[0]);
    for (let time = 0; time < 2; time++) {
      const form = new FormData();
      form.append('one', new Blob([new Uint8Array(picture)]), 'one.jpg');
      form.append('two', new Blob([new Uint8Array(unknown)]), 'two.jpg');
      const response = await fetch(`${running.url}/v1/check`, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': 'form' },
        body: form,
      });
      expect(((await response.json()) as { results: object[] }).results).toHaveLength(2);
    }
    expect((await statsOf(keys.a)).checked - before.checked).toBe(4);
    expect((await hitsOf(keys.a, '&reference=l1')).hits, 'lines have references').toHaveLength(1);
  });

  test('a repeated request that matches only after a list change records its hit, and counts once', async () => {
    const later = Buffer.alloc(16, 7);
    const items = [{ id: 'later', md5: later.toString('hex') }];
    const headers = { 'idempotency-key': 'later' };
    expect((await checkItems(keys.a, items, headers)).body).toMatchObject({ matched: 0 });
    const before = await statsOf(keys.a);
    await running.service.store.lists.createList({ list: 'later', kind: 'match', radiusBits: 31 });
    await running.service.store.lists.replaceEntries('later', listRows('md5', later));
    await running.service.reload();
    expect((await checkItems(keys.a, items, headers)).body).toMatchObject({ matched: 1 });
    expect((await hitsOf(keys.a, '&reference=later')).hits).toMatchObject([{ list: 'later', timesSeen: 1 }]);
    expect(await statsOf(keys.a), 'and the request still counts once').toEqual(before);
  });

  test('belongs to one tenant, and is refused when invalid', async () => {
    expect((await checkItems(keys.b, [{ md5: none }], { 'idempotency-key': 'lines' })).status).toBe(200);
    for (const key of ['', 'a b', 'x'.repeat(256)]) {
      const answer = await checkItems(keys.a, [{ md5 }], { 'idempotency-key': key });
      expect(answer.body.code, key).toBe('REQUEST_INVALID');
    }
  });
});

describe('while the ledger cannot be written', () => {
  test('every request gets LEDGER_FAILED, and 200 once the ledger is writable again', async () => {
    const dataDir = tempFolder('run');
    mkdirSync(join(dataDir, LEDGER_FILE));
    const broken = await startService({ dataDir });
    await addKnown(broken);
    try {
      const forms: [string, string, BodyInit][] = [
        ['/v1/check', 'image/jpeg', new Uint8Array(picture)],
        ['/v1/check', 'image/jpeg', new Uint8Array(unknown)],
        ['/v1/check', 'image/jpeg', 'nothing'],
        ['/v1/check/hashes', 'application/json', JSON.stringify({ items: [{ md5: none }] })],
        ['/v1/check/hashes', 'application/x-ndjson', `{"md5":"${none}"}\n`],
        ['/v1/check/hashes?algorithm=md5', 'application/octet-stream', new Uint8Array(16)],
      ];
      const sendAll = () =>
        Promise.all(
          forms.map(async ([path, type, body]) => {
            const response = await fetch(`${broken.url}${path}`, {
              method: 'POST',
              headers: { 'content-type': type },
              body,
            });
            const text = await response.text();
            return [response.status, /"code":"(\w+)"/.exec(text)?.[1] ?? null, response.headers.get('retry-after')];
          }),
        );
      expect(await sendAll()).toEqual(forms.map(() => [503, 'LEDGER_FAILED', '1']));
      rmdirSync(join(dataDir, LEDGER_FILE));
      expect(await sendAll()).toEqual(forms.map(() => [200, null, null]));
      expect(await broken.service.ledger.stats({})).toMatchObject({ checked: 6, matched: 1, notChecked: 1 });
    } finally {
      await broken.stop();
    }
  });
});
