import { describe, expect, test } from 'vitest';
import { type Candidate, toCandidate } from '../../src/check/candidate.js';
import { decideFound, ENTRIES_READ_PER_LIST_MAX } from '../../src/check/decide-found.js';
import { EntryReader } from '../../src/check/entry-reader.js';
import { queriedLists, widestDetail } from '../../src/check/match.js';
import { NOTHING_FOUND } from '../../src/check/policy.js';
import { type ListInfo, NO_TERMS } from '../../src/core/vocabulary.js';
import { RESAMPLED, type WindowKind } from '../../src/core/window.js';
import { newSegment } from '../../src/index/segment.js';
import type { ListSnapshot } from '../../src/lists/snapshot.js';
import type { ListFeed, StoredEntry } from '../../src/store/lists-contract.js';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 1);
/** Nothing in place of the lists’ own. */
const OWN = { requestedRadiusBits: null, requestedDetail: null };
const list = (name: string, more: Partial<ListInfo> = {}): ListInfo => ({
  list: name,
  kind: 'match',
  enabled: true,
  radiusBits: 31,
  matchLowQuality: false,
  detail: 'plain',
  version: 1,
  importedAt: null,
  entryCount: 1,
  rejectedCount: 0,
  duplicateCount: 0,
  entriesByAlgorithm: {},
  formerNames: [],
  ...NO_TERMS,
  ...more,
});
const snapshot = { atMs: NOW_MS, photodnaRadius: null } as ListSnapshot;
const near = (of: ListInfo, entryKey: number, distance: number): Candidate => ({
  entryKey,
  certainBitsWrong: null,
  isPossible: false,
  list: of,
  distance,
  query: {
    algorithm: 'pdq',
    hash256: new Uint32Array(8),
    orientation: 'original',
    family: 'resized',
    lowQuality: false,
    frame: 0,
    background: null,
    part: null,
  } as unknown as Candidate['query'],
});

/** A store that returns entries and keeps the keys that were read. */
function storeOf(entryOf: (key: number) => Partial<StoredEntry>): { store: ListFeed; read: number[] } {
  const read: number[] = [];
  const nothing = {
    category: null,
    severity: null,
    source: null,
    mediaType: null,
    status: 'active',
    tags: [],
  } as const;
  const store = {
    async entriesByKeys(keys: readonly number[]): Promise<ReadonlyMap<number, StoredEntry>> {
      read.push(...keys);
      return new Map(keys.map((key) => [key, stored(key)]));
    },
  } as unknown as ListFeed;
  const stored = (key: number): StoredEntry => {
    const value = key.toString(16).padStart(64, '0');
    const known = {
      list: 'bad',
      entryId: `e${key}`,
      algorithm: 'pdq',
      value,
      updatedAt: null,
      mediaType: null,
      tags: [],
      notes: {},
      quarantined: false,
    };
    return { ...nothing, ...known, ...entryOf(key) } as StoredEntry;
  };
  return { store, read };
}

test.each([
  [29, 'match'],
  [30, 'match'],
  [31, 'no_match'],
])('an entry updated %i days ago, on a list whose entries match for 30 days: %s', async (days, verdict) => {
  const dated = list('bad', { entryDaysMax: 30 });
  const { store } = storeOf(() => ({ updatedAt: new Date(NOW_MS - days * DAY_MS).toISOString() }));
  expect(await decideFound(snapshot, new EntryReader(store), [near(dated, 1, 3)], OWN)).toMatchObject({ verdict });
});

test('an entry that was removed after the snapshot does not match', async () => {
  const store = { entriesByKeys: async () => new Map() } as unknown as ListFeed;
  expect(await decideFound(snapshot, new EntryReader(store), [near(list('bad'), 1, 3)], OWN)).toMatchObject({
    verdict: 'no_match',
  });
});

