/** What webhooks are told: hits and cases without anything that a list holds. */
import type { NewWebhookEvent } from '../../store/webhooks-contract.js';

/** States in which the takedown clock runs. */
export const RUNNING_STATUSES = ['open', 'notified', 'confirmed'] as const;

/** As much of a hit as is told. The file's digests are not: one that matched is a value of a list. */
export interface HitFacts {
  readonly id: string;
  readonly tenant: string;
  readonly reference: string | null;
  readonly kind: 'image' | 'hash';
  readonly list: string;
  readonly category: string | null;
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

/** The ledger, as much of it as is needed here; pages are newest first. */
export interface HitSource {
  /** By the first sighting, from `fromMs` on and before `toMs`. */
  hits(query: {
    tenant?: string | undefined;
    status?: (typeof RUNNING_STATUSES)[number] | undefined;
    fromMs?: number | undefined;
    toMs?: number | undefined;
    cursor?: string | undefined;
    limit: number;
  }): Promise<{ readonly hits: readonly HitFacts[]; readonly cursor: string | null }>;
  onHit(listener: (event: { readonly hit: HitFacts; readonly isNew: boolean }) => void): () => void;
}

function bodyOf(event: NewWebhookEvent['kind'], hit: HitFacts, more: object): string {
  const { id, tenant, reference, kind, list, category, matchType, status, firstSeenAt, lastSeenAt, timesSeen } = hit;
  const told = { id, tenant, reference, kind, verdict: 'match', list, category, matchType, status };
  return JSON.stringify({ event, hit: { ...told, firstSeenAt, lastSeenAt, timesSeen }, ...more });
}

export function pingEvent(webhookId: string, atMs: number): NewWebhookEvent {
  return { kind: 'ping', subject: `${webhookId} ${atMs}`, body: JSON.stringify({ event: 'ping', webhook: webhookId }) };
}

/** One in quarantine is no case, and is not told. */
export function newHitEvent(hit: HitFacts): NewWebhookEvent | null {
  if (hit.quarantined) return null;
  return { kind: 'hit.new', subject: hit.id, body: bodyOf('hit.new', hit, {}) };
}

/** One for each deadline that is past while the clock runs. */
export function overdueEvents(hit: HitFacts, nowMs: number): NewWebhookEvent[] {
  const { startedAt, stoppedAt, deadlines } = hit.clock;
  if (hit.quarantined || stoppedAt !== null) return [];
  return deadlines
    .filter(({ dueAt }) => Date.parse(dueAt) < nowMs)
    .map(({ hours, dueAt }) => ({
      kind: 'case.overdue',
      // A clock that started anew, with a notice, has deadlines anew.
      subject: `${hit.id} ${hours} ${startedAt}`,
      body: bodyOf('case.overdue', hit, { deadline: { hours, dueAt, startedAt } }),
    }));
}
