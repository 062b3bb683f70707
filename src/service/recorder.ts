/** Puts an answer on record before it leaves: counts in the ledger, and the same facts as metrics. */
import type { NotCheckedReason, Verdict } from '../core/vocabulary.js';
import type { Counts } from '../ledger/counts.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { FloodGuard } from './flood-guard.js';
import type { Match } from './policy.js';

export interface Recordable {
  readonly verdict: Verdict;
  readonly reason: NotCheckedReason | null;
  readonly matches: readonly Match[];
  /** Tells files apart: their SHA-256, or the value that was asked. */
  readonly fileId: string;
}

export interface Recorder {
  record(kind: 'image' | 'hash', tenant: string, answer: Recordable): Promise<void>;
  /** Of a batch, those that matched nothing. */
  recordUnmatched(tenant: string, count: number, kind?: 'image' | 'hash'): void;
}

export function createRecorder(counts: Counts, metrics: Metrics, guard: FloodGuard): Recorder {
  return {
    recordUnmatched(tenant, count, kind = 'hash') {
      if (count === 0) return;
      counts.record({ tenant, verdict: 'no_match', reason: null, lists: [] }, count);
      metrics.add('zeef_checks_total', { kind, verdict: 'no_match' }, count);
    },
    async record(kind, tenant, { verdict, reason, matches, fileId }) {
      const counted = matches.filter((match) => !match.suppressed);
      // A known digest makes a match of a picture that could not be decoded: the reason is told, not counted twice.
      const countedReason = verdict === 'not_checked' ? reason : null;
      counts.record({ tenant, verdict, reason: countedReason, lists: [...new Set(counted.map((m) => m.list))] });
      metrics.add('zeef_checks_total', { kind, verdict });
      if (countedReason !== null) metrics.add('zeef_not_checked_total', { reason: countedReason });
      for (const match of counted) {
        metrics.add('zeef_matches_total', { match_type: match.matchType });
        if (match.matchType === 'near') guard.note(match, fileId);
      }
    },
  };
}
