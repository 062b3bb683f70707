/**
 * The figures that a provider copies into the EU's transparency template: Digital Services Act (Regulation (EU) 2022/2065),
 * Article 15(1), in the words and parts of Implementing Regulation (EU) 2024/2835, Annex I. Only figures that Zeef counts have
 * a value; every other row gives the reason. `docs/reports.md` explains each.
 */
import { csvOf } from './csv.js';
import type { Report } from './report.js';
import { dayText } from './words.js';

interface DsaFigure {
  /** Part of Annex I; null beside the template. */
  readonly part: 4 | 5 | 8 | null;
  readonly indicator: string;
  readonly scope: string;
  /** Null where Zeef cannot know it. */
  readonly value: number | null;
  readonly unit: 'count' | 'share' | 'hours';
  /** Source of the value, or why it is unknown; for the template's column of contextual information. */
  readonly context: string;
}

/** The template requires accuracy in [0,1], rounded to the nearest hundredth. */
const hundredth = (share: number) => Math.round(share * 100) / 100;
const hours = (seconds: number | null) => (seconds === null ? null : Math.round(seconds / 36) / 100);
const HOUR_MS = 3_600_000;

const OWN = 'Own-initiative';
const TOTAL = 'TOTAL';

function counted(part: DsaFigure['part'], indicator: string, scope: string, value: number, context: string): DsaFigure {
  return { part, indicator, scope, value, unit: 'count', context };
}

/** `why` completes the sentence "Not known to Zeef: ...". */
function unknown(
  part: DsaFigure['part'],
  indicator: string,
  scope: string,
  unit: DsaFigure['unit'],
  why: string,
): DsaFigure {
  return { part, indicator, scope, value: null, unit, context: `Not known to Zeef: ${why}` };
}

/** Return the rows in the order of Annex I, followed by the figures beside the template. */
export function dsaFigures(report: Report): readonly DsaFigure[] {
  return [
    ...noticeFigures(report),
    ...initiativeFigures(report),
    ...automationFigures(report),
    ...figuresBesideTemplate(report),
  ];
}

/** Part 4: notices. */
function noticeFigures({ takedown }: Report): DsaFigure[] {
  return [
    unknown(4, 'Number of notices received', TOTAL, 'count', 'notices under Article 16 do not pass through Zeef.'),
    {
      part: 4,
      indicator: 'Median time to take action',
      scope: TOTAL,
      value: hours(takedown.medianSeconds),
      unit: 'hours',
      context:
        'Over cases of this period whose file was removed: from notice, or from the first sighting where no notice was given, to removal. Zeef’s cases only, without notices under Article 16.',
    },
  ];
}

/** Part 5: measures on the provider's own initiative. */
function initiativeFigures({ takedown }: Report): DsaFigure[] {
  return [
    counted(
      5,
      "Number of measures taken at the provider's own initiative",
      TOTAL,
      takedown.removed,
      'Cases of this period whose file was removed. One case is one file of one tenant.',
    ),
    counted(
      5,
      'Number of measures taken after detection with solely automated means',
      TOTAL,
      takedown.removed,
      'Every case begins with an automatic match.',
    ),
    counted(
      5,
      'Visibility restriction Removal',
      TOTAL,
      takedown.removed,
      'As above: removal is the only measure that Zeef records.',
    ),
  ];
}

/** Part 8: automated means. */
function automationFigures({ reversals }: Report): DsaFigure[] {
  return [
    unknown(
      8,
      'Number of measures solely taken by automated means',
      OWN,
      'count',
      'the remover, a person or a program of yours, is not recorded.',
    ),
    unknown(8, 'Number of measures not taken by automated means', OWN, 'count', 'see the row above.'),
    unknown(
      8,
      'Accuracy of the automated means - Accuracy',
      OWN,
      'share',
      'the number of files that correctly did not match is unknown.',
    ),
    {
      part: 8,
      indicator: 'Accuracy of the automated means - Precision',
      scope: OWN,
      value: reversals.errorRate === null ? null : hundredth(1 - reversals.errorRate),
      unit: 'share',
      context: `One minus the error rate, over ${reversals.decided} decided cases.`,
    },
    unknown(8, 'Accuracy of the automated means - Recall', OWN, 'share', 'files that are on no list are not counted.'),
  ];
}

/** Return the figures without a row in the template: the error rate, the totals and the shares by deadline. */
function figuresBesideTemplate({ checked, notChecked, matched, takedown, reversals }: Report): DsaFigure[] {
  return [
    {
      part: null,
      indicator: 'Error rate of automated means',
      scope: OWN,
      value: reversals.errorRate,
      unit: 'share',
      context: `Reversals: ${reversals.reversed} of ${reversals.decided} decided cases were false positives. Article 15(1)(e).`,
    },
    counted(null, 'Number of items checked', TOTAL, checked, 'Images and hashes, counted at every check.'),
    counted(null, 'Number of items not checked', TOTAL, notChecked, 'Checked items without a verdict.'),
    counted(null, 'Number of matches', TOTAL, matched, 'Checked items with the verdict match.'),
    counted(null, 'Number of cases', TOTAL, takedown.cases, 'Files of this period that matched, each once.'),
    ...takedown.within.map(
      (within): DsaFigure => ({
        part: null,
        indicator: `Share of cases removed within ${within.hours} h`,
        scope: TOTAL,
        value: within.share,
        unit: 'share',
        context: `${within.count} cases, among those that were removed by then or whose deadline is past, without false positives.`,
      }),
    ),
  ];
}

/** Format a period like the template: both days are inclusive. */
export function dsaPeriod({ from, to }: Pick<Report, 'from' | 'to'>): string {
  return `${dayText(from)}/${dayText(new Date(Math.max(Date.parse(from), Date.parse(to) - HOUR_MS)).toISOString())}`;
}

/** Render RFC 4180 in UTF-8, like the template's own files. */
export function dsaCsv(report: Report): string {
  const rows = dsaFigures(report).map(({ part, indicator, scope, value, unit, context }) => [
    part === null ? 'beside the template' : part,
    report.tenant ?? 'all',
    dsaPeriod(report),
    indicator,
    scope,
    value,
    unit,
    context,
  ]);
  const columns = [
    'Part',
    'Service',
    'Reporting period',
    'Indicator',
    'Scope',
    'Value',
    'Unit',
    'Contextual information',
  ];
  return csvOf(rows, columns);
}
