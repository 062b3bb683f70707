/** Import rules at their edges, apart from any store. */
import { expect, test } from 'vitest';
import { ImportCounts } from '../../src/store/import-rules.js';

test('counts: rejections by reason with the first hundred lines, and the value that most rows carry', () => {
  const counts = new ImportCounts();
  counts.accepted = 3;
  counts.added = 2;
  counts.removed = 4;
  counts.deleted = 1;
  for (let line = 1; line <= 101; line++) counts.reject({ line, reason: line === 1 ? 'not_active' : 'not_a_value' });
  counts.duplicates = 3;
  for (const name of ['a', 'b', 'a', 'a', 'c'])
    counts.value({ algorithm: 0, value: Buffer.from(`..${name}234567890`) });
  const report = counts.report('list', 7);
  expect(report).toMatchObject({ list: 'list', version: 7, accepted: 3, duplicates: 3, rejected: 101, removed: 5 });
  expect(report.rejectedByReason).toEqual({ not_active: 1, not_a_value: 100 });
  expect(report.firstRejected.map(({ line }) => line)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
  const facts = { entriesBefore: 10, entriesAfter: 8, knownGood: 1, isNew: () => true };
  expect(counts.draft('add', facts)).toEqual({
    ...facts,
    mode: 'add',
    added: 2,
    removed: 5,
    rows: 107,
    rejectedByReason: report.rejectedByReason,
    mostRowsOfOneValue: 3,
  });
});
