/**
 * Notifies webhooks of new hits and overdue cases while a service runs. The ledger keeps its news until their events are
 * stored, so a hit recorded before a crash is sent by the next process; the store adds each event once, whichever process
 * reads them.
 */
import pLimit from 'p-limit';
import { addNews, addOverdue } from './collect-events.js';
import type { HitSource } from './events.js';
import { Sender, type SendParts } from './send-events.js';

/** Hits of other processes, and due retries, are picked up within this time; hits of this process, at once. */
const LOOK_MS = 5_000;
/** Deadlines are in hours, so minutes are fine enough. */
const OVERDUE_LOOK_MS = 300_000;
/** News that come together are read together. */
const GATHER_MS = 500;
const DAY_MS = 86_400_000;
/** A process that dies before it forgets the news leaves them to the next one, which adds no event that is still there. */
const NEW_HITS_KEPT_MS = 7 * DAY_MS;
/** A case that is still open after that is sent once more. */
const OVERDUE_KEPT_MS = 400 * DAY_MS;

interface WebhookParts extends SendParts {
  readonly hits: HitSource;
  readonly lookMs?: number;
}

export interface WebhookRunner {
  /** Read the news and send due events, once. */
  look(): Promise<void>;
  /** Compare every open case with its deadlines, once. */
  lookForOverdue(): Promise<void>;
  /** Finish the events in flight, then stop. */
  close(): Promise<void>;
}

/** Serialise runs; a call during a run starts one more run afterwards, which further calls share. */
function oneAtATime(act: () => Promise<void>): () => Promise<void> {
  const limit = pLimit(1);
  let next: Promise<void> | null = null;
  const run = () => {
    next = null;
    return act();
  };
  return () => {
    next ??= limit(run);
    return next;
  };
}

export function runWebhooks(parts: WebhookParts): WebhookRunner {
  const { store, hits, hold, clock, log, metrics, lookMs = LOOK_MS } = parts;
  let isClosing = false;
  const shouldStop = () => isClosing;
  const collecting = { store, hits, clock, log, metrics, shouldStop };

  // Not waited for by a run: a receiver that hangs must not delay the next one.
  const sender = new Sender(parts, shouldStop);
  const collect = oneAtATime(async () => {
    if (await hold.decided()) for (const { id } of await store.receivers()) await store.wake(id);
    await addNews(collecting);
    sender.poke();
  });
  const collectOverdue = oneAtATime(async () => {
    for (const hook of await store.receivers()) if (!isClosing) await addOverdue(hook, collecting);
    // First the news that a process may have left: their events must still be known.
    await collect();
    if (isClosing) return;
    await store.forget(['hit.new', 'ping'], clock.nowMs() - NEW_HITS_KEPT_MS);
    await store.forget(['case.overdue', 'case.reopened'], clock.nowMs() - OVERDUE_KEPT_MS);
    sender.poke();
  });

  const quietly = (act: () => Promise<void>) => () => {
    if (isClosing) return;
    act().catch((error: unknown) => log.error({ err: error }, 'webhook run failed, will retry'));
  };
  let gathering: NodeJS.Timeout | null = null;
  const stopListening = hits.onHit(({ isNew, isReopened }) => {
    if (!(isNew || isReopened) || gathering || isClosing) return;
    gathering = setTimeout(() => {
      gathering = null;
      quietly(collect)();
    }, GATHER_MS).unref();
  });
  const timers = [setInterval(quietly(collect), lookMs), setInterval(quietly(collectOverdue), OVERDUE_LOOK_MS)];
  for (const timer of timers) timer.unref();
  quietly(collect)();
  quietly(collectOverdue)();

  return {
    async look() {
      await collect();
      await sender.settled();
    },
    async lookForOverdue() {
      await collectOverdue();
      await sender.settled();
    },
    async close() {
      isClosing = true;
      stopListening();
      if (gathering) clearTimeout(gathering);
      for (const timer of timers) clearInterval(timer);
      await Promise.allSettled([collect(), collectOverdue()]);
      await Promise.allSettled([sender.settled()]);
    },
  };
}