test('a crowd is read up to a limit and counted beyond it, on suppression lists too', async () => {
  const bad = list('bad');
  const good = list('good', { kind: 'suppression' });
  const crowd = ENTRIES_READ_PER_LIST_MAX + 10;
  const found = Array.from({ length: crowd }, (_, at) => [near(bad, at, 2), near(good, 100_000 + at, 9)]).flat();
  const { store, read } = storeOf((key) => (key >= 100_000 ? { list: 'good' } : {}));
  const { matchCount } = await decideFound(snapshot, new EntryReader(store), found, OWN);
  expect(read.filter((key) => key >= 100_000)).toHaveLength(ENTRIES_READ_PER_LIST_MAX);
  expect(read.filter((key) => key < 100_000)).toHaveLength(ENTRIES_READ_PER_LIST_MAX);
  expect(matchCount, 'those that were not read count too').toBe(2 * crowd);
});

test('an entry behind a crowd that does not count is found', async () => {
  const bad = list('bad');
  const crowd = 3 * ENTRIES_READ_PER_LIST_MAX;
  const found = [...Array.from({ length: crowd }, (_, at) => near(bad, at, 2)), near(bad, 50_000, 9)];
  const { store, read } = storeOf((key) => ({ quarantined: key < 50_000 }));
  const { verdict, matches } = await decideFound(snapshot, new EntryReader(store), found, OWN);
  expect([verdict, matches[0]?.entryId]).toEqual(['match', 'e50000']);
  // Where nothing counts at all, no more than the budget of the request is read.
  const many = Array.from({ length: 200_000 }, (_, at) => near(bad, at, 2));
  const quarantined = storeOf(() => ({ quarantined: true }));
  const all = await decideFound(snapshot, new EntryReader(quarantined.store), many, OWN);
  expect(all).toMatchObject({ verdict: 'suppressed', truncated: true });
  expect(read.length).toBeLessThanOrEqual(crowd + 1);
  expect(new Set(quarantined.read).size).toBeLessThan(100_000);
});

test('of a crowded entry that several hashes find, the nearest is read', async () => {
  const found = Array.from({ length: ENTRIES_READ_PER_LIST_MAX }, (_, at) => near(list('bad'), at, 20));
  const { store } = storeOf(() => ({}));
  const { matches } = await decideFound(
    snapshot,
    new EntryReader(store),
    [...found, near(list('bad'), 7, 3), near(list('bad'), 7, 9)],
    OWN,
  );
  expect(matches[0]).toMatchObject({ entryId: 'e7', distance: 3 });
});

