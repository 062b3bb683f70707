import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chart, niceMax } from '../../src/reports/chart.js';
import { reportCsv } from '../../src/reports/csv.js';
import { dsaCsv, dsaFigures, dsaPeriod } from '../../src/reports/dsa.js';
import { REPORT_POLICY, reportHtml } from '../../src/reports/html.js';
import type { Report } from '../../src/reports/report.js';
import { countText, durationText, shareText, timeText } from '../../src/reports/words.js';
import { REPORT } from '../support/report-samples.js';

const HOSTILE = `<img src=x onerror="alert('1')">&amp;`;
const EMPTY: Report = {
  ...REPORT,
  checked: 0,
  matched: 0,
  exact: 0,
  near: 0,
  suppressed: 0,
  notChecked: 0,
  hitRate: 0,
  byTenant: [],
  byList: [],
  byCategory: [],
  byReason: [],
  series: [],
  takedown: {
    cases: 0,
    open: 0,
    notified: 0,
    removed: 0,
    falsePositives: 0,
    confirmed: 0,
    overdue: 0,
    seenAgainAfterRemoval: 0,
    within: [],
    medianSeconds: null,
    p90Seconds: null,
    medianSecondsFromFinding: null,
    p90SecondsFromFinding: null,
    oldestOpenAt: null,
    byTenant: [],
  },
  reversals: { decided: 0, reversed: 0, errorRate: null },
};
const withName = (name: string): Report => ({
  ...REPORT,
  tenant: name,
  byList: [{ list: name, matched: 3 }],
  byCategory: [{ category: name, matched: 3 }],
  byTenant: [{ ...REPORT.byTenant[0]!, tenant: name }],
});

describe('texts', () => {
  test.each([
    [0, '0 s', '0 s'],
    [59.4, '59 s', '59 s'],
    [59.6, '1 min', '1 min'],
    [61, '1 min 1 s', '1 min 1 s'],
    [3599.6, '1 h', '1 u'],
    [3600, '1 h', '1 u'],
    [33_240, '9 h 14 min', '9 u 14 min'],
    [86_399, '1 d', '1 d'],
    [86_400, '1 d', '1 d'],
    [183_600, '2 d 3 h', '2 d 3 u'],
  ])('%d seconds', (seconds, english, dutch) => {
    expect(durationText(seconds)).toBe(english);
    expect(durationText(seconds, 'nl')).toBe(dutch);
  });

  test('counts and shares are formatted by language; a small share keeps its digits', () => {
    expect([countText(18_200_000_000), countText(18_200_000_000, 'nl')]).toEqual(['18,200,000,000', '18.200.000.000']);
    expect([shareText(7.4e6 / 18.2e9), shareText(0.9345), shareText(1), shareText(0)]).toEqual([
      '0.0407%',
      '93.5%',
      '100%',
      '0%',
    ]);
  });

  test('Dutch times are local, in summer and winter', () => {
    expect(timeText('2026-09-14T09:12:00Z', 'nl')).toBe('14 september 2026 om 11:12 (09:12 UTC)');
    expect(timeText('2026-12-31T23:30:00Z', 'nl')).toBe('1 januari 2027 om 00:30 (23:30 UTC)');
    expect(timeText('2026-09-14T09:12:00Z')).toBe('14 September 2026 at 09:12 UTC');
  });
});

describe('CSV', () => {
  const rows = (text: string) => parse(text, { columns: true }) as Record<string, string>[];
  const figureOf = (text: string, section: string, name: string, figure: string, unit = 'count') =>
    rows(text).find((row) => row.section === section && row.name === name && row.figure === figure && row.unit === unit)
      ?.value;

  test('figures are exact, and every row has the period', () => {
    const text = reportCsv(REPORT);
    expect(figureOf(text, 'total', 'all', 'checked')).toBe('18200000000');
    expect(figureOf(text, 'total', 'all', 'matched')).toBe('7400000');
    expect(figureOf(text, 'list', 'police', 'matched')).toBe('812345');
    expect(figureOf(text, 'tenant', 'polder-cloud', 'notChecked')).toBe('330000');
    expect(figureOf(text, 'not checked', 'corrupt', 'count')).toBe('630000');
    expect(figureOf(text, 'takedown', 'all', 'within 24 h')).toBe('38500');
    expect(figureOf(text, 'takedown', 'all', 'medianSeconds', 'seconds')).toBe('18720');
    expect(figureOf(text, 'reversals', 'all', 'reversed')).toBe('870');
    expect(rows(text).filter((row) => row.section === 'series')).toHaveLength(92 * 4);
    expect(new Set(rows(text).map(({ period, from, to }) => `${period} ${from} ${to}`))).toEqual(
      new Set([`2026-Q3 ${REPORT.from} ${REPORT.to}`]),
    );
  });

  test('an unknown figure is an empty cell, not 0', () => {
    expect(figureOf(reportCsv(REPORT), 'takedown by tenant', 'polder-cloud', 'medianSeconds', 'seconds')).toBe('');
    expect(figureOf(reportCsv(EMPTY), 'reversals', 'all', 'errorRate', 'share')).toBe('');
  });

  test('lines end with CRLF, and all have the same number of cells', () => {
    const lines = reportCsv(REPORT).trimEnd().split('\r\n');
    expect(lines.every((line) => !line.includes('\n') && line.split(',').length === 8)).toBe(true);
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("http://x","y")'])(
    'a name that a spreadsheet would run is escaped: %j',
    (name) => {
      for (const text of [reportCsv(withName(name)), dsaCsv(withName(name))]) {
        const cells = (parse(text) as string[][]).flat();
        expect(cells).toContain(`'${name}`);
        expect(cells.filter((cell) => /^[=+\-@\t\r]/.test(cell))).toEqual([]);
      }
    },
  );

  test('any name is read back as it was, or with a leading apostrophe', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        const told = rows(reportCsv(withName(name))).find((row) => row.section === 'list')?.name;
        expect([name, `'${name}`]).toContain(told);
      }),
    );
  });
});

