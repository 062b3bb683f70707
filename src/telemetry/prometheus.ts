/** The metrics of a service: counted by prom-client, and shown in its format. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Clock, systemClock } from '../core/clock.js';
import { METRICS, type Metrics } from './metrics.js';
import { Pace } from './pace.js';

/** Upper bounds in seconds: from a cached answer to the longest allowed decode. */
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const CHECK_ROUTES = '/v1/check';

type Labels = Readonly<Record<string, string>>;

/** All labels of a metric together; none where one of them is open. */
function combinationsOf(labels: Readonly<Record<string, readonly string[] | null>>): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (all, [label, values]) => all.flatMap((one) => (values ?? []).map((value) => ({ ...one, [label]: value }))),
    [{}],
  );
}

function fromNought(counter: Counter, labels: Readonly<Record<string, readonly string[] | null>>): Counter {
  for (const each of combinationsOf(labels)) counter.inc(each, 0);
  return counter;
}

export function createMetrics(clock: Clock = systemClock): Metrics {
  const pace = new Pace(clock);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'zeef_' });
  const made = new Map<string, Counter | Gauge | Histogram>();
  for (const [name, { kind, labels, says }] of Object.entries(METRICS)) {
    const options = { name, help: says, labelNames: Object.keys(labels), registers: [registry] };
    if (kind === 'counter') made.set(name, fromNought(new Counter(options), labels));
    else if (kind === 'gauge') made.set(name, new Gauge(options));
    else made.set(name, new Histogram({ ...options, buckets: DURATION_BUCKETS_S }));
  }
  return {
    add(name, labels, count = 1) {
      (made.get(name) as Counter).inc({ ...(labels as Labels) }, count);
      if (name === 'zeef_checks_total') pace.addChecks(count);
    },
    set: (name, labels, value) => (made.get(name) as Gauge).set({ ...(labels as Labels) }, value),
    observeSeconds(name, labels, seconds) {
      (made.get(name) as Histogram).observe({ ...(labels as Labels) }, seconds);
      if (name === 'zeef_http_request_seconds' && (labels as Labels).route?.startsWith(CHECK_ROUTES))
        pace.observe(seconds);
    },
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    pace: () => pace.status(),
  };
}
