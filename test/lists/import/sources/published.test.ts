/** What each publisher's clients send, and what a sync makes of the answers. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseHashList } from '../../../../src/hashlists/importers.js';
import { ofMembers } from '../../../../src/hashlists/ncmec-members.js';
import { openStream } from '../../../../src/vault/sealed-stream.js';
import { ncmecServer } from './ncmec-server.js';
import { type Asked, type Publisher, type SyncedList, type Syncing, startSyncing } from './publisher.js';
import { stopNciiServer } from './stopncii-server.js';
import { tatServer } from './tech-against-terrorism-server.js';
import { threatExchangeServer } from './threatexchange-server.js';

let syncing: Syncing;
let list: SyncedList;
beforeAll(async () => {
  syncing = await startSyncing();
});
afterEach(() => list.close());
afterAll(() => syncing.close());

const start = async (publisher: Publisher) => {
  list = await syncing.startSynced(publisher);
};
const parameter = (name: string) => list.pages.map(({ url }) => url.searchParams.get(name));
const DAY_MS = 86_400_000;
/** As if the last sync was so many days ago. */
async function agedBy(days: number): Promise<void> {
  const { lists } = list.running.service.store;
  const syncedAt = new Date(Date.now() - days * DAY_MS).toISOString();
  await lists.setSource(list.name, { ...(await list.source()), syncedAt });
}

describe('NCMEC', () => {
  test.each([
    ['/hashsharing', '/hashsharing'],
    ['/hashsharing', '/hashsharing/'],
    ['/hashsharing', '/hashsharing/v2'],
    ['/hashsharing', '/hashsharing/v2/entries'],
    ['/hashsharing', '/hashsharing/v2/entries/'],
    ['/npo', '/npo'],
    ['/exploitative', '/exploitative/v2/entries'],
    ['', '/'],
    ['', '/v2/entries'],
  ])('behind %s, with the URL %s: pages beyond the first', async (base, configured) => {
    const publisher = ncmecServer(base);
    for (const n of [1, 2, 3, 4, 5]) publisher.publish(n, 1_000 + n);
    await start(publisher);
    await list.set({ url: list.host + configured });
    await list.sync();
    expect(await list.values()).toEqual([1, 2, 3, 4, 5]);
    expect(list.pages.map(({ url }) => url.pathname)).toEqual(Array(3).fill(`${base}/v2/entries`));
  });

  test('a link that has the whole path is followed as well', async () => {
    const publisher = ncmecServer();
    for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);
    await start(publisher);
    list.fault = (_asked, _response, reply) => ({
      ...reply,
      body: reply.body!.replace('<next>', '<next>/hashsharing'),
    });
    await list.sync();
    expect(await list.values()).toEqual([1, 2, 3]);
  });

  test('the period is asked for; the checkpoint is the latest time of all pages, and moves at the end', async () => {
    const publisher = ncmecServer();
    // Not in the order of time: a deletion before its entry, and the latest entry on the first page.
    publisher.withdraw(1, 5_000);
    publisher.publish(2, 9_000);
    publisher.publish(3, 4_000);
    await start(publisher);
    const beganMs = Date.now();
    await list.sync();
    expect(await list.values()).toEqual([2, 3]);
    expect(parameter('from')).toEqual(['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z']);
    const [to] = parameter('to');
    expect(to).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(beganMs - Date.parse(to!)).toBeGreaterThanOrEqual(4_000);
    expect(await list.source()).toMatchObject({ checkpoint: '1970-01-01T02:30:00Z' });
    await list.sync();
    expect(parameter('from').at(-1)).toBe('1970-01-01T02:30:00Z');
  });

  test('entries of other members are neither stored nor spooled; a changed choice fetches the list again', async () => {
    const publisher = ncmecServer();
    publisher.publish(1, 1_001, 42);
    publisher.publish(2, 1_002, 43);
    publisher.publish(3, 1_003, 101);
    publisher.publish(4, 1_004, 43);
    publisher.withdraw(1, 1_005, 43);
    await start(publisher);
    await list.set({ members: ['101', '42'] });
    list.fault = ({ url }) => (url.searchParams.get('start') === '5' ? { status: 403 } : null);
    await expect(list.sync()).rejects.toMatchObject({ details: { page: 3 } });
    const { config, store } = list.running.service;
    const folder = join(config.dataDir, 'sync', list.name);
    const spooled: string[] = [];
    for (const name of readdirSync(folder).filter((each) => each.startsWith('page-'))) {
      const pieces: Uint8Array[] = [];
      for await (const piece of openStream(store.vault, Readable.from([readFileSync(join(folder, name))])))
        pieces.push(piece);
      spooled.push(Buffer.concat(pieces).toString());
    }
    expect(spooled).toHaveLength(2);
    expect(spooled.join('')).toContain('<id>image1</id>');
    expect(spooled.join('')).not.toContain('<id>image2</id>');
    list.fault = () => null;
    await list.sync();
    expect(await list.values()).toEqual([1, 3]);
    await list.set({ members: ['43'] });
    await list.sync();
    expect(await list.values()).toEqual([2, 4]);
  });

  test('a page of some members has the rows of their entries, unchanged', async () => {
    const publisher = ncmecServer();
    publisher.publish(1, 1_001, 42);
    publisher.publish(2, 1_002, 43);
    await start(publisher);
    const asked = {
      method: 'GET',
      url: new URL(`${list.host}/hashsharing/v2/entries?from=1970-01-01T00:00:00Z&to=2026-01-01T00:00:00Z`),
    };
    const authorization = `Basic ${Buffer.from('testington:pa55word').toString('base64')}`;
    const { body } = publisher.answer({ ...asked, headers: { authorization } } as Asked);
    const rowsOf = async (bytes: Uint8Array) => {
      const rows: unknown[] = [];
      for await (const row of parseHashList('ncmec', { bytes: Readable.from([bytes]), kind: 'match' })) rows.push(row);
      return rows;
    };
    const all = Buffer.from(body!);
    expect(await rowsOf(ofMembers(all, ['42', '43']))).toEqual(await rowsOf(all));
    expect(await rowsOf(ofMembers(all, ['42']))).toEqual((await rowsOf(all)).slice(0, 2));
    expect(await rowsOf(ofMembers(all, ['7']))).toEqual([]);
  });
});

