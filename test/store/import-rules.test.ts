/** Import rules at their edges, apart from any store. */
import { describe, expect, test } from 'vitest';
import { ImportCounts, isDuplicate, Withdrawals } from '../../src/store/import-rules.js';

test('a known value is a duplicate in an addition; in a replacement only where this version has it already', () => {
  expect([isDuplicate('add', 4, 5), isDuplicate('add', 5, 5)]).toEqual([true, true]);
  expect([isDuplicate('replace', 4, 5), isDuplicate('replace', 5, 5)]).toEqual([false, true]);
});

describe('a withdrawn entry', () => {
  const AT = '2026-09-14T12:00:00Z';
  const BEFORE = '2026-09-14T11:59:59Z';
  const AFTER = '2026-09-14T12:00:01Z';

  test('is withdrawn up to the time of the withdrawal, inclusive, by the list’s own clock', () => {
    const withdrawal = new Withdrawals().withdraw('e', AT);
    expect([BEFORE, AT, AFTER, null].map((at) => withdrawal.covers(at))).toEqual([true, true, false, true]);
  });

  test('without a time is withdrawn regardless of its last update', () => {
    for (const at of [undefined, 'no time']) {
      const withdrawals = new Withdrawals();
      expect(withdrawals.withdraw('e', at).covers(AFTER)).toBe(true);
      expect(withdrawals.isWithdrawn('e', AFTER)).toBe(false);
    }
  });

  test('is withdrawn by the latest of several withdrawals, in any order; another entry is not', () => {
    for (const times of [
      [AFTER, BEFORE],
      [BEFORE, AFTER],
    ]) {
      const withdrawals = new Withdrawals();
      for (const at of times) withdrawals.withdraw('e', at);
      expect([AT, AFTER].map((at) => withdrawals.isWithdrawn('e', at))).toEqual([true, true]);
      expect(withdrawals.isWithdrawn('other', BEFORE)).toBe(false);
    }
  });
});

test('counts: rejections by reason with the first hundred lines, and the value that most rows carry', () => {
  const counts = new ImportCounts();
  counts.accepted = 3;
  counts.added = 2;
  counts.removed = 4;
  counts.deleted = 1;
  for (let line = 1; line <= 101; line++) counts.reject({ line, reason: line === 1 ? 'not_active' : 'not_a_value' });
  for (const name of ['a', 'b', 'a']) counts.duplicate(name);
  const report = counts.report('list', 7);
  expect(report).toMatchObject({ list: 'list', version: 7, accepted: 3, duplicates: 3, rejected: 101, removed: 5 });
  expect(report.rejectedByReason).toEqual({ not_active: 1, not_a_value: 100 });
  expect(report.firstRejected.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
  expect(counts.draft(10, 8, 1)).toEqual({
    entriesBefore: 10,
    entriesAfter: 8,
    added: 2,
    removed: 5,
    rows: 107,
    rejectedByReason: report.rejectedByReason,
    knownGood: 1,
    // The accepted row, and two duplicates.
    mostRowsOfOneValue: 3,
  });
});
