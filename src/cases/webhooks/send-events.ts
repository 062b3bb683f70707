/**
 * Sends due events from the outbox to their webhooks: each is delivered, retried later, or dead. Receivers share the
 * events in flight: one that hangs or fails delays neither those of other tenants nor its neighbours.
 */
import type { Clock } from '../../core/clock.js';
import { pauseMs } from '../../core/retry.js';
import type { DueWebhook, WebhookEvent, WebhookStore } from '../../store/webhooks-contract.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { backOffMs } from './back-off.js';
import { ANSWER_MS_MAX, type DeliverOptions, deliver } from './deliver.js';
import type { EventHold } from './hold-events.js';

/** Longer than a claimant can take: another process may claim its events after that. */
const LEASE_MS = ANSWER_MS_MAX * 2;
/** Events in flight. */
const IN_FLIGHT = 32;
/** Events in flight of one tenant: four of them may hang at once, and the others still have slots. */
const IN_FLIGHT_PER_TENANT = 8;
/** Events in flight to one receiver: a tenant's other receivers keep slots. */
export const IN_FLIGHT_PER_RECEIVER = 6;
/** Pauses of a receiver that fails: one event tries it then. Every failed event has its own, longer pause beside. */
const RECEIVER_PAUSES = { firstMs: 1_000, maxMs: 60_000 };
/** A held event is looked at again after this time, if the decision on its entry was missed. */
const HELD_MS = 3_600_000;

export interface SendParts {
  readonly store: WebhookStore;
  readonly hold: EventHold;
  readonly env: DeliverOptions['env'];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly answerMsMax?: number;
  readonly random?: () => number;
}

interface Receiver {
  inFlight: number;
  /** In a row. */
  failures: number;
  pausedUntilMs: number;
}

export class Sender {
  readonly #parts: SendParts;
  readonly #shouldStop: () => boolean;
  /** By webhook. */
  readonly #receivers = new Map<string, Receiver>();
  readonly #perTenant = new Map<string | null, number>();
  readonly #sending = new Set<Promise<void>>();
  #filling: Promise<void> | null = null;
  #isStale = false;
  #error: unknown = null;

  constructor(parts: SendParts, shouldStop: () => boolean) {
    this.#parts = parts;
    this.#shouldStop = shouldStop;
  }

