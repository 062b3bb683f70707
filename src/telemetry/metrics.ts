/**
 * Names of all metrics, in Prometheus' exposition format. Labels are closed sets (verdict, reason, route):
 * never a path, a hash, a list value or a tenant's free text. A test keeps `docs/metrics.md` equal to this table.
 *
 * A counter whose labels are closed has all of its series from the start, with 0: `increase()` takes the first value of a series for no
 * increase, so an alert would miss the first event.
 */
import { ALGORITHMS, NOT_CHECKED_REASONS, VERDICTS } from '../core/vocabulary.js';
import type { PaceStatus } from './pace.js';

/** Of routes and their answers: as many as there are. */
const OPEN = null;
const CHECKED = ['image', 'hash'] as const;
/** Of a decoder process that is replaced. */
const CAUSES = ['crash', 'timeout', 'memory', 'start'] as const;

export const METRICS = {
  zeef_checks_total: {
    kind: 'counter',
    labels: { kind: CHECKED, verdict: VERDICTS },
    says: 'Completed checks; kind is image or hash.',
  },
  zeef_not_checked_total: {
    kind: 'counter',
    labels: { reason: NOT_CHECKED_REASONS },
    says: 'Images that could not be checked, by reason.',
  },
  zeef_degraded_total: {
    kind: 'counter',
    labels: {},
    says: 'Damaged images without a match: what is left of them was searched.',
  },
  zeef_matches_total: {
    kind: 'counter',
    labels: { match_type: ['exact', 'near'] },
    says: 'Entries that matched; exact or near.',
  },
  zeef_possible_total: {
    kind: 'counter',
    labels: { kind: CHECKED },
    says: 'Checks without a match that a person should look at: a window is possibly of an entry.',
  },
  zeef_http_requests_total: {
    kind: 'counter',
    labels: { route: OPEN, method: OPEN, status: OPEN },
    says: 'HTTP responses.',
  },
  zeef_http_request_seconds: {
    kind: 'histogram',
    labels: { route: OPEN, method: OPEN },
    says: 'Time from request to response.',
  },
  zeef_body_bytes_in_flight: {
    kind: 'gauge',
    labels: {},
    says: 'Memory of request bodies that arrive or are processed; at ZEEF_BODY_BYTES_IN_FLIGHT_MAX requests get 503.',
  },
  zeef_decoder_restarts_total: { kind: 'counter', labels: { cause: CAUSES }, says: 'Decoder processes replaced.' },
  zeef_decoder_restarts_last_minute: {
    kind: 'gauge',
    labels: {},
    says: 'Decoder processes replaced in the last minute; above 5, a client is sending files that crash them.',
  },
  zeef_image_cache_total: {
    kind: 'counter',
    labels: { outcome: ['hit', 'miss', 'joined'] },
    says: 'Uploaded images by cache outcome: hit, miss, or joined to one in flight.',
  },
  zeef_decoder_queue: { kind: 'gauge', labels: {}, says: 'Images waiting for a decoder worker.' },
  zeef_lists_in_force: {
    kind: 'gauge',
    labels: {},
    says: 'Lists with an entry that counts; 0: every check is not_checked.',
  },
  zeef_index_entries: {
    kind: 'gauge',
    labels: { algorithm: ALGORITHMS },
    says: 'Entries that are searched: loaded, and of enabled lists.',
  },
  zeef_index_bytes: { kind: 'gauge', labels: {}, says: 'Memory of all indexes.' },
  zeef_floods_total: {
    kind: 'counter',
    labels: {},
    says: 'Entries marked because they suddenly matched at many places of a tenant.',
  },
  zeef_ledger_groups_total: {
    kind: 'counter',
    labels: { outcome: ['written', 'failed'] },
    says: 'Groups of answers recorded in the ledger: written or failed.',
  },
  zeef_ledger_group_seconds: {
    kind: 'histogram',
    labels: {},
    says: 'Time from submitting a group to its commit, with its fsync where answers wait for it (ZEEF_LEDGER_SYNC).',
  },
  zeef_ledger_late_syncs_total: {
    kind: 'counter',
    labels: { outcome: ['synced', 'failed'] },
    says: 'Syncs of counts that were answered before (ZEEF_LEDGER_SYNC=hits): synced or failed.',
  },
  zeef_probing_alarms_total: {
    kind: 'counter',
    labels: { kind: ['ball', 'edge'] },
    says: 'Possible list probing, detected per tenant: ball or edge.',
  },
  zeef_entries_damaged_total: {
    kind: 'counter',
    labels: {},
    says: 'Entries whose sealed value could not be opened; they match nothing until their list is imported again.',
  },
  zeef_webhooks_total: {
    kind: 'counter',
    labels: { outcome: ['delivered', 'failed', 'dead', 'held', 'withdrawn'] },
    says: 'Webhook events: delivered, failed (will be retried), dead (failed permanently), held or withdrawn (ZEEF_FLOOD_HOLD).',
  },
  zeef_webhook_news_lost_total: {
    kind: 'counter',
    labels: {},
    says: 'New or reopened cases that no webhook gets: a million of them waited for a service that reads them.',
  },
  zeef_list_sync_total: {
    kind: 'counter',
    labels: { outcome: ['synced', 'held', 'failed'] },
    says: 'Syncs of lists with their sources: synced, held or failed.',
  },
  zeef_replicas_live: {
    kind: 'gauge',
    labels: {},
    says: 'Processes that use the store now, with this one; as zeef replicas lists them.',
  },
  zeef_clock_skew_ms: {
    kind: 'gauge',
    labels: {},
    says: "Milliseconds by which the clock is ahead of the database's, at least; negative: behind. 0 with SQLite.",
  },
  zeef_generation: { kind: 'gauge', labels: {}, says: 'Generation of the current snapshot.' },
} as const satisfies Record<
  string,
  { kind: 'counter' | 'gauge' | 'histogram'; labels: Readonly<Record<string, readonly string[] | null>>; says: string }
>;

type NamesOf<Kind> = {
  [N in keyof typeof METRICS]: (typeof METRICS)[N]['kind'] extends Kind ? N : never;
}[keyof typeof METRICS];

/** The labels of a metric; those of a closed set have its type. */
type LabelsOf<N extends keyof typeof METRICS> = {
  readonly [L in keyof (typeof METRICS)[N]['labels']]: (typeof METRICS)[N]['labels'][L] extends readonly (infer V)[]
    ? V
    : string;
};

/** Rooms record facts by name; only `prometheus.ts` depends on prom-client. */
export interface Metrics {
  add<N extends NamesOf<'counter'>>(name: N, labels: LabelsOf<N>, count?: number): void;
  set<N extends NamesOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void;
  observeSeconds<N extends NamesOf<'histogram'>>(name: N, labels: LabelsOf<N>, seconds: number): void;
  /** Return the exposition text and its media type. */
  render(): Promise<{ contentType: string; body: string }>;
  /** Return the pace of the last hour: `zeef_checks_total`, and `zeef_http_request_seconds` of the check routes. */
  pace(): PaceStatus;
}

/** The metrics of a command, which has no page for them. */
export const NO_METRICS: Metrics = {
  add() {},
  set() {},
  observeSeconds() {},
  render: async () => ({ contentType: 'text/plain', body: '' }),
  pace: () => ({ checksPerSecond: 0, count: 0, p50: null, p90: null, p99: null, series: [] }),
};
