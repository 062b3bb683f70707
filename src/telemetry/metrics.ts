/**
 * Names of all metrics, in Prometheus' exposition format. Labels are closed sets (verdict, reason, route):
 * never a path, a hash, a list value or a tenant's free text. A test keeps `docs/metrics.md` equal to this table.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Clock, systemClock } from '../core/clock.js';
import { Pace, type PaceStatus } from './pace.js';

/** Upper bounds in seconds: from a cached answer to the longest allowed decode. */
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const METRICS = {
  zeef_checks_total: {
    kind: 'counter',
    labels: ['kind', 'verdict'],
    says: 'Completed checks; kind is image or hash.',
  },
  zeef_not_checked_total: { kind: 'counter', labels: ['reason'], says: 'Images that could not be checked, by reason.' },
  zeef_matches_total: { kind: 'counter', labels: ['match_type'], says: 'Entries that matched; exact or near.' },
  zeef_http_requests_total: { kind: 'counter', labels: ['route', 'method', 'status'], says: 'HTTP responses.' },
  zeef_http_request_seconds: { kind: 'histogram', labels: ['route', 'method'], says: 'Time from request to response.' },
  zeef_body_bytes_in_flight: {
    kind: 'gauge',
    labels: [],
    says: 'Memory of request bodies that arrive or are processed; at ZEEF_BODY_BYTES_IN_FLIGHT_MAX requests get 503.',
  },
  zeef_decoder_restarts_total: { kind: 'counter', labels: ['cause'], says: 'Decoder processes replaced.' },
  zeef_decoder_restarts_last_minute: {
    kind: 'gauge',
    labels: [],
    says: 'Decoder processes replaced in the last minute; above 5, a client is sending files that crash them.',
  },
  zeef_image_cache_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Uploaded images by cache outcome: hit, miss, or joined to one in flight.',
  },
  zeef_decoder_queue: { kind: 'gauge', labels: [], says: 'Images waiting for a decoder worker.' },
  zeef_lists_in_force: {
    kind: 'gauge',
    labels: [],
    says: 'Lists with an entry that counts; 0: every check is not_checked.',
  },
  zeef_index_entries: {
    kind: 'gauge',
    labels: ['algorithm'],
    says: 'Entries that are searched: loaded, and of enabled lists.',
  },
  zeef_index_bytes: { kind: 'gauge', labels: [], says: 'Memory of all indexes.' },
  zeef_floods_total: {
    kind: 'counter',
    labels: [],
    says: 'Entries marked because they suddenly matched at many places of a tenant.',
  },
  zeef_ledger_groups_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Groups of answers recorded in the ledger: written or failed.',
  },
  zeef_ledger_group_seconds: { kind: 'histogram', labels: [], says: 'Time from submitting a group to its fsync.' },
  zeef_probing_alarms_total: {
    kind: 'counter',
    labels: ['kind'],
    says: 'Possible list probing, detected per tenant: ball or edge.',
  },
  zeef_entries_damaged_total: {
    kind: 'counter',
    labels: [],
    says: 'Entries whose sealed value could not be opened; they match nothing until their list is imported again.',
  },
  zeef_webhooks_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Webhook events: delivered, failed (will be retried), dead (failed permanently), held or withdrawn (ZEEF_FLOOD_HOLD).',
  },
  zeef_webhook_news_lost_total: {
    kind: 'counter',
    labels: [],
    says: 'New or reopened cases that no webhook gets: a million of them waited for a service that reads them.',
  },
  zeef_list_sync_total: {
    kind: 'counter',
    labels: ['outcome'],
    says: 'Syncs of lists with their sources: synced, held or failed.',
  },
  zeef_replicas_live: {
    kind: 'gauge',
    labels: [],
    says: 'Processes that use the store now, with this one; as zeef replicas lists them.',
  },
  zeef_clock_skew_ms: {
    kind: 'gauge',
    labels: [],
    says: "Milliseconds by which the clock is ahead of the database's, at least; negative: behind. 0 with SQLite.",
  },
  zeef_generation: { kind: 'gauge', labels: [], says: 'Generation of the current snapshot.' },
} as const satisfies Record<
  string,
  { kind: 'counter' | 'gauge' | 'histogram'; labels: readonly string[]; says: string }
>;

type NamesOf<Kind> = {
  [N in keyof typeof METRICS]: (typeof METRICS)[N]['kind'] extends Kind ? N : never;
}[keyof typeof METRICS];

/** Rooms record facts by name; only this file depends on prom-client. */
export interface Metrics {
  add(name: NamesOf<'counter'>, labels: Readonly<Record<string, string>>, count?: number): void;
  set(name: NamesOf<'gauge'>, labels: Readonly<Record<string, string>>, value: number): void;
  observeSeconds(name: NamesOf<'histogram'>, labels: Readonly<Record<string, string>>, seconds: number): void;
  /** Return the exposition text and its media type. */
  render(): Promise<{ contentType: string; body: string }>;
  /** Return the pace of the last hour: `zeef_checks_total`, and `zeef_http_request_seconds` of the check routes. */
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
