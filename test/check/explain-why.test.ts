/** The reasons that need a window, or an entry that the store has otherwise: both sides of each edge. */
import { describe, expect, test } from 'vitest';
import type { HashQuery } from '../../src/check/candidate.js';
import { EntryReader } from '../../src/check/entry-reader.js';
import { EXPLAINED_MAX, EXPLAINED_PER_LIST_MAX, explainLists } from '../../src/check/explain-lists.js';
import { type QueryWhy, type Reached, reachedBy, whyNot } from '../../src/check/explain-reach.js';
import type { Match } from '../../src/core/match-types.js';
import { type ListInfo, NO_ATTRIBUTES, NO_TERMS } from '../../src/core/vocabulary.js';
import { RESAMPLED, type WindowKind } from '../../src/core/window.js';
import type { IndexPool } from '../../src/index/index-pool.js';
import { linearBuilder } from '../../src/index/linear.js';
import { newSegment } from '../../src/index/segment.js';
import type { ListSnapshot } from '../../src/lists/snapshot.js';
import type { StoredEntry } from '../../src/store/lists-contract.js';

const listOf = (more: Partial<ListInfo> = {}): ListInfo => ({
  list: 'bad',
  kind: 'match',
  enabled: true,
  radiusBits: 31,
  matchLowQuality: false,
  detail: 'standard',
  version: 1,
  importedAt: null,
  entryCount: 1,
  rejectedCount: 0,
  duplicateCount: 0,
  entriesByAlgorithm: {},
  ...NO_TERMS,
  formerNames: [],
  ...more,
});
const windowRule = { radiusBits: 31, wrongBitsMax: 6 };
const queryOf = (kind: WindowKind | null): HashQuery => ({
  algorithm: 'pdq',
  hash256: new Uint8Array(32),
  orientation: 'original',
  family: kind === null ? 'resized' : 'symmetric',
  lowQuality: false,
  window: kind && { place: { ...RESAMPLED, kind, proportion: 1 }, certain: new Uint8Array(32) },
  frame: 0,
  background: null,
  part: null,
});

describe('a window', () => {
  test.each<[WindowKind, Partial<ListInfo>, number, number, readonly QueryWhy[]]>([
    ['border', {}, 31, 6, []],
    ['border', {}, 31, 7, ['certain_bits']],
    ['border', { radiusBits: 45 }, 32, 6, ['window_too_far']],
    ['border', { radiusBits: 45 }, 31, 6, []],
    ['border', { radiusBits: 20 }, 20, 0, []],
    ['border', { radiusBits: 20 }, 21, 0, ['beyond_radius']],
    ['crop', {}, 5, 0, ['window_not_looked_at']],
    ['crop', { detail: 'deep' }, 5, 0, []],
    ['border', { detail: 'plain' }, 5, 0, ['window_not_looked_at']],
    ['crop', {}, 32, 7, ['beyond_radius', 'window_not_looked_at', 'window_too_far', 'certain_bits']],
  ])('%s, list %o, at %i bits with %i certain bits wrong: %j', (kind, list, distance, certainBitsWrong, expected) => {
    expect(whyNot(listOf(list), { query: queryOf(kind), distance, certainBitsWrong }, { windowRule })).toEqual(
      expected,
    );
  });

  test('a hash of the whole image has no certain bits, and its own radius alone', () =>
    expect(
      whyNot(
        listOf({ radiusBits: 45 }),
        { query: queryOf(null), distance: 45, certainBitsWrong: null },
        { windowRule },
      ),
    ).toEqual([]));
});

const VALUES = Array.from({ length: 3_000 }, (_, at) =>
  Buffer.alloc(32, 0)
    .fill(at % 251)
    .fill(at >> 8, 0, 1),
);
/** What is reached: the key is the place of its value. */
const reachedOf = (list: ListInfo, entryKey: number, distance: number, why: readonly QueryWhy[] = []): Reached => ({
  list,
  algorithm: 'pdq',
  entryKey,
  segment: { index: { hashOf: (at: number) => VALUES[at]! } } as unknown as Reached['segment'],
  entryIndex: entryKey,
  distance,
  query: queryOf(null),
  certainBitsWrong: null,
  why,
});

function explain(
  lists: readonly ListInfo[],
  reached: readonly Reached[],
  entryOf: (key: number) => Partial<StoredEntry> | null = () => ({}),
  possible: readonly string[] = [],
) {
  const stored = (key: number): [number, StoredEntry][] => {
    const more = entryOf(key);
    const own = { list: 'bad', entryId: `e${key}`, algorithm: 'pdq', value: '', status: 'active' } as const;
    return more === null ? [] : [[key, { ...NO_ATTRIBUTES, ...own, quarantined: false, flooded: false, ...more }]];
  };
  const reader = new EntryReader({ entriesByKeys: async (keys) => new Map(keys.flatMap(stored)) });
  const byKey = new Map(lists.map((list, at) => [at, list]));
  const snapshot = {
    listByKey: byKey,
    disabledByKey: new Map(),
    inForce: new Map(),
    atMs: 0,
  } as unknown as ListSnapshot;
  return explainLists(snapshot, reader, reached, {
    possible: possible.map((entryId) => ({ list: 'bad', entryId, algorithm: 'pdq' }) as Match),
  });
}
const outcomes = async (...asked: Parameters<typeof explain>) =>
  (await explain(...asked)).flatMap(({ entries }) =>
    entries.map(({ entryId, outcome, why }) => [entryId, outcome, why]),
  );

