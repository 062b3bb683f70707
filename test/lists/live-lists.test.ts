import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listRows, randomValues } from '../../bench/list-rows.js';
import { pdqLike } from '../../bench/pdq-like.js';
import { tempFolder } from '../../bench/temp-folder.js';
import { openOwnBlobs } from '../../src/blobs/open-blobs.js';
import { checkValues } from '../../src/check/check-values.js';
import { EntryReader } from '../../src/check/entry-reader.js';
import { FloodGuard } from '../../src/check/flood-guard.js';
import { match } from '../../src/check/match.js';
import { createRecorder } from '../../src/check/recorder.js';
import { systemClock } from '../../src/core/clock.js';
import { AppError } from '../../src/core/errors.js';
import type { ParsedRow } from '../../src/core/parsed-row.js';
import { Database } from '../../src/core/sqlite-binding.js';
import { createIndexPool, type IndexPool } from '../../src/index/index-pool.js';
import { indexBlobs, putIndexBlob } from '../../src/lists/index-blobs.js';
import { openLiveLists } from '../../src/lists/live-lists.js';
import { openSqliteStore } from '../../src/sqlite/open.js';
import type { BlobStore } from '../../src/store/blob-contract.js';
import type { FeedPosition } from '../../src/store/lists-contract.js';
import type { Store } from '../../src/store/store.js';
import { createMetrics } from '../../src/telemetry/prometheus.js';

let dataDir: string;
let store: Store;
let pool: IndexPool;
let refused: unknown[];
let blobs: BlobStore;
beforeEach(async () => {
  dataDir = tempFolder('live');
  store = await openSqliteStore(dataDir);
  pool = createIndexPool({ threads: 2 });
  refused = [];
  blobs = openOwnBlobs(join(dataDir, 'blobs'));
});
afterEach(async () => {
  await pool.close();
  await store.close();
});

/** Write the index file of these lists. */
const exported = async (live: Awaited<ReturnType<typeof open>>) => putIndexBlob(blobs, await live.content(), store);
/** Return the path of the newest index file. */
const indexFile = async () => join(dataDir, 'blobs', (await indexBlobs(blobs))[0]!.name.replace('/', '+'));
const open = () =>
  openLiveLists(store.lists, {
    kind: 'ring',
    photodnaIndex: 'linear',
    photodnaRadius: 50,
    windowRule: { radiusBits: 31, wrongBitsMax: 6 },
    possibleRule: null,
    pool,
    vault: store.vault,
    blobs,
    onMergeError: (error) => {
      throw error;
    },
    onFileRefused: (error) => refused.push(error),
  });
type Live = Awaited<ReturnType<typeof open>>;

const hashes = pdqLike(3_000, 12);
const hash = (at: number) => hashes.subarray(at * 32, at * 32 + 32);
const digests = randomValues(100, 16, 3);

async function verdicts(live: Live, ats: readonly number[]) {
  const asked = { digests: {}, lists: null, requestedRadiusBits: null, requestedDetail: null };
  return Promise.all(
    ats.map(async (at) => {
      const query = {
        algorithm: 'pdq' as const,
        hash256: hash(at),
        orientation: null,
        family: null,
        lowQuality: false,
        window: null,
        frame: null,
        background: null,
        part: null,
      };
      return (await match({ snapshot: live.snapshot, store: store.lists, pool }, { ...asked, hashes: [query] }))
        .verdict;
    }),
  );
}

