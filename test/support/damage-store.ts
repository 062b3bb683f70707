/** A store and an inventory with some of everything that decides a verdict, and the readers of all of it. */
import { tempFolder } from '../../bench/temp-folder.js';
import { AppError } from '../../src/core/errors.js';
import type { PathBytes } from '../../src/core/path-bytes.js';
import { openSqliteInventory } from '../../src/sqlite/inventory/inventory.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { FeedPosition } from '../../src/store/lists-contract.js';
import type { Store } from '../../src/store/store.js';
import { entryRow, stream } from '../store/lists-contract.js';
import { readFacts, type Seen } from './damage.js';
import { randomBytes, seeded } from './random.js';

const DAY = '2026-09-14';
export const AT_MS = Date.parse(`${DAY}T12:00:00Z`);

const hexOf = (n: number, bytes: number) => Buffer.from(randomBytes(seeded(n + 1), bytes)).toString('hex');
const md5 = (n: number) => hexOf(n, 16);

/** What the readers need to know of the store. */
export interface MadeStore {
  readonly folder: string;
  /** Position of a reader that has not seen the last changes. */
  readonly position: FeedPosition;
  readonly entryKeys: readonly number[];
  readonly keys: readonly string[];
  readonly hookId: string;
}

async function fillLists({ lists, feedback }: Store): Promise<void> {
  await lists.createList({ list: 'known', kind: 'match', radiusBits: 31 });
  await lists.createList({ list: 'good', kind: 'suppression', radiusBits: 10, matchLowQuality: true });
  await lists.createList({ list: 'off', kind: 'match', radiusBits: 0 });
  const some = (from: number, to: number, more: object = {}) =>
    Array.from({ length: to - from }, (_, at) =>
      entryRow(from + at, at % 3 ? 'md5' : 'sha256', hexOf(from + at, at % 3 ? 16 : 32), more),
    );
  await lists.replaceEntries(
    'known',
    stream(some(0, 80, { category: 'one', source: 'feed', notes: { remark: 'first' } })),
    { origin: 'a.csv' },
  );
  await lists.replaceEntries('known', stream(some(10, 90, { category: 'two', notes: { remark: 'second' } })), {
    origin: 'b.csv',
  });
  const shared = entryRow(500, 'md5', md5(500));
  const also = entryRow(501, 'md5', md5(500));
  await lists.addEntries('known', stream([shared, also]));
  const gone = { ok: false, line: 1, reason: 'deleted', gone: { entryId: 'e12', at: `${DAY}T12:00:00Z` } };
  await lists.addEntries('known', stream([gone] as never));
  await lists.changeEntries('known', { entryId: 'e15' }, 'disable');
  await lists.changeEntries('known', { entryId: 'e16' }, 'quarantine');
  await lists.changeEntries('known', { entryId: 'e17' }, 'remove');
  await lists.changeEntries('known', { entryId: 'e18' }, 'flood');
  await lists.replaceEntries('good', stream(some(40, 60)));
  await lists.replaceEntries('off', stream(some(200, 220)));
  await lists.replaceEntries('good', stream(some(0, 3)), { review: () => [{ rule: 'change', count: 9, limit: 1 }] });
  const terms = {
    categoryMap: { one: 'a', two: 'b' },
    severityMap: { x: 'high' },
    expiresAt: '2030-01-01T00:00:00.000Z',
  };
  await lists.updateList('known', { ...terms, entryDaysMax: 90 } as never);
  await lists.updateList('off', { enabled: false });
  await lists.createList({ list: 'gone', kind: 'match', radiusBits: 0 });
  await lists.replaceEntries('gone', stream(some(400, 404)));
  await lists.removeList('gone');
  const source = {
    type: 'misp',
    url: 'https://lists.test/',
    user: 'u',
    secretEnv: 'S',
    header: null,
    everyMinutes: 60,
  };
  await lists.setSource('off', { ...source, checkpoint: 'c', syncedAt: null } as never);
  const told = { algorithm: 'md5', verdict: 'confirmed', sent: 'affirmative', at: DAY, state: 'acknowledged' } as const;
  for (const entryId of ['e30', 'e40'])
    await feedback.note('known', 'ncmec https://lists.test/', { ...told, entryId, status: 200 });
}

