/**
 * Tells webhooks of new hits and overdue cases while a service runs. Hits are read from the ledger since each webhook's
 * position, so one that was on record when the process died is told by the next; the store sees to it that each is
 * added once, and by whichever process.
 */
import type { Clock } from '../../core/clock.js';
import type { NewWebhookEvent, WebhookEvent, WebhookInfo, WebhookStore } from '../../store/webhooks-contract.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { pauseMs } from './back-off.js';
import { ANSWER_MS_MAX, type DeliverOptions, deliver } from './deliver.js';
import { type HitSource, newHitEvent, overdueEvents, RUNNING_STATUSES } from './events.js';

/** Hits of other processes, and events that are due again, are seen within this time; those of this one, at once. */
const LOOK_MS = 5_000;
/** Deadlines are of hours. */
const OVERDUE_LOOK_MS = 300_000;
/** New hits that come together are read together. */
const GATHER_MS = 500;
/** A hit is read again so long after it: processes write theirs in no order of time. */
const OVERLAP_MS = 120_000;
/** Nobody else sends what a process claimed, until it must have ended. */
const LEASE_MS = ANSWER_MS_MAX * 6;
/** Events in flight: a receiver that hangs must not hold up the others. */
const IN_FLIGHT = 16;
const HITS_PER_PAGE = 200;
const DAY_MS = 86_400_000;
/** Longer than any overlap. */
const NEW_HITS_KEPT_MS = 7 * DAY_MS;
/** A case that is still open then is told once more. */
const OVERDUE_KEPT_MS = 400 * DAY_MS;

export interface WebhookParts {
  readonly store: WebhookStore;
  readonly hits: HitSource;
  readonly env: DeliverOptions['env'];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly answerMsMax?: number;
  readonly lookMs?: number;
  readonly random?: () => number;
}

export interface WebhookRunner {
  /** Reads what is new and sends what is due, once. */
  look(): Promise<void>;
  /** Every open case against its deadlines, once. */
  lookForOverdue(): Promise<void>;
  /** What is in flight is finished first. */
  close(): Promise<void>;
}

export function runWebhooks(parts: WebhookParts): WebhookRunner {
  const { store, hits, env, clock, log, metrics, lookMs = LOOK_MS, random = Math.random } = parts;
  let isClosing = false;

  /** Pages are newest first, so the position moves only when all of them were read. */
  async function addNewHits({ id, tenant, createdAt }: WebhookInfo): Promise<void> {
    const nowMs = clock.nowMs();
    const fromMs = Math.max(Date.parse(createdAt), (await store.position(id)) - OVERLAP_MS);
    let cursor: string | undefined;
    const pages: NewWebhookEvent[][] = [];
    do {
      const page = await hits.hits({
        tenant: tenant ?? undefined,
        fromMs,
        cursor,
        limit: HITS_PER_PAGE,
      });
      pages.push(page.hits.map(newHitEvent).filter((event) => event !== null));
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined && !isClosing);
    if (cursor !== undefined) return;
    // Oldest first, as they happened; the last of them moves the position.
    pages.reverse();
    for (const [at, page] of pages.entries()) {
      await store.addEvents(id, page.reverse(), at === pages.length - 1 ? nowMs : null, nowMs);
    }
  }

  async function addOverdue({ id, tenant }: WebhookInfo): Promise<void> {
    const nowMs = clock.nowMs();
    for (const status of RUNNING_STATUSES) {
      let cursor: string | undefined;
      do {
        const query = { tenant: tenant ?? undefined, status, toMs: nowMs, cursor, limit: HITS_PER_PAGE };
        const page = await hits.hits(query);
        const events = page.hits.flatMap((hit) => overdueEvents(hit, nowMs));
        if (events.length > 0) await store.addEvents(id, events, null, nowMs);
        cursor = page.cursor ?? undefined;
      } while (cursor !== undefined && !isClosing);
    }
  }

  async function send(hook: WebhookInfo | undefined, event: WebhookEvent): Promise<void> {
    // It was removed in between, and its events with it.
    if (!hook) return;
    const { answerMsMax } = parts;
    const error = await deliver(hook, event, { env, nowMs: clock.nowMs(), ...(answerMsMax ? { answerMsMax } : {}) });
    if (error === null) {
      metrics.add('zeef_webhooks_total', { outcome: 'delivered' });
      return store.delivered(event.id, clock.nowMs());
    }
    const pause = pauseMs(event.attempts + 1, random());
    metrics.add('zeef_webhooks_total', { outcome: pause === null ? 'dead' : 'failed' });
    if (pause === null) log.error({ webhook: hook.id, event: event.id, why: error }, 'an event was given up');
    else log.warn({ webhook: hook.id, event: event.id, why: error, againMs: pause }, 'an event was not taken');
    await store.failed(event.id, error, pause === null ? null : clock.nowMs() + pause);
  }

  async function sendDue(): Promise<void> {
    while (!isClosing) {
      const due = await store.claim(clock.nowMs(), LEASE_MS, IN_FLIGHT);
      if (due.length === 0) return;
      const byId = new Map((await store.webhooks(null)).map((hook) => [hook.id, hook]));
      await Promise.all(due.map((event) => send(byId.get(event.webhookId), event)));
    }
  }

  /** One at a time; whoever asks meanwhile gets one more afterwards. */
  function oneAtATime(act: () => Promise<void>): () => Promise<void> {
    let running: Promise<void> | null = null;
    let next: Promise<void> | null = null;
    const begin = (): Promise<void> => {
      if (!running) {
        running = act().finally(() => {
          running = null;
        });
        return running;
      }
      next ??= running
        .catch(() => {})
        .then(() => {
          next = null;
          return begin();
        });
      return next;
    };
    return begin;
  }

  const look = oneAtATime(async () => {
    for (const hook of await store.webhooks(null)) if (!isClosing) await addNewHits(hook);
    await sendDue();
  });
  const lookForOverdue = oneAtATime(async () => {
    for (const hook of await store.webhooks(null)) if (!isClosing) await addOverdue(hook);
    await store.forget(['hit.new', 'ping'], clock.nowMs() - NEW_HITS_KEPT_MS);
    await store.forget(['case.overdue'], clock.nowMs() - OVERDUE_KEPT_MS);
    await sendDue();
  });

  const quietly = (act: () => Promise<void>) => () => {
    if (isClosing) return;
    act().catch((error: unknown) => log.error({ err: error }, 'webhooks could not be looked after; it is tried again'));
  };
  let gathering: NodeJS.Timeout | null = null;
  const stopListening = hits.onHit(({ isNew }) => {
    if (!isNew || gathering || isClosing) return;
    gathering = setTimeout(() => {
      gathering = null;
      quietly(look)();
    }, GATHER_MS).unref();
  });
  const timers = [setInterval(quietly(look), lookMs), setInterval(quietly(lookForOverdue), OVERDUE_LOOK_MS)];
  for (const timer of timers) timer.unref();
  quietly(look)();
  quietly(lookForOverdue)();

  return {
    look,
    lookForOverdue,
    async close() {
      isClosing = true;
      stopListening();
      if (gathering) clearTimeout(gathering);
      for (const timer of timers) clearInterval(timer);
      await Promise.allSettled([look(), lookForOverdue()]);
    },
  };
}
