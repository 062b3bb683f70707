/** The decision that people made on a hit, read from the history of its states. Pure. */
import type { HitStatus } from '../../core/vocabulary.js';
import { REOPENED_BY } from '../../store/ledger-events.js';

export type Verdict = 'confirmed' | 'false_positive';

interface Decision {
  readonly verdict: Verdict;
  /** RFC 3339. */
  readonly at: string;
}

/**
 * Return the decision that holds; null: there is none. Only people confirm a hit or call it false: a takedown or a notice after it
 * leaves the decision as it is, as does the reopening of the case by Zeef. A notice of a false positive takes that decision back, and
 * so does a person who sets the case to open. `history`: oldest first.
 */
export function decisionOf(
  history: readonly { readonly status: HitStatus; readonly at: string; readonly by: string }[],
): Decision | null {
  let decision: Decision | null = null;
  for (const { status, at, by } of history) {
    if (status === 'confirmed' || status === 'false_positive') decision = { verdict: status, at };
    else if (status === 'notified' && decision?.verdict === 'false_positive') decision = null;
    else if (status === 'open' && by !== REOPENED_BY) decision = null;
  }
  return decision;
}
