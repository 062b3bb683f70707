import { describe, expect, test } from 'vitest';
import {
  decide,
  isExpired,
  isInactive,
  MATCHES_PER_IMAGE_MAX,
  MATCHES_PER_LIST_MAX,
  type Proposal,
} from '../../src/check/policy.js';
import { isLowQuality } from '../../src/core/pdq-quality.js';
import { type Entry, type ListInfo, NO_TERMS } from '../../src/core/vocabulary.js';
import { DETAILS, type Detail, WHOLE, WINDOW_KINDS, type WindowKind } from '../../src/core/window.js';

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
const entry = (in_: string, entryId: string, value: string, algorithm: Entry['algorithm'] = 'pdq'): Entry => ({
  list: in_,
  entryId,
  algorithm,
  value,
  category: null,
  severity: null,
  source: null,
  mediaType: null,
  status: 'active',
  updatedAt: null,
  tags: [],
  notes: {},
});
const near = (of: ListInfo, distance: number, more: Partial<Proposal> = {}): Proposal => ({
  entry: entry(of.list, 'e', 'aa'),
  list: of,
  matchType: 'near',
  distance,
  radius: null,
  orientation: 'original',
  family: 'resized',
  window: null,
  frame: null,
  background: null,
  part: null,
  quarantined: false,
  flooded: false,
  lowQuality: false,
  ...more,
});
const exact = (of: ListInfo, more: Partial<Proposal> = {}): Proposal =>
  near(of, 0, {
    entry: entry(of.list, 'd', 'ff', 'md5'),
    matchType: 'exact',
    radius: 0,
    orientation: null,
    family: null,
    ...more,
  });

const bad = list('bad');
const good = list('good', { kind: 'suppression' });

describe('the verdict', () => {
  test.each<[string, Proposal[], number | null, string, number]>([
    ['no candidates', [], null, 'no_match', 0],
    ['at the list’s radius', [near(bad, 31)], null, 'match', 1],
    ['one bit past the list’s radius', [near(bad, 32)], null, 'no_match', 0],
    ['at the caller’s narrower radius', [near(bad, 10)], 10, 'match', 1],
    ['past the caller’s narrower radius', [near(bad, 11)], 10, 'no_match', 0],
    ['the caller cannot widen the radius', [near(bad, 40)], 200, 'no_match', 0],
    ['each list has its own radius', [near(list('strict', { radiusBits: 4 }), 5)], null, 'no_match', 0],
    ['a digest matches at any radius', [exact(bad)], 0, 'match', 1],
    ['low quality: no near match', [near(bad, 0, { lowQuality: true })], null, 'no_match', 0],
    [
      'low quality: a match where the list allows it',
      [near(list('all', { matchLowQuality: true }), 0, { lowQuality: true })],
      null,
      'match',
      1,
    ],
    ['low quality: digests match', [exact(bad, { lowQuality: true })], null, 'match', 1],
    ['a near match of a suppression list only', [near(good, 3)], null, 'suppressed', 1],
    ['a matched value that is also on a suppression list', [near(bad, 3), near(good, 3)], null, 'suppressed', 2],
    [
      'a value near a suppressed one still counts',
      [near(bad, 3), near(good, 3, { entry: entry('good', 'g', 'bb') })],
      null,
      'match',
      2,
    ],
    ['the file itself is on a suppression list', [near(bad, 3), exact(good)], null, 'suppressed', 2],
    [
      'an entry of the suppression list does not count',
      [near(bad, 3), exact(good, { quarantined: true })],
      null,
      'match',
      2,
    ],
    ['a value on it does not count', [near(bad, 3), near(good, 3, { quarantined: true })], null, 'match', 2],
  ])('%s', (_name, proposals, radius, verdict, count) => {
    expect(decide(proposals, { ...OWN, requestedRadiusBits: radius })).toMatchObject({ verdict, matchCount: count });
  });
});

/** Kinds that a detail counts, beside those of the details before it. */
const COUNTED: Readonly<Record<Detail, readonly WindowKind[]>> = {
  plain: [],
  standard: ['resampling', 'border', 'strip', 'part'],
  deep: ['resampling', 'border', 'strip', 'part', 'rotation', 'margin', 'crop'],
};
const ASKS: readonly (Detail | null)[] = [null, ...DETAILS];

