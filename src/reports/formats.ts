/** The formats of a report, each with its media type. */
import { reportCsv } from './csv.js';
import { dsaCsv } from './dsa.js';
import { reportHtml } from './html.js';
import type { Report } from './report.js';

export const REPORT_FORMATS = ['json', 'csv', 'html', 'dsa'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

interface Rendered {
  readonly mediaType: string;
  /** Name for a download; made from the period alone, since a tenant's name may contain anything. */
  readonly fileName: string;
  readonly text: string;
}

const CSV = 'text/csv; charset=utf-8; header=present';

export function renderReport(report: Report, format: ReportFormat): Rendered {
  const name = (suffix: string) => `zeef-${report.period.replace(/[^\w.-]+/g, '_')}${suffix}`;
  if (format === 'csv') return { mediaType: CSV, fileName: name('.csv'), text: reportCsv(report) };
  if (format === 'dsa') return { mediaType: CSV, fileName: name('-dsa.csv'), text: dsaCsv(report) };
  if (format === 'html') {
    return { mediaType: 'text/html; charset=utf-8', fileName: name('.html'), text: reportHtml(report) };
  }
  return { mediaType: 'application/json; charset=utf-8', fileName: name('.json'), text: `${JSON.stringify(report)}\n` };
}
