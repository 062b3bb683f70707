/** A period's report for a terminal. */
import { terminalField } from '../core/terminal.js';
import type { Report } from './report.js';
import { countText, durationText, shareText } from './words.js';

const NOT_KNOWN = '–';
const WIDTH = 26;

export function reportText(report: Report): string {
  const { takedown, reversals } = report;
  const share = (value: number | null) => (value === null ? NOT_KNOWN : shareText(value));
  const duration = (value: number | null) => (value === null ? NOT_KNOWN : durationText(value));
  const line = (label: string, value: number | string) =>
    `  ${terminalField(label).padEnd(WIDTH)}${typeof value === 'number' ? countText(value) : value}`;
  const block = (title: string, lines: readonly string[]) => (lines.length > 0 ? [title, ...lines, ''] : []);
  return [
    `${report.period}, ${report.tenant ?? 'all tenants'}: ${countText(report.checked)} images checked, ${countText(report.matched)} hits`,
    '',
    ...block('answers', [
      line('hit rate', share(report.hitRate)),
      line('exact, near', `${countText(report.exact)}, ${countText(report.near)}`),
      line('suppressed', report.suppressed),
      line('not checked', report.notChecked),
    ]),
    ...block(
      'hits by list',
      report.byList.map(({ list, matched }) => line(list, matched)),
    ),
    ...block(
      'hits by category',
      report.byCategory.map(({ category, matched }) => line(category, matched)),
    ),
    ...block(
      'not checked, by reason',
      report.byReason.map(({ reason, count }) => line(reason, count)),
    ),
    ...block('takedown', [
      line('cases', takedown.cases),
      line('open, overdue', `${countText(takedown.open)}, ${countText(takedown.overdue)}`),
      line('removed', takedown.removed),
      line('false positives', takedown.falsePositives),
      line('median, 90 %', `${duration(takedown.medianSeconds)}, ${duration(takedown.p90Seconds)}`),
      line(
        'from finding',
        `${duration(takedown.medianSecondsFromFinding)}, ${duration(takedown.p90SecondsFromFinding)}`,
      ),
      ...takedown.within.map((each) =>
        line(`within ${each.hours} h`, `${countText(each.count)} of ${countText(each.due)} due, ${share(each.share)}`),
      ),
      line('error rate', share(reversals.errorRate)),
    ]),
    ...block(
      'checks and hits by tenant',
      report.byTenant.map(({ tenant, checked, matched }) =>
        line(tenant, `${countText(checked)}, ${countText(matched)}`),
      ),
    ),
  ].join('\n');
}
