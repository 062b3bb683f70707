/**
 * Names of all metrics, in Prometheus' exposition format. Labels are closed sets (verdict, reason, route):
 * never a path, a hash, a list value or a tenant's free text. `docs/metrics.md` is held to this table by a test.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Clock, systemClock } from '../core/clock.js';
import { Pace, type PaceStatus } from './pace.js';

/** Upper bounds in seconds: from a cached answer to the longest decode that is allowed. */
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const METRICS = {
  zeef_checks_total: {
    kind: 'counter',
    labels: ['kind', 'verdict'],
    says: 'Questions answered; kind is image or hash.',
  },
  zeef_not_checked_total: { kind: 'counter', labels: ['reason'], says: 'Images that could not be checked, by reason.' },
  zeef_matches_total: { kind: 'counter', labels: ['match_type'], says: 'Entries that matched; exact or near.' },
  zeef_http_requests_total: { kind: 'counter', labels: ['route', 'method', 'status'], says: 'HTTP answers.' },
  zeef_http_request_seconds: { kind: 'histogram', labels: ['route', 'method'], says: 'From request to answer.' },
  zeef_decoder_restarts_total: { kind: 'counter', labels: ['cause'], says: 'Decoder processes that were replaced.' },
  zeef_decoder_restarts_last_minute: {
    kind: 'gauge',
    labels: [],
    says: 'Decoder processes that were replaced in the last minute; above 5, somebody sends files that end them.',
  },
  zeef_image_cache_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Uploaded images by whether their hashes were known: hit, miss, or joined to one in flight.',
  },
  zeef_decoder_queue: { kind: 'gauge', labels: [], says: 'Images waiting for a decoder worker.' },
  zeef_index_entries: { kind: 'gauge', labels: ['algorithm'], says: 'Entries in force.' },
  zeef_index_bytes: { kind: 'gauge', labels: [], says: 'Memory of all indices.' },
  zeef_quarantined_total: {
    kind: 'counter',
    labels: [],
    says: 'Entries that were quarantined because they suddenly matched many different files.',
  },
  zeef_ledger_groups_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Groups of answers put on record: written or failed.',
  },
  zeef_ledger_group_seconds: { kind: 'histogram', labels: [], says: 'From handing over a group to its sync.' },
  zeef_probing_alarms_total: {
    kind: 'counter',
    labels: ['kind'],
    says: 'Tenants that asked as one who searches for the value of an entry: ball or edge.',
  },
  zeef_entries_damaged_total: {
    kind: 'counter',
    labels: [],
    says: 'Entries whose sealed value could not be opened, and so match nothing: their list must be imported again.',
  },
  zeef_webhooks_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Attempts to tell a webhook: delivered, failed (tried again), or dead (given up).',
  },
  zeef_list_sync_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Lists asked from their sources: synced, held or failed.',
  },
  zeef_generation: { kind: 'gauge', labels: [], says: 'Number of the list snapshot in force.' },
} as const satisfies Record<
  string,
  { kind: 'counter' | 'gauge' | 'histogram'; labels: readonly string[]; says: string }
>;

type NamesOf<Kind> = {
  [N in keyof typeof METRICS]: (typeof METRICS)[N]['kind'] extends Kind ? N : never;
}[keyof typeof METRICS];

/** Rooms record facts by name; only this file knows prom-client. */
export interface Metrics {
  add(name: NamesOf<'counter'>, labels: Readonly<Record<string, string>>, count?: number): void;
  set(name: NamesOf<'gauge'>, labels: Readonly<Record<string, string>>, value: number): void;
  observeSeconds(name: NamesOf<'histogram'>, labels: Readonly<Record<string, string>>, seconds: number): void;
  /** The exposition text and its media type. */
  render(): Promise<{ contentType: string; body: string }>;
  /** The last hour, from the same counts: `zeef_checks_total`, and `zeef_http_request_seconds` of the routes that check. */
  pace(): PaceStatus;
}

const CHECK_ROUTES = '/v1/check';

export function createMetrics(clock: Clock = systemClock): Metrics {
  const pace = new Pace(clock);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'zeef_process_' });
  const made = new Map<string, Counter | Gauge | Histogram>();
  for (const [name, { kind, labels, says }] of Object.entries(METRICS)) {
    const options = { name, help: says, labelNames: [...labels], registers: [registry] };
    if (kind === 'counter') made.set(name, new Counter(options));
    else if (kind === 'gauge') made.set(name, new Gauge(options));
    else made.set(name, new Histogram({ ...options, buckets: DURATION_BUCKETS_S }));
  }
  return {
    add(name, labels, count = 1) {
      (made.get(name) as Counter).inc({ ...labels }, count);
      if (name === 'zeef_checks_total') pace.addChecks(count);
    },
    set: (name, labels, value) => (made.get(name) as Gauge).set({ ...labels }, value),
    observeSeconds(name, labels, seconds) {
      (made.get(name) as Histogram).observe({ ...labels }, seconds);
      if (name === 'zeef_http_request_seconds' && labels.route?.startsWith(CHECK_ROUTES)) pace.observe(seconds);
    },
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    pace: () => pace.status(),
  };
}
