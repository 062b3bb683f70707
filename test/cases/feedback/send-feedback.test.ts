/** Feedback sent to services that behave as their public clients expect, and that fail: what is sent, how often, and what is kept. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ncmecServer } from '../../lists/import/sources/ncmec-server.js';
import {
  type Asked,
  md5,
  type Publisher,
  type SyncedList,
  type Syncing,
  startSyncing,
} from '../../lists/import/sources/publisher.js';
import { stopNciiServer } from '../../lists/import/sources/stopncii-server.js';
import { tatServer } from '../../lists/import/sources/tech-against-terrorism-server.js';
import { threatExchangeServer } from '../../lists/import/sources/threatexchange-server.js';
import { collectAllTheTime } from '../../support/collect-garbage.js';
import { type Decided, decided } from './decided.js';

let syncing: Syncing;
beforeAll(async () => {
  syncing = await startSyncing();
});
afterAll(() => syncing.close());

let list: SyncedList;
let people: Decided;
afterEach(() => people.end());

async function start(publisher: Publisher): Promise<void> {
  list = await syncing.startSynced(publisher);
  people = decided(list, publisher);
  await people.sync();
  list.asked.length = 0;
}

/** Requests that carry feedback. */
const calls = () => list.asked.filter(({ method }) => method !== 'GET');
const store = () => list.running.service.store;
const service = async () => (await people.plan()).service;
const kept = async () =>
  (await store().feedback.sent(list.name, await service())).map(({ state, status, verdict }) =>
    [verdict, state, status].join(' '),
  );
const leftOf = async (more = {}) => (await people.plan(more)).left.map(({ why }) => why);
const failed = (why: string) => ({ code: 'SOURCE_FAILED', details: { why } });

interface Kind {
  readonly make: () => Publisher & { readonly taken: readonly object[] };
  /** What the service has, by entries. */
  readonly told: (n: number, verdict: 'confirmed' | 'false_positive') => object;
}
const KINDS: readonly [string, Kind][] = [
  [
    'NCMEC',
    {
      make: ncmecServer,
      told: (n, verdict) => ({
        path: `/v2/entries/42/image${n}/MD5/feedback`,
        vote: verdict === 'confirmed' ? 'affirmative' : 'guid-0',
      }),
    },
  ],
  [
    'StopNCII',
    { make: stopNciiServer, told: (n, verdict) => ({ n, says: verdict === 'confirmed' ? 'Blocked' : 'NotBlocked' }) },
  ],
];

