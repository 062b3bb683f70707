/** What would be sent to the publisher of a list, and what not, with the reason. Nothing is sent here. */
import { AppError } from '../../core/errors.js';
import { feedbackCallOf } from '../../hashlists/feedback-calls.js';
import { environmentOf } from '../../hashlists/source-addresses.js';
import type { Ledger } from '../../ledger/ledger.js';
import type { FeedbackStore, SentFeedback } from '../../store/feedback-contract.js';
import type { HeldEntry, ListReader, SourceInfo } from '../../store/lists-contract.js';
import type { Verdict } from './decision.js';
import { type EntryFeedback, feedbackOf, heldValues, keyOf, sumDecisions } from './sum-feedback.js';

/**
 * `contested`: people decided both. `removed`: the list has the entry no more. `foreign`: no entry of the publisher, or of a kind
 * that it takes no feedback on. `near`: false positives, and no file had exactly the value: they speak of the radius, and sent, they
 * could take a right entry from everybody. `sent`: the publisher has this verdict. `refused`: it refused this verdict.
 */
type LeftReason = 'contested' | 'removed' | 'foreign' | 'near' | 'sent' | 'refused';

export interface DueFeedback {
  readonly feedback: EntryFeedback;
  readonly verdict: Verdict;
  readonly held: HeldEntry;
}

export interface FeedbackPlan {
  readonly list: string;
  readonly source: SourceInfo;
  /** For `FeedbackStore`: the publisher and its environment. */
  readonly service: string;
  readonly due: readonly DueFeedback[];
  readonly left: readonly { readonly feedback: EntryFeedback; readonly why: LeftReason }[];
}

interface PlanOptions {
  readonly sinceMs?: number | null;
  /** Plan what the publisher refused, too. */
  readonly refused?: boolean;
}

interface PlanParts {
  readonly lists: Pick<ListReader, 'entry' | 'source' | 'lists'>;
  readonly feedback: Pick<FeedbackStore, 'sent'>;
  readonly ledger: Pick<Ledger, 'hits'>;
}

/** Return where feedback on a list of this source goes; null: no call is known. */
export const serviceOf = (source: SourceInfo | null): string | null =>
  source === null || feedbackCallOf(source.type) === null ? null : `${source.type} ${environmentOf(source)}`;

/** Errors LIST_NOT_FOUND; NOT_FOUND: the list has no source; REQUEST_INVALID: its publisher takes no feedback by a call that is known. */
async function requireService(
  lists: PlanParts['lists'],
  list: string,
): Promise<{ readonly source: SourceInfo; readonly service: string }> {
  const source = await lists.source(list);
  if (source === null) throw new AppError('NOT_FOUND', { list, what: 'source' });
  const service = serviceOf(source);
  if (service !== null) return { source, service };
  throw new AppError('REQUEST_INVALID', {
    field: 'send',
    type: source.type,
    expected: 'a source of type ncmec or stopncii: for others no call is known, so write the file and send it yourself',
  });
}

/** Errors as `requireService` and `sumDecisions`. */
export async function planFeedback(
  { lists, feedback, ledger }: PlanParts,
  list: string,
  { sinceMs = null, refused = false }: PlanOptions = {},
): Promise<FeedbackPlan> {
  const { source, service } = await requireService(lists, list);
  const before = new Map((await feedback.sent(list, service)).map((sent) => [keyOf(sent), sent]));
  const due: DueFeedback[] = [];
  const left: FeedbackPlan['left'][number][] = [];
  for (const sum of await sumDecisions({ ledger, lists }, list, sinceMs)) {
    const held = await heldValues(lists, list, sum);
    const row = feedbackOf(list, sum, held);
    const why = reasonToLeave(row, { held, source, sent: before.get(keyOf(sum)), refused });
    if (why !== null) left.push({ feedback: row, why });
    else due.push({ feedback: row, verdict: row.verdict as Verdict, held: held[0]! });
  }
  return { list, source, service, due, left };
}

function reasonToLeave(
  { verdict, state, entryId, exact }: EntryFeedback,
  about: {
    readonly held: readonly HeldEntry[];
    readonly source: SourceInfo;
    readonly sent: SentFeedback | undefined;
    readonly refused: boolean;
  },
): LeftReason | null {
  const { held, source, sent, refused } = about;
  if (verdict === 'contested') return 'contested';
  if (state === 'removed') return 'removed';
  const subject = { ...held[0]!, entryId, verdict };
  if (feedbackCallOf(source.type)!(source, subject, '') === null) return 'foreign';
  if (verdict === 'false_positive' && exact === 0) return 'near';
  // Another verdict is another message. One whose answer is unknown is sent again: the calls replace what was said.
  if (sent === undefined || sent.verdict !== verdict) return null;
  if (sent.state === 'acknowledged') return 'sent';
  return sent.state === 'refused' && !refused ? 'refused' : null;
}
