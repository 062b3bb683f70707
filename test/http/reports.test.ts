import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { artefact } from '../../src/core/package-root.js';
import { PICTURES, type Running, startService } from '../support/running.js';

let running: Running;
let hitId: string;
const year = String(new Date().getUTCFullYear());
const keys = { admin: '', hits: '', details: '', other: '', few: '' };

beforeAll(async () => {
  running = await startService();
  const { service, url } = running;
  const checked = async (reference: string, key: string) =>
    fetch(`${url}/v1/check?reference=${reference}`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg', authorization: `Bearer ${key}` },
      body: new Uint8Array(readFileSync(join(PICTURES, 'mate-freshflower.jpg'))),
    });
  const make = async (tenant: string, scopes: readonly ('admin' | 'hits' | 'details' | 'check')[]) =>
    (await service.store.keys.createKey({ tenant, scopes, expiresAt: null })).key;
  keys.admin = await make('operator', ['admin']);
  keys.hits = await make('polder', ['hits', 'check']);
  keys.details = await make('polder', ['check', 'hits', 'details']);
  keys.few = await make('polder', ['check', 'hits']);
  keys.other = await make('harbour', ['hits', 'check']);
  await checked('of-polder', keys.hits);
  await checked('of-harbour', keys.other);
  const { hits } = await service.ledger.hits({ tenant: 'polder', limit: 10 });
  hitId = hits[0]!.id;
});
afterAll(() => running.stop());

const get = (path: string, key: string) => fetch(running.url + path, { headers: { authorization: `Bearer ${key}` } });

test('without the scope details a hit has no entry, no distance, and no digest of a listed file', async () => {
  const told = async (key: string) => (await get(`/v1/hits/${hitId}`, key)).json() as Promise<Record<string, unknown>>;
  const full = await told(keys.details);
  expect(full).toMatchObject({ entryId: 'mate-freshflower', distance: 0 });
  expect(JSON.stringify(full.digests)).toMatch(/[0-9a-f]{32}/);
  const { hits } = (await (await get('/v1/hits', keys.hits)).json()) as { hits: Record<string, unknown>[] };
  for (const hit of [await told(keys.hits), hits[0]!]) {
    expect(hit).toMatchObject({ id: hitId, list: 'sample', matchType: 'exact', digests: {}, status: 'open' });
    expect(JSON.stringify(hit)).not.toMatch(/mate-freshflower|distance|[0-9a-f]{32}/);
  }
});

test('what a list says of an entry needs the scope details: in hits, notices, counts, reports, and as a filter', async () => {
  const ofEntry = ['category', 'severity', 'source'];
  const hit = async (key: string) => (await (await get(`/v1/hits/${hitId}`, key)).json()) as Record<string, unknown>;
  const [full, few] = [await hit(keys.details), await hit(keys.hits)];
  expect(full).toMatchObject({ category: 'sample', source: expect.any(String), severity: null });
  for (const field of ofEntry) {
    expect(full).toHaveProperty(field);
    expect(few).not.toHaveProperty(field);
  }
  const byCategory = async (path: string, key: string) =>
    ((await (await get(path, key)).json()) as { byCategory: object }).byCategory;
  for (const [path, none, some] of [
    [`/v1/report?period=${year}`, [], [{ category: 'sample', matched: 1 }]],
    ['/v1/stats', {}, { sample: 1 }],
  ] as const) {
    expect(await byCategory(path, keys.few)).toEqual(none);
    expect(await byCategory(path, keys.details)).toEqual(some);
  }
  for (const format of ['csv', 'html'] as const) {
    const report = async (key: string) => (await get(`/v1/report?period=${year}&format=${format}`, key)).text();
    expect((await report(keys.details)).split('sample').length).toBeGreaterThan(
      (await report(keys.few)).split('sample').length,
    );
  }
  for (const path of ['/v1/stats?category=sample', '/v1/hits?category=sample']) {
    const refused = await get(path, keys.few);
    expect([refused.status, await refused.json()]).toMatchObject([
      403,
      { code: 'SCOPE_MISSING', details: { scope: 'details', field: 'category' } },
    ]);
    expect((await get(path, keys.details)).status).toBe(200);
  }
  const notice = async (key: string) => (await get(`/v1/hits/${hitId}/notice`, key)).text();
  expect(await notice(keys.details)).toMatch(/^ {2}Category +sample$/m);
  expect(await notice(keys.few)).not.toMatch(/^ {2}(Category|Severity|Source) /m);
});

