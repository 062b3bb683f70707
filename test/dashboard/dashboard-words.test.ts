/** The page's own calculations: periods, countdowns, figures. What it draws is tested in a browser. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NOTE_CHARACTERS_MAX } from '../../src/core/limits.js';
import { digestWords, looksLikeValue, matchWords } from '../../src/dashboard/case-matches.js';
import { cornersOf, windowWords } from '../../src/dashboard/case-window.js';
import { clockOf } from '../../src/dashboard/case-words.js';
import { periodOf, stepsOf } from '../../src/dashboard/periods.js';
import type { Hit } from '../../src/dashboard/types.js';
import { duration, percent, seconds, short } from '../../src/dashboard/words.js';

const NOW = Date.parse('2026-09-14T09:12:30Z');
const HOUR_MS = 3_600_000;

describe('periods', () => {
  test.each([
    ['24h', '2026-09-13T10:00:00.000Z', '2026-09-14T10:00:00.000Z', 'hour', 24],
    ['7d', '2026-09-08T00:00:00.000Z', '2026-09-15T00:00:00.000Z', 'hour', 6 * 24 + 10],
    ['30d', '2026-08-16T00:00:00.000Z', '2026-09-15T00:00:00.000Z', 'day', 30],
    ['quarter', '2026-07-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z', 'day', 76],
    ['year', '2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z', 'day', 257],
  ])('%s', (choice, from, to, step, steps) => {
    const period = periodOf(choice, '', '', NOW)!;
    expect(period).toEqual({ from, to, step });
    expect(stepsOf(period, NOW)).toHaveLength(steps);
  });

  test('a custom period includes both its days; an incomplete or reversed one is invalid', () => {
    expect(periodOf('custom', '2026-02-01', '2026-02-28', NOW)).toEqual({
      from: '2026-02-01T00:00:00.000Z',
      to: '2026-03-01T00:00:00.000Z',
      step: 'day',
    });
    expect(periodOf('custom', '2024-01-01', '2026-06-30', NOW)?.step).toBe('month');
    expect(periodOf('custom', '', '2026-02-28', NOW)).toBeNull();
    expect(periodOf('custom', '2026-02-02', '2026-02-01', NOW)).toBeNull();
  });

  test('monthly steps begin with the month', () => {
    const period = periodOf('custom', '2024-11-05', '2026-01-04', NOW)!;
    const starts = stepsOf(period, NOW).map(({ startMs }) => new Date(startMs).toISOString().slice(0, 10));
    expect([starts[0], starts[1], starts.at(-1)]).toEqual(['2024-11-01', '2024-12-01', '2026-01-01']);
  });
});

describe('the clock of a case', () => {
  const startMs = Date.parse('2026-09-14T00:00:00Z');
  const at = (hours: number, stoppedHours: number | null = null) =>
    clockOf(
      {
        clock: {
          startedAt: new Date(startMs).toISOString(),
          stoppedAt: stoppedHours === null ? null : new Date(startMs + stoppedHours * HOUR_MS).toISOString(),
          seconds: null,
          deadlines: [1, 12, 24].map((each) => ({
            hours: each,
            dueAt: new Date(startMs + each * HOUR_MS).toISOString(),
            met: null,
          })),
        },
      } as unknown as Hit,
      startMs + hours * HOUR_MS,
    );

  test('counts down to the next deadline, warns 15 minutes before, and is late from the last on', () => {
    expect(at(0)).toMatchObject({ kind: 'running', text: '1 h to 1 h', elapsed: 0, marks: [1 / 24, 0.5] });
    expect(at(0.74)).toMatchObject({ kind: 'running' });
    expect(at(0.75)).toMatchObject({ kind: 'soon', text: '15 min to 1 h' });
    expect(at(1)).toMatchObject({ kind: 'running', text: '11 h to 12 h', nextMs: startMs + 12 * HOUR_MS });
    expect(at(23.999)).toMatchObject({ kind: 'soon', text: '3 s to 24 h' });
    expect(at(24)).toMatchObject({ kind: 'late', text: '0 s overdue', nextMs: null });
    expect(at(50)).toMatchObject({ kind: 'late', text: '1 d 2 h overdue', elapsed: 1 });
  });

  test('stops with the case', () => {
    expect(at(90, 6)).toMatchObject({ kind: 'stopped', text: 'after 6 h', elapsed: 0.25 });
    expect(at(90, 24)).toMatchObject({ text: 'after 1 d' });
    expect(at(90, 30)).toMatchObject({ text: 'after 1 d 6 h, late' });
  });
});

test('figures are abbreviated, with units', () => {
  expect([short(99_999), short(18_200_000_000), short(7_400_000)]).toEqual(['99,999', '18.2bn', '7.4m']);
  expect([percent(1 / 2460), percent(0.5), percent(0)]).toEqual(['0.0407%', '50%', '0%']);
  expect([seconds(0.0031), seconds(0.45), seconds(2.34)]).toEqual(['3.1 ms', '450 ms', '2.3 s']);
  expect([duration(59.9), duration(3599), duration(86_399)]).toEqual(['59 s', '59 min 59 s', '23 h 59 min']);
});

test('a note may be as long on the page as in the API', () => {
  expect(readFileSync('src/dashboard/decide.ts', 'utf8')).toContain(`maxlength: '${NOTE_CHARACTERS_MAX}'`);
});

describe('the matches of a case', () => {
  const match = {
    list: 'police',
    matchType: 'near',
    suppressed: false,
    quarantined: true,
    entryId: 'e-17',
    algorithm: 'pdq',
    distance: 6,
    radius: 31,
    orientation: 'rotate90',
    family: 'resized',
    category: 'A1',
    severity: null,
    source: 'hotline',
  } as const;

  test('with details: entry, algorithm, distance, category; without: list and type', () => {
    expect(matchWords(match)).toEqual([
      'police · entry e-17',
      'pdq, near, 6 of 31 · rotate90 · resized · category A1 · source hotline · quarantined',
    ]);
    expect(matchWords({ ...match, derived: 'crop' })[1]).toContain(' · by a crop of the listed image · ');
    const { list, matchType, suppressed, quarantined } = match;
    expect(matchWords({ list, matchType, suppressed, quarantined })).toEqual(['police', 'near · quarantined']);
  });

  test('a window: what it undoes, where it lies, and how sure it is', () => {
    const window = {
      kind: 'border',
      rectangle: { left: 0.1, top: 0.25, right: 0.9, bottom: 0.75 },
      degrees: 0,
      proportion: 2,
      certainBitsWrong: 3,
    };
    expect(windowWords(window)).toBe(
      'a part inside of a border: 10 to 90 % across, 25 to 75 % down; 3 of 128 certain bits wrong',
    );
    // A frame of 100 by 50.
    expect(cornersOf(window)).toEqual([
      [10, 12.5],
      [90, 12.5],
      [90, 37.5],
      [10, 37.5],
    ]);
    const turned = { ...window, kind: 'rotation', degrees: 90, proportion: 0.5 };
    expect(windowWords(turned)).toContain('turned by 90°');
    // A frame of 50 by 100: 40 wide and 50 high, on its side.
    for (const [n, [x, y]] of cornersOf(turned).entries()) {
      expect(x).toBeCloseTo([50, 50, 0, 0][n]!);
      expect(y).toBeCloseTo([30, 70, 70, 30][n]!);
    }
  });

  test.each(['0'.repeat(32), `x-${'aB'.repeat(32)}`, `${'Q'.repeat(43)}=`])(
    'an id that may be a value is left out: %s',
    (entryId) => {
      expect(looksLikeValue(entryId)).toBe(true);
      expect(matchWords({ ...match, entryId }).join()).not.toContain(entryId);
    },
  );
  test('a usual id is no value', () => {
    expect(['e-17', 'mate-freshflower', '0'.repeat(31), '2026-09-14T09:12:30Z'].filter(looksLikeValue)).toEqual([]);
  });

  test.each([
    ['image', [{ ...match, matchType: 'exact' }], 'e', 'not shown: the file is itself listed'],
    ['image', [match, { ...match, matchType: 'exact', suppressed: true }], 'e', 'not shown: the file is itself listed'],
    ['image', [match], 'e', 'sealed in the ledger; the notice has its SHA-256'],
    ['image', [match], undefined, 'sealed in the ledger; the notice has its SHA-256 for a key with the scope details'],
    ['hash', [match], 'e', 'none: a hash was checked, not a file'],
  ])('the digest of a file is not shown, and where it is: %#', (kind, matches, entryId, words) => {
    const digests = kind === 'hash' ? {} : { sha256: 'f'.repeat(64) };
    expect(digestWords({ kind, matches, digests, entryId } as unknown as Hit)).toBe(words);
  });
});
