/** Warnings of a scan: which of them make its exit code 2, how they are printed, and that the page has them all. */
import { expect, test } from 'vitest';
import { summaryRows } from '../../src/scan/report/summary-text.js';
import { ScanTally } from '../../src/scan/tally.js';
import { SCAN_WARNINGS, ScanWarnings, type WarningCode, warningLine } from '../../src/scan/warnings.js';
import { pageText } from '../docs/blocks.js';

const CODES = Object.keys(SCAN_WARNINGS) as WarningCode[];

test('docs/scan.md has each code with its exit code', () => {
  const rows = [...pageText('docs/scan.md').matchAll(/^\| `([A-Z_]+)` \| (2|unchanged) \|/gm)];
  const expected = CODES.map((code) => [code, SCAN_WARNINGS[code].fails ? '2' : 'unchanged']);
  expect(rows.map(([, code, exit]) => [code, exit])).toEqual(expected);
});

test.each(CODES)('%s says what is wrong in at most 12 words, and only a failing one fails the scan', (code) => {
  const { says, fails } = SCAN_WARNINGS[code];
  expect(says.split(' ').length).toBeLessThanOrEqual(12);
  const tally = new ScanTally();
  tally.warn(code);
  expect(tally.warnings.fails).toBe(fails);
});

test('a warning is one line, whatever its details have', () => {
  const line = warningLine({ code: 'INCLUDE_UNMATCHED', include: 'a\nb' });
  expect(line).toMatch(/^zeef: warning INCLUDE_UNMATCHED: [^\n]* \{"include":"a\\nb"\}\n$/);
});

test('a warning is reported at once, is in the summary, and no detail hides its code', () => {
  const seen: string[] = [];
  const tally = new ScanTally(({ code }) => seen.push(code));
  tally.warn('INCLUDE_UNMATCHED', { include: '*.jpg', code: 'other' });
  const summary = tally.summary({ generation: 1, interrupted: false, resumed: false });
  expect(seen).toEqual(['INCLUDE_UNMATCHED']);
  expect(summary).toMatchObject({ warnings: [{ code: 'INCLUDE_UNMATCHED', include: '*.jpg' }], warningsLeftOut: 0 });
  expect(summaryRows(summary)).toContainEqual({ name: '  INCLUDE_UNMATCHED', value: 1 });
});

test('beyond the limit warnings are counted, and still fail the scan', () => {
  const warnings = new ScanWarnings();
  for (let n = 0; n < 1_000; n++) warnings.add('INCLUDE_UNMATCHED', {});
  warnings.add('NOTHING_EXAMINED', {});
  expect([warnings.kept.length, warnings.leftOut, warnings.fails]).toEqual([1_000, 1, true]);
});

test('a scan of no file warns; one of a file does not', () => {
  const [nothing, something] = [new ScanTally(), new ScanTally()];
  something.takeOther('not_picture', 0);
  for (const tally of [nothing, something]) tally.warnOfNothing();
  expect([nothing.warnings.kept.length, something.warnings.kept.length]).toEqual([1, 0]);
});
