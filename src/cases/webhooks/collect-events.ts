/** Copies new hits and overdue cases from the ledger to a webhook's outbox; the store adds each event once. */
import type { Clock } from '../../core/clock.js';
import type { WebhookInfo, WebhookStore } from '../../store/webhooks-contract.js';
import {
  type HitFacts,
  type HitSource,
  newHitEvent,
  overdueEvents,
  RUNNING_STATUSES,
  reopenedEvents,
} from './events.js';

/** Hits are read again for this long: processes write theirs in no order of time. */
const OVERLAP_MS = 120_000;
const HITS_PER_PAGE = 200;

interface CollectParts {
  readonly store: WebhookStore;
  readonly hits: HitSource;
  readonly clock: Clock;
  /** True once no further page should be read. */
  readonly shouldStop: () => boolean;
}

/** Add the hits since the webhook's position, oldest first, a page at a time; the position moves only when all were read. */
export async function addNewHits(
  { id, tenant, createdAt }: WebhookInfo,
  { store, hits, clock, shouldStop }: CollectParts,
): Promise<void> {
  const nowMs = clock.nowMs();
  const fromMs = Math.max(Date.parse(createdAt), (await store.position(id)) - OVERLAP_MS);
  let cursor: string | undefined;
  do {
    const query = { tenant: tenant ?? undefined, fromMs, oldestFirst: true, cursor, limit: HITS_PER_PAGE };
    const page = await hits.hits(query);
    cursor = page.cursor ?? undefined;
    const events = page.hits.map(newHitEvent).filter((event) => event !== null);
    await store.addEvents(id, events, cursor === undefined ? nowMs : null, nowMs);
  } while (cursor !== undefined && !shouldStop());
}

/** Add events for the reopening of cases, as far as they happened after the webhook's creation. */
export async function addReopened(
  { id, tenant, createdAt }: WebhookInfo,
  hits: readonly HitFacts[],
  { store, clock }: Pick<CollectParts, 'store' | 'clock'>,
): Promise<void> {
  const events = hits
    .filter((hit) => tenant === null || hit.tenant === tenant)
    .flatMap((hit) => reopenedEvents(hit, Date.parse(createdAt)));
  if (events.length > 0) await store.addEvents(id, events, null, clock.nowMs());
}

/**
 * Add one event for each deadline that a case has missed while its clock runs, and for each running case that was reopened:
 * a process may have died before it sent that.
 */
export async function addOverdue(
  { id, tenant, createdAt }: WebhookInfo,
  { store, hits, clock, shouldStop }: CollectParts,
): Promise<void> {
  const nowMs = clock.nowMs();
  for (const status of RUNNING_STATUSES) {
    let cursor: string | undefined;
    do {
      const query = { tenant: tenant ?? undefined, status, toMs: nowMs, cursor, limit: HITS_PER_PAGE };
      const page = await hits.hits(query);
      const events = page.hits.flatMap((hit) => [
        ...reopenedEvents(hit, Date.parse(createdAt)),
        ...overdueEvents(hit, nowMs),
      ]);
      if (events.length > 0) await store.addEvents(id, events, null, nowMs);
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined && !shouldStop());
  }
}
