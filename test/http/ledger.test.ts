import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
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

  const search = (key: string, body: object) =>
    ask<{ hits: Hit[]; cursor: string | null }>(key, '/v1/hits/search', { method: 'POST', body });
  const found = async (key: string, body: object) => (await search(key, body)).body.hits.map(({ tenant }) => tenant);
  const { sha256 } = hits[0]!.digests;
  expect(await found(keys.a, { digest: sha256 })).toEqual(['a']);
  expect(await found(keys.b, { digest: sha256 }), 'of another tenant').toEqual([]);
  expect(await found(keys.b, { digest: md5.toUpperCase() })).toEqual(['b']);
  expect(await found(keys.boss, { digest: sha256 })).toEqual(['a']);
  expect(await found(keys.boss, { digest: sha256, tenant: 'b' })).toEqual([]);
  expect(await found(keys.boss, { referencePrefix: 'https://a/' })).toEqual(['a']);
  expect(await found(keys.boss, { reference: 'x' })).toEqual(['b']);
  expect(await found(keys.boss, { digest: md5, reference: 'y' }), 'all must fit').toEqual([]);
  for (const body of [{}, { tenant: 'a' }, { digest: md5.slice(1) }, { digest: md5, list: 'x' }])
    expect((await search(keys.boss, body)).body.code).toBe('REQUEST_INVALID');
  expect((await search(keys.deaf, { digest: md5 })).body.code).toBe('SCOPE_MISSING');

  const { id } = hits[0]!;
  const change = (key: string, body: object) => ask<Hit>(key, `/v1/hits/${id}`, { method: 'PATCH', body });
  expect((await change(keys.b, { assignee: 'ann' })).body.code, 'of another tenant').toBe('NOT_FOUND');
  expect((await change(keys.boss, { assignee: 'ann' })).body).toMatchObject({ assignee: 'ann', disputed: false });
  const { body: disputed } = await change(keys.a, { disputed: true, note: 'not ours' });
  expect(disputed).toMatchObject({ assignee: 'ann', disputed: true, status: 'open', history: [] });
  expect(disputed.handling, 'the key of an administrator is not its business').toMatchObject([
    { assignee: 'ann', note: null, key: null },
    { disputed: true, note: 'not ours', by: 'a', key: { id: expect.any(String) } },
  ]);
  expect((await hitsOf(keys.a, '&disputed=1&assignee=ann')).hits).toHaveLength(1);
  expect((await hitsOf(keys.boss, '&disputed=1')).hits).toHaveLength(1);
  expect((await hitsOf(keys.a, '&assignee=bob')).hits).toEqual([]);
  expect((await hitsOf(keys.b, '&disputed=true')).hits).toEqual([]);
  for (const body of [
    {},
    { note: 'x' },
    { suppress: true },
    { status: 'notified', disputed: true },
    { status: 'notified', assignee: null },
    { assignee: '' },
    { assignee: ' ' },
    { assignee: 'x'.repeat(201) },
    { disputed: 'yes' },
  ])
    expect((await change(keys.boss, body)).body.code, JSON.stringify(body)).toMatch(/REQUEST_INVALID/);
  expect((await change(keys.deaf, { disputed: true })).body.code).toBe('SCOPE_MISSING');
  await change(keys.a, { assignee: null, disputed: false });

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