describe.each(KINDS)('%s', (_name, { make, told }) => {
  let publisher: ReturnType<Kind['make']>;
  beforeEach(async () => {
    publisher = make();
    for (const n of [1, 2, 3, 4, 5]) publisher.publish(n, 1_000 + n);
    await start(publisher);
  });
  const has = (...all: object[]) => {
    expect(publisher.taken).toHaveLength(all.length);
    expect(publisher.taken).toEqual(expect.arrayContaining(all));
  };
  /** Three entries: two confirmed, one false. */
  const three = async () => {
    await people.hit(1, 'confirmed');
    await people.hit(2, 'false_positive');
    await people.hit(3, 'confirmed');
  };

  test('a plan asks the service for nothing; what is sent is sent once, and a changed verdict again', async () => {
    await people.hit(1, 'confirmed');
    const id = await people.hit(2, 'false_positive');
    await people.hit(3);
    expect((await people.plan()).due.map(({ verdict }) => verdict).sort()).toEqual(['confirmed', 'false_positive']);
    expect(list.asked).toEqual([]);
    expect(await people.send()).toMatchObject({ list: list.name, sent: 2, refused: [], left: [] });
    has(told(1, 'confirmed'), told(2, 'false_positive'));
    expect(await people.send()).toMatchObject({ sent: 0 });
    expect(await leftOf()).toEqual(['sent', 'sent']);
    expect(calls()).toHaveLength(2);
    await people.hit(1, 'confirmed');
    expect(await people.send(), 'another hit with the same verdict').toMatchObject({ sent: 0 });
    await people.change(id, 'confirmed');
    expect(await people.send()).toMatchObject({ sent: 1 });
    has(told(1, 'confirmed'), told(2, 'false_positive'), told(2, 'confirmed'));
    expect(await kept()).toEqual(['confirmed acknowledged 200', 'confirmed acknowledged 200']);
  });

  test('contested, undecided, disabled, removed and withdrawn entries', async () => {
    await people.hit(1, 'confirmed');
    await people.hit(1, 'false_positive');
    await people.hit(2);
    for (const n of [3, 4, 5]) await people.hit(n, 'confirmed');
    const ids = new Map((await people.sums()).map(({ entryId }, at) => [[1, 3, 4, 5][at]!, entryId]));
    expect(ids.size).toBe(4);
    const idOf = async (n: number) => {
      for await (const row of await store().lists.versionRows(list.name, 1))
        if (row.ok && row.entry.value === md5(n)) return row.entry.entryId;
      throw new Error('no entry');
    };
    await store().lists.changeEntries(list.name, { entryId: await idOf(3) }, 'disable');
    await store().lists.changeEntries(list.name, { entryId: await idOf(4) }, 'remove');
    publisher.withdraw(5, 2_000);
    await people.sync();
    list.asked.length = 0;
    expect((await leftOf()).sort()).toEqual(['contested', 'removed', 'removed']);
    expect(await people.send()).toMatchObject({ sent: 1 });
    has(told(3, 'confirmed'));
  });

  test('a refused entry is on record with its status, and stops no other one', async () => {
    await three();
    publisher.withdraw(1, 2_000);
    const { sent, refused } = await people.send();
    expect([sent, refused.map(({ status }) => status)]).toEqual([2, [404]]);
    has(told(2, 'false_positive'), told(3, 'confirmed'));
    expect(await kept()).toContain('confirmed refused 404');
    expect(await people.send()).toMatchObject({ sent: 0, refused: [] });
    expect((await leftOf()).sort()).toEqual(['refused', 'sent', 'sent']);
    publisher.publish(1, 3_000);
    expect(await people.send({ refused: true })).toMatchObject({ sent: 1, refused: [] });
    has(told(1, 'confirmed'), told(2, 'false_positive'), told(3, 'confirmed'));
  });

  const destroy: SyncedList['callFault'] = ({ method }, response) => {
    if (method === 'GET') return null;
    response.destroy();
    return 'done';
  };
  const answered =
    (reply: object): SyncedList['callFault'] =>
    ({ method }) =>
      method === 'GET' ? null : reply;

  test.each<[string, SyncedList['callFault']]>([
    ['500', answered({ status: 500, body: 'oops' })],
    ['429 with Retry-After', answered({ status: 429, headers: { 'retry-after': '0' } })],
    ['a lost connection', destroy],
  ])('%s, then the answer', async (_says, fault) => {
    await people.hit(1, 'confirmed');
    let times = 0;
    list.callFault = (...args) => (times++ < 2 ? fault(...args) : null);
    expect(await people.send()).toMatchObject({ sent: 1 });
    expect(calls()).toHaveLength(3);
  });

  test('an answer that is cut off is none', async () => {
    await people.hit(1, 'confirmed');
    let times = 0;
    list.callFault = (_asked, response) => {
      if (times++ > 0) return null;
      response.writeHead(200, { 'content-length': 100 }).write('{');
      setTimeout(() => response.destroy(), 20);
      return 'done';
    };
    expect(await people.send()).toMatchObject({ sent: 1 });
    expect(times).toBe(2);
  });

  test.each<[string, SyncedList['callFault'], string]>([
    ['500 to the end', answered({ status: 500 }), 'status 500'],
    ['401', answered({ status: 401 }), 'status 401'],
    ['403', answered({ status: 403, body: 'no' }), 'status 403'],
    ['a redirect', answered({ status: 307, headers: { location: 'http://127.0.0.1:9/' } }), 'status 307'],
    ['a login page', answered({ body: '<!DOCTYPE html><title>Sign in</title>' }), 'the answer is a web page'],
    ['an endless answer', answered({ body: 'x'.repeat(1_100_000) }), 'the answer exceeds 1048576 bytes'],
    ['a long pause', answered({ status: 503, headers: { 'retry-after': '301' } }), 'status 503'],
    ['no connection', destroy, 'UND_ERR_SOCKET'],
  ])('%s between two calls ends the send, and the next one continues', async (_says, fault, why) => {
    await three();
    const keyOf = ({ url, body }: Asked) => url.pathname + body;
    const times = () => {
      const keys = calls().map(keyOf);
      return [...new Set(keys)].map((key) => keys.filter((one) => one === key).length);
    };
    list.callFault = (asked, ...rest) => (keyOf(asked) === keyOf(calls()[0] ?? asked) ? null : fault(asked, ...rest));
    await expect(people.send()).rejects.toMatchObject(failed(why));
    const [, attempts] = times();
    expect(times()).toEqual([1, attempts]);
    expect(await kept()).toEqual(expect.arrayContaining([expect.stringMatching(/acknowledged 200$/)]));
    expect(await kept()).toEqual(expect.arrayContaining([expect.stringMatching(/begun $/)]));
    list.callFault = () => null;
    expect(await people.send()).toMatchObject({ sent: 2 });
    expect(times(), 'what was acknowledged is not sent again').toEqual([1, attempts! + 1, 1]);
    const all = [told(1, 'confirmed'), told(2, 'false_positive'), told(3, 'confirmed')];
    expect(publisher.taken).toEqual(expect.arrayContaining(all));
  });

  test('a service that hangs, also while garbage is collected', async () => {
    collectAllTheTime();
    await people.hit(1, 'confirmed');
    list.callFault = () => 'done';
    await expect(people.send({ requestMs: 50 })).rejects.toMatchObject(failed('timed out'));
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 50);
    await expect(people.send({ signal: stopping.signal })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  test('after its time the rest is left to the next send', async () => {
    await three();
    list.callFault = ({ method }, response, { headers, body }) => {
      if (method === 'GET') return null;
      setTimeout(() => response.writeHead(200, headers).end(body), 100);
      return 'done';
    };
    expect(await people.send({ turnMs: 50 })).toMatchObject({ sent: 1, due: 2 });
    expect(await people.send({ turnMs: 10_000 })).toMatchObject({ sent: 2, due: 0 });
  });

  test('a service that takes nothing is asked no more', async () => {
    for (let n = 6; n < 20; n++) publisher.publish(n, 1_000 + n);
    await people.sync();
    for (let n = 1; n < 15; n++) await people.hit(n, 'confirmed');
    list.callFault = answered({ status: 404 });
    await expect(people.send()).rejects.toMatchObject(failed('refused 10 in a row, the last with status 404'));
    expect(calls()).toHaveLength(10);
    list.callFault = () => null;
    expect(await people.send({ refused: true })).toMatchObject({ sent: 14 });
  });

  test('another environment of the service has nothing yet', async () => {
    await people.hit(1, 'confirmed');
    await people.send();
    const source = await list.source();
    await store().lists.setSource(list.name, { ...source, url: source.url.replace('127.0.0.1', 'localhost') });
    expect((await people.plan()).due).toHaveLength(1);
    await store().lists.setSource(list.name, source);
    expect((await people.plan()).due).toHaveLength(0);
  });

  test('a source that is changed ends the send', async () => {
    await three();
    list.callFault = ({ method }, response, { status = 200, body }) => {
      if (method === 'GET') return null;
      void store()
        .lists.setSource(list.name, null)
        .then(() => response.writeHead(status).end(body));
      return 'done';
    };
    await expect(people.send()).rejects.toMatchObject(failed('the source was changed or removed'));
    expect(calls()).toHaveLength(1);
    list.callFault = () => null;
    await list.set();
    expect(await people.send()).toMatchObject({ sent: 2 });
  });

  test('one process at a time sends the feedback of a list', async () => {
    await people.hit(1, 'confirmed');
    let release = () => {};
    list.callFault = ({ method }, response, { headers, body }) => {
      if (method === 'GET') return null;
      release = () => response.writeHead(200, headers).end(body);
      return 'done';
    };
    const first = people.send();
    await expect.poll(() => calls().length, { timeout: 10_000 }).toBe(1);
    await expect(people.send()).rejects.toMatchObject(failed('another process sends the feedback of this list'));
    release();
    expect(await first).toMatchObject({ sent: 1 });
  });

  test('a sync sends nothing', async () => {
    await three();
    await people.sync();
    expect(calls()).toEqual([]);
  });

  test('the audit log has each send; no value and no secret is in it, in the store or in an error', async () => {
    await people.hit(1, 'confirmed');
    await people.hit(2, 'confirmed');
    publisher.withdraw(2, 2_000);
    await people.send();
    list.callFault = answered({ status: 403, body: Object.values(publisher.env).join() + md5(2) });
    const error = await people.send({ refused: true }).catch((reason: unknown) => reason);
    const page = await store().audit.page({ tenant: null, before: null, limit: 2 });
    const about = { actor: 'somebody', action: 'list.feedback', target: list.name };
    expect(page).toMatchObject([
      { ...about, outcome: 'failed', details: { due: 1, code: 'SOURCE_FAILED' } },
      { ...about, outcome: 'done', details: { type: publisher.type, due: 2, sent: 1, refused: 1 } },
    ]);
    const { dataDir } = list.running.service.config;
    const files = readdirSync(dataDir).filter((name) => /\.sqlite/.test(name));
    expect(files.length).toBeGreaterThan(2);
    const all = [inspect(error, { depth: 9 }), ...files.map((name) => readFileSync(join(dataDir, name), 'latin1'))];
    for (const hidden of [...publisher.hidden, ...Object.values(publisher.env), md5(2)])
      expect(all.join('').includes(hidden), hidden).toBe(false);
  });
});

describe('NCMEC', () => {
  const publisher = ncmecServer();
  beforeEach(async () => {
    publisher.reasons = ['Not what it says'];
    publisher.taken.length = 0;
    publisher.publish(1, 1_001);
    publisher.publish(2, 1_002);
    await start(publisher);
  });

  test('the calls and their addresses', async () => {
    await people.hit(1, 'confirmed');
    await people.hit(2, 'false_positive');
    await list.set({ url: `${list.host}/hashsharing/v2/entries?tenant=1` });
    await people.send();
    expect(list.asked.map(({ method, url }) => `${method} ${url.pathname}${url.search}`)).toEqual([
      'GET /hashsharing/v2/feedback/MD5/reasons?tenant=1',
      'PUT /hashsharing/v2/entries/42/image1/MD5/feedback?tenant=1',
      'PUT /hashsharing/v2/entries/42/image2/MD5/feedback?tenant=1',
    ]);
  });

  test('without a false positive no reason is asked for', async () => {
    await people.hit(1, 'confirmed');
    await people.send();
    expect(list.asked.map(({ method }) => method)).toEqual(['PUT']);
  });

  test('of several reasons one must be chosen, before anything is sent', async () => {
    publisher.reasons = ['One', 'Two & more'];
    await people.hit(1, 'confirmed');
    await people.hit(2, 'false_positive');
    const which = { code: 'REQUEST_INVALID', details: { field: 'reason', expected: 'One; Two & more' } };
    await expect(people.send()).rejects.toMatchObject(which);
    await expect(people.send({ reason: 'Three' })).rejects.toMatchObject(which);
    expect(calls()).toEqual([]);
    await people.send({ reason: 'two & MORE' });
    expect(publisher.taken.map(({ vote }) => vote)).toEqual(['affirmative', 'guid-1']);
    const [, sent] = await store().feedback.sent(list.name, await service());
    expect(sent).toMatchObject({ entryId: '42/image2', sent: 'negative guid-1' });
  });

  test.each<[string, object, string]>([
    ['no list', { body: '<feedback/>' }, 'invalid list of reasons'],
    ['no XML', { body: '{}' }, 'invalid list of reasons: invalid XML'],
    ['refused', { status: 404 }, 'reasons: status 404'],
  ])('reasons: %s', async (_says, reply, why) => {
    await people.hit(2, 'false_positive');
    list.callFault = ({ method }) => (method === 'GET' ? reply : null);
    await expect(people.send()).rejects.toMatchObject(failed(why));
    expect(calls()).toEqual([]);
  });

  test('reasons as the root, and none at all', async () => {
    await people.hit(2, 'false_positive');
    const root = (more: string) => `<availableFeedbackReasons xmlns="urn:x">${more}</availableFeedbackReasons>`;
    list.callFault = ({ method }) => (method === 'GET' ? { body: root('') } : null);
    await expect(people.send()).rejects.toMatchObject({ details: { expected: 'the service offers none' } });
    list.callFault = ({ method }) => (method === 'GET' ? { body: root('<reason guid="guid-0" name="x"/>') } : null);
    expect(await people.send()).toMatchObject({ sent: 1 });
  });

  test.each([
    ['of another list', 'mine'],
    ['without a member', '/image1'],
    ['a member that is no number', '../v2/x'],
    ['a step in the path', '42/..'],
    ['a step in the path', '42/.'],
  ])('an id %s (%s) is left', async (_says, entryId) => {
    const row = {
      algorithm: 'md5',
      value: md5(77),
      category: null,
      severity: null,
      source: null,
      mediaType: null,
    } as const;
    const entry = { ...row, entryId, status: 'active', updatedAt: null, tags: [], notes: {} } as const;
    await store().lists.addEntries(
      list.name,
      (async function* () {
        yield { ok: true as const, line: 1, entry };
      })(),
    );
    await list.running.service.reload();
    await people.hit(77, 'confirmed');
    expect(await leftOf()).toEqual(['foreign']);
    expect(await people.send()).toMatchObject({ sent: 0 });
    expect(list.asked).toEqual([]);
  });

  test('an id of any characters is one segment of the path', async () => {
    const { feedbackCallOf } = await import('../../../src/hashlists/feedback-calls.js');
    const place = { type: 'ncmec', url: 'https://h/hashsharing', privacyGroup: null } as const;
    const about = { algorithm: 'pdq', value: '', source: null, verdict: 'confirmed' } as const;
    const urlOf = (entryId: string) => feedbackCallOf('ncmec')!(place, { ...about, entryId }, '')?.url;
    expect(urlOf('7/a/../b?c#d%2e é')).toBe(
      'https://h/hashsharing/v2/entries/7/a%2F..%2Fb%3Fc%23d%252e%20%C3%A9/PDQ/feedback',
    );
  });
});

describe('StopNCII', () => {
  test('feedback has a key of its own; without one the key of the hashes is sent', async () => {
    const publisher = stopNciiServer();
    publisher.publish(1, 1_001);
    await start(publisher);
    await people.hit(1, 'confirmed');
    publisher.feedbackKey = 'feedb4ck==';
    await expect(people.send()).rejects.toMatchObject(failed('status 401'));
    const { secrets } = await list.source();
    await list.set({ secrets: { ...secrets, feedbackKey: { env: 'SOURCE_FEEDBACK' } } });
    await expect(people.send()).rejects.toMatchObject(failed('environment variable SOURCE_FEEDBACK is not set'));
    const env = { ...publisher.env, SOURCE_FEEDBACK: 'feedb4ck==' };
    expect(await people.send({ env })).toMatchObject({ sent: 1 });
    await list.sync({ env });
    expect(calls().map(({ url }: Asked) => url.pathname)).toEqual(['/v1/SubmitFeedback', '/v1/SubmitFeedback']);
  });

  test('a value of others is not given away', async () => {
    const publisher = stopNciiServer();
    publisher.publish(1, 1_001);
    await start(publisher);
    const row = { algorithm: 'md5', value: md5(77), category: null, severity: null, mediaType: null } as const;
    const more = { entryId: '', status: 'active', updatedAt: null, tags: [], notes: {} } as const;
    await store().lists.addEntries(
      list.name,
      (async function* () {
        yield { ok: true as const, line: 1, entry: { ...row, ...more, source: 'our desk' } };
      })(),
    );
    await list.running.service.reload();
    await people.hit(77, 'confirmed');
    expect(await people.send()).toMatchObject({ sent: 0, left: [{ why: 'foreign' }] });
    expect(list.asked).toEqual([]);
  });
});

describe('without a call', () => {
  test.each([
    ['Tech Against Terrorism', tatServer],
    ['ThreatExchange', threatExchangeServer],
  ])('%s: refused, with the way that is left; the rows are there', async (_name, make) => {
    const publisher = make();
    publisher.publish(1, 1_001);
    await start(publisher);
    await people.hit(1, 'confirmed');
    const refused = {
      code: 'REQUEST_INVALID',
      details: { type: publisher.type, expected: expect.stringContaining('file') },
    };
    await expect(people.plan()).rejects.toMatchObject(refused);
    await expect(people.send()).rejects.toMatchObject(refused);
    expect(list.asked).toEqual([]);
    expect(await people.rows()).toMatchObject([{ verdict: 'confirmed', state: 'listed' }]);
  });

  test('a list without a source', async () => {
    await start(ncmecServerWith(1));
    await store().lists.setSource(list.name, null);
    await expect(people.send()).rejects.toMatchObject({ code: 'NOT_FOUND', details: { what: 'source' } });
  });

  function ncmecServerWith(n: number) {
    const publisher = ncmecServer();
    publisher.publish(n, 1_000 + n);
    return publisher;
  }
});