describe('GET /v1/report by format', () => {
  test.each<['csv' | 'dsa' | 'html', RegExp, RegExp]>([
    ['csv', /^text\/csv/, /^attachment; filename="zeef-\d{4}\.csv"$/],
    ['dsa', /^text\/csv/, /^attachment; filename="zeef-\d{4}-dsa\.csv"$/],
    ['html', /^text\/html/, /^inline; filename="zeef-\d{4}\.html"$/],
  ])('%s', async (format, type, disposition) => {
    const response = await get(`/v1/report?period=${year}&format=${format}`, keys.admin);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(type);
    expect(response.headers.get('content-disposition')).toMatch(disposition);
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    const words = {
      csv: 'total,all,checked,2,count',
      dsa: 'Number of items checked,TOTAL,2,count',
      html: '2 images checked, 2 hits',
    };
    expect(await response.text()).toContain(words[format]);
  });

  test('JSON and CSV have the same figures, and a tenant gets only its own', async () => {
    for (const [key, asked, tenant, checked] of [
      [keys.admin, '', 'all', '2'],
      [keys.admin, '&tenant=harbour', 'harbour', '1'],
      [keys.hits, '&tenant=harbour', 'polder', '1'],
    ] as const) {
      const text = await (await get(`/v1/report?period=${year}&format=csv${asked}`, key)).text();
      const rows = parse(text, { columns: true }) as Record<string, string>[];
      expect(rows.find((row) => row.section === 'total' && row.figure === 'checked')).toMatchObject({
        name: tenant,
        value: checked,
      });
      const json = (await (await get(`/v1/report?period=${year}${asked}`, key)).json()) as { checked: number };
      expect(String(json.checked)).toBe(checked);
      if (key === keys.hits) expect(text).not.toContain('harbour');
    }
  });

  test('an unknown format and a missing period get 400', async () => {
    expect((await get(`/v1/report?period=${year}&format=pdf`, keys.admin)).status).toBe(400);
    expect((await get('/v1/report?format=csv', keys.admin)).status).toBe(400);
  });
});

describe('GET /v1/hits/{id}/notice', () => {
  test('is text in English and Dutch, without a digest of a listed file', async () => {
    for (const [language, title] of [
      ['en', 'NOTICE OF A MATCH'],
      ['nl', 'MELDING VAN EEN OVEREENKOMST'],
    ]) {
      const response = await get(`/v1/hits/${hitId}/notice?language=${language}`, keys.hits);
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      const text = await response.text();
      expect(text.startsWith(title!)).toBe(true);
      expect(text).toContain('of-polder');
      // The sample lists the file itself: none of its digests is returned.
      expect(text).not.toMatch(/[0-9a-f]{32}/);
    }
    expect((await get(`/v1/hits/${hitId}/notice?language=de`, keys.hits)).status).toBe(400);
  });

  test('has the entry only with the scope details', async () => {
    const told = async (key: string) => (await get(`/v1/hits/${hitId}/notice`, key)).text();
    expect(await told(keys.hits)).not.toContain('mate-freshflower');
    expect(await told(keys.details)).toContain('mate-freshflower');
  });

  test('is 404 for the hit of another tenant and for an unknown hit', async () => {
    expect((await get(`/v1/hits/${hitId}/notice`, keys.other)).status).toBe(404);
    expect((await get('/v1/hits/nowhere/notice', keys.admin)).status).toBe(404);
  });
});

test('zeef report and zeef notice print reports and notices, and exit with 2 for invalid arguments', async () => {
  const env = childEnv({ ZEEF_DATA_DIR: running.service.config.dataDir });
  const zeef = (...args: string[]) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      execFile(process.execPath, [artefact('src', 'main.js'), ...args], { env }, (error, out) =>
        resolve({ code: error ? Number(error.code) : 0, out }),
      );
    });
  const line = `${year}, all tenants: 2 images checked, 2 hits`;
  expect((await zeef('report', '--period', year)).out.split('\n')[0]).toBe(line);
  const csv = await zeef(
    'report',
    '--from',
    `${year}-01-01`,
    '--to',
    `${Number(year) + 1}-01-01`,
    '--tenant',
    'polder',
    '--format',
    'csv',
  );
  expect(parse(csv.out, { columns: true }).length).toBeGreaterThan(10);
  expect((await zeef('report', '--period', year, '--format', 'html')).out).toContain('<!doctype html>');
  expect((await zeef('notice', hitId, '--language', 'nl')).out).toContain('of-polder');
  expect((await zeef('notice', 'nowhere')).code).toBe(2);
  expect((await zeef('report', '--from', '2026-02-01', '--to', '2026-01-01')).code).toBe(2);
});