describe('StopNCII', () => {
  test('the beginning, the size and the cursor of a page; both keys', async () => {
    const publisher = stopNciiServer();
    for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);
    await start(publisher);
    await list.set({ url: `${list.host}/v1/FetchHashes?region=uk` });
    await list.sync();
    expect(parameter('startTimestamp')).toEqual(['10', '10']);
    expect(parameter('pageSize')).toEqual(['800', '800']);
    expect(parameter('nextPageToken')).toEqual([null, expect.stringMatching(/^[A-Za-z0-9+/]+=*$/)]);
    expect(parameter('region')).toEqual(['uk', 'uk']);
    await list.sync();
    expect(parameter('startTimestamp').at(-1)).toBe('1003');
  });

  test('a bad record is rejected, and the others are taken', async () => {
    const publisher = stopNciiServer();
    for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);
    const record = { lastModtimestamp: 1_004, signalType: 'ImageMD5', hashStatus: 'Active' };
    publisher.add({ ...record, hashValue: 'not-a-value', caseNumbers: ['not-a-mapping'] });
    publisher.add({ ...record });
    await start(publisher);
    expect(await list.sync()).toMatchObject({ rejected: 2, held: [] });
    expect(await list.values()).toEqual([1, 2, 3]);
  });

  test('after 30 days without a sync the list is fetched as a whole', async () => {
    const publisher = stopNciiServer();
    publisher.publish(1, 1_001);
    await start(publisher);
    await list.sync();
    await agedBy(29);
    await list.sync();
    await agedBy(31);
    await list.sync();
    expect(parameter('startTimestamp')).toEqual(['10', '1001', '10']);
  });

  test('more records without a token is no page', async () => {
    const publisher = stopNciiServer();
    for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);
    await start(publisher);
    list.fault = (_asked, _response, { body }) => ({
      body: body!.replace(/"nextPageToken":"[^"]*"/, '"nextPageToken":null'),
    });
    const details = { why: 'invalid page: nextPageToken is missing', page: 1 };
    await expect(list.sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED', details });
  });
});