describe('where the budget of a request is spent', () => {
  const spent = (store: ListFeed) => new EntryReader(store, { entries: -1, ms: 1_000 });
  const crowdOf = (of: ListInfo, from: number, count = 300) =>
    Array.from({ length: count }, (_, at) => near(of, from + at, 2 + (at % 20)));

  test('only the nearest of each list is read, and all are counted', async () => {
    const { store, read } = storeOf((key) => (key >= 1_000 ? { list: 'police' } : {}));
    const found = [...crowdOf(list('bad'), 0), ...crowdOf(list('police'), 1_000)];
    const decision = await decideFound(snapshot, spent(store), found, OWN);
    expect(decision).toMatchObject({ verdict: 'match', matchCount: 600, truncated: true });
    expect(decision.matches.map(({ list: of }) => of).sort()).toEqual(['bad', 'police']);
    expect(read).toHaveLength(2);
  });

  test('the verdict is that of all: nearer entries that do not count hide no other', async () => {
    const good = list('good', { kind: 'suppression' });
    const value = (key: number) => String(key % 1_000).padStart(64, '0');
    // Each of the first 60 entries is known to be benign: the 61st counts.
    const { store } = storeOf((key) => ({ value: value(key), ...(key >= 1_000 ? { list: 'good' } : {}) }));
    const bads = Array.from({ length: 200 }, (_, at) => near(list('bad'), at, 2 + Math.floor(at / 10)));
    const goods = Array.from({ length: 60 }, (_, at) => near(good, 1_000 + at, 2 + Math.floor(at / 10)));
    for (const [count, verdict] of [
      [200, 'match'],
      [61, 'match'],
      [60, 'suppressed'],
    ] as const) {
      const found = [...bads.slice(0, count), ...goods];
      const all = await decideFound(snapshot, new EntryReader(store), found, OWN);
      expect([count, all.verdict]).toEqual([count, verdict]);
      expect(await decideFound(snapshot, spent(store), found, OWN)).toMatchObject({ verdict, matchCount: count + 60 });
    }
  });

  test('an entry that a person removed is passed over', async () => {
    const { store } = storeOf(() => ({}));
    const gone = {
      entriesByKeys: async (keys: readonly number[]) => store.entriesByKeys(keys.filter((key) => key >= 40)),
    } as unknown as ListFeed;
    const found = Array.from({ length: 50 }, (_, at) => near(list('bad'), at, 1 + (at >> 1)));
    const decision = await decideFound(snapshot, spent(gone), found, OWN);
    expect(decision).toMatchObject({ verdict: 'match', matches: [{ entryId: 'e40' }, ...decision.matches.slice(1)] });
  });

  test('it is spent by entries, and by time', async () => {
    const { store } = storeOf(() => ({}));
    let nowMs = 0;
    const reader = new EntryReader(store, { entries: 10, ms: 1_000 }, () => nowMs);
    await reader.read([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    nowMs = 1_000;
    expect(reader.isSpent).toBe(false);
    nowMs = 1_001;
    expect(reader.isSpent, 'the time').toBe(true);
    nowMs = 0;
    await reader.read([1]);
    expect(reader.isSpent, 'the entries, though it is known').toBe(true);
    const ours = new EntryReader(store, null);
    await ours.read(Array.from({ length: 100_000 }, (_, at) => at));
    expect(ours.isSpent).toBe(false);
  });
});

describe('a window without its certain bits', () => {
  const deep = { detail: 'deep' } as const;
  const open = (of: ListInfo, entryKey: number, distance = 20, kind: WindowKind = 'crop'): Candidate => {
    const one = near(of, entryKey, distance);
    const window = { place: { ...RESAMPLED, kind, proportion: 1 }, certain: null };
    return { ...one, query: { ...one.query, window } as unknown as Candidate['query'] };
  };
  const decided = (found: readonly Candidate[], entryOf: (key: number) => Partial<StoredEntry> = () => ({})) =>
    decideFound(snapshot, new EntryReader(storeOf(entryOf).store), found, OWN);

  test('matches nothing, and leaves open whether the file does', async () => {
    const decision = await decided([open(list('bad', deep), 1)]);
    expect(decision).toMatchObject({ verdict: 'no_match', matches: [], isOpen: true });
  });

  test('leaves nothing open on a list that does not ask for its kind, or that the file matches anyway', async () => {
    expect(await decided([open(list('bad'), 1)])).toBe(NOTHING_FOUND);
    expect(await decided([open(list('bad', { detail: 'standard' }), 1)])).toBe(NOTHING_FOUND);
    expect((await decided([open(list('bad', { detail: 'standard' }), 1, 20, 'border')])).isOpen).toBe(true);
    const bad = list('bad', deep);
    const matched = await decided([near(bad, 1, 3), open(bad, 2)]);
    expect([matched.verdict, matched.matchCount, matched.isOpen]).toEqual(['match', 1, undefined]);
  });

  test('leaves open a second list, and one that is only suppressed', async () => {
    const [bad, police] = [list('bad', deep), list('police', deep)];
    const ofPolice = (key: number) => (key === 2 ? { list: 'police' } : {});
    const both = await decided([near(bad, 1, 3), open(police, 2)], ofPolice);
    expect(both).toMatchObject({ verdict: 'match', matchCount: 1, isOpen: true });
    const quarantined = (key: number) => ({ quarantined: key === 1 });
    const suppressed = await decided([near(bad, 1, 3), open(bad, 2)], quarantined);
    expect(suppressed).toMatchObject({ verdict: 'suppressed', isOpen: true });
  });

  test('leaves nothing open where its entry was removed or has expired', async () => {
    const updatedAt = new Date(NOW_MS - 2 * DAY_MS).toISOString();
    const expired = await decided([open(list('bad', { ...deep, entryDaysMax: 1 }), 1)], () => ({ updatedAt }));
    expect(expired).toBe(NOTHING_FOUND);
  });
});

describe('the queried lists', () => {
  const [bad, other] = [list('bad'), list('other')];
  const listed = {
    ...snapshot,
    lists: [bad, other],
    listByName: new Map([bad, other].map((info) => [info.list, info])),
    listByKey: new Map([
      [1, bad],
      [2, other],
    ]),
  } as ListSnapshot;
  const segment = newSegment(null, { keys: Uint32Array.of(10, 11, 12), listKeys: Uint16Array.of(1, 2, 3) });
  const candidates = (lists: ReadonlySet<string> | null) =>
    [0, 1, 2].map(
      (entryIndex) => toCandidate(listed, lists, segment, { entryIndex, distance: 0, query: null })?.entryKey,
    );

  test('an entry of another list, or of a list that is not enabled, is no candidate', () => {
    expect(candidates(null)).toEqual([10, 11, undefined]);
    expect(candidates(new Set(['other']))).toEqual([undefined, 11, undefined]);
  });

  test('are enabled lists: another name is LIST_NOT_FOUND', () => {
    const tenant = 'acme';
    const both = new Set(['bad', 'other']);
    expect(queriedLists(listed, { lists: null, tenant })).toBe(null);
    expect(queriedLists(listed, { lists: both, tenant })).toBe(both);
    expect(() => queriedLists(listed, { lists: new Set(['bad', 'nowhere']), tenant })).toThrow(
      expect.objectContaining({ code: 'LIST_NOT_FOUND', details: { list: 'nowhere' } }),
    );
  });

  test('of another tenant are not queried, and named by a query are LIST_NOT_FOUND', () => {
    const own = { ...other, tenant: 'acme' };
    const owned = {
      ...listed,
      lists: [bad, own],
      listByName: new Map([
        ['bad', bad],
        ['other', own],
      ]),
    } as ListSnapshot;
    expect(queriedLists(owned, { lists: null, tenant: 'acme' })).toBe(null);
    expect(queriedLists(owned, { lists: null, tenant: 'globex' })).toEqual(new Set(['bad']));
    expect(() => queriedLists(owned, { lists: new Set(['other']), tenant: 'globex' })).toThrow(
      expect.objectContaining({ code: 'LIST_NOT_FOUND' }),
    );
  });
});

const WITH_PDQ = { entriesByAlgorithm: { pdq: 1 } };
const SEEN = [
  list('plain', WITH_PDQ),
  list('standard', { ...WITH_PDQ, detail: 'standard' }),
  list('deep', { ...WITH_PDQ, detail: 'deep' }),
  list('digests', { detail: 'deep', entriesByAlgorithm: { md5: 1 } }),
  list('good', { ...WITH_PDQ, detail: 'deep', kind: 'suppression' }),
];
test.each([
  [null, null, 'deep'],
  [['plain', 'standard'], null, 'standard'],
  [['plain'], null, 'plain'],
  // Windows have PDQ hashes alone, and a suppression list has nothing to find.
  [['plain', 'digests', 'good'], null, 'plain'],
  [['plain'], 'deep', 'deep'],
  [['deep'], 'standard', 'standard'],
] as const)('of the lists %j, a request for %s looks at %s', (names, requestedDetail, detail) => {
  const listed = { lists: SEEN, entryCounts: { pdq: 1 } } as unknown as ListSnapshot;
  const lists = names && new Set<string>(names);
  expect(widestDetail(listed, { lists, requestedDetail })).toBe(detail);
  const empty = { lists: SEEN, entryCounts: { pdq: 0 } } as unknown as ListSnapshot;
  expect(widestDetail(empty, { lists, requestedDetail })).toBe('plain');
});
