/** Lists imported and changed over HTTP. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { childEnv } from '../../bench/child.js';
import { pdqLike } from '../../bench/pdq-like.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { artefact } from '../../src/core/package-root.js';
import { SHORT_BYTES_MAX } from '../../src/lists/import/short-imports.js';
import type { ImportReport } from '../../src/store/lists-contract.js';
import { hmaDump } from '../support/hma-dump.js';
import { run, serve } from '../support/processes.js';
import { type Running, startService } from '../support/running.js';

let running: Running;
beforeEach(async () => {
  running = await startService();
});
afterEach(() => running.stop());

const COUNT = 20_000;
const hex = (values: Uint8Array) =>
  Array.from({ length: values.length / 32 }, (_, at) =>
    Buffer.from(values.subarray(at * 32, at * 32 + 32)).toString('hex'),
  );
const hashes = hex(pdqLike(COUNT, 11));
const csv = (values: readonly string[]) =>
  `entryId,algorithm,value,category\n${values.map((value, at) => `e${at},pdq,${value},A1\n`).join('')}`;
/** Larger than an import that is done within its request. */
const large = csv(hashes);

async function ask(base: string, method: string, path: string, body?: string, type = 'text/csv') {
  const response = await fetch(`${base}/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === '' ? null : JSON.parse(text) };
}
const here = (method: string, path: string, body?: string, type?: string) => ask(running.url, method, path, body, type);
const json = (method: string, path: string, body: object) =>
  here(method, path, JSON.stringify(body), 'application/json');

async function ended(base: string, id: string) {
  for (;;) {
    const { json: job } = await ask(base, 'GET', `/jobs/${id}`);
    if (job.state !== 'queued' && job.state !== 'running') return job;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const verdict = async (pdq: string) =>
  (await json('POST', '/check/hashes', { items: [{ pdq }] })).json.results[0] as { verdict: string; matches: object[] };

describe('import', () => {
  test('a short list is imported within the request, and matches at once', async () => {
    const { status, json: job } = await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(0, 3)));
    expect([status, job.state, job.report.accepted]).toEqual([200, 'done', 3]);
    expect((await verdict(hashes[2]!)).verdict).toBe('match');
    const more = await here(
      'POST',
      '/lists/desk/entries?format=plain&mode=add&algorithm=pdq',
      hashes[3],
      'application/octet-stream',
    );
    expect([more.status, more.json.report.added]).toEqual([200, 1]);
    expect((await here('GET', '/lists/desk')).json.entryCount).toBe(4);
    expect(readdirSync(join(running.service.config.dataDir, 'blobs'))).toEqual([]);
  });

  test('a long list is a job; the same body gets the same job until the list changes', async () => {
    expect(large.length).toBeGreaterThan(SHORT_BYTES_MAX);
    const first = await here('POST', '/lists/desk/entries?format=csv', large);
    expect([first.status, first.headers.get('location')]).toEqual([202, `/v1/jobs/${first.json.id}`]);
    const again = await here('POST', '/lists/desk/entries?format=csv', large);
    expect(again.json.id).toBe(first.json.id);
    expect(await ended(running.url, first.json.id)).toMatchObject({
      state: 'done',
      report: { accepted: COUNT, version: 1 },
    });
    expect((await here('POST', '/lists/desk/entries?format=csv', large)).json).toMatchObject({
      id: first.json.id,
      state: 'done',
    });
    expect((await here('GET', '/lists/desk')).json.version, 'imported once').toBe(1);
    const other = await here('POST', '/lists/desk/entries?format=csv&mode=add', csv(hashes.slice(0, 1)));
    expect(other.json.id).not.toBe(first.json.id);
    const third = await here('POST', '/lists/desk/entries?format=csv', large);
    expect(third.json.id, 'the list is another now').not.toBe(first.json.id);
    expect(await ended(running.url, third.json.id)).toMatchObject({ state: 'done' });
    expect((await here('GET', '/jobs?list=desk')).json.jobs.map((job: { id: string }) => job.id)).toEqual([
      third.json.id,
      other.json.id,
      first.json.id,
    ]);
    expect(Object.keys((await here('GET', '/jobs')).json.jobs[0])).not.toContain('request');
  });

  test('a job of version 0.1 is returned, whose report has no `updated`', async () => {
    const { json: job } = await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(0, 3)));
    const { jobs } = running.service.store;
    const stored = (await jobs.job(job.id))!;
    const { updated, ...report } = stored.report!;
    await jobs.addJob({ ...stored, id: '01M0000000000000000000OLD0', report: report as ImportReport });
    const { status, json: old } = await here('GET', '/jobs/01M0000000000000000000OLD0');
    expect([status, updated, old.report]).toEqual([200, 0, report]);
  });

  test('a held version is reported; an invalid list, body, format or job id gets its error code', async () => {
    await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(0, 100)));
    const held = await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(100, 200)));
    expect([held.status, held.json.state, held.json.report.held[0].rule]).toEqual([202, 'held', 'change']);
    expect((await here('GET', '/lists/desk')).json.version).toBe(1);
    const bad = await here('POST', '/lists/wrong/entries?format=csv', 'no,header\n1,2\n');
    expect([bad.status, bad.json.code]).toEqual([422, 'HASHLIST_INVALID']);
    expect((await here('GET', '/lists/wrong')).status).toBe(404);
    expect((await here('POST', '/lists/desk/entries?format=csv', '')).json.code).toBe('BODY_EMPTY');
    expect((await here('POST', '/lists/desk/entries', 'x')).json.code).toBe('REQUEST_INVALID');
    expect((await here('POST', '/lists/desk/entries?format=nsrl', 'x')).json.code).toBe('REQUEST_INVALID');
    // What a format does not read is not passed over.
    for (const [field, query] of [
      ['bank', 'format=csv&bank=DESK'],
      ['map', 'format=plain&map=value=HASH'],
      ['map', 'format=vics&map=value=HASH'],
    ])
      expect((await here('POST', `/lists/desk/entries?${query}`, 'x')).json).toMatchObject({
        code: 'REQUEST_INVALID',
        details: { field },
      });
    expect((await here('GET', '/jobs/nothing')).json.code).toBe('NOT_FOUND');
  });
});

describe('chosen categories', () => {
  const csvOf = (...rows: [id: string, value: string, category: string][]) =>
    `entryId,value,algorithm,category\n${rows.map(([id, value, category]) => `${id},${value},pdq,${category}`).join('\n')}\n`;
  const send = (query: string, body: string) => here('POST', `/lists/desk/entries?format=csv${query}`, body);
  const [a, b] = [hashes[0]!, hashes[1]!];

  test('entries of others are rejected, and withdrawn once they move; another choice is another job', async () => {
    const both = csvOf(['a', a, '1'], ['b', b, 'US/2']);
    const first = await send('&categories=1,%202', both);
    expect(first.json.report).toMatchObject({ accepted: 2, rejected: 0 });
    expect((await send('&categories=1,2', both)).json.id).toBe(first.json.id);
    const moved = await send('&mode=add&categories=1', csvOf(['a', a, '3']));
    expect(moved.json.report).toMatchObject({ deleted: 1, rejectedByReason: { other_category: 1 } });
    expect([(await verdict(a)).verdict, (await verdict(b)).verdict]).toEqual(['no_match', 'match']);
    const fewer = await send('&categories=1', both);
    expect(fewer.json.report).toMatchObject({ accepted: 1, rejectedByReason: { other_category: 1 } });
    expect([(await verdict(a)).verdict, (await verdict(b)).verdict]).toEqual(['match', 'no_match']);
  });

  test('a list is not replaced by no entry of them; an empty name is refused', async () => {
    await send('', csvOf(['a', a, '1']));
    const none = await send('&categories=9', csvOf(['a', a, '1']));
    expect([none.status, none.json.code]).toEqual([422, 'HASHLIST_INVALID']);
    expect((await verdict(a)).verdict).toBe('match');
    expect((await send('&categories=1,', csvOf(['a', a, '1']))).json.code).toBe('HASHLIST_INVALID');
  });
});

test('of a dump of HMA with several banks one is chosen; the report has what has no place in a list', async () => {
  const dump = hmaDump({
    banks: [
      [1, 'DESK', 1],
      [2, 'OTHER_BANK', 0.5],
    ],
    contents: [[1], [2, 2, 1]],
    signals: [
      [1, 'pdq', hashes[0]!],
      [2, 'pdq', hashes[1]!],
    ],
  });
  const send = (query: string) => here('POST', `/lists/desk/entries?format=hma${query}`, dump);
  expect((await send('')).json).toMatchObject({ code: 'HASHLIST_INVALID' });
  const sent = await send('&bank=OTHER_BANK');
  expect(sent.json.report).toMatchObject({ accepted: 1, hma: { bank: 'OTHER_BANK', ratio: 0.5, contents: 1 } });
  expect([(await verdict(hashes[0]!)).verdict, (await verdict(hashes[1]!)).verdict]).toEqual(['no_match', 'match']);
});

test('an import job survives a killed service, and is done once', async () => {
  const env = { ZEEF_DATA_DIR: tempFolder('jobs'), ZEEF_LOG_LEVEL: 'error' };
  const many = csv(hex(pdqLike(40_000, 12)));
  const first = await serve(env);
  const { json: job } = await ask(first.url, 'POST', '/lists/desk/entries?format=csv', many);
  while ((await ask(first.url, 'GET', `/jobs/${job.id}`)).json.state === 'queued')
    await new Promise((resolve) => setTimeout(resolve, 10));
  await first.end('SIGKILL');
  const second = await serve(env);
  expect(await ended(second.url, job.id)).toMatchObject({ state: 'done', report: { accepted: 40_000 } });
  expect((await ask(second.url, 'GET', '/lists/desk')).json).toMatchObject({ version: 1, entryCount: 40_000 });
  // The next import makes version 2: the job was applied once.
  const next = await ask(second.url, 'POST', '/lists/desk/entries?format=csv&mode=add', csv(hashes.slice(0, 5)));
  expect(next.json).toMatchObject({ state: 'done', report: { version: 2 } });
  await second.end('SIGTERM');
  expect(readdirSync(join(env.ZEEF_DATA_DIR, 'blobs'))).toEqual([]);
  expect((await run(env, 'lists', 'verify', 'desk')).code).toBe(0);
});

describe('changes', () => {
  test('a list is created, changed and deleted', async () => {
    const made = await json('POST', '/lists', { list: 'desk', radiusBits: 10, categoryMap: { A1: 'ours' } });
    expect([made.status, made.json.radiusBits, made.json.categoryMap]).toEqual([201, 10, { A1: 'ours' }]);
    expect((await json('POST', '/lists', { list: 'desk' })).json.code).toBe('REQUEST_INVALID');
    await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(0, 3)));
    expect((await verdict(hashes[0]!)).matches).toMatchObject([{ list: 'desk', category: 'ours' }]);
    await json('PATCH', '/lists/desk', { severityMap: { A1: 'worst' }, categoryMap: {} });
    expect((await verdict(hashes[0]!)).matches).toMatchObject([{ category: 'A1', severity: 'worst' }]);
    expect((await json('PATCH', '/lists/desk', { expiresAt: 'tomorrow' })).json.code).toBe('REQUEST_INVALID');
    expect((await here('DELETE', '/lists/desk')).status).toBe(204);
    expect((await verdict(hashes[0]!)).verdict).toBe('no_match');
    expect((await here('DELETE', '/lists/desk')).json.code).toBe('LIST_NOT_FOUND');
  });

  test('an expired list does not match', async () => {
    await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(0, 3)));
    await json('PATCH', '/lists/desk', { expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect((await verdict(hashes[0]!)).verdict).toBe('match');
    await json('PATCH', '/lists/desk', { expiresAt: new Date(Date.now() - 1).toISOString() });
    expect((await verdict(hashes[0]!)).verdict).toBe('no_match');
    expect((await here('GET', '/lists/desk')).json.enabled).toBe(false);
  });

  test('a held version is approved or rejected, a version restored, an entry disabled and enabled', async () => {
    await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(0, 100)));
    await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(50, 200)));
    expect((await verdict(hashes[150]!)).verdict).toBe('no_match');
    // The version that was seen, and no other that came meanwhile under the same number.
    const { importedAt: seen, version } = (await here('GET', '/lists/desk/versions')).json.versions[0];
    await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(50, 201)));
    expect((await here('GET', '/lists/desk/versions')).json.versions[0]).toMatchObject({ version, state: 'held' });
    for (const change of ['approve', 'reject'])
      expect((await here('POST', `/lists/desk/${change}?importedAt=${seen}`)).json.code).toBe('NOT_FOUND');
    const now = (await here('GET', '/lists/desk/versions')).json.versions[0].importedAt;
    expect((await here('POST', `/lists/desk/approve?importedAt=${now}`)).json).toMatchObject({
      version: 2,
      added: 101,
    });
    expect((await verdict(hashes[150]!)).verdict).toBe('match');
    expect((await json('POST', '/lists/desk/rollback', { version: 1 })).json).toMatchObject({ version: 3 });
    expect((await verdict(hashes[150]!)).verdict).toBe('no_match');
    expect((await json('POST', '/lists/desk/rollback', { version: 99 })).json.code).toBe('NOT_FOUND');
    expect((await here('POST', '/lists/desk/reject')).json.code).toBe('NOT_FOUND');
    await here('POST', '/lists/desk/entries?format=csv', csv(hashes.slice(0, 10)));
    expect((await here('POST', '/lists/desk/reject')).status).toBe(204);
    expect((await json('PATCH', '/lists/desk/entries/e7', { enabled: false })).json).toEqual({ entries: 1 });
    expect((await verdict(hashes[7]!)).verdict).toBe('no_match');
    expect((await json('PATCH', '/lists/desk/entries/e7', { enabled: true })).json).toEqual({ entries: 1 });
    expect((await verdict(hashes[7]!)).verdict).toBe('match');
    expect((await json('PATCH', '/lists/desk/entries/nothing', { enabled: true })).json.code).toBe('NOT_FOUND');
    const { lists } = running.service.store;
    await lists.changeEntries('desk', { entryId: 'e7' }, 'flood');
    expect((await json('POST', '/suppressions', { list: 'desk', entryId: 'e8' })).status).toBe(201);
    expect((await json('POST', '/suppressions', { list: 'sample', entryId: 'mate-freshflower' })).status).toBe(201);
    const marked = (await here('GET', '/lists/desk/quarantine')).json;
    marked.entries.sort((a: { entryId: string }, b: { entryId: string }) => (a.entryId < b.entryId ? -1 : 1));
    expect(marked).toEqual({
      list: 'desk',
      total: 2,
      entries: [
        { entryId: 'e7', flooded: true },
        { entryId: 'e8', flooded: false },
      ],
    });
    expect((await here('GET', '/lists/nothing/quarantine')).json.code).toBe('LIST_NOT_FOUND');
  });
});

describe('one entry', () => {
  const rows = (...entries: object[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  const hash = hashes[0]!;
  const both = rows(
    { entryId: '42/img-1', algorithm: 'pdq', value: hash, category: 'A1', notes: { remark: 'seen twice' } },
    { entryId: '43/img-9', algorithm: 'pdq', value: hash, category: 'B2' },
  );
  const matchedIds = async () =>
    (await verdict(hash)).matches.map((match) => (match as { entryId: string }).entryId).sort();
  beforeEach(() => here('POST', '/lists/desk/entries?format=jsonl', both, 'application/x-ndjson'));

  test('a value under two ids is reported, disabled and removed under each on its own', async () => {
    expect(await matchedIds()).toEqual(['42/img-1', '43/img-9']);
    expect((await json('PATCH', '/lists/desk/entries/42%2Fimg-1', { enabled: false })).json).toEqual({ entries: 1 });
    expect(await matchedIds()).toEqual(['43/img-9']);
    expect((await here('GET', '/lists/desk/entries/42%2Fimg-1')).json.values[0].enabled).toBe(false);
    await json('PATCH', '/lists/desk/entries/42%2Fimg-1', { enabled: true });
    expect((await here('DELETE', '/lists/desk/entries/43%2Fimg-9')).json).toEqual({ entries: 1 });
    expect(await matchedIds()).toEqual(['42/img-1']);
    expect((await here('GET', '/lists/desk/entries/43%2Fimg-9')).json.code).toBe('NOT_FOUND');
    expect((await here('DELETE', '/lists/desk/entries/43%2Fimg-9')).json.code).toBe('NOT_FOUND');
    expect((await here('GET', '/lists/none/entries/e')).json.code).toBe('LIST_NOT_FOUND');
  });

  test('is shown with its notes to those who may see details, and never its value', async () => {
    const shown = await here('GET', '/lists/desk/entries/42%2Fimg-1');
    const value = { algorithm: 'pdq', enabled: true, quarantined: false, flooded: false };
    const details = { category: 'A1', notes: { remark: 'seen twice' }, tags: [], updatedAt: null };
    expect(shown.json).toMatchObject({ list: 'desk', entryId: '42/img-1', values: [{ ...value, ...details }] });
    expect(JSON.stringify(shown.json)).not.toContain(hash);
    const { key } = await running.service.store.keys.createKey({ tenant: 't', scopes: ['lists'], expiresAt: null });
    const headers = { authorization: `Bearer ${key}` };
    // A service that had no key notices its first one within a second.
    await expect.poll(async () => (await here('GET', '/lists')).status, { timeout: 5_000 }).toBe(401);
    const few = await fetch(`${running.url}/v1/lists/desk/entries/42%2Fimg-1`, { headers });
    expect(await few.json()).toEqual({ list: 'desk', entryId: '42/img-1', values: [{ ...value, derived: null }] });
  });

  test('sent again with another value matches that one alone', async () => {
    const corrected = rows({
      entryId: '42/img-1',
      algorithm: 'pdq',
      value: hashes[1],
      updatedAt: '2026-02-01T00:00:00Z',
    });
    const answer = await here('POST', '/lists/desk/entries?format=jsonl&mode=add', corrected, 'application/x-ndjson');
    expect(answer.json.report).toMatchObject({ accepted: 1, added: 1, removed: 1 });
    expect(await matchedIds()).toEqual(['43/img-9']);
    expect((await verdict(hashes[1]!)).verdict).toBe('match');
  });
});

test('a list with settings is one change in the audit log', async () => {
  const { status, json: made } = await json('POST', '/lists', {
    list: 'own',
    radiusBits: 9,
    enabled: false,
    matchLowQuality: true,
  });
  expect([status, made]).toMatchObject([
    201,
    { list: 'own', kind: 'match', radiusBits: 9, enabled: false, matchLowQuality: true },
  ]);
  const rows = await running.service.store.audit.page({ tenant: null, before: null, limit: 10 });
  expect([...rows].filter(({ target }) => target === 'own').map(({ action, outcome }) => [action, outcome])).toEqual([
    ['list.create', 'done'],
  ]);
  expect([...rows][0]).toMatchObject({ details: { radiusBits: 9, enabled: false, matchLowQuality: true } });
});

test('an upload that the disk has no room for is STORE_FAILED, and leaves the service as it was', async () => {
  const dir = tempFolder('full');
  // Files of at most 4 or 8 MiB, by the shell's unit; an ignored signal makes the write fail instead.
  const command = `trap '' XFSZ; ulimit -f 8192; exec "$0" "$@"`;
  const main = [process.execPath, artefact('src', 'main.js'), '--data-dir', dir, 'serve', '--port', '0'];
  const child = spawn('sh', ['-c', command, ...main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnv({ ZEEF_LOG_LEVEL: 'silent' }),
  });
  try {
    let url = '';
    for await (const line of createInterface(child.stdout!)) {
      url = /zeef listens on (\S+)/.exec(line)?.[1] ?? '';
      if (url !== '') break;
    }
    const refused = await ask(url, 'POST', '/lists/big/entries?format=csv', 'x'.repeat(12_000_000));
    expect([refused.status, refused.json.code]).toEqual([503, 'STORE_FAILED']);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(readdirSync(join(dir, 'blobs'))).toEqual([]);
    expect((await ask(url, 'POST', '/lists/small/entries?format=csv', csv(hashes.slice(0, 3)))).status).toBe(200);
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
});
