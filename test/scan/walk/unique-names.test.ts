import { expect, test } from 'vitest';
import { UniqueNames } from '../../../src/scan/walk/unique-names.js';

test('each name is used once, also beside entries that have such a name', () => {
  const names = new UniqueNames();
  expect(['a', 'a+', 'a', 'a', 'b', 'a+', 'a+'].map((name) => names.of(name))).toEqual([
    'a',
    'a+',
    'a+3',
    'a+4',
    'b',
    'a++',
    'a++3',
  ]);
});

test('an archive of one name, a hundred thousand times, takes no longer than one of different names', () => {
  const names = new UniqueNames();
  for (let n = 0; n < 100_000; n++) names.of('a');
  expect(names.of('a')).toBe('a+100001');
});