describe('HTML', () => {
  test('the headline has the counts and the hit rate', () => {
    expect(reportHtml(REPORT)).toContain('18,200,000,000 images checked, 7,400,000 hits: one in 2,459');
    expect(reportHtml(EMPTY)).toContain('0 images checked, 0 hits<');
  });

  test('the page loads nothing and runs nothing, and its policy forbids it', () => {
    const text = reportHtml(REPORT);
    expect(text).not.toMatch(
      /<(script|link|img|iframe|object|embed|base)\b|\bsrc=|\bhref=|url\(|@import|https?:|style="/i,
    );
    expect(text).toContain(REPORT_POLICY.replaceAll("'", '&#39;'));
  });

  test('names are escaped', () => {
    const text = reportHtml(withName(HOSTILE));
    expect(text).not.toContain('<img');
    expect(text).toContain('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;');
  });

  test('an empty period is a page too', () => {
    expect(reportHtml(EMPTY)).toContain('Nothing was checked in this period.');
    expect(reportHtml(EMPTY)).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(reportHtml(REPORT)).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  test.each([
    [0, 1],
    [1, 1],
    [1.1, 2],
    [2, 2],
    [4.9, 5],
    [5.1, 6],
    [999, 1000],
    [1000, 1000],
    [1001, 2000],
  ])('the scale of %d ends at %d', (value, most) => expect(niceMax(value)).toBe(most));

  test('the height of a bar is its share of the scale', () => {
    const series = [
      { start: '2026-07-01T00:00:00Z', checked: 100, matched: 0 },
      { start: '2026-07-02T00:00:00Z', checked: 50, matched: 0 },
    ];
    const svg = chart(series, 'day').text;
    expect([...svg.matchAll(/<rect [^>]*height="([\d.]+)"/g)].map(([, height]) => Number(height))).toEqual([
      84, 42, 0, 0,
    ]);
  });
});

describe('DSA figures', () => {
  const named = (report: Report, indicator: string) => dsaFigures(report).find((each) => each.indicator === indicator);

  test('own-initiative measures are the removed files', () => {
    expect(named(REPORT, "Number of measures taken at the provider's own initiative")).toMatchObject({
      part: 5,
      value: 39_900,
    });
    expect(named(REPORT, 'Number of measures taken after detection with solely automated means')?.value).toBe(39_900);
    expect(named(REPORT, 'Visibility restriction Removal')?.value).toBe(39_900);
  });

  test('the error rate is that of reversals; precision is the rest, rounded to the hundredth', () => {
    expect(named(REPORT, 'Error rate of automated means')?.value).toBeCloseTo(0.021339, 5);
    expect(named(REPORT, 'Accuracy of the automated means - Precision')).toMatchObject({ part: 8, value: 0.98 });
    expect(named(EMPTY, 'Error rate of automated means')?.value).toBeNull();
    expect(named(EMPTY, 'Accuracy of the automated means - Precision')?.value).toBeNull();
  });

  test('the median time is in hours', () => {
    expect(named(REPORT, 'Median time to take action')).toMatchObject({ value: 5.2, unit: 'hours' });
    expect(named(EMPTY, 'Median time to take action')?.value).toBeNull();
  });

  test('a figure that Zeef cannot know has no value, and a reason', () => {
    const unknown = dsaFigures(REPORT).filter(({ value }) => value === null);
    expect(unknown.map(({ indicator }) => indicator)).toEqual([
      'Number of notices received',
      'Number of measures solely taken by automated means',
      'Number of measures not taken by automated means',
      'Accuracy of the automated means - Accuracy',
      'Accuracy of the automated means - Recall',
    ]);
    expect(unknown.every(({ context }) => context.startsWith('Not known to Zeef: '))).toBe(true);
  });

  test('the period includes both its days', () => {
    expect(dsaPeriod(REPORT)).toBe('2026-07-01/2026-09-30');
    const rows = parse(dsaCsv({ ...REPORT, tenant: 'polder-cloud' }), { columns: true }) as Record<string, string>[];
    expect(new Set(rows.map((row) => `${row.Service} ${row['Reporting period']}`))).toEqual(
      new Set(['polder-cloud 2026-07-01/2026-09-30']),
    );
  });
});
