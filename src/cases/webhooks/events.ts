/** Event bodies of webhooks: hits and cases without values or entries of lists. */
import type { LedgerStore, News } from '../../store/ledger-contract.js';
import type { NewWebhookEvent } from '../../store/webhooks-contract.js';

/** States in which the takedown clock runs. */
export const RUNNING_STATUSES = ['open', 'notified', 'confirmed'] as const;

/** The fields of a hit in an event. The file's digests are omitted: one that matched is a list's value. */
export interface HitFacts {
  readonly id: string;
  readonly tenant: string;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  readonly list: string;
  readonly matchType: 'exact' | 'near';
  readonly status: string;
  readonly quarantined: boolean;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly timesSeen: number;
  readonly clock: {
    readonly startedAt: string;
    readonly stoppedAt: string | null;
    readonly deadlines: readonly { readonly hours: number; readonly dueAt: string; readonly met: boolean | null }[];
  };
}

/** The part of the ledger that is needed here. */
export interface HitSource extends Pick<LedgerStore, 'news' | 'newsAfter' | 'forgetNews'> {
  /** By the first sighting, before `toMs`; newest first. */
  hits(query: {
    tenant?: string | undefined;
    status?: (typeof RUNNING_STATUSES)[number] | undefined;
    toMs?: number | undefined;
    cursor?: string | undefined;
    limit: number;
  }): Promise<{ readonly hits: readonly HitFacts[]; readonly cursor: string | null }>;
  /** Undefined tenant: all. */
  hit(tenant: undefined, id: string): Promise<HitFacts | null>;
  onHit(listener: (event: { readonly isNew: boolean; readonly isReopened: boolean }) => void): () => void;
}

function bodyOf(event: NewWebhookEvent['kind'], hit: HitFacts, more: object): string {
  const { id, tenant, reference, kind, list, matchType, status, firstSeenAt, lastSeenAt, timesSeen } = hit;
  // As for a key without the scope details: the receiver asks for the rest with its key.
  const facts = { id, tenant, reference, kind, verdict: 'match', list, matchType, status };
  return JSON.stringify({ event, hit: { ...facts, firstSeenAt, lastSeenAt, timesSeen }, ...more });
}

export function pingEvent(webhookId: string, atMs: number): NewWebhookEvent {
  return { kind: 'ping', subject: `${webhookId} ${atMs}`, body: JSON.stringify({ event: 'ping', webhook: webhookId }) };
}

/** Return the event of a case that is new, or was reopened by a sighting. */
export function newsEvent({ kind, atMs }: News, hit: HitFacts): NewWebhookEvent {
  if (kind === 'new') return { kind: 'hit.new', subject: hit.id, body: bodyOf('hit.new', hit, {}) };
  const at = new Date(atMs).toISOString();
  return {
    kind: 'case.reopened',
    subject: `${hit.id} ${at}`,
    body: bodyOf('case.reopened', hit, { reopenedAt: at }),
  };
}

/** Return one event for each deadline that is past while the clock runs. */
export function overdueEvents(hit: HitFacts, nowMs: number): NewWebhookEvent[] {
  const { startedAt, stoppedAt, deadlines } = hit.clock;
  if (hit.quarantined || stoppedAt !== null) return [];
  return deadlines
    .filter(({ dueAt }) => Date.parse(dueAt) < nowMs)
    .map(({ hours, dueAt }) => ({
      kind: 'case.overdue',
      // A clock restarted by a notice has new deadlines.
      subject: `${hit.id} ${hours} ${startedAt}`,
      body: bodyOf('case.overdue', hit, { deadline: { hours, dueAt, startedAt } }),
    }));
}
