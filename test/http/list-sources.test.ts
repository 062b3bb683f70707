/** The source of a list over HTTP: set, watched, synced, removed; refused settings; no secret in any answer, row or log. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startSyncSchedule } from '../../src/lists/import/sync-schedule.js';
import { createLogger } from '../../src/telemetry/log.js';
import { ncmecServer } from '../lists/import/sources/ncmec-server.js';
import { type SyncedList, type Syncing, startSyncing } from '../lists/import/sources/publisher.js';
import { threatExchangeServer } from '../lists/import/sources/threatexchange-server.js';

let syncing: Syncing;
beforeAll(async () => {
  syncing = await startSyncing();
});
afterAll(() => syncing.close());

let list: SyncedList;
const publisher = ncmecServer();
for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);
beforeEach(async () => {
  await list?.close();
  list = await syncing.startSynced(publisher);
  await list.running.service.store.lists.setSource(list.name, null);
});
afterAll(() => list.close());

async function ask(method: string, path = '', body?: object) {
  const response = await fetch(`${list.running.url}/v1/lists/${list.name}/source${path}`, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: text === '' ? null : JSON.parse(text) };
}
const settings = (more: object = {}) => ({
  type: 'ncmec',
  url: `${list.host}/hashsharing`,
  user: 'testington',
  secrets: { password: { value: 'pa55word' } },
  ...more,
});
const auditOf = async () =>
  (await list.running.service.store.audit.page({ tenant: null, before: null, limit: 50 })).filter(
    ({ target }) => target === list.name,
  );
/** Start the schedule of a service; `looks`: whether it looks by itself. */
const schedule = (env: Record<string, string> = {}, lookMs = 3_600_000) =>
  startSyncSchedule(list.running.service, createLogger('silent'), env, { lookMs });
const isState = (state: string) => async () => (await ask('GET')).json.state === state;

test('set, synced on request, watched and removed, with its rows of the audit log', async () => {
  expect((await ask('GET')).status).toBe(404);
  expect((await ask('POST', '/sync')).status).toBe(404);
  expect((await ask('DELETE')).status).toBe(404);
  const set = await ask('PUT', '', settings({ members: ['43', '42'] }));
  expect(set).toMatchObject({
    status: 200,
    json: {
      list: list.name,
      secrets: [{ role: 'password', variable: null }],
      members: ['42', '43'],
      everyMinutes: null,
      state: 'idle',
      pages: 0,
      lastTry: null,
      dueAt: null,
    },
  });
  const stop = schedule();
  const asked = await ask('POST', '/sync');
  expect(asked.status).toBe(202);
  expect(asked.headers.get('location')).toBe(`/v1/lists/${list.name}/source`);
  expect(['waiting', 'running', 'idle']).toContain(asked.json.state);
  await expect.poll(async () => (await ask('GET')).json.lastTry?.outcome, { timeout: 20_000 }).toBe('synced');
  await expect.poll(isState('idle'), { timeout: 20_000 }).toBe(true);
  const { json } = await ask('GET');
  expect(json).toMatchObject({ checkpoint: '1970-01-01T00:16:43Z', lastTry: { why: null }, pages: 0 });
  expect(json.requestedAt < json.lastTry.startedAt || json.requestedAt === json.lastTry.startedAt).toBe(true);
  expect(await list.values()).toEqual([1, 2, 3]);
  expect((await ask('DELETE')).status).toBe(204);
  expect((await ask('GET')).status).toBe(404);
  expect(await list.values(), 'its entries stay').toEqual([1, 2, 3]);
  await stop();
  const rows = await auditOf();
  expect(rows.map(({ action, actor }) => `${action} ${actor}`).reverse()).toEqual(
    expect.arrayContaining(['list.source local', 'list.sync local', 'list.replace zeef']),
  );
  expect(JSON.stringify(rows)).not.toContain('pa55word');
});

test('a request waits for a service, survives, and is served once', async () => {
  await ask('PUT', '', settings());
  expect((await ask('POST', '/sync')).json).toMatchObject({ state: 'waiting' });
  expect(list.pages).toEqual([]);
  const stop = schedule({}, 50);
  await expect.poll(async () => (await ask('GET')).json.lastTry?.outcome, { timeout: 20_000 }).toBe('synced');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await stop();
  expect(list.pages).toHaveLength(2);
});

