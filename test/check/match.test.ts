import { describe, expect, test } from 'vitest';
import {
  type Candidate,
  decideFound,
  ENTRIES_READ_PER_LIST_MAX,
  requireLists,
  toCandidate,
} from '../../src/check/match.js';
import { type ListInfo, NO_TERMS } from '../../src/core/vocabulary.js';
import { newSegment } from '../../src/index/segment.js';
import type { ListSnapshot } from '../../src/lists/snapshot.js';
import type { ListFeed, StoredEntry } from '../../src/store/lists-contract.js';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 1);
const list = (name: string, more: Partial<ListInfo> = {}): ListInfo => ({
  list: name,
  kind: 'match',
  enabled: true,
  radiusBits: 31,
  matchLowQuality: false,
  version: 1,
  importedAt: null,
  entryCount: 1,
  rejectedCount: 0,
  duplicateCount: 0,
  entriesByAlgorithm: {},
  ...NO_TERMS,
  ...more,
});
const snapshot = { atMs: NOW_MS, photodnaRadius: null } as ListSnapshot;
const near = (of: ListInfo, entryKey: number, distance: number): Candidate => ({
  entryKey,
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
    async entryByKey(key: number): Promise<StoredEntry> {
      read.push(key);
      const value = key.toString(16).padStart(64, '0');
      const known = { list: 'bad', entryId: `e${key}`, algorithm: 'pdq', value, updatedAt: null, quarantined: false };
      return { ...nothing, ...known, ...entryOf(key) } as StoredEntry;
    },
  } as unknown as ListFeed;
  return { store, read };
}

test.each([
  [29, 'match'],
  [30, 'match'],
  [31, 'no_match'],
])('an entry updated %i days ago, on a list whose entries match for 30 days: %s', async (days, verdict) => {
  const dated = list('bad', { entryDaysMax: 30 });
  const { store } = storeOf(() => ({ updatedAt: new Date(NOW_MS - days * DAY_MS).toISOString() }));
  expect(await decideFound(snapshot, store, [near(dated, 1, 3)], null)).toMatchObject({ verdict });
});

test('an entry that was removed after the snapshot does not match', async () => {
  const store = { entryByKey: async () => null } as unknown as ListFeed;
  expect(await decideFound(snapshot, store, [near(list('bad'), 1, 3)], null)).toMatchObject({ verdict: 'no_match' });
});

test('a crowd is read up to a limit and counted beyond it; on suppression lists it is read whole', async () => {
  const bad = list('bad');
  const good = list('good', { kind: 'suppression' });
  const crowd = ENTRIES_READ_PER_LIST_MAX + 10;
  const found = Array.from({ length: crowd }, (_, at) => [near(bad, at, 2), near(good, 100_000 + at, 9)]).flat();
  const { store, read } = storeOf((key) => (key >= 100_000 ? { list: 'good' } : {}));
  const { matchCount } = await decideFound(snapshot, store, found, null);
  expect(read.filter((key) => key >= 100_000)).toHaveLength(crowd);
  expect(read.filter((key) => key < 100_000)).toHaveLength(ENTRIES_READ_PER_LIST_MAX);
  expect(matchCount, 'those that were not read count too').toBe(2 * crowd);
});

test('of a crowded entry that several hashes find, the nearest is read', async () => {
  const found = Array.from({ length: ENTRIES_READ_PER_LIST_MAX }, (_, at) => near(list('bad'), at, 20));
  const { store } = storeOf(() => ({}));
  const { matches } = await decideFound(
    snapshot,
    store,
    [...found, near(list('bad'), 7, 3), near(list('bad'), 7, 9)],
    null,
  );
  expect(matches[0]).toMatchObject({ entryId: 'e7', distance: 3 });
});

describe('the queried lists', () => {
  const [bad, other] = [list('bad'), list('other')];
  const listed = {
    ...snapshot,
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
    requireLists(listed, null);
    requireLists(listed, new Set(['bad', 'other']));
    expect(() => requireLists(listed, new Set(['bad', 'nowhere']))).toThrow(
      expect.objectContaining({ code: 'LIST_NOT_FOUND', details: { list: 'nowhere' } }),
    );
  });
});
