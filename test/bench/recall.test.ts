/** Extrapolation of false matches, against values computed by hand or from tables; the ways to match at both sides of each edge. */
import { describe, expect, test } from 'vitest';
import { compare, POSSIBLE, RULE, Strangers, SURER, type Way } from '../../bench/recall/compare.js';
import {
  chancePasses,
  fitTail,
  normalShareBelow,
  perBillion,
  spreadOf,
  tailFactor,
  unseenShare,
} from '../../bench/recall/extrapolate.js';
import { countsOf, type Queries, WORDS } from '../../bench/recall/queries.js';
import { KNOBS } from '../../src/config/knobs.js';

describe('extrapolation', () => {
  test.each([
    // Tables of the normal distribution: 0, 1, 1.96, 2, 5 and 10 standard deviations.
    [0, 0.5],
    [-1, 0.158655254],
    [-1.96, 0.0249978951],
    [-2, 0.0227501319],
    [-5, 2.86651572e-7],
    [-10, 7.61985302e-24],
    [1, 0.841344746],
    [3, 0.998650102],
  ])('below %f standard deviations', (z, share) => {
    expect(normalShareBelow(128 + 8 * z, 128, 8) / share).toBeCloseTo(1, 7);
  });

  test('mean and standard deviation of a histogram', () => {
    // 2, 4, 4, 6: mean 4, squares of the differences 4, 0, 0, 4.
    const { count, mean, deviation } = spreadOf([0, 0, 1, 0, 2, 0, 1]);
    expect([count, mean]).toEqual([4, 4]);
    expect(deviation).toBeCloseTo(Math.SQRT2, 12);
  });

  test('a tail that grows by the same factor each two bits is a line, and is extended as one', () => {
    // Up to 70: 1, up to 72: 4, up to 74: 16, up to 76: 64.
    const histogram = new Float64Array(257);
    histogram.set([1, 0, 3, 0, 12, 0, 48], 70);
    const tail = fitTail(histogram, 63);
    expect(tail).toMatchObject({ to: 74, count: 16 });
    expect(tail.slope).toBeCloseTo(Math.LN2, 12);
    expect(fitTail(histogram, 64)).toMatchObject({ to: 76, count: 64 });
    // 43 bits below 74: half as many for each.
    expect(tailFactor(tail, 31)).toBeCloseTo(2 ** -43, 20);
    expect(tailFactor(tail, 74)).toBe(1);
  });

  test('one step more than the least is taken, that there is a line at all', () => {
    const histogram = new Float64Array(257);
    histogram[80] = 100;
    histogram[82] = 100;
    histogram[84] = 100;
    expect(fitTail(histogram, 10)).toMatchObject({ to: 82, count: 200 });
  });

  test('the chance that wrong bits are uncertain ones', () => {
    // Of one bit, it is an uncertain one or may be wrong; of two, both are uncertain: 128/256 · 127/255.
    expect(chancePasses(1, 0)).toBeCloseTo(0.5, 12);
    expect(chancePasses(1, 1)).toBeCloseTo(1, 12);
    expect(chancePasses(2, 0)).toBeCloseTo((128 * 127) / (256 * 255), 12);
    // One of two: 1 - 2 · that of both uncertain.
    expect(chancePasses(2, 1)).toBeCloseTo(1 - (128 * 127) / (256 * 255), 12);
    // All but 128 wrong bits are certain at least.
    expect(chancePasses(140, 11)).toBe(0);
    expect(chancePasses(200, 128)).toBeCloseTo(1, 10);
    expect(chancePasses(RULE.radiusBits, RULE.wrongBitsMax)).toBeLessThan(1e-3);
  });

  test('shares of what was never seen, and of a billion checks', () => {
    expect(unseenShare(3_000)).toBe(0.001);
    // 1e9 · 16 · 1e7 · 1e-20.
    expect(perBillion(16, 1e7, 1e-20)).toBeCloseTo(0.0016, 12);
  });
});

