/** Each publisher's service, as it is and as it fails: the list is whole or unchanged, and no secret shows. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ncmecServer } from './ncmec-server.js';
import { type Publisher, type SyncedList, type Syncing, startSyncing } from './publisher.js';
import { stopNciiServer } from './stopncii-server.js';
import { tatServer } from './tech-against-terrorism-server.js';
import { threatExchangeServer } from './threatexchange-server.js';

const PUBLISHERS: readonly (readonly [string, () => Publisher])[] = [
  ['NCMEC', ncmecServer],
  ['StopNCII', stopNciiServer],
  ['Tech Against Terrorism', tatServer],
  ['ThreatExchange', threatExchangeServer],
];
/** Two pages, and a third that is not full. */
const ALL = [1, 2, 3, 4, 5];
const lose: SyncedList['fault'] = (_asked, response) => {
  response.destroy();
  return 'done';
};
const HTML = '<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Sign in</p></body></html>';

let syncing: Syncing;
beforeAll(async () => {
  syncing = await startSyncing();
});
afterAll(() => syncing.close());

describe.each(PUBLISHERS)('%s', (_name, make) => {
  let publisher: Publisher;
  let list: SyncedList;
  beforeEach(async () => {
    publisher = make();
    for (const n of ALL) publisher.publish(n, 1_000 + n);
    list = await syncing.startSynced(publisher);
  });
  afterEach(() => list.close());

  const failed = (details: object) => ({ code: 'SOURCE_FAILED', details });
  const spool = () => join(list.running.service.config.dataDir, 'sync', list.name);
  /** Answers page `at`, from 1, with a fault for some times. */
  const faultAt = (at: number, fault: SyncedList['fault'], times = 1) => {
    let seen = 0;
    list.fault = (...args) => {
      const page = new Set(list.pages.map(({ url }) => url.href)).size;
      return page === at && seen++ < times ? fault(...args) : null;
    };
  };

  test('all pages, then changes and withdrawals, then nothing new', async () => {
    expect(await list.sync()).toMatchObject({ version: 1, rejected: expect.any(Number) });
    expect(await list.values()).toEqual(ALL);
    expect(list.pages).toHaveLength(3);
    publisher.withdraw(2, 2_000);
    publisher.publish(6, 2_001);
    publisher.publish(7, 2_002);
    await list.sync();
    expect(await list.values()).toEqual([1, 3, 4, 5, 6, 7]);
    const { checkpoint } = await list.source();
    await list.sync();
    expect(await list.values()).toEqual([1, 3, 4, 5, 6, 7]);
    expect(await list.source()).toMatchObject({ checkpoint, lastTry: { outcome: 'synced', why: null } });
  });

  test('a service without entries is no list at first, and nothing new later', async () => {
    await list.close();
    publisher = make();
    list = await syncing.startSynced(publisher);
    await expect(list.sync()).rejects.toMatchObject({ code: 'HASHLIST_INVALID' });
    expect(existsSync(spool()), 'its page is not imported again').toBe(false);
    publisher.publish(1, 1_000);
    await list.sync();
    expect(await list.values()).toEqual([1]);
  });

  test.each<[string, SyncedList['fault']]>([
    ['500', () => ({ status: 500, body: 'oops' })],
    ['429 with Retry-After', () => ({ status: 429, headers: { 'retry-after': '0' } })],
    ['a truncated body', (_asked, _response, { body = '' }) => ({ body: body.slice(0, body.length / 2) })],
    [
      'a body shorter than announced',
      (_asked, response, { body = '' }) => {
        response.writeHead(200, { 'content-length': body.length + 10 }).write(body);
        setTimeout(() => response.destroy(), 20);
        return 'done';
      },
    ],
    ['a lost connection', lose],
    ['HTML instead', () => ({ headers: { 'content-type': 'text/html' }, body: HTML })],
    ['an error as JSON', () => ({ body: '{"error":{"message":"try later"}}' })],
  ])('%s, then the page', async (_says, fault) => {
    faultAt(2, fault, 2);
    await list.sync();
    expect(await list.values()).toEqual(ALL);
  });

  test.each<[string, SyncedList['fault'], string | RegExp]>([
    ['403', () => ({ status: 403, body: 'no' }), 'status 403'],
    ['404', () => ({ status: 404, body: 'no' }), 'status 404'],
    ['HTML', () => ({ headers: { 'content-type': 'text/html' }, body: HTML }), /^invalid page: /],
    ['a redirect', () => ({ status: 302, headers: { location: 'http://127.0.0.1:9/' } }), 'status 302'],
  ])('%s to the end fails with the number of the page, and the next sync is whole', async (_says, fault, why) => {
    faultAt(2, fault, Number.POSITIVE_INFINITY);
    const expected = typeof why === 'string' ? why : expect.stringMatching(why);
    await expect(list.sync()).rejects.toMatchObject(failed({ why: expected, page: 2 }));
    expect(await list.source()).toMatchObject({
      checkpoint: null,
      lastTry: { outcome: 'failed', why: expect.stringContaining('page 2') },
    });
    expect(await list.values()).toEqual([]);
    // A link that ended is not followed again: the sync after it begins with the first page.
    expect(existsSync(spool())).toBe(why !== 'status 404');
    list.fault = () => null;
    await list.sync();
    expect(await list.values()).toEqual(ALL);
  });

  test('wrong credentials fail at the first page', async () => {
    const env = Object.fromEntries(Object.keys(publisher.env).map((name) => [name, 'wrong']));
    await expect(list.sync({ env })).rejects.toMatchObject(
      failed({ why: expect.stringMatching(/status 40[01]$/), page: 1 }),
    );
    expect(await list.values()).toEqual([]);
  });

  test('another content type is no fault: the page is read as what it is', async () => {
    list.fault = (_asked, _response, reply) => ({ ...reply, headers: { 'content-type': 'text/plain' } });
    await list.sync();
    expect(await list.values()).toEqual(ALL);
  });

  test('a sync that was stopped resumes behind its pages', async () => {
    const stop = new AbortController();
    faultAt(3, (...args) => {
      stop.abort();
      return lose(...args);
    });
    await expect(list.sync({ signal: stop.signal })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    const before = list.pages.length;
    await list.sync();
    expect(list.pages.length - before, 'only the last page').toBe(1);
    expect(await list.values()).toEqual(ALL);
  });

  test('an entry that changes between two pages is in the list, as it is at the end of the next sync', async () => {
    faultAt(2, () => {
      publisher.publish(1, 3_000);
      publisher.publish(8, 3_001);
      publisher.withdraw(5, 3_002);
      return null;
    });
    await list.sync();
    expect(await list.values()).toEqual(expect.arrayContaining([1, 2]));
    await list.sync();
    expect(await list.values()).toEqual(expect.arrayContaining([1, 2, 4, 8]));
    expect(await list.values()).not.toContain(5);
  });

  test('slow pages are read', async () => {
    list.fault = (_asked, response, { headers = {}, body = '' }) => {
      response.writeHead(200, headers).write(body.slice(0, 10));
      setTimeout(() => response.end(body.slice(10)), 100);
      return 'done';
    };
    await list.sync();
    expect(await list.values()).toEqual(ALL);
  });

  test('a page without an end is cut off, and not asked for again', async () => {
    list.fault = (_asked, response) => {
      const piece = Buffer.alloc(1_048_576, 32);
      const more = () => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', more).on('error', () => {});
      more();
      return 'done';
    };
    await expect(list.sync()).rejects.toMatchObject(failed({ why: 'page exceeds 67108864 bytes', page: 1 }));
    expect(list.pages).toHaveLength(1);
  });

  test('pages that circle end the sync', async () => {
    let first: string | null = null;
    list.fault = (_asked, _response, reply) => {
      first ??= reply.body!;
      return { ...reply, body: first };
    };
    await expect(list.sync()).rejects.toMatchObject(failed({ why: expect.stringContaining('was read before') }));
    expect(existsSync(spool())).toBe(false);
  });

  test('a link to another host is not followed', async () => {
    const { linkingTo } = publisher;
    if (linkingTo === undefined) return;
    for (const address of [
      'https://example.org/v2/entries',
      '//example.org/v2/entries',
      'ftp://127.0.0.1/',
      `${list.host}0/x`,
    ]) {
      list.pages.length = 0;
      list.fault = () => ({ body: linkingTo(address) });
      await expect(list.sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
      expect(new Set(list.pages.map(({ url }) => url.host)).size).toBe(1);
    }
  });

  test('no secret is in an error, in the row, or in a file of an interrupted sync', async () => {
    const shown: string[] = [];
    faultAt(3, () => ({ status: 403 }), Number.POSITIVE_INFINITY);
    await list.sync().catch((error: unknown) => shown.push(inspect(error, { depth: Infinity })));
    expect(shown).toHaveLength(1);
    for (const name of readdirSync(spool())) shown.push(readFileSync(join(spool(), name), 'latin1'));
    expect(shown.length, 'two pages and the state').toBeGreaterThanOrEqual(4);
    shown.push(JSON.stringify(await list.source()));
    list.fault = lose;
    await list.sync().catch((error: unknown) => shown.push(inspect(error, { depth: Infinity })));
    for (const secret of publisher.hidden) expect(shown.join('\n')).not.toContain(secret);
  });
});
