/**
 * A period's report as one page of HTML: on screen in light and dark, printed on A4. The page is self-contained, and its own
 * policy forbids requests when the file is opened later.
 */
import { createHash } from 'node:crypto';
import { chart } from './chart.js';
import { dsaFigures, dsaPeriod } from './dsa.js';
import { html, Markup, NOTHING } from './markup.js';
import type { Report } from './report.js';
import { STYLE } from './style.js';
import { countText, durationText, shareText, timeText } from './words.js';

/** Policy: no scripts, no requests, this style alone. */
export const REPORT_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

const NOT_KNOWN = '–';
const count = (value: number) => countText(value);
const share = (value: number | null) => (value === null ? NOT_KNOWN : shareText(value));
const duration = (seconds: number | null) => (seconds === null ? NOT_KNOWN : durationText(seconds));

interface Column<Row> {
  readonly head: string;
  /** Text to the left, numbers to the right. */
  readonly text?: true;
  readonly cell: (row: Row) => string;
}

function table<Row>(caption: string, rows: readonly Row[], columns: readonly Column<Row>[]): Markup {
  if (rows.length === 0) return NOTHING;
  const heads = columns.map(({ head, text }) => html`<th scope="col" class="${text ? 'text' : 'number'}">${head}</th>`);
  const lines = rows.map(
    (row) =>
      html`<tr>${columns.map(({ cell, text }) => html`<td class="${text ? 'text' : 'number'}">${cell(row)}</td>`)}</tr>`,
  );
  return html`<table><caption>${caption}</caption><thead><tr>${heads}</tr></thead><tbody>${lines}</tbody></table>`;
}

const figure = (label: string, value: string, note = ''): Markup =>
  html`<div><dt>${label}</dt><dd>${value}${note ? html`<small>${note}</small>` : NOTHING}</dd></div>`;

function headline({ checked, matched }: Report): string {
  const odds = matched > 0 ? `: one in ${count(Math.round(checked / matched))}` : '';
  return `${count(checked)} images checked, ${count(matched)} hits${odds}`;
}

function figures(report: Report): Markup {
  const { takedown } = report;
  return html`<dl class="figures">${[
    figure('Exact', count(report.exact), 'the file itself is listed'),
    figure('Near', count(report.near), 'a copy of a listed image'),
    figure('Suppressed', count(report.suppressed), 'known good; no hit'),
    figure('Not checked', count(report.notChecked), 'no verdict'),
    figure('Cases', count(takedown.cases), 'files that matched'),
    figure('Removed', count(takedown.removed)),
    figure(
      'Median time',
      duration(takedown.medianSeconds),
      `from notice until removal; from finding ${duration(takedown.medianSecondsFromFinding)}`,
    ),
    figure('Error rate', share(report.reversals.errorRate), `of ${count(report.reversals.decided)} decided`),
  ]}</dl>`;
}

function takedownSection({ takedown }: Report): Markup {
  const within = (hours: number) => (row: { within: Report['takedown']['within'] }) =>
    share(row.within.find((each) => each.hours === hours)?.share ?? null);
  const hours = takedown.within.map((each) => each.hours);
  const facts = [
    `${count(takedown.open)} open, including ${count(takedown.notified)} notified and ${count(takedown.confirmed)} confirmed`,
    `${count(takedown.removed)} removed, ${count(takedown.falsePositives)} false positives`,
    `90 % removed within ${duration(takedown.p90Seconds)} of the notice, ${duration(takedown.p90SecondsFromFinding)} of the finding`,
    `${count(takedown.overdue)} overdue`,
    `oldest open case since ${takedown.oldestOpenAt === null ? NOT_KNOWN : timeText(takedown.oldestOpenAt)}`,
    `${count(takedown.seenAgainAfterRemoval)} seen again after removal`,
  ];
  return html`<section><h2>Takedown</h2><ul class="facts">${facts.map((fact) => html`<li>${fact}</li>`)}</ul>${table(
    'Removed in time. Due: removed, or the deadline is past; without false positives. Time runs from the notice where one was given in time',
    takedown.within,
    [
      { head: 'Within', text: true, cell: (row) => `${row.hours} h` },
      { head: 'Removed in time', cell: (row) => count(row.count) },
      { head: 'Due', cell: (row) => count(row.due) },
      { head: 'Share of due', cell: (row) => share(row.share) },
    ],
  )}${table('Cases by tenant', takedown.byTenant, [
    { head: 'Tenant', text: true, cell: (row) => row.tenant },
    { head: 'Cases', cell: (row) => count(row.cases) },
    { head: 'Open', cell: (row) => count(row.open) },
    { head: 'Overdue', cell: (row) => count(row.overdue) },
    { head: 'Removed', cell: (row) => count(row.removed) },
    { head: 'False positives', cell: (row) => count(row.falsePositives) },
    { head: 'Median', cell: (row) => duration(row.medianSeconds) },
    ...hours.map((each) => ({ head: `≤ ${each} h`, cell: within(each) })),
  ])}</section>`;
}