describe.each(['match', 'suppression'] as const)('of a %s list', (kind) => {
  const cases = DETAILS.flatMap((detail) => ASKS.map((requestedDetail) => [detail, requestedDetail] as const));
  test.each(cases)('with detail %s, a request for %s counts windows of its kinds alone', (detail, requestedDetail) => {
    const of = list('of', { kind, detail });
    const asked = { ...OWN, requestedDetail };
    const counted = WINDOW_KINDS.filter((one) => {
      const window = { kind: one, rectangle: WHOLE, degrees: 0, proportion: 1.5, certainBitsWrong: 0 };
      return decide([near(of, 3, { window })], asked).verdict !== 'no_match';
    });
    expect(counted).toEqual(COUNTED[requestedDetail ?? detail]);
    expect(decide([near(of, 3)], asked).verdict, 'the whole image').not.toBe('no_match');
    expect(decide([exact(of)], asked).verdict, 'a digest').not.toBe('no_match');
  });
});

test('a window suppresses a match only where the suppression list looks as far', () => {
  const window = { kind: 'crop', rectangle: WHOLE, degrees: 0, proportion: 1.5, certainBitsWrong: 0 } as const;
  const found = (detail: Detail) => [
    near(list('bad', { detail: 'deep' }), 3, { window }),
    near(list('good', { kind: 'suppression', detail }), 3, { window }),
  ];
  expect(decide(found('standard'), OWN)).toMatchObject({ verdict: 'match', matchCount: 1 });
  expect(decide(found('deep'), OWN)).toMatchObject({ verdict: 'suppressed', matchCount: 2 });
});

test('an entry whose nearest window does not count is returned with the nearest that does', () => {
  const window = { kind: 'crop', rectangle: WHOLE, degrees: 0, proportion: 1.5, certainBitsWrong: 0 } as const;
  const of = list('of', { detail: 'standard' });
  const { matches } = decide([near(of, 2, { window }), near(of, 9, { window: { ...window, kind: 'border' } })], OWN);
  expect(matches).toMatchObject([{ distance: 9, window: { kind: 'border' } }]);
});

test('an entry found by several orientations is returned once, with the nearest', () => {
  const { matches } = decide(
    [near(bad, 9), near(bad, 4, { orientation: 'rotate90' }), near(bad, 6, { family: 'full' })],
    OWN,
  );
  expect(matches).toMatchObject([{ distance: 4, orientation: 'rotate90', radius: 31 }]);
});

test('matches are exact first, then by distance; capped, with the full count', () => {
  const many = Array.from({ length: MATCHES_PER_LIST_MAX + 5 }, (_, at) =>
    near(bad, at % 30, { entry: entry('bad', `e${at}`, 'cc') }),
  );
  const { matches, matchCount } = decide([...many, exact(bad)], OWN);
  expect(matches).toHaveLength(MATCHES_PER_LIST_MAX);
  expect(matchCount).toBe(MATCHES_PER_LIST_MAX + 6);
  expect(matches[0]!.matchType).toBe('exact');
  expect(matches.slice(1).every((match, at) => at === 0 || match.distance >= matches[at]!.distance)).toBe(true);
});

test('no list hides another: the first of each is returned, and all are counted', () => {
  const crowd = Array.from({ length: 120 }, (_, at) => near(bad, 1, { entry: entry('bad', `e${at}`, 'cc') }));
  const police = list('police');
  const { matches, matchCount, truncated } = decide(
    [...crowd, near(police, 30, { entry: entry('police', 'p', 'dd') })],
    OWN,
  );
  expect(matches).toHaveLength(MATCHES_PER_LIST_MAX + 1);
  expect(matches.at(-1)).toMatchObject({ list: 'police', entryId: 'p', distance: 30 });
  expect([matchCount, truncated]).toEqual([121, true]);
});

test('the matches of an image are bounded, and hold the first of each of many lists', () => {
  const lists = Array.from({ length: 20 }, (_, at) => list(`list-${String(at).padStart(2, '0')}`));
  const crowds = lists.flatMap((info, distance) =>
    Array.from({ length: MATCHES_PER_LIST_MAX }, (_, at) =>
      near(info, distance, { entry: entry(info.list, `e${at}`, 'cc') }),
    ),
  );
  const { matches, matchCount } = decide(crowds, OWN);
  expect(matches).toHaveLength(MATCHES_PER_IMAGE_MAX);
  expect(new Set(matches.map((match) => match.list)).size).toBe(20);
  expect(matchCount).toBe(20 * MATCHES_PER_LIST_MAX);
});

test.each([
  [49, false, true],
  [50, false, false],
  [100, true, true],
])('quality %i, degenerate %s: isLowQuality is %s', (quality, degenerate, low) => {
  expect(isLowQuality(quality, degenerate)).toBe(low);
});