async function fill(): Promise<void> {
  await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('a', listRows('pdq', hashes.subarray(0, 2_000 * 32)));
  await store.lists.createList({ list: 'b', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('b', listRows('md5', digests));
}

test('additions, removals and disabling of entries and lists apply after one refresh', async () => {
  await fill();
  const live = await open();
  expect(await verdicts(live, [0, 2_500])).toEqual(['match', 'no_match']);
  const before = live.snapshot;
  await store.lists.addEntries('a', listRows('pdq', hash(2_500), 2_500));
  expect(await live.refresh()).toBe(true);
  expect(await verdicts(live, [0, 2_500])).toEqual(['match', 'match']);
  expect(live.snapshot.generation).toBeGreaterThan(before.generation);
  // A query that began before finishes on its snapshot.
  expect(before.radius.pdq.flatMap(({ keys }) => [...keys])).toHaveLength(2_000);
  await store.lists.changeEntries('a', { entryId: 'e5' }, 'disable');
  await live.refresh();
  expect(await verdicts(live, [4, 5, 6])).toEqual(['match', 'no_match', 'match']);
  expect(live.snapshot.entryCounts).toMatchObject({ pdq: 2_000, md5: 100 });
  await store.lists.updateList('a', { enabled: false });
  await live.refresh();
  expect(live.snapshot.entryCounts).toMatchObject({ pdq: 0, md5: 100 });
  expect(await verdicts(live, [4, 2_500])).toEqual(['not_checked', 'not_checked']);
  await store.lists.updateList('a', { enabled: true });
  await store.lists.changeEntries('a', { entryId: 'e5' }, 'enable');
  await live.refresh();
  expect(await verdicts(live, [4, 5])).toEqual(['match', 'match']);
  expect(await live.refresh()).toBe(false);
  await store.lists.removeList('a');
  await live.refresh();
  expect(await verdicts(live, [4, 5, 2_500])).toEqual(['not_checked', 'not_checked', 'not_checked']);
  expect(live.snapshot.entryCounts).toMatchObject({ pdq: 0, md5: 100 });
  // Its entries are marked as removed, so that a merge frees their memory.
  expect(live.snapshot.radius.pdq.map(({ keys, removedCount }) => keys.length - removedCount)).toEqual([0]);
});

test('another process follows a rename; a query that began before it has the name of its snapshot', async () => {
  await fill();
  const live = await open();
  const before = live.snapshot;
  const segments = before.radius.pdq;
  await store.lists.renameList('a', 'c');
  await store.lists.renameList('b', 'a');
  const asked = { digests: {}, requestedRadiusBits: null, requestedDetail: null };
  const named = async (snapshot: typeof before, lists: string | null) => {
    const md5 = Buffer.from(digests.subarray(0, 16)).toString('hex');
    const query = { ...asked, digests: { md5 }, hashes: [], lists: lists === null ? null : new Set([lists]) };
    return (await match({ snapshot, store: store.lists, pool }, query)).matches.map(({ list }) => list);
  };
  expect([await named(before, null), await named(before, 'b'), await named(before, 'a')]).toEqual([['b'], ['b'], []]);
  expect(await live.refresh()).toBe(true);
  const { snapshot } = live;
  expect([...snapshot.listByName.keys()].sort()).toEqual(['a', 'c']);
  expect([await named(snapshot, null), await named(snapshot, 'a'), await named(snapshot, 'c')]).toEqual([
    ['a'],
    ['a'],
    [],
  ]);
  expect([...snapshot.inForce.keys()].sort()).toEqual(['a', 'c']);
  // No entry was loaded again.
  expect(snapshot.radius.pdq.map(({ index }) => index)).toEqual(segments.map(({ index }) => index));
  expect(await verdicts(live, [0, 2_500])).toEqual(['match', 'no_match']);
});

test('an index file is loaded, and the changes of the store since it are applied', async () => {
  await fill();
  const first = await open();
  await store.lists.changeEntries('a', { entryId: 'e7' }, 'remove');
  await first.refresh();
  expect(await exported(first)).toMatchObject({ entryCount: 2_099 });
  await store.lists.addEntries('a', listRows('pdq', hash(2_500), 2_500));
  await store.lists.changeEntries('a', { entryId: 'e8' }, 'remove');
  const second = await open();
  expect(refused).toEqual([]);
  expect(await verdicts(second, [6, 7, 8, 9, 2_500])).toEqual(['match', 'no_match', 'no_match', 'match', 'match']);
  const md5 = Buffer.from(digests.subarray(0, 16)).toString('hex');
  const found = await match(
    { snapshot: second.snapshot, store: store.lists, pool },
    {
      digests: { md5 },
      hashes: [],
      lists: null,
      requestedRadiusBits: null,
      requestedDetail: null,
    },
  );
  expect(found).toMatchObject({ verdict: 'match', matches: [{ list: 'b', entryId: 'e0' }] });
  // 1,999 from the file, of which e8 is only marked as removed, and the added one. The store alone has 1,999.
  expect(second.snapshot.radius.pdq.flatMap(({ keys }) => [...keys]).length).toBe(2_000);
});

test('a list whose entries are all damaged is not in force; with one intact entry it is', async () => {
  await fill();
  expect([...(await open()).snapshot.inForce.keys()].length).toBeGreaterThan(0);
  const db = new Database(join(dataDir, 'zeef.sqlite'));
  const damageAfter = db.prepare("UPDATE entry SET entry_id = entry_id || 'x' WHERE id > ?");
  expect((await (await open()).content()).isWhole).toBe(true);
  damageAfter.run(1);
  const damaged = await open();
  const { snapshot } = damaged;
  expect((await damaged.content()).isWhole).toBe(false);
  expect([...snapshot.inForce.keys()]).toHaveLength(1);
  // The store counts all 2,100; what is shown as searched is what was loaded.
  expect(snapshot.entryCounts).toMatchObject({ pdq: 1, md5: 0 });
  damageAfter.run(0);
  db.close();
  expect([...(await open()).snapshot.inForce.keys()]).toEqual([]);
});

test.each([
  ['is brought again', (rows: Uint8Array) => rows, ['match', 'match']],
  ['is left out', (rows: Uint8Array) => rows.subarray(32), ['no_match', 'match']],
])(
  'a row whose cells are damaged, and that an import %s, is the same for processes that run',
  async (_what, left, verdict) => {
    await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
    const rows = hashes.subarray(0, 100 * 32);
    await store.lists.replaceEntries('a', listRows('pdq', rows));
    const before = await open();
    const db = new Database(join(dataDir, 'zeef.sqlite'));
    // Its sum is not changed, so the row is unsound; it says of itself that it is disabled.
    db.prepare(`UPDATE entry SET disabled = 1 WHERE entry_id = 'e0'`).run();
    db.close();
    const during = await open();
    expect(await verdicts(during, [0, 1])).toEqual(['no_match', 'match']);
    await exported(before);
    await store.lists.replaceEntries('a', listRows('pdq', left(rows), left(rows) === rows ? 0 : 1));
    expect((await store.lists.verify('a')).ok).toBe(true);
    for (const live of [before, during, await open()]) {
      await live.refresh();
      expect(await verdicts(live, [0, 1])).toEqual(verdict);
      expect((await live.content()).isWhole).toBe(true);
    }
  },
);

test('a damaged index file, or one of another store, is reported, and the store is read instead', async () => {
  await fill();
  await exported(await open());
  const file = await indexFile();
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 4;
  writeFileSync(file, bytes);
  const live = await open();
  expect(refused).toMatchObject([{ code: 'STORE_FAILED' }]);
  expect(await verdicts(live, [0, 2_500])).toEqual(['match', 'no_match']);
  await exported(live);
  const other = await openSqliteStore(tempFolder('other'));
  const elsewhere = await openLiveLists(other.lists, {
    kind: 'ring',
    photodnaIndex: 'linear',
    photodnaRadius: 50,
    windowRule: { radiusBits: 31, wrongBitsMax: 6 },
    possibleRule: null,
    pool,
    vault: store.vault,
    blobs,
    onMergeError: () => {},
    onFileRefused: (error) => refused.push(error),
  });
  await other.close();
  expect(refused[1]).toBeInstanceOf(AppError);
  expect(elsewhere.snapshot.entryCounts.pdq).toBe(0);
});

test('a crowd of near copies is counted in full and returned in part, with truncated set', async () => {
  await store.lists.createList({ list: 'crowd', kind: 'match', radiusBits: 31 });
  const crowd = Buffer.concat(
    Array.from({ length: 5_000 }, (_, at) => {
      const copy = Buffer.from(hash(0));
      copy.writeUInt16BE(at, 4);
      return copy;
    }),
  );
  await store.lists.replaceEntries('crowd', listRows('pdq', crowd));
  await store.lists.createList({ list: 'good', kind: 'suppression', radiusBits: 0 });
  await store.lists.replaceEntries('good', listRows('pdq', crowd.subarray(0, 32)));
  const live = await open();
  const query = {
    algorithm: 'pdq' as const,
    hash256: hash(0),
    orientation: null,
    family: null,
    lowQuality: false,
    window: null,
    frame: null,
    background: null,
    part: null,
  };
  const asked = { digests: {}, hashes: [query], lists: null };
  const wide = await match(
    { snapshot: live.snapshot, store: store.lists, pool },
    { ...asked, requestedRadiusBits: null, requestedDetail: null },
  );
  expect(wide).toMatchObject({ verdict: 'match', truncated: true });
  expect(wide.matches).toHaveLength(100);
  // All are within 16 bits of the query; the suppression list matches only at distance 0.
  expect(wide.matchCount).toBeGreaterThanOrEqual(5_000);
  const narrow = await match(
    { snapshot: live.snapshot, store: store.lists, pool },
    { ...asked, requestedRadiusBits: 0, requestedDetail: null },
  );
  expect(narrow.truncated).toBe(false);
});

test('PhotoDNA values match within the configured L2 radius, also from an index file', async () => {
  const value = new Uint8Array(144).fill(100);
  await store.lists.createList({ list: 'licensed', kind: 'match', radiusBits: 31 });
  await store.lists.replaceEntries('licensed', listRows('photodna', value));
  const live = await open();
  await exported(live);
  for (const reader of [live, await open()]) {
    const ask = async (off: number) => {
      const vector = Uint8Array.from(value);
      vector[3] = 100 + off;
      const vectors = [{ algorithm: 'photodna' as const, vector }];
      return match(
        { snapshot: reader.snapshot, store: store.lists, pool },
        {
          digests: {},
          hashes: [],
          vectors,
          lists: null,
          requestedRadiusBits: 0,
          requestedDetail: null,
        },
      );
    };
    expect(await ask(50)).toMatchObject({
      verdict: 'match',
      matches: [{ algorithm: 'photodna', matchType: 'near', distance: 50, radius: 50, orientation: null }],
    });
    expect((await ask(51)).verdict).toBe('no_match');
  }
  expect(refused).toEqual([]);
});

test('a refresh that fails halfway keeps the old snapshot; the next applies all changes once', async () => {
  await fill();
  let fails = false;
  const flaky = new Proxy(store.lists, {
    get(target, name) {
      if (name !== 'changes') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (since: FeedPosition | null) => {
        const changes = await target.changes(since);
        async function* half() {
          for await (const batch of changes!.added()) {
            yield batch.slice(0, 3);
            throw new AppError('STORE_FAILED');
          }
        }
        return fails ? { ...changes!, added: half } : changes;
      };
    },
  });
  const live = await openLiveLists(flaky, {
    kind: 'ring',
    photodnaIndex: 'linear',
    photodnaRadius: null,
    windowRule: { radiusBits: 31, wrongBitsMax: 6 },
    possibleRule: null,
    pool,
    vault: store.vault,
    blobs,
    onMergeError: () => {},
    onFileRefused: () => {},
  });
  await store.lists.addEntries('a', named(2_500, 2_510));
  await store.lists.changeEntries('a', { entryId: 'e3' }, 'remove');
  fails = true;
  await expect(live.refresh()).rejects.toMatchObject({ code: 'STORE_FAILED' });
  expect(await verdicts(live, [4, 2_500])).toEqual(['match', 'no_match']);
  fails = false;
  await live.refresh();
  expect(await verdicts(live, [3, 2_500, 2_509])).toEqual(['no_match', 'match', 'match']);
  const keys = live.snapshot.radius.pdq.flatMap((segment) => [...segment.keys]);
  expect(keys).toEqual([...new Set(keys)].sort((x, y) => x - y));
  await store.lists.changeEntries('a', { entryId: 'h2501' }, 'remove');
  await live.refresh();
  expect(await verdicts(live, [2_500, 2_501])).toEqual(['match', 'no_match']);
});

test('queries in other threads agree with their generation, while lists change and merge', async () => {
  await store.lists.createList({ list: 'a', kind: 'match', radiusBits: 31 });
  const live = await open();
  const recorder = createRecorder(null, createMetrics(), new FloodGuard(0, systemClock, () => {}));
  const options = {
    orientations: 'none',
    lists: null,
    requestedRadiusBits: 0,
    detail: null,
    reference: null,
    tenant: 't',
  } as const;
  // The hashes of the list by generation: each answer is compared with them.
  const known = new Map<number, Set<number>>([[live.snapshot.generation, new Set()]]);
  let ended = false;
  const asked = async (): Promise<number> => {
    let rounds = 0;
    for (; !ended || rounds < 3; rounds++) {
      const { snapshot } = live;
      const parts = { reader: new EntryReader(store.lists), snapshot, recorder, pool };
      const decisions = await checkValues(parts, 'pdq', hashes, options);
      // An entry that the store has removed since is not returned; all others of the generation are.
      const gone = [...known.get(snapshot.generation)!].filter((at) => !decisions.has(at));
      const now = known.get(live.snapshot.generation)!;
      expect(gone.filter((at) => now.has(at))).toEqual([]);
      expect([...decisions.keys()].filter((at) => !known.get(snapshot.generation)!.has(at))).toEqual([]);
      // Yield: while the list is empty, nothing above does.
      await new Promise(setImmediate);
    }
    return rounds;
  };
  const change = async () => {
    const held = new Set<number>();
    for (let step = 0; step < 12; step++) {
      const from = step * 200;
      await store.lists.addEntries('a', named(from, from + 200));
      for (let at = from; at < from + 200; at++) held.add(at);
      if (step % 3 === 2) {
        await store.lists.changeEntries('a', { entryId: `h${from}` }, 'remove');
        held.delete(from);
      }
      known.set((await store.lists.changes(null))!.position.generation, new Set(held));
      await live.refresh();
      if (step % 4 === 3) await live.merged();
    }
    ended = true;
  };
  const [first, second] = await Promise.all([asked(), asked(), change()]);
  expect(first + second).toBeGreaterThan(5);
});

/** Yield hashes from..to with ids of their own. */
async function* named(from: number, to: number): AsyncGenerator<ParsedRow> {
  for await (const row of listRows('pdq', hashes.subarray(from * 32, to * 32))) {
    const at = from + row.line - 1;
    yield row.ok ? { ...row, entry: { ...row.entry, entryId: `h${at}` } } : row;
  }
}

test('concurrent refreshes are applied one after the other, each change once', async () => {
  await fill();
  let running = 0;
  let most = 0;
  const slow = new Proxy(store.lists, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (name !== 'changes') return typeof value === 'function' ? value.bind(target) : value;
      return async (since: FeedPosition | null) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 20));
        return target.changes(since).finally(() => {
          running--;
        });
      };
    },
  });
  const live = await openLiveLists(slow, {
    kind: 'ring',
    photodnaIndex: 'linear',
    photodnaRadius: null,
    windowRule: { radiusBits: 31, wrongBitsMax: 6 },
    possibleRule: null,
    pool,
    vault: store.vault,
    blobs,
    onMergeError: (error) => {
      throw error;
    },
    onFileRefused: (error) => refused.push(error),
  });
  const entries = () => live.snapshot.radius.pdq.reduce((sum, { keys }) => sum + keys.length, 0);
  const before = entries();
  await store.lists.addEntries('a', listRows('pdq', randomValues(50, 32, 99), 9_000));
  const changed = await Promise.all([live.refresh(), live.refresh(), live.refresh()]);
  expect(changed, 'one applied the changes, the others found none').toEqual([true, false, false]);
  expect(most).toBe(1);
  expect(entries() - before).toBe(50);
});
