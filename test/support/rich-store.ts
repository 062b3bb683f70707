/** A store with something of everything, made by its contracts, and all that its contracts answer. */
import { randomBytes } from 'node:crypto';
import { DAY_MS, HOUR_MS } from '../../src/core/period.js';
import { ALGORITHMS, type Algorithm, VALUE_BYTES } from '../../src/core/vocabulary.js';
import { sealSecret } from '../../src/lists/import/source-secrets.js';
import type { LedgerStore } from '../../src/store/ledger-contract.js';
import { NEW_SOURCE } from '../../src/store/source-row.js';
import type { Store } from '../../src/store/store.js';
import { entry, HOUR, sighting, tally } from '../store/ledger-contract.js';
import { entryRow, stream } from '../store/lists-contract.js';

/** Days of usage are kept for a week. */
export const TODAY = new Date().toISOString().slice(0, 10);
/** What the source said of an entry before, is outdated. */
export const WITHDRAWN_AT = '2026-09-14T00:00:00.000Z';
export const SECRET = 'the secret of a source';
const URL_OF_LIST = 'https://lists.example/';

const value = (algorithm: Algorithm, n: number) => n.toString(16).padStart(VALUE_BYTES[algorithm] * 2, '0');

export interface Rich {
  /** The plain API key that is live. */
  readonly key: string;
  readonly hookId: string;
}

/** Fill an empty store. `rows`: of its largest list. `hasOldHook`: with a webhook from before there were news, which PostgreSQL never had. */
export async function fillStore(
  store: Store,
  ledger: LedgerStore,
  rows: number,
  { hasOldHook = true } = {},
): Promise<Rich> {
  await fillLists(store, rows);
  const rich = await fillService(store, ledger);
  await fillLedger(store, ledger, { rows, hasOldHook });
  return rich;
}

async function fillLists({ lists, vault, feedback }: Store, rows: number): Promise<void> {
  const all = (from: number, more: object = {}) =>
    Array.from({ length: rows }, (_, at) => entryRow(from + at, 'md5', value('md5', from + at), more));
  await lists.createList({ list: 'gone', kind: 'match', radiusBits: 31 });
  await lists.replaceEntries('gone', stream(all(1)));
  await lists.createList({ list: 'large', kind: 'match', radiusBits: 31 });
  await lists.replaceEntries('large', stream(all(1, { category: 'A1', notes: { 'a note': 'of "an" entry\n' } })));
  await lists.replaceEntries('large', stream(all(3, { category: 'A2' })));
  await lists.removeList('gone');
  await lists.createList({ list: 'every', kind: 'match', radiusBits: 20, detail: 'deep' });
  const each = ALGORITHMS.map((algorithm, at) =>
    entryRow(at + 1, algorithm, value(algorithm, 7 + at), { tags: ['t'], source: 's' }),
  );
  await lists.replaceEntries('every', stream(each), { origin: 'a file' });
  await lists.addEntries(
    'every',
    stream([{ ok: false, line: 1, reason: 'not_active', gone: { entryId: 'e1', at: WITHDRAWN_AT } }]),
  );
  await lists.changeEntries('every', { entryId: 'e2' }, 'disable');
  await lists.changeEntries('every', { entryId: 'e3' }, 'quarantine');
  await lists.changeEntries('every', { entryId: 'e4' }, 'flood');
  // Above SQLite's own order of text: NUL and U+001A are written in another way by PostgreSQL.
  await lists.addEntries('every', stream([entryRow(90, 'md5', value('md5', 90), { entryId: 'a\u0000b\u001ac é😀' })]));
  await lists.createList({ list: 'known', kind: 'suppression', radiusBits: 0 });
  await lists.replaceEntries('known', stream([entryRow(1, 'md5', value('md5', 999_999))]));
  await lists.updateList('known', { enabled: false });
  await lists.replaceEntries('large', stream(all(5)), {
    origin: 'held',
    review: () => [{ rule: 'change', count: 9, limit: 1 }],
  });
  const password = sealSecret(vault, { list: 'every', role: 'password', url: URL_OF_LIST }, SECRET);
  await lists.setSource('every', { ...NEW_SOURCE, type: 'ncmec', url: URL_OF_LIST, user: 'u', secrets: { password } });
  await feedback.note('every', 'ncmec', {
    entryId: 'e5',
    algorithm: ALGORITHMS[4]!,
    verdict: 'confirmed',
    sent: 'up',
    at: '2026-09-14T00:00:00.000Z',
    state: 'acknowledged',
    status: 200,
  });
}