test('an entry that a flood marked is returned marked, and counts', () => {
  const marked = decide([near(list('police'), 4, { flooded: true })], OWN);
  expect(marked).toMatchObject({ verdict: 'match', matches: [{ suppressed: false, quarantined: true }] });
});

test('a quarantined entry is returned and does not count; its neighbours do', () => {
  const police = list('police');
  const alone = decide([near(police, 4, { quarantined: true })], OWN);
  expect(alone).toMatchObject({
    verdict: 'suppressed',
    matchCount: 1,
    matches: [{ suppressed: true, quarantined: true }],
  });
  const other = near(police, 9, { entry: entry('police', 'f', 'bb') });
  const both = decide([near(police, 4, { quarantined: true }), other], OWN);
  expect(both.verdict).toBe('match');
  expect(both.matches.map(({ entryId, quarantined, suppressed }) => [entryId, quarantined, suppressed])).toEqual([
    ['f', false, false],
    ['e', true, true],
  ]);
});

describe('category and severity maps', () => {
  const told = (more: Partial<ListInfo>, category: string | null, severity: string | null) => {
    const { list: at, ...rest } = near(list('l', more), 0);
    const [match] = decide([{ ...rest, list: at, entry: { ...rest.entry, category, severity } }], OWN).matches;
    return [match!.category, match!.severity];
  };
  const maps = { categoryMap: { A1: 'sexual' }, severityMap: { A: 'worst', B2: 'least' } };

  test.each<[string | null, string | null, (string | null)[]]>([
    ['A1', 'A', ['sexual', 'worst']],
    ['A2', 'C', ['A2', 'C']],
    ['B2', null, ['B2', 'least']],
    ['constructor', 'toString', ['constructor', 'toString']],
    [null, null, [null, null]],
  ])('category %s, severity %s', (category, severity, expected) => {
    expect(told(maps, category, severity)).toEqual(expected);
    expect(told({}, category, severity)).toEqual([category, severity]);
  });
});

test('an entry expires after its list’s days, not on the last one, and never without a date', () => {
  const nowMs = Date.parse('2026-02-01T00:00:00Z');
  const touched = (updatedAt: string | null) => ({ ...entry('l', 'e', 'aa'), updatedAt });
  const days = (entryDaysMax: number | null) => list('l', { entryDaysMax });
  expect(isExpired(touched('2026-01-02T00:00:00Z'), days(30), nowMs)).toBe(false);
  expect(isExpired(touched('2026-01-01T23:59:59Z'), days(30), nowMs)).toBe(true);
  expect(isExpired(touched('1999-01-01T00:00:00Z'), days(null), nowMs)).toBe(false);
  expect(isExpired(touched(null), days(1), nowMs)).toBe(false);
});

test('matches beyond the proposals are counted, and the result says that not all are returned', () => {
  const matchOf = (n: number) => near(list('a'), 1, { entry: entry('a', `e${n}`, String(n).padStart(64, '0')) });
  const few = [matchOf(1), matchOf(2)];
  expect(decide(few, OWN)).toMatchObject({ matchCount: 2, truncated: false });
  expect(decide(few, OWN, 3)).toMatchObject({ matchCount: 5, truncated: true });
  const full = Array.from({ length: MATCHES_PER_LIST_MAX }, (_, n) => matchOf(n));
  expect(decide(full, OWN)).toMatchObject({ matchCount: MATCHES_PER_LIST_MAX, truncated: false });
});