/** A query that has `certain` and `uncertain` bits otherwise than a listed hash of zeros. */
function queryOf(level: number, certain: number, uncertain: number): Queries {
  const bits = (from: number, count: number) => {
    const words = new Uint32Array(WORDS);
    for (let bit = from; bit < from + count; bit++) words[bit >> 5]! |= 1 << (bit & 31);
    return words;
  };
  const [low, high] = [bits(0, certain), bits(128, uncertain)];
  return {
    words: Uint32Array.from(low, (word, at) => word | high[at]!),
    certain: level === 0 ? new Uint32Array(WORDS) : bits(0, 128),
    levels: Uint8Array.of(level),
    ms: [0, 0, 0],
  };
}

describe('ways to match', () => {
  const ZEROS = new Uint32Array(WORDS);
  const ALL: Way[] = ['plain', 'standard', 'deep', 'deep, no rule', 'deep, surer 47', 'standard 47', 'deep 47'];
  const FOUND: Way[] = ['standard', 'deep', 'deep, no rule', 'deep, surer 47', 'standard 47', 'deep 47'];
  const FIXED: Way[] = ['deep', 'deep, no rule', 'deep, surer 47', 'deep 47'];

  test.each<[level: number, certain: number, uncertain: number, ways: Way[]]>([
    [0, 31, 0, ALL],
    [0, 32, 0, []],
    [1, 6, 25, FOUND],
    [1, 7, 24, ['deep, no rule', 'standard 47', 'deep 47']],
    [1, 6, 26, ['standard 47', 'deep 47']],
    [1, 4, 43, ['deep, surer 47', 'standard 47', 'deep 47']],
    [1, 5, 42, ['standard 47', 'deep 47']],
    [1, 4, 44, []],
    [1, 14, 33, ['standard 47', 'deep 47']],
    [1, 15, 32, []],
    [1, 14, 34, []],
    [1, 15, 16, ['deep, no rule']],
    [2, 6, 25, FIXED],
    [2, 7, 24, ['deep, no rule', 'deep 47']],
    [2, 6, 26, ['deep 47']],
    [2, 14, 34, []],
  ])('mode %i, %i certain bits wrong, %i others', (level, certain, uncertain, ways) => {
    const query = queryOf(level, certain, uncertain);
    const compared = compare(query, ZEROS, () => true);
    expect([...compared.ways].sort()).toEqual([...ways].sort());
    expect(compared.nearest).toBe(certain + uncertain);
    if (level > 0) expect(compared.window).toEqual({ distance: certain + uncertain, wrong: certain });
    const strangers = new Strangers();
    strangers.add(query, ZEROS, null);
    expect([...strangers.matched].flatMap(([way, count]) => (count === 1 ? [way] : [])).sort()).toEqual(
      [...ways].sort(),
    );
    expect(strangers.distancesOf(level)[certain + uncertain]).toBe(1);
    strangers.add(query, ZEROS, 0);
    expect(strangers, 'its own entry').toMatchObject({ images: 2, pairs: 1 });
  });

  test('the rule is the default of the service', () => {
    const { windowRadiusBits, windowWrongBitsMax } = KNOBS;
    expect(RULE).toEqual({ radiusBits: windowRadiusBits.default, wrongBitsMax: windowWrongBitsMax.default });
    expect(POSSIBLE).toEqual({ radiusBits: 47, wrongBitsMax: 14 });
    expect(SURER).toEqual({ radiusBits: 47, wrongBitsMax: 4 });
  });

  test('each mode asks the queries of those before it', () => {
    expect(countsOf({ ...queryOf(0, 0, 0), levels: Uint8Array.of(0, 1, 1, 2, 0, 2, 2) })).toEqual([2, 4, 7]);
  });

  test('two sets of strangers are one', () => {
    const [one, other] = [new Strangers(), new Strangers()];
    one.add(queryOf(1, 20, 40), ZEROS, null);
    other.add(queryOf(2, 5, 25), ZEROS, null);
    const both = one.addAll(other);
    expect(both).toMatchObject({ images: 2, pairs: 2, nearest: 30 });
    expect([...both.nearWindows()]).toEqual([
      { distance: 30, wrong: 5, count: 1 },
      { distance: 60, wrong: 20, count: 1 },
    ]);
  });
});
