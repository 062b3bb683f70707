/** Lists from an HTTP source that behaves as the published interfaces do, and fails as servers do. */
import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPageReader } from '../../../src/lists/import/page-reader.js';
import { type SyncOptions, syncList } from '../../../src/lists/import/sync-list.js';
import { startSyncSchedule } from '../../../src/lists/import/sync-schedule.js';
import type { SourceInfo } from '../../../src/store/lists-contract.js';
import { NEW_SOURCE } from '../../../src/store/source-row.js';
import { createLogger } from '../../../src/telemetry/log.js';
import { collectAllTheTime } from '../../support/collect-garbage.js';
import { type Running, startService } from '../../support/running.js';

const md5 = (n: number) => n.toString(16).padStart(32, '0');
const NS = 'https://hashsharing.ncmec.org/hashsharing/v2';

let running: Running;
let server: Server;
let base: string;
const pages = createPageReader();
afterAll(() => pages.close());
const asked: { url: string; headers: IncomingMessage['headers'] }[] = [];
/** Sends the response of the source; a test sets it. */
let answer: (url: URL, response: ServerResponse) => void;

beforeEach(async () => {
  asked.length = 0;
  running = await startService();
  server = createServer((request, response) => {
    asked.push({ url: request.url!, headers: request.headers });
    answer(new URL(request.url!, base), response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await running.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const options = (more: Partial<SyncOptions> = {}): SyncOptions => ({
  dataDir: running.service.config.dataDir,
  radiusBits: 31,
  env: { SECRET: 's3cret' },
  pages,
  firstPauseMs: 1,
  ...more,
});
const sync = (more?: Partial<SyncOptions>) => syncList(running.service.store, 'remote', options(more));

async function comesFrom(more: Partial<SourceInfo>): Promise<void> {
  const { lists } = running.service.store;
  if (!(await lists.list('remote'))) await lists.createList({ list: 'remote', kind: 'match', radiusBits: 31 });
  await lists.setSource('remote', { ...NEW_SOURCE, type: 'ncmec', url: `${base}/v2/entries`, ...more });
}
async function values(): Promise<number[]> {
  const found: number[] = [];
  const { lists } = running.service.store;
  const { version } = (await lists.list('remote'))!;
  for await (const row of await lists.versionRows('remote', version)) {
    if (row.ok) found.push(Number.parseInt(row.entry.value, 16));
  }
  return found.sort((a, b) => a - b);
}
const SECRET = { password: { env: 'SECRET' } };
/** Without the period that NCMEC is asked for. */
const paths = () => asked.map(({ url }) => url.replace(/&to=[^&]*/, ''));
const ALL = '/v2/entries?from=1970-01-01T00%3A00%3A00Z';
const checkpoint = async () => (await running.service.store.lists.source('remote'))!.checkpoint;

const image = (n: number, at: string) =>
  `<image><member id="1">M</member><timestamp>${at}</timestamp><id>e${n}</id><fingerprints><md5>${md5(n)}</md5>
   <videntifier href="/v2/entries/${n}/fingerprints/VIDENTIFIER"/></fingerprints></image>`;
const deleted = (n: number, at: string) =>
  `<deletedImage><member id="1">M</member><id>e${n}</id><timestamp>${at}</timestamp></deletedImage>`;
const page = (entries: string, max: string, next?: string) =>
  `<queryResult xmlns="${NS}"><images count="1" maxTimestamp="${max}">${entries}</images>` +
  `<paging>${next ? `<next>${next.replaceAll('&', '&amp;')}</next>` : ''}</paging></queryResult>`;

describe('NCMEC', () => {
  /** Three pages, not in order of time: the deletion of e1 comes before e1. */
  const pages = (url: URL): string => {
    if (Date.parse(url.searchParams.get('from') ?? '') > 0)
      return page(image(5, '2026-03-01T00:00:00Z') + deleted(2, '2026-03-02T00:00:00Z'), '2026-03-02T00:00:00Z');
    const start = url.searchParams.get('start');
    if (start === null)
      return page(
        deleted(1, '2026-02-05T00:00:00Z') + image(2, '2026-02-01T00:00:00Z'),
        '2026-02-05T00:00:00Z',
        '/v2/entries?start=2&size=2',
      );
    if (start === '2')
      return page(
        image(1, '2026-02-03T00:00:00Z') + image(3, '2026-02-09T00:00:00Z'),
        '2026-02-09T00:00:00Z',
        '/v2/entries?start=4&size=2',
      );
    return page(image(4, '2026-02-02T00:00:00Z'), '2026-02-02T00:00:00Z');
  };

  test('all pages, then only changes: entries, deletions, checkpoints, the secret with each request', async () => {
    await comesFrom({ user: 'me', secrets: SECRET });
    answer = (url, response) => response.end(pages(url));
    expect(await sync()).toMatchObject({ version: 1, held: [] });
    expect(await values()).toEqual([2, 3, 4]);
    expect(await checkpoint()).toBe('2026-02-09T00:00:00Z');
    expect(await sync()).toMatchObject({ version: 2, added: 1, removed: 1 });
    expect(await values()).toEqual([3, 4, 5]);
    expect(await checkpoint()).toBe('2026-03-02T00:00:00Z');
    expect(paths()).toEqual([
      ALL,
      '/v2/entries?start=2&size=2',
      '/v2/entries?start=4&size=2',
      '/v2/entries?from=2026-02-09T00%3A00%3A00Z',
    ]);
    const basic = `Basic ${Buffer.from('me:s3cret').toString('base64')}`;
    expect(asked.every(({ headers }) => headers.authorization === basic)).toBe(true);
    expect(await running.service.store.lists.verify('remote')).toMatchObject({ ok: true });
  });

  test('a page that fails or is truncated is requested again', async () => {
    await comesFrom({});
    let times = 0;
    answer = (url, response) => {
      times++;
      if (times === 2) response.writeHead(503).end();
      else if (times === 3) response.writeHead(429).end();
      else if (times === 4) response.end(pages(url).slice(0, 60));
      else if (times === 5) response.destroy();
      else response.end(pages(url));
    };
    await sync();
    expect(await values()).toEqual([2, 3, 4]);
    expect(times).toBe(7);
  });

  test('a refusal is not retried, and changes neither the list nor the checkpoint', async () => {
    await comesFrom({});
    answer = (_url, response) => response.writeHead(401).end();
    await expect(sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { why: 'status 401', page: 1 } });
    expect(asked).toHaveLength(1);
    expect(await checkpoint()).toBeNull();
    expect((await running.service.store.lists.list('remote'))!.version).toBe(0);
  });

  test('an interrupted sync resumes where it stopped', async () => {
    await comesFrom({});
    answer = (url, response) => {
      if (url.searchParams.get('start') === '4') response.writeHead(403).end();
      else response.end(pages(url));
    };
    await expect(sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    expect(await checkpoint(), 'not before the last page').toBeNull();
    asked.length = 0;
    answer = (url, response) => response.end(pages(url));
    await sync();
    expect(asked.map(({ url }) => url)).toEqual(['/v2/entries?start=4&size=2']);
    expect(await values()).toEqual([2, 3, 4]);
    expect(existsSync(join(running.service.config.dataDir, 'sync', 'remote'))).toBe(false);
  });

  test('a sync that is stopped ends within a Retry-After, and its pages stay for the next', async () => {
    await comesFrom({});
    const stop = new AbortController();
    answer = (url, response) => {
      if (url.searchParams.get('start') !== '4') return response.end(pages(url));
      stop.abort();
      return response.writeHead(503, { 'retry-after': '300' }).end();
    };
    const { signal } = stop;
    await expect(sync({ signal })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(sync({ signal })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    asked.length = 0;
    answer = (url, response) => response.end(pages(url));
    await sync();
    expect(asked.map(({ url }) => url)).toEqual(['/v2/entries?start=4&size=2']);
  });

  test('a source that asks for more than minutes is left for its next turn, so that other lists go on', async () => {
    await comesFrom({});
    answer = (_url, response) => response.writeHead(503, { 'retry-after': '301' }).end();
    await expect(sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { why: 'status 503' } });
    expect(asked).toHaveLength(1);
  });

  test('a secret that cannot be sent in a header is in no error, and is not tried again', async () => {
    await comesFrom({ secrets: SECRET });
    for (const SECRET of ['top\nsecret', 'topsecret\u2603']) {
      const failure = await sync({ env: { SECRET } }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'SOURCE_FAILED' });
      expect(inspect(failure, { depth: Infinity })).not.toMatch(/top.?secret/s);
    }
    expect(asked).toEqual([]);
  });

  test('whitespace around a secret is not sent', async () => {
    await comesFrom({ secrets: SECRET });
    answer = (url, response) => response.end(pages(url));
    await sync({ env: { SECRET: ' s3cret\n' } });
    expect(asked[0]!.headers.authorization).toBe('Bearer s3cret');
  });

  test.each([
    ['leads to another host', 'http://example.org/v2/entries?start=2'],
    ['leads to itself', ''],
  ])('a page that %s ends the sync: credentials are sent nowhere else', async (_says, next) => {
    await comesFrom({ secrets: SECRET });
    answer = ({ pathname, search }, response) =>
      response.end(
        page(image(1, '2026-02-01T00:00:00Z'), '2026-02-01T00:00:00Z', next === '' ? pathname + search : next),
      );
    await expect(sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    expect(asked).toHaveLength(1);
  });

  test('a redirect is not followed, and a missing secret is reported by its variable', async () => {
    await comesFrom({ secrets: SECRET });
    answer = (_url, response) => response.writeHead(302, { location: 'http://example.org/' }).end();
    await expect(sync()).rejects.toMatchObject({ code: 'SOURCE_FAILED' });
    await expect(sync({ env: {} })).rejects.toMatchObject({ details: { variable: 'SECRET' } });
  });

  test('a held version leaves the list and the checkpoint as they were', async () => {
    await comesFrom({});
    const many = (from: number) =>
      Array.from({ length: 60 }, (_, at) => image(from + at, '2026-02-01T00:00:00Z')).join('');
    answer = (_url, response) => response.end(page(many(1), '2026-02-01T00:00:00Z'));
    await sync();
    answer = (_url, response) => response.end(page(many(101), '2026-04-01T00:00:00Z'));
    expect((await sync())?.held).toMatchObject([{ rule: 'change' }]);
    expect(await checkpoint()).toBe('2026-02-01T00:00:00Z');
    expect(await values()).toHaveLength(60);
  });
});

test('a schedule syncs what is due, counts failures, and stops', async () => {
  await comesFrom({ everyMinutes: 60 });
  answer = (_url, response) => response.end(page(image(1, '2026-02-01T00:00:00Z'), '2026-02-01T00:00:00Z'));
  const stop = startSyncSchedule(running.service, createLogger('silent'), {}, { lookMs: 20 });
  while ((await checkpoint()) === null) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await stop();
  expect(asked).toHaveLength(1);
  await comesFrom({ everyMinutes: 60 });
  answer = (_url, response) => response.writeHead(403).end();
  const again = startSyncSchedule(running.service, createLogger('silent'), {}, { lookMs: 20 });
  const outcomes = async () => (await running.service.renderMetrics()).body;
  // A stop would end the request before its failure.
  while (!(await outcomes()).includes('outcome="failed"} 1')) await new Promise((resolve) => setTimeout(resolve, 10));
  await again();
  expect(asked).toHaveLength(2);
  expect(await outcomes()).toContain('zeef_list_sync_total{outcome="synced"} 1');
  expect(await values()).toEqual([1]);
});

describe('a source that', () => {
  const at = '2026-02-01T00:00:00Z';
  /** Page `n` links to page `next(n)`. */
  const linked = (next: (n: number) => number) => (url: URL, response: ServerResponse) => {
    const n = Number(url.searchParams.get('n') ?? 0);
    response.end(page(image(n + 1, at), at, `/v2/entries?n=${next(n)}`));
  };
  const spooled = () => existsSync(join(running.service.config.dataDir, 'sync', 'remote', 'state.json'));

  test.each<[string, (n: number) => number, Partial<SyncOptions>, number, string]>([
    ['circles', (n) => (n < 4 ? n + 1 : 2), {}, 5, 'page 5 links to a page that was read before'],
    ['has too many pages', (n) => n + 1, { bounds: { pages: 3 } }, 3, 'more than 3 pages'],
    ['has too many bytes', (n) => n + 1, { bounds: { bytes: 1_500 } }, 4, 'pages exceed 1500 bytes'],
  ])('%s fails, leaves nothing, and begins again at the next sync', async (_says, next, more, requests, why) => {
    await comesFrom({});
    answer = linked(next);
    const failed = { code: 'SOURCE_FAILED', details: { why, list: 'remote' } };
    await expect(sync(more)).rejects.toMatchObject(failed);
    expect(asked).toHaveLength(requests);
    expect(spooled()).toBe(false);
    answer = (_url, response) => response.end(page(image(1, at), at));
    expect(await sync()).toMatchObject({ version: 1 });
  });

  test('is slow continues at the next turn behind its pages; one that sends none in a turn fails, and resumes', async () => {
    await comesFrom({});
    const isSlow = (url: URL) => url.searchParams.get('n') === '2';
    answer = (url, response) => (isSlow(url) ? undefined : linked((n) => n + 1)(url, response));
    expect(await sync({ bounds: { turnMs: 1_500 } })).toBeNull();
    await expect(sync({ bounds: { turnMs: 200 } })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      details: { why: 'no page within 200 ms; the next sync resumes after page 2' },
    });
    asked.length = 0;
    answer = (_url, response) => response.end(page(image(9, at), at));
    await sync();
    expect(asked.map(({ url }) => url)).toEqual(['/v2/entries?n=2']);
  });

  test('hangs in a page ends with its turn, or with the service, while garbage is collected', async () => {
    collectAllTheTime();
    await comesFrom({});
    answer = (_url, response) => response.writeHead(200).write('{');
    const why = 'no page within 500 ms; the next sync resumes after page 0';
    await expect(sync({ bounds: { turnMs: 500 } })).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { why } });
    const stopping = new AbortController();
    setTimeout(() => stopping.abort(), 500);
    await expect(sync({ signal: stopping.signal })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  test.each([
    [{ readMsMax: 1 }, 'page not read within 1 ms'],
    [{ memoryMbMax: 8 }, 'page needs more than 8 MB of memory'],
  ])('sends a page beyond %o is not asked again', async (bound, why) => {
    await comesFrom({ type: 'tech-against-terrorism' });
    const heavy = JSON.stringify({ results: [Array.from({ length: 300_000 }, () => ({}))] });
    answer = (_url, response) => response.end(heavy);
    const bounded = createPageReader(bound);
    await expect(sync({ pages: bounded })).rejects.toMatchObject({ code: 'SOURCE_FAILED', details: { why } });
    await bounded.close();
    expect(asked).toHaveLength(1);
  });

  /** Add lists with a source at their name. */
  async function addSources(...names: readonly string[]) {
    await comesFrom({ everyMinutes: 60 });
    const { lists } = running.service.store;
    for (const list of names) {
      await lists.createList({ list, kind: 'match', radiusBits: 31 });
      await lists.setSource(list, { ...(await lists.source('remote'))!, url: `${base}/${list}` });
    }
    return async (list: string) => (await lists.list(list))!.version > 0;
  }

  test('hangs, four times, keeps a fifth waiting for one turn', async () => {
    const isSynced = await addSources('a', 'b', 'c', 'z-works');
    answer = (url, response) => {
      if (url.pathname.startsWith('/z-works/')) response.end(page(image(1, at), at));
    };
    const bounds = { turnMs: 500 };
    const stop = startSyncSchedule(running.service, createLogger('silent'), {}, { lookMs: 20, bounds });
    await expect.poll(() => isSynced('z-works'), { timeout: 10_000 }).toBe(true);
    await stop();
    expect((await running.service.renderMetrics()).body).toMatch(/outcome="failed"} [1-4]/);
  });

  test('has pages for ever, four times, takes turns with a fifth', async () => {
    const isSynced = await addSources('a', 'b', 'c', 'z-works');
    answer = (url, response) => {
      if (url.pathname.startsWith('/z-works/')) response.end(page(image(1, at), at));
      else setTimeout(() => linked((n) => n + 1)(url, response), 50);
    };
    // Long enough for the threads to start on a busy machine.
    const bounds = { turnMs: 1_500 };
    const stop = startSyncSchedule(running.service, createLogger('silent'), {}, { lookMs: 20, bounds });
    await expect.poll(() => isSynced('z-works'), { timeout: 10_000 }).toBe(true);
    // Each continues, though its interval is an hour.
    const before = asked.length;
    await expect.poll(() => asked.length, { timeout: 10_000 }).toBeGreaterThan(before + 20);
    await stop();
    expect((await running.service.renderMetrics()).body).toContain('zeef_list_sync_total{outcome="failed"} 0\n');
  });

  test('never answers keeps no other waiting, and a stop does not wait for it', async () => {
    const isSynced = await addSources('a-hangs', 'b-hangs', 'z-works');
    answer = (url, response) => {
      if (url.pathname.startsWith('/z-works/')) response.end(page(image(1, at), at));
    };
    const stop = startSyncSchedule(running.service, createLogger('silent'), {}, { lookMs: 20 });
    while (!(await isSynced('z-works'))) await new Promise((resolve) => setTimeout(resolve, 10));
    expect([...new Set(asked.map(({ url }) => url.replace(/\/v2.*/, '')))].sort()).toEqual([
      '',
      '/a-hangs',
      '/b-hangs',
      '/z-works',
    ]);
    const startedMs = performance.now();
    await stop();
    // A page may take a minute.
    expect(performance.now() - startedMs).toBeLessThan(20_000);
  });
});
