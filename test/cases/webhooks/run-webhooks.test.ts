/** Webhooks against a server on loopback that accepts, fails, hangs and redirects; hits come from a list. */
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { tempFolder } from '../../../bench/temp-folder.js';
import { ATTEMPTS_MAX, backOffMs } from '../../../src/cases/webhooks/back-off.js';
import { addNews, NEWS_PER_PAGE } from '../../../src/cases/webhooks/collect-events.js';
import { deliver, requireSecretEnv, requireUrl } from '../../../src/cases/webhooks/deliver.js';
import { type HitFacts, type HitSource, pingEvent } from '../../../src/cases/webhooks/events.js';
import { EventHold } from '../../../src/cases/webhooks/hold-events.js';
import { runWebhooks, type WebhookRunner } from '../../../src/cases/webhooks/run-webhooks.js';
import { IN_FLIGHT_PER_RECEIVER } from '../../../src/cases/webhooks/send-events.js';
import { signedHeaders } from '../../../src/cases/webhooks/sign.js';
import { systemClock } from '../../../src/core/clock.js';
import { openSqliteStore } from '../../../src/sqlite/open.js';
import type { News } from '../../../src/store/ledger-contract.js';
import type { QuarantinedEntry } from '../../../src/store/lists-contract.js';
import type { Store } from '../../../src/store/store.js';
import { createLogger } from '../../../src/telemetry/log.js';
import { createMetrics } from '../../../src/telemetry/prometheus.js';

const START_MS = Date.parse('2026-09-14T10:00:00Z');
const HOUR_MS = 3_600_000;
const SECRET = 'a secret of the receiver';
/** Must not appear in anything that is sent. */
const DIGEST = 'd1'.repeat(32);

