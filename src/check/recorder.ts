/** Puts answers on record before they leave: in the ledger, and then the same facts as metrics. */
import type { Ledger } from '../ledger/ledger.js';
import type { Outcome } from '../ledger/outcome.js';
import type { Idempotency } from '../store/ledger-contract.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { FloodGuard } from './flood-guard.js';

/** An answer, before it is said what was asked. */
export type Answer = Omit<Outcome, 'kind'>;

/** Answers of one request, gathered; nothing of them may be told before `commit` has resolved. */
export interface Recording {
  add(kind: 'image' | 'hash', answer: Answer): void;
  /** So many more that matched nothing: of them nothing else is kept. */
  addUnmatched(kind: Outcome['kind'], count: number): void;
  /** Once. Errors LEDGER_FAILED: nothing is on record; IDEMPOTENCY_KEY_REUSED. */
  commit(): Promise<void>;
}

export interface Recorder {
  /** `idempotency`: asked at the commit, when the request has been read to its end. */
  open(tenant: string, idempotency?: (() => Idempotency) | null): Recording;
}

/** `ledger` null: only metrics, for measuring what the ledger costs. */
export function createRecorder(ledger: Ledger | null, metrics: Metrics, guard: FloodGuard): Recorder {
  function tell({ kind, verdict, reason, matches, fileId }: Outcome): void {
    metrics.add('zeef_checks_total', { kind, verdict });
    if (reason !== null) metrics.add('zeef_not_checked_total', { reason });
    for (const match of matches) {
      if (match.suppressed) continue;
      metrics.add('zeef_matches_total', { match_type: match.matchType });
      if (match.matchType === 'near') guard.note(match, fileId);
    }
  }
  return {
    open(tenant, idempotency = null) {
      const outcomes: Outcome[] = [];
      const unmatched = { image: 0, hash: 0 };
      return {
        add(kind, answer) {
          if (answer.verdict === 'no_match') {
            unmatched[kind]++;
            return;
          }
          // A known digest makes a match of a picture that could not be decoded: the reason is told, not counted twice.
          const reason = answer.verdict === 'not_checked' ? answer.reason : null;
          outcomes.push({ ...answer, kind, reason });
        },
        addUnmatched(kind, count) {
          unmatched[kind] += count;
        },
        async commit() {
          const isNew =
            (await ledger?.record({
              tenant,
              outcomes,
              unmatched: unmatched.image + unmatched.hash,
              idempotency: idempotency?.() ?? null,
            })) ?? true;
          if (!isNew) return;
          for (const outcome of outcomes) tell(outcome);
          for (const kind of ['image', 'hash'] as const) {
            if (unmatched[kind] > 0) metrics.add('zeef_checks_total', { kind, verdict: 'no_match' }, unmatched[kind]);
          }
        },
      };
    },
  };
}