async function fillService(
  { keys, tenants, audit, webhooks, jobs, duties }: Store,
  ledger: LedgerStore,
): Promise<Rich> {
  const { key, info } = await keys.createKey({ tenant: 'a', scopes: ['check:hashes'], expiresAt: null, name: 'first' });
  const second = await keys.createKey({ tenant: 'b', scopes: ['lists'], expiresAt: null });
  await keys.revokeKey('b', second.info.id);
  await keys.touchKey('a', info.id, HOUR);
  await keys.rotateKey('a', info.id, { nowMs: Date.now(), graceMs: HOUR_MS, expiresAt: null });
  await tenants.setTenant('c', { disabled: true, limits: { checksPerDay: 5 } });
  await tenants.setTenant('b', { alarm: { at: '2026-09-14T00:00:00.000Z', kind: 'ball', queries: 64 } });
  await tenants.addUsage('a', TODAY, { checks: 3, bytes: 5, distinct: randomBytes(64) });
  const event = {
    at: '2026-09-14T00:00:00.000Z',
    actor: 'zeef',
    action: 'tenant.set',
    tenant: 'c',
    target: 'c',
  } as const;
  const begun = await audit.append({ ...event, details: { b: 1, a: '"' }, outcome: 'begun', ends: null });
  await audit.append({ ...event, details: {}, outcome: 'done', ends: begun.seq });
  const { id } = await addHook(webhooks, await ledger.newsMark());
  const events = ['1', '2', '3'].map((subject) => ({ kind: 'hit.new' as const, subject, body: `{"n":${subject}}` }));
  await webhooks.addEvents(id, events, HOUR);
  const [first, other] = await webhooks.claim(id, { leaseMs: 1, limit: 2 });
  await webhooks.done(first!.id, HOUR + 1);
  await webhooks.failed(other!, { error: '500', pauseMs: null });
  await jobs.addJob({
    ...{ id: '01', list: 'every', request: { format: 'plain' }, bytes: 1, sameAs: 'x' },
    ...{ state: 'done', createdAt: event.at, finishedAt: event.at, report: null, error: null },
  });
  const lease = await duties.take('retention', 60_000);
  await duties.end(lease!, HOUR);
  return { key, hookId: id };
}

const addHook = (webhooks: Store['webhooks'], mark: string) =>
  webhooks.addWebhook({ tenant: null, url: 'https://hooks.example/', secretEnv: 'HOOK_SECRET', nowMs: HOUR, mark });

async function fillLedger(
  { webhooks }: Store,
  ledger: LedgerStore,
  { rows, hasOldHook }: { readonly rows: number; readonly hasOldHook: boolean },
): Promise<void> {
  await ledger.open();
  const append = (atMs: number, ...entries: Parameters<typeof entry>[0][]) =>
    ledger.append({ atMs, entries: entries.map((one) => entry(one)) });
  for (let n = 0; n < 12; n++)
    await append(HOUR + n, {
      tallies: [tally('a', HOUR, 2, [['["list","x","A1"]', [1, 0, 0]]])],
      sightings: [sighting(n, n), sighting(100 + n, n)],
    });
  const close = (
    id: string,
    status: 'removed' | 'false_positive' | 'notified' | 'confirmed',
    stoppedMs: number | null,
  ) => ledger.changeHit(null, id, 'open', { atMs: HOUR + 50, status, note: 'n', by: 'k', startedMs: HOUR, stoppedMs });
  await close('H000000', 'removed', HOUR + 60);
  await close('H000001', 'removed', HOUR + 10 * DAY_MS);
  await close('H000002', 'false_positive', HOUR + 10 * DAY_MS);
  await close('H000003', 'notified', null);
  await close('H000004', 'confirmed', null);
  // Erased, with its events at the beginning of the chain; hours that are deleted.
  await ledger.retain({ hitsStoppedBeforeMs: HOUR + HOUR_MS, hoursBeforeMs: HOUR - DAY_MS, atMs: HOUR + DAY_MS });
  const again = sighting(200, 1, { atMs: HOUR + DAY_MS });
  await append(HOUR + DAY_MS, { sightings: [again, sighting(201, 50, { quarantined: true })] });
  const [news] = (await ledger.news(1)).news;
  await ledger.forgetNews([news!.id], 0);
  await addHook(webhooks, await ledger.newsMark());
  if (hasOldHook) await addHook(webhooks, `since ${HOUR + 5} ${HOUR}`);
  for (let n = 0; n < rows / 10; n++)
    await append(HOUR + 2 * DAY_MS + n, {
      sightings: [sighting(1_000 + n, 1_000 + n)],
      tallies: [tally('b', HOUR + n * HOUR_MS)],
    });
  // Its key lives for a day.
  await append(HOUR + 3 * DAY_MS, {
    tenant: 'b',
    idempotency: { key: 'once', fingerprint: 'f' },
    tallies: [tally('b', HOUR, 9)],
  });
}

