/** Makes events of the ledger's news and of overdue cases; the store adds each event once. */
import type { Clock } from '../../core/clock.js';
import type { News } from '../../store/ledger-contract.js';
import type { NewsReceiver, WebhookInfo, WebhookStore } from '../../store/webhooks-contract.js';
import type { Logger } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { type HitFacts, type HitSource, newsEvent, overdueEvents, RUNNING_STATUSES } from './events.js';

/** As many are in memory at a time, and forgotten in one transaction. */
export const NEWS_PER_PAGE = 200;
const HITS_PER_PAGE = 200;

interface CollectParts {
  readonly store: WebhookStore;
  readonly hits: HitSource;
  readonly clock: Clock;
  /** True once no further page should be read. */
  readonly shouldStop: () => boolean;
}

interface NewsParts extends CollectParts {
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Add the news to all webhooks that they concern, a page at a time; a page is forgotten once all its events are stored. */
export async function addNews(parts: NewsParts): Promise<void> {
  const { store, hits, log, metrics, shouldStop } = parts;
  for (let more = true; more && !shouldStop(); ) {
    const { news, lost } = await hits.news(NEWS_PER_PAGE);
    // Read after the news: a webhook that is added later is younger than all of them.
    const receivers = await store.receivers();
    const found = new Map<string, HitFacts | null>();
    for (const receiver of receivers) await addNewsTo(receiver, news, found, parts);
    if (lost > 0) {
      metrics.add('zeef_webhook_news_lost_total', {}, lost);
      log.error({ lost }, 'webhooks get no event of these new or reopened cases: too many waited for a service');
    }
    const ids = news.map(({ id }) => id);
    if (ids.length > 0 || lost > 0) await hits.forgetNews(ids, lost);
    more = news.length === NEWS_PER_PAGE;
  }
}

/** `found`: hits of the page that were read already; null: erased. */
async function addNewsTo(
  { id: webhookId, tenant, mark }: NewsReceiver,
  page: readonly News[],
  found: Map<string, HitFacts | null>,
  { store, hits, clock }: CollectParts,
): Promise<void> {
  const own = page.filter((one) => tenant === null || one.tenant === tenant);
  if (own.length === 0) return;
  const ids = new Set(
    await hits.newsAfter(
      mark,
      own.map(({ id }) => id),
    ),
  );
  const events = [];
  for (const one of own) {
    if (!ids.has(one.id)) continue;
    if (!found.has(one.hitId)) found.set(one.hitId, await hits.hit(undefined, one.hitId));
    const hit = found.get(one.hitId);
    if (hit) events.push(newsEvent(one, hit));
  }
  if (events.length > 0) await store.addEvents(webhookId, events, clock.nowMs());
}

/** Add one event for each deadline that a case has missed while its clock runs. */
export async function addOverdue(
  { id, tenant }: Pick<WebhookInfo, 'id' | 'tenant'>,
  { store, hits, clock, shouldStop }: CollectParts,
): Promise<void> {
  const nowMs = clock.nowMs();
  for (const status of RUNNING_STATUSES) {
    let cursor: string | undefined;
    do {
      const query = { tenant: tenant ?? undefined, status, toMs: nowMs, cursor, limit: HITS_PER_PAGE };
      const page = await hits.hits(query);
      const events = page.hits.flatMap((hit) => overdueEvents(hit, nowMs));
      if (events.length > 0) await store.addEvents(id, events, nowMs);
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined && !shouldStop());
  }
}