function dsaSection(report: Report): Markup {
  const unit = { count, share: shareText, hours: (value: number) => `${value} h` };
  return html`<section class="dsa"><h2>Figures for the DSA transparency template</h2><p>Implementing Regulation (EU) 2024/2835, Annex I; reporting period ${dsaPeriod(report)}. Figures without a value are not known to Zeef.</p>${table(
    'By part of the template',
    dsaFigures(report),
    [
      { head: 'Part', text: true, cell: ({ part }) => (part === null ? NOT_KNOWN : String(part)) },
      { head: 'Indicator', text: true, cell: (row) => row.indicator },
      { head: 'Value', cell: (row) => (row.value === null ? NOT_KNOWN : unit[row.unit](row.value)) },
      { head: 'Source', text: true, cell: (row) => row.context },
    ],
  )}</section>`;
}

const totals = <Row extends { checked: number; matched: number; suppressed: number; notChecked: number }>() =>
  [
    { head: 'Checked', cell: (row: Row) => count(row.checked) },
    { head: 'Hits', cell: (row: Row) => count(row.matched) },
    { head: 'Hit rate', cell: (row: Row) => share(row.checked > 0 ? row.matched / row.checked : null) },
    { head: 'Suppressed', cell: (row: Row) => count(row.suppressed) },
    { head: 'Not checked', cell: (row: Row) => count(row.notChecked) },
  ] as const;

export function reportHtml(report: Report): string {
  const whose = report.tenant === null ? 'all tenants' : report.tenant;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${REPORT_POLICY}"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Zeef report ${report.period}, ${whose}</title><style>${new Markup(STYLE)}</style></head>
<body><header><p class="kind">Zeef · report</p><h1>${report.period}</h1><p class="whose">${whose} · ${timeText(report.from)} to ${timeText(report.to)}</p></header>
<main><p class="headline">${headline(report)}</p>${figures(report)}
<section><h2>Checks and hits over time</h2>${chart(report.series, report.interval)}</section>
<section class="columns"><h2>Hits by list and category</h2>${table('By list', report.byList, [
    { head: 'List', text: true, cell: (row) => row.list },
    { head: 'Hits', cell: (row) => count(row.matched) },
  ])}${table('By category', report.byCategory, [
    { head: 'Category', text: true, cell: (row) => row.category },
    { head: 'Hits', cell: (row) => count(row.matched) },
  ])}${table('Not checked, by reason', report.byReason, [
    { head: 'Reason', text: true, cell: (row) => row.reason },
    { head: 'Images', cell: (row) => count(row.count) },
  ])}</section>
${report.byTenant.length > 0 ? html`<section><h2>Tenants</h2>${table('Checks and hits by tenant', report.byTenant, [{ head: 'Tenant', text: true, cell: (row) => row.tenant }, ...totals<Report['byTenant'][number]>()])}</section>` : NOTHING}
${takedownSection(report)}${dsaSection(report)}
<section class="series"><h2>Time series</h2>${table('Checks and hits over time', report.series, [{ head: 'From (UTC)', text: true, cell: (row) => row.start.slice(0, 16).replace('T', ' ') }, ...totals<Report['series'][number]>()])}</section></main>
<footer><p>Generated ${timeText(report.generatedAt)} by Zeef from its ledger. Times are UTC. A hit is an answer with the verdict match; a case is one file of one tenant, however often it was seen. Checked is the sum of hits, no match, suppressed and not checked.</p></footer></body></html>
`;
  return page.text;
}
