/** The draw of a check: as Python draws it, and what a list that counts in a share of the checks does with it. */
import { describe, expect, test } from 'vitest';
import { drawOf } from '../../src/check/draw.js';

/** `random.Random(seed).random()` of Python 3.11. */
test.each([
  ['', 0.9602256525641875],
  ['1', 0.4782479962566343],
  ['1234', 0.24836460312826447],
  ['abc', 0.7720246314157545],
  ['ä€😀', 0.0739602362174615],
  ['x'.repeat(1_000), 0.16324419727364425],
  ['\0a', 0.33944202963739156],
  ['\0\0\0\0b', 0.4179859693726842],
])('of %j', (seed, expected) => {
  expect(drawOf(seed)).toBe(expected);
});

describe('a thousand seeds', () => {
  const draws = Array.from({ length: 1_000 }, (_, n) => drawOf(`item-${n}`));
  test('are spread from 0 to below 1', () => {
    expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true);
    for (const ratio of [0.1, 0.5, 0.9])
      expect(Math.abs(draws.filter((draw) => draw <= ratio).length - ratio * 1_000)).toBeLessThan(60);
  });
});