describe('cases as CSV', () => {
  const csv = async (key: string, query: string) => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${running.url}/v1/hits?format=csv${query}`, { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    return { text: await response.text(), cursor: response.headers.get('x-next-cursor') };
  };
  const rowsOf = (text: string) => parse(text, { columns: true }) as Record<string, string>[];
  const FORMULAS = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'];
  const NAMES = ['"quoted", with a comma', 'two\r\nlines'];

  test('a cell that begins a formula is none; quotes and lines are kept; no digest is in it', async () => {
    const references = [...FORMULAS, ...NAMES].map((name) => `${name} of csv`);
    await checkItems(
      keys.b,
      references.map((id) => ({ id, md5 })),
    );
    const { text, cursor } = await csv(keys.b, '&limit=8');
    expect(cursor).toMatch(/^[0-9A-Z]{26}$/);
    const rows = rowsOf(text);
    const wanted = references.map((name, at) => (at < FORMULAS.length ? `'${name}` : name));
    expect(rows.map(({ reference }) => reference).sort()).toEqual(wanted.sort());
    expect(rows[0]).toMatchObject({ tenant: 'b', list: 'digests', entryId: 'e0', distance: '0', status: 'open' });
    expect(text).not.toContain(md5);
  });

  test('pages are joined as they are; the filters, the tenant and the scopes are those of the list', async () => {
    let [text, cursor, pages] = ['', null as string | null, 0];
    do {
      const page = await csv(keys.b, `&limit=7&referencePrefix=page${cursor === null ? '' : `&cursor=${cursor}`}`);
      text += page.text;
      cursor = page.cursor;
      pages++;
    } while (cursor !== null);
    const { hits } = await hitsOf(keys.b, '&referencePrefix=page');
    expect([pages, rowsOf(text).map((row) => row.case)]).toEqual([4, hits.map(({ id }) => id)]);
    expect((await csv(keys.a, '')).text).not.toContain('page');
    expect((await ask(keys.deaf, '/v1/hits?format=csv')).body.code).toBe('SCOPE_MISSING');
    const made = { tenant: 'b', scopes: ['hits'], expiresAt: null } as const;
    const { key } = await running.service.store.keys.createKey(made);
    expect(rowsOf((await csv(key, '&limit=1')).text)).toMatchObject([{ list: 'digests', entryId: '', category: '' }]);
  });

  test.each([
    ['its own value is another', 'own-ids', 'ab'.repeat(16), /^made-[0-9a-f]{24}$/],
    ['another value is left out', 'other-ids', 'cd'.repeat(16), /^$/],
  ])('an entry id that is %s', async (_what, list, ownId, shown) => {
    const value = 'ab'.repeat(16);
    const { lists } = running.service.store;
    await lists.createList({ list, kind: 'match', radiusBits: 31 });
    const ownIds = async function* () {
      for await (const row of listRows('md5', Buffer.from(value, 'hex')))
        yield row.ok ? { ...row, entry: { ...row.entry, entryId: ownId } } : row;
    };
    await lists.replaceEntries(list, ownIds());
    await running.service.reload();
    await checkItems(keys.b, [{ id: `of ${list}`, md5: value }]);
    const { text } = await csv(keys.b, `&list=${list}`);
    expect(rowsOf(text).find(({ reference }) => reference === `of ${list}`)).toMatchObject({
      entryId: expect.stringMatching(shown),
    });
    expect(text).not.toContain(ownId);
  });
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
    expect((await patch(keys.a, id, { status: 'gone' })).body.code).toBe('REQUEST_INVALID');
    const undone = (await patch(keys.a, id, { status: 'open', note: 'the wrong one' })).body;
    expect(undone).toMatchObject({ status: 'open', clock: { stoppedAt: null, startedAt: undone.clock.foundAt } });
    expect(Date.parse(undone.clock.foundAt)).toBeGreaterThan(Date.parse(firstSeenAt));
    expect(undone.history.at(-1)).toMatchObject({ status: 'open', note: 'the wrong one', by: 'a' });
    expect((await patch(keys.a, id, { status: 'open' })).body.code).toBe('HIT_STATE');
    const ofDue = (await hitsOf(keys.a, '&order=due&kind=hash&referencePrefix=case-')).hits.map((hit) => hit.id);
    expect(ofDue).toEqual([id]);
    expect((await hitsOf(keys.a, '&order=due&referencePrefix=case-&kind=image')).hits).toEqual([]);
    const wrong = `&order=newest&cursor=1.2.${id}`;
    expect(((await hitsOf(keys.a, wrong)) as unknown as { code: string }).code).toBe('REQUEST_INVALID');
    expect((await patch(keys.a, id, { status: 'removed' })).body).toMatchObject({ status: 'removed' });
    expect((await hitsOf(keys.a, '&status=removed')).hits.map((hit) => hit.id)).toEqual([id]);
    expect((await hitsOf(keys.a, '&overdue=1')).hits).toEqual([]);
  });

  test('shows which key decided; that of another tenant only to an admin', async () => {
    const { id } = await newHit('case-who');
    const { key, info } = await running.service.store.keys.createKey({
      tenant: 'a',
      scopes: ['hits'],
      expiresAt: null,
      name: 'Anna',
    });
    const anna = { id: info.id, name: 'Anna' };
    expect((await patch(key, id, { status: 'notified' })).body.history).toMatchObject([{ by: 'a', key: anna }]);
    await patch(keys.boss, id, { status: 'open' });
    const boss = (await running.service.store.keys.keys('boss'))[0]!.id;
    const keysSeen = async (reader: string) =>
      (await ask<Hit>(reader, `/v1/hits/${id}`)).body.history.map((event) => event.key);
    expect(await keysSeen(keys.boss)).toEqual([anna, { id: boss, name: null }]);
    expect(await keysSeen(keys.a)).toEqual([anna, null]);
    const listed = (await hitsOf(keys.a, '&reference=case-who')).hits[0]!;
    expect(listed.history.map((event) => event.key)).toEqual([anna, null]);
    // The report's figures below are of the other cases.
    await patch(keys.boss, id, { status: 'notified' });
  });

  test('has the address of its reference by the template of its tenant, from the change on', async () => {
    const { id } = await newHit('case with/space');
    const set = (referenceUrl: string | null) =>
      ask<{ referenceUrl: string | null }>(keys.boss, '/v1/tenants/a', { method: 'PATCH', body: { referenceUrl } });
    const seen = async (reader: string) => {
      const one = (await ask<{ referenceUrl: string | null }>(reader, `/v1/hits/${id}`)).body.referenceUrl;
      const { hits } = await hitsOf(reader, `&reference=${encodeURIComponent('case with/space')}`);
      expect(hits).toMatchObject([{ referenceUrl: one }]);
      return one;
    };
    expect(await seen(keys.a)).toBeNull();
    expect((await set('https://admin.example/{reference}')).body.referenceUrl).toBe(
      'https://admin.example/{reference}',
    );
    const address = 'https://admin.example/case%20with%2Fspace';
    expect([await seen(keys.a), await seen(keys.boss)]).toEqual([address, address]);
    expect((await patch(keys.a, id, { status: 'notified' })).body).toMatchObject({ referenceUrl: address });
    // Hits of several tenants on one page.
    const { hits } = await hitsOf(keys.boss);
    const withAddress = hits.filter((hit) => (hit as Hit & { referenceUrl: string | null }).referenceUrl !== null);
    expect(new Set(withAddress.map(({ tenant }) => tenant))).toEqual(new Set(['a']));
    for (const wrong of ['javascript:alert({reference})', 'https://{reference}/', 'https://admin.example/'])
      expect((await set(wrong)).body.code, wrong).toBe('REQUEST_INVALID');
    expect((await set(null)).body.referenceUrl).toBeNull();
    expect(await seen(keys.a)).toBeNull();
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
  expect(body.takedown.within).toEqual([1, 12, 24].map((hours) => ({ hours, count: 1, due: 1, share: 1 })));
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
