/** The contract of what was sent to publishers of lists about their entries, and what they answered. Without SQL, without values. */
import type { Algorithm } from '../core/vocabulary.js';

/**
 * `begun`: written before the request; alone, it is unknown whether the service has it. `acknowledged`: the service took it.
 * `refused`: the service answered that it does not.
 */
export const SENT_STATES = ['begun', 'acknowledged', 'refused'] as const;

/** The last feedback on one entry by one algorithm. */
export interface SentFeedback {
  readonly entryId: string;
  readonly algorithm: Algorithm;
  readonly verdict: 'confirmed' | 'false_positive';
  /** What was sent, by the service's own words. */
  readonly sent: string;
  /** RFC 3339. */
  readonly at: string;
  readonly state: (typeof SENT_STATES)[number];
  /** Status of the answer; null where there is none yet. */
  readonly status: number | null;
}

export interface FeedbackStore {
  /** `service`: where it was sent to; another environment of a publisher is another one. Errors LIST_NOT_FOUND; STORE_DAMAGED. */
  sent(list: string, service: string): Promise<readonly SentFeedback[]>;
  /** Keep this in place of what was sent before. Errors LIST_NOT_FOUND; STORE_FAILED. */
  note(list: string, service: string, feedback: SentFeedback): Promise<void>;
}
