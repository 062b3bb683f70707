/** Records answers before they are returned: in the ledger, and then as metrics. */
import type { Ledger } from '../ledger/ledger.js';
import type { Outcome } from '../ledger/outcome.js';
import type { Idempotency } from '../store/ledger-contract.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { FloodGuard } from './flood-guard.js';

/** An outcome without the kind of its query. */
export type Answer = Omit<Outcome, 'kind'>;

/** Collected answers of one request; none may be returned before `commit` has resolved. */
export interface Recording {
  /** `degraded`: an image that is damaged, of which the rest was searched. */
  add(kind: 'image' | 'hash', answer: Answer, how?: { readonly degraded: boolean }): void;
  /** Count answers without a match; no other fact of them is recorded. `isSearched` false: they are `not_checked: no_list`. */
  addUnmatched(kind: Outcome['kind'], count: number, how?: { readonly isSearched: boolean }): void;
  /** Record all answers; called once. Errors LEDGER_FAILED: nothing is recorded; IDEMPOTENCY_KEY_REUSED. */
  commit(): Promise<void>;
}

export interface Recorder {
  /** Open a recording. `idempotency`: called at the commit, when the request has been read completely. */
  open(tenant: string, idempotency?: (() => Idempotency) | null): Recording;
}

/** `ledger` null: only metrics, to measure the cost of the ledger. */
export function createRecorder(ledger: Ledger | null, metrics: Metrics, guard: FloodGuard): Recorder {
  function countOutcome(tenant: string, outcome: Outcome): void {
    const { kind, verdict, reason, matches, possible = [], reference, fileId } = outcome;
    metrics.add('zeef_checks_total', { kind, verdict });
    if (possible.length > 0) metrics.add('zeef_possible_total', { kind });
    if (reason !== null) metrics.add('zeef_not_checked_total', { reason });
    for (const match of matches) {
      if (match.suppressed) continue;
      metrics.add('zeef_matches_total', { match_type: match.matchType });
      guard.note(match, tenant, reference ?? fileId);
    }
  }
  return {
    open(tenant, idempotency = null) {
      const outcomes: Outcome[] = [];
      const unmatched = { image: 0, hash: 0 };
      const unsearched = { image: 0, hash: 0 };
      let degraded = 0;
      return {
        add(kind, answer, { degraded: isDegraded } = { degraded: false }) {
          if (answer.verdict === 'no_match' && !answer.possible?.length) {
            unmatched[kind]++;
            if (isDegraded) degraded++;
            return;
          }
          // A listed digest makes an undecodable image a match: its reason is returned, but not counted.
          const reason = answer.verdict === 'not_checked' ? answer.reason : null;
          outcomes.push({ ...answer, kind, reason });
        },
        addUnmatched(kind, count, { isSearched } = { isSearched: true }) {
          const into = isSearched ? unmatched : unsearched;
          into[kind] += count;
        },
        async commit() {
          const isNew =
            (await ledger?.record({
              tenant,
              outcomes,
              unmatched: unmatched.image + unmatched.hash,
              unsearched: unsearched.image + unsearched.hash,
              idempotency: idempotency?.() ?? null,
            })) ?? true;
          if (!isNew) return;
          for (const outcome of outcomes) countOutcome(tenant, outcome);
          if (degraded > 0) metrics.add('zeef_degraded_total', {}, degraded);
          for (const kind of ['image', 'hash'] as const) {
            if (unmatched[kind] > 0) metrics.add('zeef_checks_total', { kind, verdict: 'no_match' }, unmatched[kind]);
            if (unsearched[kind] === 0) continue;
            metrics.add('zeef_checks_total', { kind, verdict: 'not_checked' }, unsearched[kind]);
            metrics.add('zeef_not_checked_total', { reason: 'no_list' }, unsearched[kind]);
          }
        },
      };
    },
  };
}
