import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NOT_CHECKED_REASONS, VERDICTS } from '../../src/core/vocabulary.js';
import { COUNT_BUCKETS_MAX, Counts, type Outcome, type Stats, type Totals } from '../../src/ledger/counts.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MIDNIGHT_MS = Date.parse('2026-03-01T00:00:00Z');

/** Counts whose time is moved by hand. */
function countsAt(startMs: number) {
  const clock = { atMs: startMs, nowMs: () => clock.atMs };
  return { clock, counts: new Counts(clock) };
}

const match = (...lists: string[]): Outcome => ({ tenant: 'a', verdict: 'match', reason: null, lists });
const noMatch: Outcome = { tenant: 'a', verdict: 'no_match', reason: null, lists: [] };
const totalsOf = ({ checked, matched, suppressed, notChecked }: Totals): Totals => ({
  checked,
  matched,
  suppressed,
  notChecked,
});
const sum = (counts: Iterable<number>): number => [...counts].reduce((a, b) => a + b, 0);

test('nothing asked, nothing counted', () => {
  const { counts } = countsAt(MIDNIGHT_MS);
  expect(counts.stats({})).toEqual({
    checked: 0,
    matched: 0,
    suppressed: 0,
    notChecked: 0,
    since: '2026-03-01T00:00:00.000Z',
    byList: {},
    byReason: {},
    series: [],
  });
});

test('each verdict adds to its own count, and a list that matched adds one each', () => {
  const { counts } = countsAt(MIDNIGHT_MS);
  counts.record(match('x', 'y'));
  counts.record(match('x'));
  counts.record(noMatch);
  counts.record({ tenant: 'a', verdict: 'suppressed', reason: null, lists: [] });
  counts.record({ tenant: 'a', verdict: 'not_checked', reason: 'truncated', lists: [] });
  expect(counts.stats({})).toMatchObject({
    checked: 5,
    matched: 2,
    suppressed: 1,
    notChecked: 1,
    byList: { x: 2, y: 1 },
    byReason: { truncated: 1 },
  });
});

test('list names that every object has are counted as any other', () => {
  const { counts } = countsAt(MIDNIGHT_MS);
  counts.record(match('__proto__', 'constructor'));
  expect(Object.entries(counts.stats({}).byList)).toEqual([
    ['__proto__', 1],
    ['constructor', 1],
  ]);
});

describe('from and to', () => {
  const { clock, counts } = countsAt(MIDNIGHT_MS);
  for (const hour of [0, 1, 2]) {
    clock.atMs = MIDNIGHT_MS + hour * HOUR_MS + 1;
    for (let n = 0; n < 10 ** hour; n++) counts.record(noMatch);
  }
  const checked = (fromHour: number | undefined, toHour: number | undefined, offsetMs = 0) =>
    counts.stats({
      fromMs: fromHour === undefined ? undefined : MIDNIGHT_MS + fromHour * HOUR_MS + offsetMs,
      toMs: toHour === undefined ? undefined : MIDNIGHT_MS + toHour * HOUR_MS + offsetMs,
    }).checked;

  test('from is inclusive, by the hour that holds it', () => {
    expect(checked(0, undefined)).toBe(111);
    expect(checked(1, undefined)).toBe(110);
    expect(checked(1, undefined, -1)).toBe(111);
    expect(checked(1, undefined, HOUR_MS - 1)).toBe(110);
    expect(checked(2, undefined)).toBe(100);
    expect(checked(3, undefined)).toBe(0);
  });

  test('to is exclusive, by the hour that holds it', () => {
    expect(checked(undefined, 0)).toBe(0);
    expect(checked(undefined, 0, 1)).toBe(1);
    expect(checked(undefined, 1)).toBe(1);
    expect(checked(undefined, 1, 1)).toBe(11);
    expect(checked(undefined, 3)).toBe(111);
  });

  test('an empty span holds nothing', () => {
    expect(checked(1, 1)).toBe(0);
    expect(checked(2, 1)).toBe(0);
  });
});

test('the last millisecond of an hour belongs to it, the next one to the next', () => {
  const { clock, counts } = countsAt(MIDNIGHT_MS);
  clock.atMs = MIDNIGHT_MS + HOUR_MS - 1;
  counts.record(noMatch);
  clock.atMs = MIDNIGHT_MS + HOUR_MS;
  counts.record(noMatch);
  expect(counts.stats({}).series.map(({ start, checked }) => [start, checked])).toEqual([
    ['2026-03-01T00:00:00.000Z', 1],
    ['2026-03-01T01:00:00.000Z', 1],
  ]);
});

test('a series by day starts at midnight UTC and has the sum of its hours', () => {
  const { clock, counts } = countsAt(MIDNIGHT_MS);
  for (const afterMs of [0, 5 * HOUR_MS, DAY_MS - 1, DAY_MS, 3 * DAY_MS]) {
    clock.atMs = MIDNIGHT_MS + afterMs;
    counts.record(match('x'));
  }
  expect(counts.stats({ interval: 'day' }).series.map(({ start, matched }) => [start, matched])).toEqual([
    ['2026-03-01T00:00:00.000Z', 3],
    ['2026-03-02T00:00:00.000Z', 1],
    ['2026-03-04T00:00:00.000Z', 1],
  ]);
  expect(counts.stats({ interval: 'hour' }).series).toHaveLength(5);
  expect(counts.stats({}).series).toHaveLength(5);
});

