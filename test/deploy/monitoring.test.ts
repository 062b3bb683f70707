/** deploy/monitoring/: alert rules and a dashboard that ask for metrics and labels that Zeef exports. Each check is seen to refuse. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../../src/telemetry/prometheus.js';
import { faultsOf, read } from '../support/promql.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}

const ALERTS = readFileSync('deploy/monitoring/alerts.yaml', 'utf8');
const { groups } = parse(ALERTS) as { groups: readonly { name: string; rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const { panels } = JSON.parse(readFileSync('deploy/monitoring/grafana.json', 'utf8')) as { panels: readonly Panel[] };
/** As Grafana puts it into an expression. */
const filled = (expr: string) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*');
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...panels.flatMap(({ targets }) => targets.map(({ expr }) => filled(expr))),
];

test('each expression is PromQL over metrics and labels that exist', () => {
  expect(expressions.flatMap(faultsOf)).toEqual([]);
  expect(expressions.length).toBeGreaterThan(30);
});

test.each([
  ['zeef_checks_total{verdict="match"', /not PromQL/],
  ['sum(rate(zeef_checks[5m]))', /no metric zeef_checks$/],
  ['zeef_checks_total{verdit="match"}', /no label verdit/],
  ['zeef_checks_total{verdict="hit"}', /never hit/],
  ['zeef_checks_total{verdict=~"matc"}', /never matc/],
  ['sum by (tenant) (zeef_checks_total)', /no label tenant/],
  ['rate(zeef_http_request_seconds[5m])', /no metric zeef_http_request_seconds/],
  ['zeef_generation{le="1"}', /no label le/],
  ['1 > 0', /no metric/],
])('%s is refused', (expression, fault) => {
  expect(faultsOf(expression).join('\n')).toMatch(fault);
});

test('each series of which an increase is asked is there before its first event', async () => {
  const { body } = await createMetrics().render();
  const series = body.split('\n').filter((line) => /^zeef_[a-z_]+(\{.*\})? /.test(line));
  const asked = rules.flatMap(({ expr }) => read(expr).selectors).filter(({ function: name }) => name === 'increase');
  const missing = asked.filter(
    ({ name, matchers }) =>
      !series.some(
        (line) =>
          line.startsWith(name) &&
          matchers.every(({ label, value }) => line.includes(`${label}="${value}"`)) &&
          line.endsWith(' 0'),
      ),
  );
  expect(missing).toEqual([]);
  expect(asked).toHaveLength(8);
});

test('each rule is whole: a name of its own, how it is to be met, and what it means', () => {
  for (const { alert, for: during = '1m', labels, annotations } of rules) {
    expect(alert).toMatch(/^Zeef[A-Z][A-Za-z]+$/);
    expect(during).toMatch(/^\d+[mh]$/);
    expect(['page', 'ticket']).toContain(labels.severity);
    expect(annotations.summary.length).toBeGreaterThan(20);
  }
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});

test('docs/operations.md says what to do for each alert, in their order', () => {
  const page = readFileSync('docs/operations.md', 'utf8');
  const rows = [...page.matchAll(/^\| `(Zeef\w+)` \| (\w+) \|/gm)].map(([, name, severity]) => [name, severity]);
  expect(rows).toEqual(rules.map(({ alert, labels }) => [alert, labels.severity]));
});

test('the panels of the dashboard have numbers and places of their own', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    const { x, y, w, h } = gridPos;
    expect(x + w).toBeLessThanOrEqual(24);
    for (let column = x; column < x + w; column++)
      for (let row = y; row < y + h; row++) {
        expect(taken.get(`${column} ${row}`), title).toBeUndefined();
        taken.set(`${column} ${row}`, title);
      }
  }
});
