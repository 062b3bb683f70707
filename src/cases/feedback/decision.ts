/** The decision that people made on a hit, read from the history of its states. Pure. */
import type { HitStatus } from '../../core/vocabulary.js';

export type Verdict = 'confirmed' | 'false_positive';

interface Decision {
  readonly verdict: Verdict;
  /** RFC 3339. */
  readonly at: string;
}

/**
 * Return the decision that holds; null: there is none. Only people confirm a hit or call it false: a takedown or a notice after it
 * leaves the decision as it is, as does the reopening of the case by Zeef. A notice of a false positive takes that decision back.
 * `history`: oldest first.
 */
export function decisionOf(history: readonly { readonly status: HitStatus; readonly at: string }[]): Decision | null {
  let decision: Decision | null = null;
  for (const { status, at } of history) {
    if (status === 'confirmed' || status === 'false_positive') decision = { verdict: status, at };
    else if (status === 'notified' && decision?.verdict === 'false_positive') decision = null;
  }
  return decision;
}