  /** Send what is due and has a slot; does not wait for it. Later slots are filled as they become free. */
  poke(): void {
    this.#isStale = true;
    this.#filling ??= this.#fillWhileStale().finally(() => {
      this.#filling = null;
    });
  }

  /** Resolve once nothing is in flight that this process can send. Errors STORE_FAILED. */
  async settled(): Promise<void> {
    while (this.#filling || this.#sending.size > 0) {
      await this.#filling;
      if (this.#sending.size > 0) await Promise.race(this.#sending);
    }
    const error = this.#error;
    this.#error = null;
    if (error) throw error;
  }

  async #fillWhileStale(): Promise<void> {
    while (this.#isStale && !this.#shouldStop()) {
      this.#isStale = false;
      await this.#fill().catch((error: unknown) => this.#fail(error));
    }
  }

  async #fill(): Promise<void> {
    const { store, clock } = this.#parts;
    const due = await store.due();
    this.#forget(due);
    // Fewest in flight first, so that no receiver is always the last.
    const order = due.map((hook) => ({ hook, receiver: this.#receiverOf(hook.id) }));
    order.sort((a, b) => a.receiver.inFlight - b.receiver.inFlight);
    for (const { hook, receiver } of order) {
      const limit = this.#roomFor(hook, receiver);
      if (limit <= 0 || this.#shouldStop()) continue;
      const claimedMs = clock.monotonicMs();
      // A damaged event stops its own webhook, not those of other tenants.
      const events = await store.claim(hook.id, { leaseMs: LEASE_MS, limit }).catch((error: unknown): [] => {
        this.#fail(error);
        return [];
      });
      for (const event of events) this.#begin(hook, receiver, event, claimedMs);
    }
  }

  /** A failing receiver gets one event at a time, after each pause. */
  #roomFor({ tenant }: DueWebhook, { inFlight, failures, pausedUntilMs }: Receiver): number {
    if (pausedUntilMs > this.#parts.clock.monotonicMs()) return 0;
    return Math.min(
      (failures > 0 ? 1 : IN_FLIGHT_PER_RECEIVER) - inFlight,
      IN_FLIGHT_PER_TENANT - (this.#perTenant.get(tenant) ?? 0),
      IN_FLIGHT - this.#sending.size,
    );
  }

  #receiverOf(webhookId: string): Receiver {
    const known = this.#receivers.get(webhookId) ?? { inFlight: 0, failures: 0, pausedUntilMs: 0 };
    this.#receivers.set(webhookId, known);
    return known;
  }

  /** Forget receivers that have nothing due and do not fail. */
  #forget(due: readonly DueWebhook[]): void {
    const ids = new Set(due.map(({ id }) => id));
    for (const [id, { inFlight, failures }] of this.#receivers)
      if (inFlight === 0 && failures === 0 && !ids.has(id)) this.#receivers.delete(id);
  }

  #begin(hook: DueWebhook, receiver: Receiver, event: WebhookEvent, claimedMs: number): void {
    const { tenant } = hook;
    receiver.inFlight++;
    this.#perTenant.set(tenant, (this.#perTenant.get(tenant) ?? 0) + 1);
    const sending = this.#send(hook, receiver, event, claimedMs)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#sending.delete(sending);
        receiver.inFlight--;
        const left = this.#perTenant.get(tenant)! - 1;
        if (left > 0) this.#perTenant.set(tenant, left);
        else this.#perTenant.delete(tenant);
        this.poke();
      });
    this.#sending.add(sending);
  }

  async #send(hook: DueWebhook, receiver: Receiver, event: WebhookEvent, claimedMs: number): Promise<void> {
    const { store, env, clock, log, metrics, answerMsMax, random = Math.random } = this.#parts;
    if (!(await this.#mayBeSent(hook, event))) return;
    // This process was stopped in between: another one has the event now, or will have it.
    if (clock.monotonicMs() - claimedMs >= LEASE_MS - ANSWER_MS_MAX) return;
    const undelivered = await deliver(hook, event, {
      env,
      nowMs: clock.nowMs(),
      ...(answerMsMax ? { answerMsMax } : {}),
    });
    if (undelivered === null) {
      receiver.failures = 0;
      receiver.pausedUntilMs = 0;
      metrics.add('zeef_webhooks_total', { outcome: 'delivered' });
      return store.done(event.id, clock.nowMs());
    }
    const { why, waitMs } = undelivered;
    receiver.failures++;
    receiver.pausedUntilMs = clock.monotonicMs() + pauseMs(receiver.failures, RECEIVER_PAUSES, random());
    const usualMs = backOffMs(event.attempts + 1, random());
    // A receiver can ask for more time, not for less: the attempts would be over within minutes.
    const pause = usualMs === null ? null : Math.max(usualMs, waitMs ?? 0);
    metrics.add('zeef_webhooks_total', { outcome: pause === null ? 'dead' : 'failed' });
    if (pause === null) log.error({ webhook: hook.id, event: event.id, why }, 'webhook delivery failed permanently');
    else log.warn({ webhook: hook.id, event: event.id, why, againMs: pause }, 'webhook delivery failed, will retry');
    await store.failed(event, { error: why, pauseMs: pause });
  }

  /** Hold or withdraw an event whose entry a flood marked. */
  async #mayBeSent(hook: DueWebhook, event: WebhookEvent): Promise<boolean> {
    const { store, hold, clock, log, metrics } = this.#parts;
    const standing = await hold.standingOf(event);
    if (standing === 'send') return true;
    metrics.add('zeef_webhooks_total', { outcome: standing === 'wait' ? 'held' : 'withdrawn' });
    if (standing === 'wait') {
      await store.hold(event, HELD_MS);
      return false;
    }
    log.info({ webhook: hook.id, event: event.id }, 'webhook event withdrawn: its entry is quarantined');
    await store.done(event.id, clock.nowMs());
    return false;
  }

  #fail(error: unknown): void {
    this.#error = error;
    this.#parts.log.error({ err: error }, 'webhook run failed, will retry');
  }
}
