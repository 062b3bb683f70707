/**
 * A period's report as CSV: RFC 4180, UTF-8, one figure a row, so that a spreadsheet can filter and pivot it and no row has
 * empty columns of another table. Names of tenants and lists come from outside: a cell that a spreadsheet would run as a
 * formula is prefixed with an apostrophe.
 */
import type { Options } from 'csv-stringify/sync';
import { lazily } from '../core/lazily.js';
import type { Report, Within } from './report.js';

const csvStringify = lazily<typeof import('csv-stringify/sync')>('csv-stringify/sync');

/** RFC 4180's line end, defused formulas, a header. */
const OPTIONS: Options = { record_delimiter: 'windows', escape_formulas: true, header: true };

/** Return a document of these columns. `options`: of csv-stringify, beside those of every document. */
export const csvOf = (rows: unknown[], columns: NonNullable<Options['columns']>, options: Options = {}): string =>
  csvStringify().stringify(rows, { ...OPTIONS, ...options, columns });

const COLUMNS = ['period', 'from', 'to', 'section', 'name', 'figure', 'value', 'unit'] as const;

type Row = readonly [section: string, name: string, figure: string, value: number | string | null, unit: string];

const UNITS: Readonly<Record<string, string>> = {
  hitRate: 'share',
  errorRate: 'share',
  medianSeconds: 'seconds',
  p90Seconds: 'seconds',
  medianSecondsFromFinding: 'seconds',
  p90SecondsFromFinding: 'seconds',
  oldestOpenAt: 'time',
};

/** Return every number of an object as a row; an unknown value is an empty cell, never 0. */
function figures(section: string, name: string, from: object): Row[] {
  return Object.entries(from)
    .filter(([, value]) => value === null || typeof value === 'number' || typeof value === 'string')
    .map(([figure, value]) => [section, name, figure, value as number | string | null, UNITS[figure] ?? 'count']);
}

function takedown(section: string, name: string, of: { readonly within: readonly Within[] }): Row[] {
  const within = of.within.flatMap(({ hours, count, due, share }): Row[] => [
    [section, name, `within ${hours} h`, count, 'count'],
    [section, name, `due at ${hours} h`, due, 'count'],
    [section, name, `within ${hours} h`, share, 'share'],
  ]);
  return [...figures(section, name, of), ...within];
}

export function reportCsv(report: Report): string {
  const { checked, matched, exact, near, suppressed, notChecked, hitRate } = report;
  const tenant = report.tenant ?? 'all';
  const rows: Row[] = [
    ...figures('total', tenant, { checked, matched, exact, near, suppressed, notChecked, hitRate }),
    ...report.series.flatMap(({ start, ...totals }) => figures('series', start, totals)),
    ...report.byTenant.flatMap(({ tenant: name, ...totals }) => figures('tenant', name, totals)),
    ...report.byList.flatMap(({ list, matched: count }) => figures('list', list, { matched: count })),
    ...report.byCategory.flatMap(({ category, matched: count }) => figures('category', category, { matched: count })),
    ...report.byReason.flatMap(({ reason, count }) => figures('not checked', reason, { count })),
    ...takedown('takedown', tenant, report.takedown),
    ...report.takedown.byTenant.flatMap(({ tenant: name, ...of }) => takedown('takedown by tenant', name, of)),
    ...figures('reversals', tenant, report.reversals),
  ];
  const { period, from, to } = report;
  return csvOf(
    rows.map((row) => [period, from, to, ...row]),
    [...COLUMNS],
  );
}