interface Received {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let received: Received[];
let answer: (request: Received, response: ServerResponse) => void;
let server: Server;
let url: string;
let dataDir: string;
let store: Store;
let clock: { atMs: number; nowMs(): number; monotonicMs(): number };
let source: HitSource & {
  readonly list: HitFacts[];
  /** Recorded by another process. */
  add(...hits: readonly HitFacts[]): void;
  /** Recorded by this process. */
  sees(hit: HitFacts, kind?: News['kind']): void;
  mark(): string;
  lost: number;
};
const runners: WebhookRunner[] = [];

beforeEach(async () => {
  received = [];
  answer = (_request, response) => response.writeHead(204).end();
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const one = { url: request.url!, headers: request.headers, body };
      received.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
  dataDir = tempFolder('hooks');
  store = await openSqliteStore(dataDir);
  clock = { atMs: START_MS, nowMs: () => clock.atMs, monotonicMs: () => clock.atMs };
  // The store's clock.
  vi.spyOn(systemClock, 'monotonicMs').mockImplementation(() => clock.atMs);
  source = handSource();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(runners.splice(0).map((runner) => runner.close()));
  await store.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A source of hits and news like the ledger. */
function handSource(): typeof source {
  const list: HitFacts[] = [];
  const listeners = new Set<Parameters<HitSource['onHit']>[0]>();
  let news: News[] = [];
  let newsEver = 0;
  const addOne = (one: HitFacts, kind: News['kind']) => {
    if (!list.includes(one)) list.push(one);
    const { id: hitId, tenant, quarantined } = one;
    if (!quarantined) news.push({ id: `n${++newsEver}`, kind, tenant, hitId, atMs: Date.parse(one.firstSeenAt) });
  };
  return {
    list,
    lost: 0,
    add: (...hits) => {
      for (const one of hits) addOne(one, 'new');
    },
    sees(one, kind = 'new') {
      addOne(one, kind);
      for (const listener of listeners) listener({ isNew: kind === 'new', isReopened: kind === 'reopened' });
    },
    mark: () => String(newsEver),
    async news(limit) {
      return { news: news.slice(0, limit), lost: this.lost };
    },
    newsAfter: async (mark, ids) => ids.filter((id) => Number(id.slice(1)) > Number(mark)),
    async forgetNews(ids, lost) {
      news = news.filter(({ id }) => !ids.includes(id));
      this.lost -= lost;
    },
    hit: async (_tenant, id) => list.find((one) => one.id === id) ?? null,
    async hits({ tenant, status, toMs = Infinity, cursor, limit }) {
      const seen = list
        .filter((one) => tenant === undefined || one.tenant === tenant)
        .filter((one) => status === undefined || one.status === status)
        .filter(({ firstSeenAt }) => Date.parse(firstSeenAt) < toMs)
        .reverse();
      const from = Number(cursor ?? 0);
      const hits = seen.slice(from, from + limit);
      return { hits, cursor: from + limit < seen.length ? String(from + limit) : null };
    },
    onHit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function hit(n: number, more: Partial<HitFacts> = {}): HitFacts {
  const at = new Date(clock.atMs).toISOString();
  const due = (hours: number) => ({ hours, dueAt: new Date(clock.atMs + hours * HOUR_MS).toISOString(), met: null });
  const extra = { digests: { sha256: DIGEST }, entryId: DIGEST, matches: [{ entryId: DIGEST }] };
  return {
    ...extra,
    id: `hit-${n}`,
    tenant: 'a',
    reference: `file-${n}`,
    kind: 'image',
    list: 'sample',
    matchType: 'exact',
    status: 'open',
    quarantined: false,
    firstSeenAt: at,
    lastSeenAt: at,
    timesSeen: 1,
    clock: { startedAt: at, stoppedAt: null, deadlines: [due(24), due(48)] },
    ...more,
  };
}

function run(more: Partial<Parameters<typeof runWebhooks>[0]> = {}): WebhookRunner {
  const runner = runWebhooks({
    store: store.webhooks,
    hits: source,
    hold: new EventHold({ marks: async () => [], matchesOf: async () => null }),
    env: { SECRET },
    clock,
    log: createLogger('silent'),
    metrics: createMetrics(),
    random: () => 1,
    lookMs: 3_600_000,
    ...more,
  });
  runners.push(runner);
  return runner;
}
const collecting = (more: object = {}) => ({
  store: store.webhooks,
  hits: source,
  clock,
  log: createLogger('silent'),
  metrics: createMetrics(),
  shouldStop: () => false,
  ...more,
});
const add = (tenant: string | null = null, at = url) =>
  store.webhooks.addWebhook({ tenant, url: at, secretEnv: 'SECRET', mark: source.mark(), nowMs: clock.atMs });
const subjects = () => received.map(({ body }) => JSON.parse(body).hit?.id ?? 'ping');
const only = async () => (await store.webhooks.webhooks(null))[0]!;

describe('deliveries', () => {
  test('a new hit is sent once, signed, without values of a list', async () => {
    await add();
    const runner = run();
    clock.atMs += 1_000;
    source.add(hit(1));
    await runner.look();
    await runner.look();
    expect(received).toHaveLength(1);
    const [{ headers, body }] = received as [Received];
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'zeef-event': 'hit.new' });
    const { 'webhook-id': id, 'webhook-timestamp': t, 'webhook-signature': signature } = headers;
    expect(signature).toBe(`v1,${createHmac('sha256', SECRET).update(`${id}.${t}.${body}`).digest('base64')}`);
    expect(Number(t)).toBe(Math.floor(clock.atMs / 1000));
    expect(JSON.parse(body)).toMatchObject({
      event: 'hit.new',
      hit: { id: 'hit-1', tenant: 'a', reference: 'file-1', list: 'sample', verdict: 'match', status: 'open' },
    });
    expect(body).not.toContain(DIGEST);
    expect(await only()).toMatchObject({ waiting: 0, dead: 0 });
  });

  test('a hit is sent at once when the ledger reports it', async () => {
    await add();
    run();
    clock.atMs += 1_000;
    source.sees(hit(1));
    await expect.poll(subjects).toEqual(['hit-1']);
  });

  test('only hits of the webhook’s tenant since its creation are sent, none in quarantine', async () => {
    source.add(hit(0));
    clock.atMs += 1_000;
    await add('a');
    clock.atMs += 1_000;
    source.add(hit(1), hit(2, { tenant: 'b' }), hit(3, { quarantined: true }));
    await run().look();
    expect(subjects()).toEqual(['hit-1']);
  });

  test('a thousand hits arrive oldest first, each once', async () => {
    await add();
    clock.atMs += 1_000;
    for (let n = 0; n < 1_000; n++) source.add(hit(n));
    await run().look();
    // The search for overdue cases sends too, and may still be sending the last of them.
    await expect.poll(subjects).toHaveLength(1_000);
    expect(new Set(subjects()).size).toBe(1_000);
    expect(subjects().slice(0, 16).sort()).toEqual(Array.from({ length: 16 }, (_, n) => `hit-${n}`).sort());
  });

  test('one page of news is in memory at a time; a stop between two loses none and repeats none', async () => {
    await add();
    for (let n = 0; n < 5 * NEWS_PER_PAGE; n++) source.add(hit(n));
    const waitingAt: number[] = [];
    const hits = {
      ...source,
      news: async (limit: number) => {
        waitingAt.push((await only()).waiting);
        return source.news(limit);
      },
    };
    let pages = 0;
    await addNews(collecting({ hits, shouldStop: () => ++pages > 3 }));
    expect(waitingAt).toEqual([0, NEWS_PER_PAGE, 2 * NEWS_PER_PAGE]);
    expect((await source.news(1_000)).news).toHaveLength(2 * NEWS_PER_PAGE);
    await addNews(collecting());
    expect((await only()).waiting).toBe(5 * NEWS_PER_PAGE);
    expect((await source.news(1)).news).toEqual([]);
  });

  test('news are forgotten without any webhook', async () => {
    for (let n = 0; n < NEWS_PER_PAGE + 1; n++) source.add(hit(n));
    await run().look();
    expect((await source.news(1)).news).toEqual([]);
  });

  test('a webhook that is added while news are read gets those that are committed after it', async () => {
    source.add(hit(1));
    const hits = {
      ...source,
      news: async (limit: number) => {
        await add();
        source.add(hit(2));
        return source.news(limit);
      },
    };
    await addNews(collecting({ hits }));
    expect(await store.webhooks.claim((await only()).id, { leaseMs: 1, limit: 9 })).toMatchObject([
      { subject: 'hit-2' },
    ]);
  });

  test('a webhook that was added after the page was read loses nothing of it', async () => {
    const hits = {
      ...source,
      news: async (limit: number) => {
        const page = await source.news(limit);
        await add();
        source.add(hit(2));
        return page;
      },
    };
    source.add(hit(1));
    await addNews(collecting({ hits }));
    expect((await only()).waiting).toBe(0);
    await addNews(collecting());
    expect((await only()).waiting).toBe(1);
  });

  test('news that the ledger has lost are counted once, and said', async () => {
    source.lost = 7;
    const metrics = createMetrics();
    const log = createLogger('silent');
    const error = vi.spyOn(log, 'error');
    for (let n = 0; n < 2; n++) await addNews(collecting({ metrics, log }));
    expect((await metrics.render()).body).toMatch(/^zeef_webhook_news_lost_total 7$/m);
    expect(error).toHaveBeenCalledTimes(1);
    expect(error).toHaveBeenCalledWith({ lost: 7 }, expect.stringContaining('too many waited'));
  });

  test('an overdue case is sent once per deadline, and again after its clock restarted', async () => {
    await add();
    const runner = run();
    source.add(hit(1));
    const overdue = async (laterMs: number) => {
      received.length = 0;
      clock.atMs += laterMs;
      await runner.lookForOverdue();
      return received
        .filter(({ headers }) => headers['zeef-event'] === 'case.overdue')
        .map(({ body }) => JSON.parse(body).deadline.hours);
    };
    expect(await overdue(24 * HOUR_MS)).toEqual([]);
    expect(await overdue(1)).toEqual([24]);
    expect(await overdue(HOUR_MS)).toEqual([]);
    expect(await overdue(24 * HOUR_MS)).toEqual([48]);
    source.list[0] = hit(1, { status: 'notified' });
    expect(await overdue(25 * HOUR_MS)).toEqual([24]);
    source.list[0] = hit(1, { status: 'removed', clock: { ...hit(1).clock, stoppedAt: 'now' } });
    expect(await overdue(100 * HOUR_MS)).toEqual([]);
  });
});

describe('failed deliveries', () => {
  test.each<[string, (response: ServerResponse) => void, string]>([
    ['fails', (response) => response.writeHead(500).end('no'), 'status 500'],
    ['redirects', (response) => response.writeHead(307, { location: '/elsewhere' }).end(), 'status 307'],
    ['responds with 404', (response) => response.writeHead(404).end(), 'status 404'],
    ['hangs', () => {}, 'timed out'],
    ['closes the connection', (response) => response.destroy(), 'UND_ERR_SOCKET'],
  ])('a receiver that %s is tried again after growing pauses, until it accepts', async (_name, refuse, why) => {
    const { id } = await add();
    const runner = run({ answerMsMax: 2_000 });
    clock.atMs += 1_000;
    source.add(hit(1));
    answer = (_request, response) => refuse(response);
    await runner.look();
    expect(received).toHaveLength(1);
    // The reason is stored, without the text of the response.
    clock.atMs += backOffMs(1, 1)! - 1;
    await runner.look();
    expect(received).toHaveLength(1);
    clock.atMs += 1;
    expect(await store.webhooks.claim(id, { leaseMs: 0, limit: 1 })).toMatchObject([{ attempts: 1, lastError: why }]);
    await runner.look();
    expect(received.map(({ url: at }) => at)).toEqual(['/in', '/in']);
    expect(received[0]!.headers['webhook-id']).toBe(received[1]!.headers['webhook-id']);
    answer = (_request, response) => response.writeHead(200).end();
    clock.atMs += backOffMs(2, 1)!;
    await runner.look();
    expect(received).toHaveLength(3);
    expect(await only()).toMatchObject({ id, waiting: 0, dead: 0 });
  });

  test.each([
    ['90', 90_000],
    ['0', 10_000],
    ['Sat, 01 Jan 2000 00:00:00 GMT', 10_000],
  ])(
    'a receiver that sends Retry-After: %s is tried again after %i ms, not sooner than usual',
    async (text, afterMs) => {
      await add();
      const runner = run();
      clock.atMs += 1_000;
      source.add(hit(1));
      answer = (_request, response) => response.writeHead(503, { 'retry-after': text }).end();
      await runner.look();
      clock.atMs += afterMs - 1;
      await runner.look();
      expect(received).toHaveLength(1);
      clock.atMs += 1;
      await runner.look();
      expect(received).toHaveLength(2);
    },
  );

  test('after the last attempt the event is a dead letter with its reason, and can be retried', async () => {
    const { id } = await add();
    const runner = run();
    clock.atMs += 1_000;
    source.add(hit(1));
    answer = (_request, response) => response.writeHead(503).end('a secret of the receiver’s own');
    for (let attempt = 1; attempt <= ATTEMPTS_MAX + 3; attempt++) {
      await runner.look();
      clock.atMs += 7 * HOUR_MS;
    }
    expect(received).toHaveLength(ATTEMPTS_MAX);
    expect(await only()).toMatchObject({ waiting: 0, dead: 1 });
    expect(await store.webhooks.dead(null, id, 10)).toMatchObject([
      { attempts: ATTEMPTS_MAX, lastError: 'status 503' },
    ]);
    answer = (_request, response) => response.writeHead(200).end();
    await store.webhooks.retry(null, id);
    // The longest pause of a receiver that fails.
    clock.atMs += 60_000;
    await runner.look();
    expect(received).toHaveLength(ATTEMPTS_MAX + 1);
    expect(await only()).toMatchObject({ waiting: 0, dead: 0 });
  });

  test('without the secret nothing is sent, and the event waits', async () => {
    await add();
    const runner = run({ env: {} });
    clock.atMs += 1_000;
    source.add(hit(1));
    await runner.look();
    expect(received).toEqual([]);
    expect(await only()).toMatchObject({ waiting: 1 });
  });

  test('a receiver that hangs does not delay another', async () => {
    await add(null, `${url}?hang`);
    await add();
    const runner = run({ answerMsMax: 400 });
    clock.atMs += 1_000;
    source.add(hit(1));
    answer = (request, response) => {
      if (!request.url.includes('hang')) response.writeHead(200).end();
    };
    const looking = runner.look();
    await expect.poll(() => received.filter(({ url: at }) => at === '/in')).toHaveLength(1);
    await looking;
  });
});

describe('crashes and several processes', () => {
  test('a hit that was recorded before the process died is sent by the next', async () => {
    await add();
    clock.atMs += 1_000;
    source.add(hit(1));
    // The process died right after the response, before it looked for hits.
    clock.atMs += 24 * HOUR_MS;
    await run().look();
    expect(subjects()).toEqual(['hit-1']);
  });

  test('an event that was claimed by a process that died is sent after its lease', async () => {
    const { id } = await add();
    await store.webhooks.addEvents(id, [pingEvent(id, 1)], clock.atMs);
    const leaseMs = 500;
    expect(await store.webhooks.claim(id, { leaseMs, limit: 1 })).toHaveLength(1);
    const runner = run();
    await runner.look();
    expect(received).toEqual([]);
    clock.atMs += leaseMs;
    await runner.look();
    expect(subjects()).toEqual(['ping']);
  });

  test('two runners send each event once', async () => {
    await add();
    const [one, two] = [run(), run()];
    clock.atMs += 1_000;
    for (let n = 0; n < 100; n++) source.add(hit(n));
    await Promise.all([one.look(), two.look()]);
    expect(subjects().sort()).toEqual(Array.from({ length: 100 }, (_, n) => `hit-${n}`).sort());
  });

  test.each([-600_000, -86_400_000, 600_000])(
    'a hit whose time is %i ms off when it is committed is sent too',
    async (offMs) => {
      await add();
      const runner = run();
      source.add(hit(1));
      await runner.look();
      clock.atMs += 3_600_000;
      source.add(hit(2, { firstSeenAt: new Date(clock.atMs + offMs).toISOString() }));
      await runner.look();
      expect(subjects()).toEqual(['hit-1', 'hit-2']);
    },
  );

  test('a clock that is set back by a year, and ahead, loses no hit and sends none twice', async () => {
    await add();
    const year = 365 * 24 * HOUR_MS;
    let offMs = 0;
    const runner = run({ clock: { nowMs: () => clock.atMs + offMs, monotonicMs: () => clock.atMs } });
    for (const [n, off] of [0, -year, year, 0].entries()) {
      offMs = off;
      source.add(hit(n));
      await runner.look();
      await runner.lookForOverdue();
    }
    expect(subjects().filter((_, at) => received[at]!.headers['zeef-event'] === 'hit.new')).toEqual([
      'hit-0',
      'hit-1',
      'hit-2',
      'hit-3',
    ]);
  });

  test.each([180_000, -180_000, 24 * HOUR_MS])(
    'a process whose clock is %i ms off does not take what another one sends, or retry sooner',
    async (offMs) => {
      const { id } = await add();
      const second = await openSqliteStore(dataDir);
      const off = { nowMs: () => clock.atMs + offMs, monotonicMs: () => clock.atMs };
      const [right, wrong] = [run(), run({ clock: off, store: second.webhooks })];
      let refuse = () => {};
      answer = (_request, response) => {
        refuse = () => response.writeHead(500).end();
      };
      source.add(hit(1));
      const looking = right.look();
      await expect.poll(subjects).toEqual(['hit-1']);
      clock.atMs += 9_000;
      await wrong.look();
      expect(subjects(), 'in flight').toEqual(['hit-1']);
      refuse();
      await looking;
      clock.atMs += backOffMs(1, 1)! - 1;
      await wrong.look();
      expect(subjects(), 'in its pause').toEqual(['hit-1']);
      clock.atMs += 1;
      answer = (_request, response) => response.writeHead(204).end();
      await wrong.look();
      expect(subjects()).toEqual(['hit-1', 'hit-1']);
      // A claimant that died, in both directions.
      await store.webhooks.addEvents(id, [pingEvent(id, 1)], clock.atMs);
      await store.webhooks.claim(id, { leaseMs: 20_000, limit: 1 });
      clock.atMs += 19_999;
      await wrong.look();
      expect(subjects()).not.toContain('ping');
      clock.atMs += 1;
      await wrong.look();
      expect(subjects()).toContain('ping');
      await wrong.close();
      await second.close();
    },
  );

  test('pauses and leases from before a restart of the machine, whose clock begins again, end', async () => {
    const { id } = await add();
    await store.webhooks.addEvents(id, [pingEvent(id, 1), pingEvent(id, 2)], clock.atMs);
    const [one] = await store.webhooks.claim(id, { leaseMs: 20_000, limit: 2 });
    await store.webhooks.failed(one!, { error: 'status 500', pauseMs: HOUR_MS });
    clock.atMs = 5_000;
    expect(await store.webhooks.claim(id, { leaseMs: 20_000, limit: 2 })).toHaveLength(2);
  });

  test('a process that ended after it added the events, and before the news were forgotten, repeats none', async () => {
    await add();
    source.add(hit(1), hit(2));
    const dies = { ...source, forgetNews: () => Promise.reject(new Error('killed')) };
    await expect(run({ hits: dies }).look()).rejects.toThrow('killed');
    expect((await source.news(9)).news).toHaveLength(2);
    await run().look();
    // Longer than delivered events are kept: the news that were left come first.
    clock.atMs += 30 * 24 * HOUR_MS;
    await run().lookForOverdue();
    const sent = received.filter(({ headers }) => headers['zeef-event'] === 'hit.new');
    expect(sent.map(({ body }) => JSON.parse(body).hit.id).sort()).toEqual(['hit-1', 'hit-2']);
  });

  test('news are not forgotten while an event of a webhook cannot be stored', async () => {
    await add();
    const { id } = await add();
    source.add(hit(1));
    const { addEvents } = store.webhooks;
    const broken = vi
      .spyOn(store.webhooks, 'addEvents')
      .mockImplementation((to, ...rest) =>
        to === id ? Promise.reject(new Error('disk')) : addEvents.call(store.webhooks, to, ...rest),
      );
    await expect(addNews(collecting())).rejects.toThrow('disk');
    broken.mockRestore();
    expect((await source.news(9)).news).toHaveLength(1);
    await addNews(collecting());
    expect((await store.webhooks.webhooks(null)).map(({ waiting }) => waiting)).toEqual([1, 1]);
  });
});

test('pauses double from seconds to hours, are never less than half, and end', () => {
  const pauses = Array.from({ length: ATTEMPTS_MAX }, (_, n) => backOffMs(n + 1, 1));
  expect(pauses[0]).toBe(10_000);
  expect(pauses.at(-1)).toBeNull();
  for (let n = 1; n < ATTEMPTS_MAX - 1; n++) expect(pauses[n]!).toBe(Math.min(6 * HOUR_MS, pauses[n - 1]! * 2));
  expect(backOffMs(1, 0)).toBe(5_000);
  const hours = pauses.reduce<number>((sum, pause) => sum + (pause ?? 0), 0) / HOUR_MS;
  expect(hours).toBeGreaterThan(12);
  expect(hours).toBeLessThan(24);
});

describe('the signature', () => {
  const signed = { id: 'e1', body: '{}', nowMs: 1_789_380_000_999 };
  const mac = (key: string | Buffer, text: string, encoding: 'hex' | 'base64') =>
    createHmac('sha256', key).update(text).digest(encoding);

  test.each([
    ['text', 'a secret, é', Buffer.from('a secret, é')],
    ['whsec_', 'whsec_AAECAwQFBgc=', Buffer.from('0001020304050607', 'hex')],
  ])('is the HMAC of id, time and body by Standard Webhooks; the secret as %s', (_, secret, key) => {
    expect(signedHeaders(secret, signed)).toMatchObject({
      'webhook-id': 'e1',
      'webhook-timestamp': '1789380000',
      'webhook-signature': `v1,${mac(key, 'e1.1789380000.{}', 'base64')}`,
    });
  });

  test('is in the headers of version 0.1.0 too', () => {
    expect(signedHeaders('k', signed)).toMatchObject({
      'zeef-event-id': 'e1',
      'zeef-signature': `t=1789380000,v1=${mac('k', '1789380000.{}', 'hex')}`,
    });
  });

  test('an invalid whsec_ secret is reported, and nothing is sent', async () => {
    for (const secret of ['whsec_', 'whsec_?'])
      expect(
        await deliver({ url, secretEnv: 'S' }, { ...signed, kind: 'ping' }, { env: { S: secret }, nowMs: 0 }),
      ).toEqual({
        why: 'the whsec_ secret in S is not base64',
        waitMs: null,
      });
    expect(received).toEqual([]);
  });
});

test.each(['ftp://x/', 'x', 'http://u:p@x/', 'file:///etc/passwd', ''])('invalid address: %j', (at) => {
  expect(() => requireUrl(at)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});

test.each(['ZEEF_LIST_KEY', 'secret', 'A-B', ''])('invalid variable for a secret: %j', (name) => {
  expect(() => requireSecretEnv(name)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});

describe('receivers that hang', () => {
  /** Requests that the hanging receivers hold. */
  const held: ServerResponse[] = [];
  beforeEach(() => {
    held.length = 0;
    answer = ({ url: path }, response) => {
      if (path.startsWith('/hangs')) held.push(response);
      else response.writeHead(204).end();
    };
  });
  const address = (name: string) => url.replace('/in', `/${name}`);
  const sent = (name: string) => received.filter(({ url: path }) => path === `/${name}`).length;

  test('hold back neither another tenant’s events nor its other receivers', async () => {
    for (const [tenant, name] of [
      ['a', 'hangs-1'],
      ['a', 'fine-a'],
      ['b', 'fine-b'],
      ['c', 'hangs-2'],
    ] as const)
      await add(tenant, address(name));
    const runner = run({ answerMsMax: 3_000 });
    clock.atMs += 1_000;
    for (let n = 0; n < 60; n++) source.add(hit(n, { tenant: ['a', 'b', 'c'][n % 3]! }));
    const looked = runner.look();
    await expect.poll(() => [sent('fine-a'), sent('fine-b')], { timeout: 2_500 }).toEqual([20, 20]);
    expect([sent('hangs-1'), sent('hangs-2')]).toEqual([IN_FLIGHT_PER_RECEIVER, IN_FLIGHT_PER_RECEIVER]);
    // A hit that arrives meanwhile is collected and sent too.
    source.add(hit(100, { tenant: 'b' }));
    const again = runner.look();
    await expect.poll(() => sent('fine-b'), { timeout: 2_500 }).toBe(21);
    for (const response of held) response.destroy();
    await Promise.all([looked, again]);
  });

  test('are tried with one event after each pause, and get all of them once they accept', async () => {
    await add('a', address('hangs'));
    const runner = run({ answerMsMax: 300 });
    clock.atMs += 1_000;
    for (let n = 0; n < 20; n++) source.add(hit(n));
    await runner.look();
    expect(sent('hangs')).toBe(IN_FLIGHT_PER_RECEIVER);
    clock.atMs += 60_000;
    await runner.look();
    expect(sent('hangs'), 'one tries it').toBe(IN_FLIGHT_PER_RECEIVER + 1);
    answer = (_request, response) => response.writeHead(204).end();
    clock.atMs += 60_000;
    await runner.look();
    expect(await only()).toMatchObject({ waiting: 0, dead: 0 });
  });
});

test('a reopened case is sent once', async () => {
  await add();
  const runner = run();
  clock.atMs += 1_000;
  const at = new Date(clock.atMs).toISOString();
  source.sees(hit(1, { firstSeenAt: at }), 'reopened');
  await runner.look();
  await runner.look();
  await runner.lookForOverdue();
  expect(received.map(({ body }) => JSON.parse(body))).toMatchObject([{ event: 'case.reopened', reopenedAt: at }]);
});

describe('hits of marked entries', () => {
  type Matches = NonNullable<Awaited<ReturnType<ConstructorParameters<typeof EventHold>[0]['matchesOf']>>>;
  const match = (entryId: string, more: Partial<Matches[number]> = {}): Matches[number] => ({
    list: 'sample',
    entryId,
    matchType: 'near',
    suppressed: false,
    ...more,
  });
  const marked = (entryId: string, flooded = true): QuarantinedEntry => ({ list: 'sample', entryId, flooded });
  let marks: QuarantinedEntry[];
  let matches: Record<string, Matches>;
  const holding = () =>
    run({ hold: new EventHold({ marks: async () => marks, matchesOf: async (id) => matches[id] ?? null }) });
  beforeEach(() => {
    marks = [marked('stock')];
    matches = {
      'hit-1': [match('stock')],
      'hit-2': [match('other')],
      'hit-3': [match('stock'), match('other')],
      'hit-4': [match('stock'), match('other', { suppressed: true })],
      'hit-5': [match('stock'), match('stock', { matchType: 'exact' })],
    };
  });

  test('a match of a digest is sent, whatever was marked', async () => {
    await add();
    const runner = holding();
    source.sees(hit(5));
    await runner.look();
    expect(subjects()).toEqual(['hit-5']);
  });

  test('a hit waits while only marked entries count for it, and is sent once the entry is released', async () => {
    await add();
    const runner = holding();
    for (const n of [1, 2, 3, 4]) source.sees(hit(n));
    await runner.look();
    expect(subjects()).toEqual(['hit-2', 'hit-3']);
    expect(await only()).toMatchObject({ waiting: 2, dead: 0 });
    await runner.look();
    expect(subjects()).toEqual(['hit-2', 'hit-3']);
    marks = [];
    await runner.look();
    expect(subjects().slice(2).sort()).toEqual(['hit-1', 'hit-4']);
    expect(await only()).toMatchObject({ waiting: 0, dead: 0 });
  });

  test('a hit is withdrawn once a person quarantines the entry, and not sent when the entry is released later', async () => {
    await add();
    const runner = holding();
    source.sees(hit(1));
    await runner.look();
    marks = [marked('stock', false)];
    await runner.look();
    expect(await only()).toMatchObject({ waiting: 0, dead: 0 });
    marks = [];
    await runner.look();
    expect(subjects()).toEqual([]);
  });

  test('a case that is overdue is sent all the same; a reopened one waits', async () => {
    await add();
    const runner = holding();
    source.sees(hit(1));
    source.sees(source.list[0]!, 'reopened');
    clock.atMs += 25 * HOUR_MS;
    await runner.lookForOverdue();
    expect(received.map(({ body }) => JSON.parse(body).event)).toEqual(['case.overdue']);
    expect(await only()).toMatchObject({ waiting: 2 });
  });

  test('a decision that was made while no process ran is seen by the next one, with holding switched off too', async () => {
    await add();
    const runner = holding();
    source.sees(hit(1));
    await runner.look();
    await runner.close();
    marks = [];
    await run().look();
    expect(subjects()).toEqual(['hit-1']);
  });

  test('an event whose decision was missed is looked at again within the hour', async () => {
    await add();
    const hold = new EventHold({ marks: async () => marks, matchesOf: async (id) => matches[id] ?? null });
    const runner = run({ hold });
    source.sees(hit(1));
    await runner.look();
    marks = [];
    await hold.decided();
    await runner.look();
    expect(subjects()).toEqual([]);
    clock.atMs += HOUR_MS;
    await runner.look();
    expect(subjects()).toEqual(['hit-1']);
  });
});