test('a list filter narrows what matched to that list, and leaves what was asked', () => {
  const { counts } = countsAt(MIDNIGHT_MS);
  counts.record(match('x'));
  counts.record(match('x', 'y'));
  counts.record(noMatch);
  expect(counts.stats({ list: 'y' })).toMatchObject({ checked: 3, matched: 1, byList: { y: 1 } });
  expect(counts.stats({ list: 'x' })).toMatchObject({ checked: 3, matched: 2, byList: { x: 2 } });
  expect(counts.stats({ list: 'z' })).toMatchObject({ checked: 3, matched: 0, byList: {} });
  expect(counts.stats({ list: 'y' }).series[0]).toMatchObject({ checked: 3, matched: 1 });
});

test('what is handed out is a copy', () => {
  const { counts } = countsAt(MIDNIGHT_MS);
  counts.record(match('x'));
  const first = counts.stats({});
  first.byList.x = 99;
  first.series[0]!.checked = 99;
  expect(counts.stats({})).toMatchObject({ checked: 1, byList: { x: 1 }, series: [{ checked: 1 }] });
});

test('memory is bounded: the oldest hour goes when there is one too many', () => {
  const { clock, counts } = countsAt(MIDNIGHT_MS);
  for (let hour = 0; hour < COUNT_BUCKETS_MAX; hour++) {
    clock.atMs = MIDNIGHT_MS + hour * HOUR_MS;
    counts.record(noMatch);
  }
  expect(counts.stats({}).checked).toBe(COUNT_BUCKETS_MAX);
  clock.atMs += HOUR_MS;
  counts.record(noMatch);
  const { checked, series } = counts.stats({});
  expect(checked).toBe(COUNT_BUCKETS_MAX);
  expect(series[0]!.start).toBe('2026-03-01T01:00:00.000Z');
});

describe('any story', () => {
  const event = fc.record({
    afterMs: fc.integer({ min: 0, max: 3 * HOUR_MS }),
    tenant: fc.constantFrom('a', 'b', 'a b'),
    verdict: fc.constantFrom(...VERDICTS),
    reason: fc.constantFrom(...NOT_CHECKED_REASONS),
    lists: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1 }),
  });
  const story = fc.array(event, { maxLength: 60 });
  type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

  /** Plays a story; gives the outcomes with their times, for counting by hand. */
  function play(events: readonly Event[]) {
    const { clock, counts } = countsAt(MIDNIGHT_MS + 1234);
    const told = events.map(({ afterMs, tenant, verdict, reason, lists }) => {
      clock.atMs += afterMs;
      const outcome: Outcome = {
        tenant,
        verdict,
        reason: verdict === 'not_checked' ? reason : null,
        lists: verdict === 'match' ? lists : [],
      };
      counts.record(outcome);
      return { atMs: clock.atMs, ...outcome };
    });
    return { counts, told };
  }

  test('equals the count by hand, for every tenant and any span of whole hours', () => {
    const hours = fc.integer({ min: 0, max: 60 });
    fc.assert(
      fc.property(story, fc.constantFrom('a', 'b', 'a b', undefined), hours, hours, (events, tenant, from, length) => {
        const { counts, told } = play(events);
        const fromMs = MIDNIGHT_MS + from * HOUR_MS;
        const toMs = fromMs + length * HOUR_MS;
        const inside = told.filter(
          (o) => o.atMs >= fromMs && o.atMs < toMs && (tenant === undefined || o.tenant === tenant),
        );
        const count = (verdict: string) => inside.filter((o) => o.verdict === verdict).length;
        const stats = counts.stats({ fromMs, toMs, tenant });
        expect(totalsOf(stats)).toEqual({
          checked: inside.length,
          matched: count('match'),
          suppressed: count('suppressed'),
          notChecked: count('not_checked'),
        });
        for (const list of ['x', 'y', 'z']) {
          expect(stats.byList[list] ?? 0).toBe(inside.filter((o) => o.lists.includes(list)).length);
        }
      }),
    );
  });

  test('the sums add up: series, tenants, days and reasons', () => {
    const add = (parts: readonly Totals[]): Totals => ({
      checked: sum(parts.map((p) => p.checked)),
      matched: sum(parts.map((p) => p.matched)),
      suppressed: sum(parts.map((p) => p.suppressed)),
      notChecked: sum(parts.map((p) => p.notChecked)),
    });
    fc.assert(
      fc.property(story, (events) => {
        const { counts } = play(events);
        const whole: Stats = counts.stats({});
        expect(add(whole.series)).toEqual(totalsOf(whole));
        expect(add(counts.stats({ interval: 'day' }).series)).toEqual(totalsOf(whole));
        expect(add(['a', 'b', 'a b'].map((tenant) => counts.stats({ tenant })))).toEqual(totalsOf(whole));
        expect(sum(Object.values(whole.byReason))).toBe(whole.notChecked);
        expect(whole.matched + whole.suppressed + whole.notChecked).toBeLessThanOrEqual(whole.checked);
        const starts = whole.series.map(({ start }) => start);
        expect(starts).toEqual([...new Set(starts)].sort());
      }),
    );
  });

  test('a span cut in two at a whole hour has the same sum', () => {
    fc.assert(
      fc.property(story, fc.integer({ min: 0, max: 60 }), (events, cutHour) => {
        const { counts } = play(events);
        const cutMs = MIDNIGHT_MS + cutHour * HOUR_MS;
        const before = counts.stats({ toMs: cutMs }).checked;
        const after = counts.stats({ fromMs: cutMs }).checked;
        expect(before + after).toBe(counts.stats({}).checked);
      }),
    );
  });
});