async function fillService({
  keys,
  tenants,
  webhooks,
  jobs,
  duties,
  replicas,
}: Store): Promise<{ keys: string[]; hookId: string }> {
  const made: { key: string; id: string }[] = [];
  for (const [tenant, scopes, expiresAt] of [
    ['acme', ['check'], '2026-10-01T00:00:00.000Z'],
    ['acme', ['check', 'details'], null],
    ['beta', ['admin'], '2020-01-01T00:00:00.000Z'],
    ['beta', ['check:hashes'], null],
  ] as const) {
    const { key, info } = await keys.createKey({ tenant, scopes, expiresAt, name: `key of ${tenant}` });
    made.push({ key, id: info.id });
  }
  await keys.revokeKey('beta', made[3]!.id);
  await tenants.setTenant('acme', { limits: { checksPerSecond: 5, checksPerDay: 1_000, concurrentRequests: 2 } });
  await tenants.setTenant('beta', { disabled: true, alarm: { at: `${DAY}T00:00:00Z`, kind: 'ball', queries: 9 } });
  await tenants.addUsage('acme', DAY, { checks: 900, bytes: 123_456, distinct: randomBytes(seeded(5), 256) });
  const hook = { url: 'https://hook.test/', secretEnv: 'S', mark: '7 x', nowMs: AT_MS };
  const { id } = await webhooks.addWebhook({ ...hook, tenant: 'acme' });
  await webhooks.addWebhook({ ...hook, tenant: null });
  await webhooks.addEvents(id, [{ kind: 'hit.new', subject: 'H1', body: '{"hit":"H1"}' }], AT_MS);
  const job = { id: 'J1', list: 'known', state: 'queued', request: { format: 'csv' }, bytes: 9, sameAs: 'x' } as const;
  await jobs.addJob({ ...job, createdAt: DAY, finishedAt: null, report: null, error: null });
  await duties.take('sync', 1);
  await duties.end({ duty: 'sync', fence: 1 }, AT_MS);
  await duties.take('sync', 1);
  await duties.end({ duty: 'sync', fence: 2 }, AT_MS + 1);
  const self = { id: 'r1', host: 'a.test', kind: 'serve', codeVersion: '1.2.3', generation: 4 } as const;
  await replicas.seen(self, () => AT_MS);
  return { keys: made.map(({ key }) => key), hookId: id };
}

const rowsOf = async <T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> => {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
};
const each = async <T>(rows: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
};

/** The readers of the lists, in the order in which a service uses them. */
export const listReaders = ({ lists, feedback }: Store, { position, entryKeys }: MadeStore) => ({
  lists: () => lists.lists(),
  generation: () => lists.generation(),
  'feed head': async () => {
    const { added: _, ...rest } = (await lists.changes(null))!;
    return rest;
  },
  'feed entries': async () =>
    (await rowsOf((await lists.changes(null))!.added())).map(({ value, ...row }) => [
      row,
      Buffer.from(value).toString('hex'),
    ]),
  'feed since': async () => {
    const changes = await lists.changes(position);
    // A reader that falls back to reading everything is right too: a refusal, as far as this fact goes.
    if (changes === null) throw new AppError('STORE_DAMAGED', { why: 'read everything again' });
    const { added, ...rest } = changes;
    return [rest, (await rowsOf(added())).map(({ entryKey, listKey }) => [entryKey, listKey])];
  },
  ...Object.fromEntries(
    entryKeys.map((key) => [`entry ${key}`, async () => (await lists.entriesByKeys([key])).get(key) ?? null]),
  ),
  quarantined: () => lists.quarantined(),
  feedback: () => feedback.sent('known', 'ncmec https://lists.test/'),
  ...Object.fromEntries(
    ['known', 'good', 'off'].flatMap((list) => [
      [`versions of ${list}`, () => lists.versions(list)],
      [`source of ${list}`, () => lists.source(list)],
    ]),
  ),
  'past version': async () => each(await lists.versionRows('known', 1)),
  'held version': async () => each(await lists.versionRows('good', 2)),
});

export const serviceReaders = ({ keys, tenants, webhooks, jobs, duties, replicas }: Store, made: MadeStore) => ({
  ...Object.fromEntries(made.keys.map((key, at) => [`key ${at}`, () => keys.findByKey(key)])),
  keys: () => keys.keys(null),
  tenants: () => tenants.tenants(),
  'tenant acme': () => tenants.tenant('acme'),
  'tenant beta': () => tenants.tenant('beta'),
  usage: async () => {
    const { distinct, ...rest } = await tenants.usage('acme', DAY);
    return [rest, Buffer.from(distinct ?? []).toString('hex')];
  },
  webhooks: async () => (await webhooks.webhooks(null)).map(({ waiting: _, dead: __, ...hook }) => hook),
  'webhooks of acme': async () => (await webhooks.webhooks('acme')).map(({ id, tenant }) => [id, tenant]),
  events: () => webhooks.claim(made.hookId, { leaseMs: 0, limit: 10 }),
  'due webhooks': () => webhooks.due(),
  'receivers of news': () => webhooks.receivers(),
  jobs: () => jobs.jobs(),
  'unfinished jobs': () => jobs.unfinished(),
  duty: async () => (await duties.state('sync')).endedMs,
  replicas: async () => (await replicas.replicas()).map(({ seenMsAgo: _, isLive: __, ...rest }) => rest),
  'newest lease': () => duties.holds({ duty: 'sync', fence: 2 }),
});

export type Readers = (store: Store, made: MadeStore) => Record<string, () => Promise<unknown>>;