const ALL_TIME = { fromMs: 0, toMs: Date.UTC(2100, 0) };

/** Return all that the contracts answer, in a form that two stores of one content share. */
export async function answersOf(store: Store, ledger: LedgerStore, { key, hookId }: Rich): Promise<object> {
  return {
    lists: await listAnswers(store),
    service: await serviceAnswers(store, key, hookId),
    ledger: await ledgerAnswers(ledger),
    receivers: await receiverAnswers(store, ledger),
  };
}

async function listAnswers({ lists, vault, feedback }: Store) {
  const changes = (await lists.changes(null))!;
  const values: object[] = [];
  for await (const batch of changes.added()) {
    const entries = await lists.entriesByKeys(batch.map(({ entryKey }) => entryKey));
    values.push(
      ...batch.map((one) => ({
        ...one,
        value: Buffer.from(one.value).toString('hex'),
        entry: entries.get(one.entryKey),
      })),
    );
  }
  const each = [];
  for (const { list } of await lists.lists()) {
    const versions = await lists.versions(list);
    const rows = [];
    for (const { version } of versions) {
      const found: string[] = [];
      try {
        // Rows of a past version come in another order.
        for await (const row of await lists.versionRows(list, version)) found.push(JSON.stringify({ ...row, line: 0 }));
      } catch (error) {
        found.push(String(error));
      }
      rows.push({ version, rows: found.sort() });
    }
    each.push({ list, versions, rows, source: await lists.source(list), verify: await lists.verify(list) });
  }
  return {
    infos: await lists.lists(),
    position: changes.position,
    keys: changes.lists,
    values,
    each,
    disabled: await lists.entry('every', 'e2'),
    quarantined: await lists.quarantined(),
    feedback: await feedback.sent('every', 'ncmec'),
    madeUp: vault.madeUpId(0, Buffer.from('x')),
  };
}

async function serviceAnswers({ keys, tenants, audit, webhooks, jobs, duties }: Store, key: string, hookId: string) {
  const { isHeld, endedMs } = await duties.state('retention');
  const usage = await tenants.usage('a', TODAY);
  return {
    keys: await keys.keys(null),
    found: await keys.findByKey(key),
    tenants: await tenants.tenants(),
    usage: { ...usage, distinct: Buffer.from(usage.distinct!).toString('hex') },
    seed: await tenants.usageSeed(),
    audit: (await audit.page({ tenant: null, before: null, limit: 1e6, all: true })).filter(
      ({ action }) => action !== 'store.move',
    ),
    hooks: await webhooks.webhooks(null),
    due: await webhooks.due(),
    dead: await webhooks.dead(null, hookId, 10),
    jobs: await jobs.jobs(),
    duty: { isHeld, endedMs },
  };
}

async function ledgerAnswers(ledger: LedgerStore) {
  const query = { tenant: null, ...ALL_TIME, seriesCells: true };
  const { ok, problems, hits, events, totals } = await ledger.verify();
  const { news, lost } = await ledger.news(1e6);
  return {
    verify: { ok, problems, hits, events, totals },
    hours: await ledger.counts({ ...query, interval: 'hour' }),
    days: await ledger.counts({ ...query, interval: 'day' }),
    own: await ledger.counts({ ...query, tenant: 'b', interval: 'month' }),
    hits: await ledger.hits({ tenant: null, limit: 1e6 }),
    cases: await ledger.cases({ tenant: null, ...ALL_TIME, runningSinceMs: [HOUR, HOUR + DAY_MS] }),
    news: news.map(({ id: _, ...one }) => one),
    lost,
  };
}

/** What each webhook is to get: marks and ids are of their ledger. */
async function receiverAnswers({ webhooks }: Store, ledger: LedgerStore) {
  const { news } = await ledger.news(1e6);
  const ids = news.map(({ id }) => id);
  const hits = new Map(news.map(({ id, hitId, kind }) => [id, `${kind} ${hitId}`]));
  const all = [];
  for (const { id, mark } of await webhooks.receivers())
    all.push([id, (await ledger.newsAfter(mark, ids)).map((one) => hits.get(one))]);
  return all;
}
