/** `/v1/lists/{list}/feedback`: of all tenants, so for administrators; pages; what was sent, and sending; never a value. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sealSecret } from '../../src/lists/import/source-secrets.js';
import { type Decided, decided } from '../cases/feedback/decided.js';
import { ncmecServer } from '../lists/import/sources/ncmec-server.js';
import { md5, type SyncedList, type Syncing, startSyncing } from '../lists/import/sources/publisher.js';
import { tatServer } from '../lists/import/sources/tech-against-terrorism-server.js';

const publisher = ncmecServer();
const MANY = 7;
let syncing: Syncing;
let list: SyncedList;
let people: Decided;
const keys: Record<string, string> = {};

beforeAll(async () => {
  syncing = await startSyncing();
  for (let n = 1; n <= MANY; n++) publisher.publish(n, 1_000 + n);
  list = await syncing.startSynced(publisher);
  people = decided(
    list,
    publisher,
    (): Record<string, string> => (keys.admin === undefined ? {} : { authorization: `Bearer ${keys.admin}` }),
  );
  await people.sync();
  await people.hit(1, 'confirmed');
  await people.hit(2, 'false_positive');
  await people.send();
  for (let n = 3; n <= MANY; n++) await people.hit(n, 'confirmed');
  await people.hit(3, 'false_positive');
  const store = list.running.service.store;
  await store.lists.changeEntries(list.name, { entryId: '42/image4' }, 'disable');
  await store.lists.changeEntries(list.name, { entryId: '42/image5' }, 'remove');
  for (const scope of ['admin', 'lists', 'hits', 'details'] as const) {
    const { key } = await store.keys.createKey({ tenant: `of-${scope}`, scopes: [scope], expiresAt: null });
    keys[scope] = key;
  }
});
afterAll(async () => {
  await people.end();
  await syncing.close();
});

async function ask(query = '', name = list.name, key = keys.admin) {
  const response = await fetch(`${list.running.url}/v1/lists/${name}/feedback${query}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const text = await response.text();
  return { status: response.status, text, json: JSON.parse(text) };
}
interface Row {
  readonly entryId: string;
  readonly state: string;
  readonly verdict: string;
  readonly sent: object | null;
}

test('rows in order, with the state of the entry and what was sent', async () => {
  const { status, json, text } = await ask();
  expect(status).toBe(200);
  expect(json).toMatchObject({ list: list.name, cursor: null });
  const rows = json.feedback as Row[];
  expect(rows.map(({ entryId, state, verdict }) => [entryId, state, verdict])).toEqual([
    ['42/image1', 'listed', 'confirmed'],
    ['42/image2', 'listed', 'false_positive'],
    ['42/image3', 'listed', 'contested'],
    ['42/image4', 'disabled', 'confirmed'],
    ['42/image5', 'removed', 'confirmed'],
    ['42/image6', 'listed', 'confirmed'],
    ['42/image7', 'listed', 'confirmed'],
  ]);
  const at = expect.stringMatching(/Z$/);
  const sent = { verdict: 'confirmed', sent: 'affirmative', at, state: 'acknowledged', status: 200 };
  expect(rows[0]).toEqual({
    list: list.name,
    entryId: '42/image1',
    algorithm: 'md5',
    kind: 'digest',
    state: 'listed',
    confirmed: 1,
    falsePositive: 0,
    exact: 1,
    decidedAt: at,
    verdict: 'confirmed',
    sent,
  });
  expect(rows[1]!.sent).toEqual({ ...sent, verdict: 'false_positive', sent: 'negative guid-0' });
  expect(rows[2]!.sent).toBeNull();
  expect(text).not.toMatch(new RegExp(`${md5(1)}|Jane|remote-1 file|"local"`));
});

test.each([1, 2, 3, 6, 7, 8])('in pages of %i: each row once, in order', async (limit) => {
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { json } = await ask(`?limit=${limit}${cursor && `&cursor=${cursor}`}`);
    expect(json.feedback.length).toBeLessThanOrEqual(limit);
    ids.push(...(json.feedback as Row[]).map(({ entryId }) => entryId));
    cursor = json.cursor;
  }
  expect(ids).toEqual(Array.from({ length: MANY }, (_, n) => `42/image${n + 1}`));
});

test('since a time', async () => {
  expect((await ask('?since=2999-01-01T00:00:00Z')).json.feedback).toEqual([]);
  expect((await ask('?since=2020-01-01T00:00:00Z')).json.feedback).toHaveLength(MANY);
});

test.each([
  ['?cursor=AAAA', 'cursor'],
  [`?cursor=${Buffer.from('["a","sha9"]').toString('base64url')}`, 'cursor'],
  ['?cursor=!', 'cursor'],
  ['?limit=0', 'limit'],
  ['?limit=10001', 'limit'],
  ['?since=today', 'since'],
])('%s is refused', async (query, field) => {
  const { status, json, text } = await ask(query);
  expect([status, json.code]).toEqual([400, 'REQUEST_INVALID']);
  expect(text).toContain(field);
});

test('numbers of all tenants are for administrators', async () => {
  for (const scope of ['lists', 'hits', 'details'])
    expect(await ask('', list.name, keys[scope])).toMatchObject({ status: 403, json: { code: 'SCOPE_MISSING' } });
});

test('a list that does not exist, and one whose publisher has no call', async () => {
  expect(await ask('', 'nowhere')).toMatchObject({ status: 404, json: { code: 'LIST_NOT_FOUND' } });
  const other = await syncing.startSynced(tatServer());
  expect((await ask('', other.name)).json).toEqual({ list: other.name, feedback: [], cursor: null });
  await other.close();
});

describe('sent over HTTP', () => {
  const post = async (body: object, key = keys.admin, name = list.name) => {
    const response = await fetch(`${list.running.url}/v1/lists/${name}/feedback`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    });
    const text = await response.text();
    return { status: response.status, text, json: JSON.parse(text) };
  };
  const puts = () => list.asked.filter(({ method }) => method === 'PUT');
  beforeAll(async () => {
    const { vault } = list.running.service.store;
    const source = await list.source();
    const about = { list: list.name, role: 'password', url: source.url };
    await list.set({ secrets: { password: sealSecret(vault, about, 'pa55word') } });
  });
  beforeEach(() => {
    list.asked.length = 0;
    list.callFault = () => null;
  });

  test('without the word nothing is sent', async () => {
    const { status, json } = await post({ yes: false });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      list: list.name,
      host: new URL(list.host).host,
      sent: 0,
      due: 3,
      refused: [],
      left: { sent: 2, contested: 1, removed: 1 },
    });
    expect(json.next.map(({ entryId }: Row) => entryId)).toEqual(['42/image4', '42/image6', '42/image7']);
    expect(list.asked).toEqual([]);
  });

  test.each([
    [{}, 'yes'],
    [{ yes: 'true' }, 'yes'],
    [{ yes: true, send: 1 }, 'send'],
    [{ yes: true, reason: '' }, 'reason'],
    [{ yes: true, since: 'now' }, 'since'],
  ])('%j is refused', async (body, field) => {
    const { status, text } = await post(body);
    expect(status).toBe(400);
    expect(text).toContain(field);
    expect(list.asked).toEqual([]);
  });

  test('only an administrator sends', async () => {
    for (const scope of ['lists', 'hits', 'details'])
      expect(await post({ yes: true }, keys[scope])).toMatchObject({ status: 403 });
    expect(list.asked).toEqual([]);
  });

  test('a failure that passes is left to the next request, without what was acknowledged', async () => {
    list.callFault = ({ url }) =>
      url.pathname.includes('image6') ? { status: 503, headers: { 'retry-after': '1' } } : null;
    expect(await post({ yes: true })).toMatchObject({ status: 502, json: { code: 'SOURCE_FAILED' } });
    expect(puts()).toHaveLength(2);
    list.callFault = ({ url }) => (url.pathname.includes('image7') ? { status: 404 } : null);
    const { status, json, text } = await post({ yes: true });
    expect(status).toBe(200);
    expect(json).toMatchObject({ sent: 1, due: 0, next: [], left: { sent: 3, contested: 1, removed: 1 } });
    expect(json.refused).toMatchObject([{ entryId: '42/image7', status: 404 }]);
    expect(puts()).toHaveLength(4);
    expect(text).not.toMatch(new RegExp(`${md5(6)}|pa55word|Jane`));
    list.callFault = () => null;
    expect((await post({ yes: true })).json).toMatchObject({ sent: 0, left: { refused: 1 } });
    expect((await post({ yes: true, refused: true })).json).toMatchObject({ sent: 1, refused: [] });
    const [row] = await list.running.service.store.audit.page({ tenant: null, before: null, limit: 1 });
    expect(row).toMatchObject({ action: 'list.feedback', target: list.name, details: { sent: 1 } });
    expect(row!.actor).not.toBe('somebody');
  });

  test('a client that leaves ends the send', async () => {
    await people.hit(2, 'confirmed');
    const again = await people.hit(6, 'false_positive');
    await people.change(again, 'confirmed');
    await list.running.service.store.lists.changeEntries(list.name, { entryId: '42/image7' }, 'enable');
    const service = `ncmec ${list.host}/hashsharing`;
    const told = { entryId: '42/image7', algorithm: 'md5', sent: '', at: '', state: 'begun', status: null } as const;
    await list.running.service.store.feedback.note(list.name, service, { ...told, verdict: 'confirmed' });
    list.callFault = () => 'done';
    const leaving = new AbortController();
    const asked = fetch(`${list.running.url}/v1/lists/${list.name}/feedback`, {
      method: 'POST',
      body: '{"yes":true}',
      headers: { authorization: `Bearer ${keys.admin}`, 'content-type': 'application/json' },
      signal: leaving.signal,
    });
    await expect.poll(puts, { timeout: 10_000 }).toHaveLength(1);
    leaving.abort();
    await expect(asked).rejects.toThrow();
    const { duties } = list.running.service.store;
    await expect.poll(async () => (await duties.state(`feedback ${list.name}`)).isHeld, { timeout: 5_000 }).toBe(false);
  });

  test('a list without a source, and one whose publisher has no call', async () => {
    expect(await post({ yes: false }, keys.admin, 'sample')).toMatchObject({ status: 404 });
    const other = await syncing.startSynced(tatServer());
    expect(await post({ yes: true }, keys.admin, other.name)).toMatchObject({
      status: 400,
      json: { code: 'REQUEST_INVALID' },
    });
    await other.close();
  });
});