export async function readStore(dataDir: string, made: MadeStore, readers: Readers): Promise<Seen> {
  let reported = 0;
  let opened: Store | undefined;
  const facts = await readFacts({
    open: async () => {
      opened = await openSqliteStore(dataDir, { onDamaged: () => void reported++ });
    },
  });
  // A store that does not open answers nothing.
  if (opened === undefined) {
    const none = Object.keys(readers({} as Store, made)).map((name) => [name, facts.open]);
    return { facts: { ...Object.fromEntries(none), ...facts }, reported };
  }
  try {
    return { facts: { ...facts, ...(await readFacts(readers(opened, made))) }, reported };
  } finally {
    await opened.close();
  }
}

export async function makeStore(): Promise<MadeStore> {
  const folder = tempFolder('store');
  const opened = await openSqliteStore(folder);
  await fillLists(opened);
  const entryKeys = (await rowsOf((await opened.lists.changes(null))!.added()))
    .map(({ entryKey }) => entryKey)
    .slice(0, 60);
  const { position } = (await opened.lists.changes(null))!;
  await opened.lists.changeEntries('known', { entryId: 'e20' }, 'remove');
  await opened.lists.addEntries('known', stream([entryRow(300, 'md5', md5(300))]));
  const made = await fillService(opened);
  await opened.close();
  return { folder, position, entryKeys, ...made };
}

const SCANNED = '/photos';
const names = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => `file-${from + at}.jpg` as PathBytes);

/** An inventory of a scan that was interrupted: finished folders, an archive, a folder to come, a file in flight. */
export async function fillInventory(folder: string): Promise<void> {
  const inventory = await openSqliteInventory(folder);
  await inventory.setBoot('boot');
  await inventory.beginScan('question', [SCANNED as PathBytes]);
  await inventory.apply({
    foldersFound: [1, 2, 3].map((n) => ({ path: `${SCANNED}/${n}` as PathBytes, isArchive: n === 2 })),
  });
  for (let done = 0; done < 3; done++) {
    const next = (await inventory.nextFolder(new Set()))!;
    const base = await inventory.firstKey(next.id);
    const found = await inventory.find(base, names(done * 100, 40));
    await inventory.apply({
      files: found.map(({ fileKey }, at) => ({
        fileKey,
        name: names(done * 100, 40)[at]!,
        facts: randomBytes(seeded(done * 100 + at), 60 + at * 5),
      })),
      foldersDone: [{ id: next.id, counts: { symlinks: 1, special: 2, excluded: 3 } }],
    });
    await inventory.apply({ removedFiles: [found[3]!.fileKey] });
  }
  const next = (await inventory.nextFolder(new Set()))!;
  const base = await inventory.firstKey(next.id);
  const [one] = await inventory.find(base, names(900, 1));
  await inventory.apply({
    begun: [{ fileKey: one!.fileKey, folderId: next.id, name: names(900, 1)[0]!, aloneTries: 1 }],
  });
  await inventory.setMatchedAt('{"generation":7}');
  await inventory.close();
}

/** The readers of `--resume` and `--rematch`. */
export async function readInventory(folder: string): Promise<Seen> {
  let opened: Awaited<ReturnType<typeof openSqliteInventory>> | undefined;
  const facts = await readFacts({
    open: async () => {
      opened = await openSqliteInventory(folder);
    },
  });
  const inventory = opened!;
  const paths = ['', '/1', '/2', '/3'].map((path) => `${SCANNED}${path}` as PathBytes);
  const readers = {
    state: async () => inventory.state,
    'next folder': () => inventory.nextFolder(new Set()),
    'in flight': () => inventory.inFlight(),
    counts: () => inventory.doneCounts(),
    rematch: async () =>
      (await rowsOf(inventory.files('done'))).map(({ facts: packed, ...row }) => [
        row,
        Buffer.from(packed).toString('hex'),
      ]),
    ...Object.fromEntries(
      paths.map((path, at) => [
        `known in ${path}`,
        async () => {
          const { id } = await inventory.folderAt(path);
          const base = await inventory.firstKey(id);
          const wanted = names(((3 - at) % 4) * 100, 40);
          const found = await inventory.find(base, wanted);
          // A file without facts is read again.
          return found.flatMap(({ facts: packed }, n) =>
            packed ? [[wanted[n], Buffer.from(packed).toString('hex')]] : [],
          );
        },
      ]),
    ),
  };
  if (opened === undefined) {
    return {
      facts: { ...Object.fromEntries(Object.keys(readers).map((name) => [name, facts.open])), ...facts },
      reported: 0,
    };
  }
  try {
    const seen = await readFacts(readers);
    const damaged = await readFacts({ damaged: () => inventory.requeueDamaged() });
    return { facts: { ...facts, ...seen }, reported: damaged.damaged === '0' ? 0 : 1 };
  } finally {
    await inventory.close();
  }
}