describe('Tech Against Terrorism', () => {
  const published = (uses?: number) => {
    const publisher = tatServer();
    for (const n of [1, 2, 3, 4, 5]) publisher.publish(n, 1_000 + n);
    if (uses !== undefined) publisher.uses = uses;
    return publisher;
  };

  test('one login for a sync; the next page by the checkpoint of the last, on the configured host', async () => {
    const publisher = published();
    await start(publisher);
    await list.sync();
    expect(publisher.tokens).toHaveLength(1);
    expect(parameter('after')).toEqual(['', '1002.709035,2', '1004.709035,4']);
    expect(await list.source()).toMatchObject({ checkpoint: '1005.709035,5' });
    expect(list.asked[0]).toMatchObject({
      method: 'POST',
      body: 'username=valid_user&password=pa55word%26more&resend=False',
    });
  });

  test('a token that ended is renewed', async () => {
    const publisher = published(1);
    await start(publisher);
    await list.sync();
    expect(await list.values()).toEqual([1, 2, 3, 4, 5]);
    expect(publisher.tokens).toHaveLength(3);
  });

  test('a token that is refused although it is new is not renewed for ever', async () => {
    const publisher = published(0);
    await start(publisher);
    await expect(list.sync()).rejects.toMatchObject({ details: { why: 'status 401', page: 1 } });
    expect(publisher.tokens).toHaveLength(1);
  });

  test.each([
    ['/', '/token-auth/tcap/'],
    ['/api/hash-list/v2/all', '/token-auth/tcap/'],
  ])('the URL %s has its login at %s', async (configured, login) => {
    await start(published());
    await list.set({ url: list.host + configured });
    await list.sync();
    expect(list.asked[0]!.url.pathname).toBe(login);
    expect(list.pages[0]!.url.pathname).toBe('/api/hash-list/v2/all');
  });

  test('without a user the secret is the token', async () => {
    const publisher = published();
    publisher.answer({ ...(await tokenRequest()) });
    await start(publisher);
    await list.set({ user: null });
    await list.sync({ env: { SOURCE_PASSWORD: publisher.tokens[0]! } });
    expect(await list.values()).toEqual([1, 2, 3, 4, 5]);
    expect(publisher.tokens).toHaveLength(1);
  });

  /** A login that is not of the sync. */
  async function tokenRequest(): Promise<Asked> {
    return {
      method: 'POST',
      url: new URL('http://127.0.0.1/token-auth/tcap/'),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'username=valid_user&password=pa55word%26more&resend=False',
    };
  }

  test.each<[string, object, string]>([
    ['is refused', { status: 400, body: '{"non_field_errors":["pa55word"]}' }, 'login: status 400'],
    ['fails', { status: 503 }, 'login: status 503'],
    ['has no token', { body: '{"user":{}}' }, 'login: the answer has no token'],
    ['is HTML', { body: '<html>' }, 'login: the answer has no token'],
    ['leads elsewhere', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, 'login: status 302'],
    ['is endless', { body: 'x'.repeat(300_000) }, 'login: the answer exceeds 262144 characters'],
  ])('a login that %s', async (_says, reply, why) => {
    const publisher = published();
    const { answer } = publisher;
    publisher.answer = (asked) => (asked.method === 'POST' ? reply : answer(asked));
    await start(publisher);
    await expect(list.sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { why, page: 1 } });
    expect(list.pages).toEqual([]);
  });
});

describe('ThreatExchange', () => {
  test('the group, the fields and the token with each page; updates since the latest', async () => {
    const publisher = threatExchangeServer();
    for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);
    await start(publisher);
    await list.sync();
    expect(list.pages.map(({ url }) => url.pathname)).toEqual(Array(2).fill('/v9.0/1012185296055235/threat_updates/'));
    expect(parameter('start_time')).toEqual([null, null]);
    expect(parameter('limit')).toEqual(['100', '100']);
    expect(parameter('access_token')).toEqual(Array(2).fill(publisher.env.SOURCE_TOKEN));
    publisher.withdraw(1, 2_000);
    await list.sync();
    expect(parameter('start_time').at(-1)).toBe('1003');
    expect(await list.values()).toEqual([2, 3]);
  });

  test('after 85 days without a sync the group is fetched as a whole', async () => {
    const publisher = threatExchangeServer();
    publisher.publish(1, 1_001);
    await start(publisher);
    await list.sync();
    await agedBy(84);
    await list.sync();
    await agedBy(86);
    await list.sync();
    expect(parameter('start_time')).toEqual([null, '1001', null]);
  });

  test('a link with the token of another app is sent with the own', async () => {
    const publisher = threatExchangeServer();
    for (const n of [1, 2, 3]) publisher.publish(n, 1_000 + n);
    await start(publisher);
    list.fault = (_asked, _response, { body }) => ({
      body: body!.replace(/access_token=[^&"]*/, 'access_token=other'),
    });
    await list.sync();
    expect(await list.values()).toEqual([1, 2, 3]);
  });
});