test('a failed sync is shown with its page, and tried again on request only', async () => {
  await ask('PUT', '', settings());
  list.fault = ({ url }) => (url.searchParams.has('start') ? { status: 403, body: 'pa55word' } : null);
  const stop = schedule({}, 50);
  await ask('POST', '/sync');
  await expect.poll(async () => (await ask('GET')).json.lastTry?.outcome, { timeout: 20_000 }).toBe('failed');
  const failed = await ask('GET');
  expect(failed.json).toMatchObject({
    lastTry: { why: 'SOURCE_FAILED: page 2: status 403' },
    pages: 1,
    checkpoint: null,
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(list.pages).toHaveLength(2);
  list.fault = () => null;
  await ask('POST', '/sync');
  await expect.poll(async () => (await ask('GET')).json.lastTry?.outcome, { timeout: 20_000 }).toBe('synced');
  await stop();
  expect(list.pages.at(-1)!.url.searchParams.get('start'), 'behind its page').toBe('3');
});

test('a running sync ends once its source is removed, and once it is another', async () => {
  const stop = schedule();
  for (const end of [() => ask('DELETE'), () => ask('PUT', '', settings({ members: ['7'] }))]) {
    await ask('PUT', '', settings());
    list.pages.length = 0;
    let release = () => {};
    list.fault = (_asked, response, { body }) => {
      release = () => response.end(body);
      return 'done';
    };
    await ask('POST', '/sync');
    await expect.poll(() => list.pages.length, { timeout: 20_000 }).toBe(1);
    expect(await ask('GET')).toMatchObject({ json: { state: 'running' } });
    await end();
    release();
    const { duties } = list.running.service.store;
    await expect.poll(async () => (await duties.state(`sync ${list.name}`)).isHeld, { timeout: 20_000 }).toBe(false);
    expect(list.pages).toHaveLength(1);
    expect(await list.values()).toEqual([]);
  }
  expect((await ask('GET')).json, 'the other source is as it was set').toMatchObject({ members: ['7'], lastTry: null });
  await stop();
});

test('other secrets and another interval keep the checkpoint; another place has none', async () => {
  await ask('PUT', '', settings());
  await list.sync();
  const { checkpoint } = (await ask('GET')).json;
  expect(checkpoint).not.toBeNull();
  const kept = await ask('PUT', '', settings({ secrets: { password: { env: 'SOURCE_PASSWORD' } }, everyMinutes: 5 }));
  expect(kept.json).toMatchObject({ checkpoint, secrets: [{ role: 'password', variable: 'SOURCE_PASSWORD' }] });
  expect(Date.parse(kept.json.dueAt) - Date.parse(kept.json.syncedAt)).toBe(300_000);
  expect((await ask('PUT', '', settings({ members: ['42'] }))).json).toMatchObject({
    checkpoint: null,
    syncedAt: null,
  });
});

describe('a sealed secret', () => {
  const database = () => {
    const { dataDir } = list.running.service.config;
    return ['zeef.sqlite', 'zeef.sqlite-wal', 'service.sqlite', 'service.sqlite-wal']
      .map((name) => {
        try {
          return readFileSync(join(dataDir, name), 'latin1');
        } catch {
          return '';
        }
      })
      .join('');
  };

  test('is in no answer and in no file, and is sent', async () => {
    const value = 'f00bar-v3ry-secret';
    const shown = [await ask('PUT', '', settings({ secrets: { password: { value } } })), await ask('GET')];
    await expect(list.sync({ env: {} })).rejects.toMatchObject({ details: { why: 'status 401' } });
    const sent = `Basic ${Buffer.from(`testington:${value}`).toString('base64')}`;
    expect(list.pages[0]!.headers.authorization).toBe(sent);
    expect(shown.map(({ text }) => text).join('')).not.toMatch(/f00bar|sealed/);
    expect(database()).toContain(list.name);
    expect(database()).not.toContain('f00bar');
  });

  test('survives key rotations', async () => {
    await ask('PUT', '', settings());
    const before = await list.source();
    await list.running.service.store.rotateKeys(null);
    await list.running.service.store.rotateKeys(null);
    expect(await list.source()).toEqual(before);
    await list.sync({ env: {} });
    expect(await list.values()).toEqual([1, 2, 3]);
  });

  test('is bound to its list, its role and its host', async () => {
    await ask('PUT', '', settings());
    const { lists } = list.running.service.store;
    const source = await list.source();
    const why = 'the sealed password cannot be opened; set it again';
    await lists.setSource(list.name, { ...source, url: list.host.replace('127.0.0.1', 'localhost') });
    await expect(list.sync({ env: {} })).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { why } });
    await lists.setSource(list.name, { ...source, secrets: { password: { sealed: 'AAAA' } } });
    await expect(list.sync({ env: {} })).rejects.toMatchObject({ details: { why } });
    const other = await syncing.startSynced(publisher);
    await lists.setSource(other.name, source);
    await expect(other.sync({ env: {} })).rejects.toMatchObject({ details: { why } });
    await other.close();
    expect(list.asked).toEqual([]);
  });
});

