/** Sends due events from the outbox to their webhooks: each is delivered, retried later, or dead. */
import type { Clock } from '../../core/clock.js';
import type { WebhookEvent, WebhookInfo, WebhookStore } from '../../store/webhooks-contract.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { backOffMs } from './back-off.js';
import { ANSWER_MS_MAX, type DeliverOptions, deliver } from './deliver.js';

/** Longer than a claimant can take: another process may claim its events after that. */
const LEASE_MS = ANSWER_MS_MAX * 6;
/** Events in flight: a receiver that hangs must not delay other receivers. */
const IN_FLIGHT = 16;

export interface SendParts {
  readonly store: WebhookStore;
  readonly env: DeliverOptions['env'];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly answerMsMax?: number;
  readonly random?: () => number;
}

/** Send until no event is due, or until `shouldStop`; events in flight are finished first. Errors STORE_FAILED. */
export async function sendDue(parts: SendParts, shouldStop: () => boolean): Promise<void> {
  const { store, clock } = parts;
  while (!shouldStop()) {
    const due = await store.claim(clock.nowMs(), LEASE_MS, IN_FLIGHT);
    if (due.length === 0) return;
    const byId = new Map((await store.webhooks(null)).map((hook) => [hook.id, hook]));
    await Promise.all(due.map((event) => send(byId.get(event.webhookId), event, parts)));
  }
}

async function send(hook: WebhookInfo | undefined, event: WebhookEvent, parts: SendParts): Promise<void> {
  // The webhook was removed in between, with its events.
  if (!hook) return;
  const { store, env, clock, log, metrics, answerMsMax, random = Math.random } = parts;
  const undelivered = await deliver(hook, event, {
    env,
    nowMs: clock.nowMs(),
    ...(answerMsMax ? { answerMsMax } : {}),
  });
  if (undelivered === null) {
    metrics.add('zeef_webhooks_total', { outcome: 'delivered' });
    return store.delivered(event.id, clock.nowMs());
  }
  const { why, waitMs } = undelivered;
  const usualMs = backOffMs(event.attempts + 1, random());
  // A receiver can ask for more time, not for less: the attempts would be over within minutes.
  const pause = usualMs === null ? null : Math.max(usualMs, waitMs ?? 0);
  metrics.add('zeef_webhooks_total', { outcome: pause === null ? 'dead' : 'failed' });
  if (pause === null) log.error({ webhook: hook.id, event: event.id, why }, 'webhook delivery failed permanently');
  else log.warn({ webhook: hook.id, event: event.id, why, againMs: pause }, 'webhook delivery failed, will retry');
  await store.failed(event.id, why, pause === null ? null : clock.nowMs() + pause);
}