describe('variants of an image', () => {
  const variant = (distance: number, value: string, more: Partial<Entry> = {}) =>
    near(bad, distance, { entry: { ...entry('bad', 'e', value), tags: ['derived:crop'], ...more } });
  const decided = (...proposals: Proposal[]) => {
    const { verdict, matches, matchCount } = decide(proposals, OWN);
    return [verdict, matchCount, matches.map(({ list: of, distance, derived }) => `${of} ${distance} ${derived}`)];
  };
  const suppressed = (value: string) => near(good, 0, { entry: entry('good', 'g', value) });

  test('of one entry the nearest speaks for all, and says what it is derived by', () => {
    const turned = variant(8, 'cc', { tags: ['other', 'derived:rotation'] });
    expect(decided(variant(12, 'bb'), turned, variant(9, 'dd'))).toEqual(['match', 1, ['bad 8 rotation']]);
    const other = variant(20, 'dd', { entryId: 'f' });
    expect(decided(variant(12, 'bb'), other)).toEqual(['match', 2, ['bad 12 crop', 'bad 20 crop']]);
    expect(decided(variant(32, 'bb'))).toEqual(['no_match', 0, []]);
    expect(decided(variant(3, 'bb', { tags: ['derived'] }))).toEqual(['match', 1, ['bad 3 null']]);
  });

  test('none speaks where a value of the image itself matches, be it farther, or a digest', () => {
    expect(decided(variant(2, 'bb'), near(bad, 30))).toEqual(['match', 1, ['bad 30 null']]);
    expect(decided(variant(2, 'bb'), near(bad, 32))).toEqual(['match', 1, ['bad 2 crop']]);
    const digest = exact(bad, { entry: entry('bad', 'e', 'ff', 'md5') });
    expect(decided(digest, variant(2, 'bb'))).toEqual(['match', 1, ['bad 0 null']]);
    // Another entry's value is none of the image.
    expect(decided(exact(bad), variant(2, 'bb'))).toEqual(['match', 2, ['bad 0 null', 'bad 2 crop']]);
  });

  test('a suppression of the value that speaks counts for all of the entry', () => {
    expect(decided(near(bad, 3), variant(9, 'bb'), suppressed('aa'))[0]).toBe('suppressed');
    expect(decided(variant(0, 'bb'), variant(9, 'cc'), suppressed('bb'))[0]).toBe('suppressed');
    expect(decided(variant(4, 'bb'), variant(9, 'cc'), suppressed('cc'))[0]).toBe('match');
  });

  test('on a suppression list each value counts as ever', () => {
    const tagged = near(good, 9, { entry: { ...entry('good', 'g', 'aa'), tags: ['derived:crop'] } });
    expect(decided(near(bad, 3), tagged, suppressed('bb'))[0]).toBe('suppressed');
  });
});

describe('a list that counts in a share of the checks', () => {
  const sampled = (sampleRatio: number, kind: ListInfo['kind'] = 'match') => list('bank', { sampleRatio, kind });
  const decided = (of: ListInfo, draw: number, ...others: Proposal[]) =>
    decide([near(of, 3), ...others], { ...OWN, draw });

  // As HMA: it counts where its ratio is at least the draw.
  test.each([
    [0.5, 0.5, 'match'],
    [0.5, 0.500_001, 'suppressed'],
    [0, 0, 'match'],
    [0, Number.MIN_VALUE, 'suppressed'],
    [1, 1 - Number.EPSILON, 'match'],
  ])('of %s at a draw of %s: %s', (ratio, draw, verdict) => {
    const { verdict: got, matches } = decided(sampled(ratio), draw);
    expect([got, matches.map(({ suppressed, notSampled }) => [suppressed, notSampled ?? false])]).toEqual([
      verdict,
      [[verdict === 'suppressed', verdict === 'suppressed']],
    ]);
  });
  test('hides no match of another list, and is reported behind it', () => {
    const { verdict, matches } = decided(sampled(0), 0.5, near(list('other'), 9));
    expect([verdict, matches.map(({ list: name, suppressed }) => [name, suppressed])]).toEqual([
      'match',
      [
        ['other', false],
        ['bank', true],
      ],
    ]);
  });
  test('that suppresses does so in every check: what is known to be good is good', () => {
    const { verdict } = decided(sampled(0, 'suppression'), 0.5, near(list('bad'), 3));
    expect(verdict).toBe('suppressed');
  });
  test('draws by itself where no draw is given', () => {
    const verdicts = Array.from({ length: 200 }, () => decide([near(sampled(0.5), 3)], OWN).verdict);
    const counted = verdicts.filter((verdict) => verdict === 'match').length;
    expect(counted).toBeGreaterThan(50);
    expect(counted).toBeLessThan(150);
  });
});

describe('an entry that does not count before a time', () => {
  const at = (ms: number) => ({ inactiveUntil: new Date(ms).toISOString() });
  test.each([
    [{}, false],
    [{ inactiveUntil: null }, false],
    [at(1_000), false],
    [at(1_001), true],
    [at(0), false],
  ])('%o at a second past 1970: %s', (fact, expected) => {
    expect(isInactive(fact, 1_000)).toBe(expected);
  });
  test('makes a decision that is not kept, and only while it is near', () => {
    const later = near(list('bank'), 3, { entry: { ...entry('bank', 'e', 'aa'), ...at(Date.now() + 60_000) } });
    expect(decide([{ ...later, quarantined: true }], OWN)).toMatchObject({ verdict: 'suppressed', isTimed: true });
    expect(decide([near(list('bank'), 3)], OWN).isTimed).toBe(undefined);
  });
});