describe('refused', () => {
  const secret = 's3cr3t-that-is-sent';
  test.each<[string, object, string]>([
    ['another scheme', { url: 'ftp://example.org/' }, 'url'],
    ['a file', { url: 'file:///etc/passwd' }, 'url'],
    ['no URL', { url: 'example.org' }, 'url'],
    ['a password in the URL', { url: `https://me:${secret}@example.org/` }, 'url'],
    ['a user in the URL', { url: `https://${secret}@example.org/` }, 'url'],
    ['a token in the URL', { url: `https://example.org/?access_token=${secret}` }, 'url'],
    ['a function key in the URL', { url: `https://example.org/?code=${secret}` }, 'url'],
    ['secrets over http', { url: 'http://example.org/' }, 'url'],
    ['a secret of another publisher', { secrets: { accessToken: { value: secret } } }, 'secrets'],
    ['a secret of two lines', { secrets: { password: { value: `a\n${secret}` } } }, 'secrets.password'],
    ['an unknown secret', { secrets: { pin: { value: secret } } }, 'body/secrets'],
    ['a secret twice', { secrets: { password: { value: secret, env: 'SOURCE_X' } } }, 'body/secrets'],
    ['a secret as text', { secrets: { password: secret } }, 'body/secrets'],
    ['a variable of Zeef', { secrets: { password: { env: 'ZEEF_LIST_KEY' } } }, 'body/secrets'],
    ['a variable of others', { secrets: { password: { env: 'AWS_SECRET_ACCESS_KEY' } } }, 'body/secrets'],
    ['a user with a colon', { user: 'a:b' }, 'user'],
    ['members of another type', { type: 'stopncii', secrets: {}, members: ['1'] }, 'members'],
    ['members that are no numbers', { members: ['a'] }, 'members'],
    ['a group of another type', { privacyGroup: '1' }, 'privacyGroup'],
    ['no group', { type: 'threatexchange', secrets: {} }, 'privacyGroup'],
    ['a group that is a path', { type: 'threatexchange', secrets: {}, privacyGroup: '../me' }, 'privacyGroup'],
    ['no interval', { everyMinutes: 0 }, 'body/everyMinutes'],
    ['an unknown type', { type: 'misp' }, 'body/type'],
    ['another field', { checkpoint: '1' }, 'checkpoint'],
  ])('%s', async (_says, more, field) => {
    const { status, json, text } = await ask('PUT', '', settings(more));
    expect(status).toBe(400);
    expect(json.code).toBe('REQUEST_INVALID');
    expect(text).toContain(field.replace('body/', ''));
    expect(text).not.toContain(secret);
    expect((await ask('GET')).status).toBe(404);
  });

  test('for a list that does not exist', async () => {
    const response = await fetch(`${list.running.url}/v1/lists/nowhere/source`, {
      method: 'PUT',
      body: JSON.stringify(settings()),
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(404);
  });
});

test('the token of ThreatExchange is not in the files of a sync that runs', async () => {
  const group = threatExchangeServer();
  for (const n of [1, 2, 3]) group.publish(n, 1_000 + n);
  const te = await syncing.startSynced(group);
  const token = group.env.SOURCE_TOKEN!;
  const state = join(te.running.service.config.dataDir, 'sync', te.name, 'state.json');
  let during = '';
  te.fault = ({ url }) => {
    if (url.searchParams.has('after')) during = readFileSync(state, 'utf8');
    return null;
  };
  await te.sync();
  expect(during).toContain('threat_updates');
  expect(during).not.toContain(token.slice(9));
  expect(during).not.toContain('access_token');
  await te.close();
});
