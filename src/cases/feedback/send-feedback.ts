/**
 * Sends a plan's feedback to the publisher of the list, one entry after the other. Each is on record before it is sent, and its
 * answer before the next: a send that was interrupted is continued by the next one.
 */
import type { Audit } from '../../audit/audit.js';
import { boundedWork } from '../../core/bounded-work.js';
import { AppError } from '../../core/errors.js';
import { withDuty } from '../../duties/with-duty.js';
import { feedbackCallOf, reasonsAddress } from '../../hashlists/feedback-calls.js';
import { chooseReason, readReasons } from '../../hashlists/feedback-reasons.js';
import type { Ledger } from '../../ledger/ledger.js';
import { readSecrets } from '../../lists/import/source-secrets.js';
import { openSession, type SourceSession } from '../../lists/import/source-session.js';
import { placeOf } from '../../lists/import/spool-pages.js';
import { feedbackDuty } from '../../lists/rename-list.js';
import type { SentFeedback } from '../../store/feedback-contract.js';
import type { Store } from '../../store/store.js';
import { type DueFeedback, type FeedbackPlan, planFeedback } from './plan-feedback.js';
import { type RequestOptions, requestService } from './request-service.js';
import type { EntryFeedback } from './sum-feedback.js';

/** Refusals in a row after which the address, not the entries, is the fault. */
const REFUSALS_MAX = 10;

export interface SendOptions extends RequestOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sinceMs?: number | null;
  /** GUID or name of the reason of false positives, where the publisher wants one. */
  readonly reason?: string | null;
  /** Send again what the publisher refused. */
  readonly refused?: boolean;
  /** Time after which no further entry is begun; by default all are sent. */
  readonly turnMs?: number;
  /** For the audit log. */
  readonly actor: string;
}

interface SendReport {
  readonly list: string;
  readonly host: string;
  readonly sent: number;
  /** Not sent yet: the time was over. */
  readonly due: number;
  readonly refused: readonly { readonly feedback: EntryFeedback; readonly status: number }[];
  readonly left: FeedbackPlan['left'];
}

/**
 * Plan and send, as the only process that sends feedback of this list.
 * Errors as `planFeedback`; REQUEST_INVALID: a reason must be chosen; SOURCE_FAILED, also where another process sends: what was
 * answered is on record; SHUTTING_DOWN; STORE_FAILED.
 */
export async function sendFeedback(
  parts: { readonly audit: Audit; readonly ledger: Pick<Ledger, 'hits'> },
  list: string,
  options: SendOptions,
): Promise<SendReport> {
  const { audit, ledger } = parts;
  const store = audit.as(options.actor);
  const done = await withDuty(store.duties, feedbackDuty(list), async (duty) => {
    const lost = new AbortController();
    duty.onLost(() => lost.abort());
    const plan = await planFeedback({ ...store, ledger }, list, options);
    const { host } = new URL(plan.source.url);
    const about = { type: plan.source.type, host, due: plan.due.length };
    return audit.withAudit(
      options.actor,
      {
        action: 'list.feedback',
        target: list,
        details: about,
        detailsOf: ({ sent, refused }: SendReport) => ({ details: { sent, refused: refused.length } }),
      },
      () =>
        boundedWork({ signals: [options.signal, lost.signal] }, (signal) => send(store, plan, { ...options, signal })),
    );
  });
  if (done === null)
    throw new AppError('SOURCE_FAILED', { why: 'another process sends the feedback of this list', list });
  return done.result;
}

/** The session of the list's sync; feedback may have a key of its own. */
function sessionOf({ vault }: Store, { list, source }: FeedbackPlan, env: SendOptions['env']): SourceSession {
  const { feedbackKey, ...secrets } = readSecrets(list, source, { env, vault });
  return openSession(source, feedbackKey === undefined ? secrets : { ...secrets, functionKey: feedbackKey });
}

async function send(store: Store, plan: FeedbackPlan, options: SendOptions): Promise<SendReport> {
  const { list, source, service, due, left } = plan;
  const session = sessionOf(store, plan, options.env);
  const reasonOf = await reasonsFor(session, due, options);
  const makeCall = feedbackCallOf(source.type)!;
  const refused: SendReport['refused'][number][] = [];
  const startedMs = performance.now();
  let sent = 0;
  let inARow = 0;
  for (const { feedback, verdict, held } of due) {
    if (options.signal.aborted) throw new AppError('SHUTTING_DOWN');
    if (performance.now() - startedMs >= (options.turnMs ?? Number.POSITIVE_INFINITY)) break;
    await requireSame(store, plan);
    const { entryId, algorithm } = feedback;
    const call = makeCall(source, { ...held, entryId, verdict }, reasonOf(algorithm))!;
    const note = (state: SentFeedback['state'], status: number | null) => {
      const at = new Date().toISOString();
      return store.feedback.note(list, service, { entryId, algorithm, verdict, sent: call.says, at, state, status });
    };
    await note('begun', null);
    const { status, isTaken } = await requestService(session, call, options);
    await note(isTaken ? 'acknowledged' : 'refused', status);
    inARow = isTaken ? 0 : inARow + 1;
    if (isTaken) sent++;
    else refused.push({ feedback, status });
    if (inARow >= REFUSALS_MAX)
      throw new AppError('SOURCE_FAILED', { why: `refused ${inARow} in a row, the last with status ${status}`, list });
  }
  const { host } = new URL(source.url);
  return { list, host, sent, due: due.length - sent - refused.length, refused, left };
}

/** Errors SOURCE_FAILED: the list has another source by now. */
async function requireSame({ lists }: Store, { list, source }: FeedbackPlan): Promise<void> {
  const now = await lists.source(list);
  if (now === null || placeOf(now) !== placeOf(source))
    throw new AppError('SOURCE_FAILED', { why: 'the source was changed or removed', list });
}

/** Read the reasons of false positives, by algorithm, before anything is sent. Errors as `sendFeedback`. */
async function reasonsFor(
  session: SourceSession,
  due: readonly DueFeedback[],
  options: SendOptions,
): Promise<(algorithm: EntryFeedback['algorithm']) => string> {
  const chosen = new Map<EntryFeedback['algorithm'], string>();
  for (const { feedback, verdict } of due) {
    const { algorithm } = feedback;
    const url = verdict === 'confirmed' ? null : reasonsAddress(session.source, algorithm);
    if (url === null || chosen.has(algorithm)) continue;
    const { isTaken, status, body } = await requestService(session, { method: 'GET', url }, options);
    if (!isTaken) throw new AppError('SOURCE_FAILED', { why: `reasons: status ${status}` });
    chosen.set(algorithm, chooseReason(readReasons(body), options.reason ?? null));
  }
  return (algorithm) => chosen.get(algorithm) ?? '';
}