describe('what the store says', () => {
  const bad = listOf();

  test('an entry that was removed after the lists were loaded has no id any more', async () =>
    expect(await outcomes([bad], [reachedOf(bad, 1, 3)], () => null)).toEqual([[null, 'no_match', ['removed']]]));

  test('an entry that the decision has as possible is told so, with what keeps it from a match', async () => {
    const reached = [reachedOf(bad, 1, 33, ['certain_bits']), reachedOf(bad, 2, 33, ['certain_bits'])];
    expect(await outcomes([bad], reached, () => ({}), ['e1'])).toEqual([
      ['e1', 'possible', ['certain_bits']],
      ['e2', 'no_match', ['certain_bits']],
    ]);
  });

  test('of the derived values of an entry its own value speaks, and else the nearest', async () => {
    const derived = (key: number) => ({ entryId: 'e', ...(key === 1 ? {} : { tags: ['derived:crop'] }) });
    const two = [reachedOf(bad, 2, 3), reachedOf(bad, 3, 4)];
    expect(await outcomes([bad], two, derived)).toEqual([
      ['e', 'match', []],
      ['e', 'no_match', ['repeat']],
    ]);
    expect(await outcomes([bad], [...two, reachedOf(bad, 1, 20)], derived)).toEqual([
      ['e', 'no_match', ['repeat']],
      ['e', 'no_match', ['repeat']],
      ['e', 'match', []],
    ]);
    // Its own value is too far away to speak.
    expect(await outcomes([bad], [two[0]!, reachedOf(bad, 1, 40, ['beyond_radius'])], derived)).toEqual([
      ['e', 'match', []],
      ['e', 'no_match', ['beyond_radius']],
    ]);
  });

  test('a known-good entry that expired or was removed suppresses nothing', async () => {
    const good = listOf({ list: 'good', kind: 'suppression', entryDaysMax: 1 });
    const reached = [reachedOf(bad, 7, 3), { ...reachedOf(good, 8, 3), entryIndex: 7 }];
    const about = (of: Partial<StoredEntry> | null) => (key: number) => (key === 8 ? of : {});
    const why = async (of: Partial<StoredEntry> | null) => (await outcomes([bad, good], reached, about(of)))[0];
    expect(await why({ list: 'good' })).toEqual(['e7', 'suppressed', ['known_good_value']]);
    expect(await why({ list: 'good', updatedAt: '1960-01-01T00:00:00Z' })).toEqual(['e7', 'match', []]);
    expect(await why(null)).toEqual(['e7', 'match', []]);
  });
});

describe('bounds', () => {
  test('of each list so many entries are told, fewer of many lists, and always the nearest', async () => {
    const few = listOf();
    const reached = Array.from({ length: EXPLAINED_PER_LIST_MAX + 1 }, (_, at) => reachedOf(few, at, at));
    const [told] = await explain([few], reached);
    expect([told!.entries.length, told!.reached, told!.truncated]).toEqual([EXPLAINED_PER_LIST_MAX, 51, true]);
    const [whole] = await explain([few], reached.slice(1));
    expect([whole!.entries.length, whole!.truncated]).toEqual([EXPLAINED_PER_LIST_MAX, false]);
    const many = Array.from({ length: EXPLAINED_MAX / 2 + 1 }, (_, at) => listOf({ list: `l${at}` }));
    const two = many.flatMap((list, at) => [reachedOf(list, 2 * at, 9), reachedOf(list, 2 * at + 1, 8)]);
    const lists = await explain(many, two);
    expect(new Set(lists.map(({ entries }) => entries.map(({ distance }) => distance).join()))).toEqual(new Set(['8']));
    expect(lists.every(({ truncated, reached }) => truncated && reached === 2)).toBe(true);
  });
});

describe('an entry that is near in several ways', () => {
  const value = Buffer.from('0f1e2d3c4b5a6978'.repeat(4), 'hex');
  const away = (bits: number) => {
    const bytes = Buffer.from(value);
    for (let bit = 0; bit < bits; bit++) bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  };
  const builder = linearBuilder(1);
  builder.add(value);
  const segment = newSegment(builder.seal(), { keys: new Uint32Array([1]), listKeys: new Uint16Array([1]) });
  const snapshot = {
    listByKey: new Map([[1, listOf()]]),
    disabledByKey: new Map(),
    radius: { pdq: [segment], blockhash: [] },
    windowRule,
    possibleRule: null,
  } as unknown as ListSnapshot;

  test.each<[string, readonly Partial<HashQuery & { bits: number }>[], number, readonly QueryWhy[]]>([
    ['the one that lacks least', [{ bits: 0, lowQuality: true }, { bits: 20 }], 20, []],
    ['in any order', [{ bits: 20 }, { bits: 0, lowQuality: true }], 20, []],
    ['of two that lack as much the nearer', [{ bits: 40 }, { bits: 33 }], 33, ['beyond_radius']],
    ['and of two that match', [{ bits: 3 }, { bits: 4 }], 3, []],
  ])('%s', async (_, queries, distance, why) => {
    const hashes = queries.map(({ bits = 0, ...more }) => ({ ...queryOf(null), ...more, hash256: away(bits) }));
    const reached = await reachedBy({ snapshot, pool: {} as IndexPool }, { digests: {}, hashes });
    expect(reached.map((one) => [one.distance, one.why])).toEqual([[distance, why]]);
  });
});
