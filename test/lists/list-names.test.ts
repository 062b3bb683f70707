/** Which list a name stood for in a generation. */
import { expect, test } from 'vitest';
import { namesNow } from '../../src/lists/list-names.js';

const list = (name: string, ...formerNames: (readonly [name: string, until: number])[]) => ({
  list: name,
  formerNames: formerNames.map(([former, until]) => ({ name: former, until })),
});

test('of two lists that had a name, the first has it until its own rename', () => {
  const nameNow = namesNow([list('one', ['a', 5]), list('two', ['a', 9]), list('a')]);
  expect([1, 4, 5, 8, 9, 99].map((generation) => nameNow('a', generation))).toEqual([
    'one',
    'one',
    'two',
    'two',
    'a',
    'a',
  ]);
  // In whatever order the lists come.
  expect(namesNow([list('two', ['a', 9]), list('one', ['a', 5])])('a', 4)).toBe('one');
});

test('a list that got its name back', () => {
  const nameNow = namesNow([list('a', ['a', 3], ['b', 6]), list('b')]);
  expect(['a', 'b'].map((name) => [2, 5, 7].map((generation) => nameNow(name, generation)))).toEqual([
    ['a', 'a', 'a'],
    ['a', 'a', 'b'],
  ]);
});

test('a list that is gone, or was never there', () => {
  expect(namesNow([list('one', ['a', 5])])('a', 7)).toBeNull();
  expect(namesNow([])('a', 1)).toBeNull();
});
