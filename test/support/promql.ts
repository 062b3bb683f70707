/** Expressions of PromQL held to the metrics that Zeef exports: their grammar by Prometheus' own parser, their names and labels by the table. */
import type { SyntaxNodeRef } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { METRICS } from '../../src/telemetry/metrics.js';

type Labels = Readonly<Record<string, readonly string[] | null>>;

/** Of the scrape: every series has them. */
const SCRAPED: Labels = { instance: null, job: null };
const HISTOGRAM = /_(?:bucket|sum|count)$/;

/** Labels of a metric, or null where Zeef has none of that name. */
function labelsOf(name: string): Labels | null {
  if (name === 'up') return SCRAPED;
  const table = METRICS as Readonly<Record<string, { readonly kind: string; readonly labels: Labels }>>;
  const own = table[name];
  if (own !== undefined) return own.kind === 'histogram' ? null : { ...own.labels, ...SCRAPED };
  const histogram = table[name.replace(HISTOGRAM, '')];
  return histogram?.kind === 'histogram' ? { ...histogram.labels, ...SCRAPED, le: null } : null;
}

export interface Selector {
  readonly name: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
  /** The function around it, such as `increase`. */
  readonly function: string;
}

/** Read an expression. `faults`: of its grammar. */
export function read(expression: string): { selectors: Selector[]; groupings: string[]; faults: string[] } {
  const [selectors, groupings, faults]: [Selector[], string[], string[]] = [[], [], []];
  const text = ({ from, to }: Pick<SyntaxNodeRef, 'from' | 'to'>) => expression.slice(from, to);
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) faults.push(`${expression}: not PromQL at ${node.from}`);
      if (node.name === 'LabelName' && node.node.parent?.name === 'GroupingLabels') groupings.push(text(node));
      if (node.name !== 'VectorSelector') return;
      const inner = node.node;
      const matchers = inner
        .getChildren('LabelMatchers')
        .flatMap((all) => all.getChildren('UnquotedLabelMatcher'))
        .map((matcher) => ({
          label: text(matcher.getChild('LabelName')!),
          operator: text(matcher.getChild('MatchOp')!),
          value: JSON.parse(text(matcher.getChild('StringLiteral')!)) as string,
        }));
      let around = inner.parent;
      while (around !== null && around.name !== 'FunctionCall') around = around.parent;
      const called = around?.getChild('FunctionIdentifier');
      selectors.push({ name: text(inner.getChild('Identifier')!), matchers, function: called ? text(called) : '' });
    },
  });
  return { selectors, groupings, faults };
}

/** Return what of an expression Prometheus, or Zeef, does not know. */
export function faultsOf(expression: string): string[] {
  const { selectors, groupings, faults } = read(expression);
  if (selectors.length === 0) faults.push(`${expression}: no metric`);
  const known = new Set<string>();
  for (const { name, matchers } of selectors) {
    const labels = labelsOf(name);
    if (labels === null) {
      faults.push(`${expression}: no metric ${name}`);
      continue;
    }
    for (const label of Object.keys(labels)) known.add(label);
    for (const { label, operator, value } of matchers) {
      const values = labels[label];
      if (values === undefined) faults.push(`${expression}: ${name} has no label ${label}`);
      const isThere = (one: string) =>
        operator.includes('~') ? new RegExp(`^(?:${value})$`).test(one) : one === value;
      if (values && !values.some(isThere)) faults.push(`${expression}: ${label} of ${name} is never ${value}`);
    }
  }
  for (const label of groupings) if (!known.has(label)) faults.push(`${expression}: no label ${label}`);
  return faults;
}
