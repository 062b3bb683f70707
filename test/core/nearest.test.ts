import { expect, test } from 'vitest';
import { namesFrom } from '../../src/core/names.js';
import { knownNames, nearestOf } from '../../src/core/nearest.js';

const KNOWN = ['tenant', 'list', 'lists', 'from', 'to', 'reference', 'data-dir', 'entryId'];

test.each([
  ['tennant', 'tenant'],
  ['tenatn', 'tenant'],
  ['Tenant', 'tenant'],
  ['lsit', 'list'],
  ['lits', 'list'],
  ['lissts', 'lists'],
  ['ref', 'reference'],
  ['dataDir', 'data-dir'],
  ['entry_id', 'entryId'],
  ['too', 'to'],
  ['zzz', undefined],
  ['x', undefined],
  ['', undefined],
  ['--', undefined],
])('%s is nearest to %s', (name, nearest) => {
  expect(nearestOf(name, KNOWN)).toBe(nearest);
});

test('a long name is not compared', () => {
  expect(nearestOf('tenant'.repeat(1_000), KNOWN)).toBeUndefined();
});

test('what an error says: the known names, and the nearest where there is one', () => {
  expect(knownNames('form', ['from', 'to'])).toEqual({ expected: 'one of from to', nearest: 'from' });
  expect(knownNames('x', ['from', 'to'])).toEqual({ expected: 'one of from to' });
  expect(knownNames('x', [])).toEqual({ expected: 'none' });
});

test('names are trimmed, and none is empty', () => {
  expect(namesFrom(' a, b ', 'lists')).toEqual(['a', 'b']);
  for (const text of ['', ' ', 'a,', ',a', 'a,,b']) expect(() => namesFrom(text, 'lists')).toThrow(/"field":"lists"/);
});
