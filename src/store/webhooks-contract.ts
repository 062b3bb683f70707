/**
 * The contract of webhooks and their outbox. An event is added once per subject, claimed by one process at a time, and
 * stays until it is delivered, or dead and handled. The store measures leases and pauses by its own clock, which never
 * jumps; times of day, `nowMs`, are only shown, and compared with one another.
 */
import type { TenantFilter } from './keys-contract.js';

export const WEBHOOK_EVENTS = ['hit.new', 'case.reopened', 'case.overdue', 'ping'] as const;
export type WebhookEventKind = (typeof WEBHOOK_EVENTS)[number];

export interface WebhookInfo {
  readonly id: string;
  /** The tenant whose events it gets; null: all tenants. */
  readonly tenant: string | null;
  readonly url: string;
  /** Name of the environment variable that holds the secret; the secret itself is never stored. */
  readonly secretEnv: string;
  readonly createdAt: string;
  /** Numbers of waiting and of dead events. */
  readonly waiting: number;
  readonly dead: number;
}

export interface NewWebhook {
  readonly tenant: string | null;
  readonly url: string;
  readonly secretEnv: string;
  /** `newsMark` of the ledger, taken before: it gets the news of after. */
  readonly mark: string;
  readonly nowMs: number;
}

export interface NewWebhookEvent {
  readonly kind: WebhookEventKind;
  /** Its subject: an event is added once per webhook and subject. */
  readonly subject: string;
  readonly body: string;
}

export interface WebhookEvent extends NewWebhookEvent {
  readonly id: string;
  readonly webhookId: string;
  readonly createdAt: string;
  /** Failed attempts so far. */
  readonly attempts: number;
  /** Rises with every claim: an earlier claimant cannot undo the work of a later one. */
  readonly claims: number;
  /** Error of the last attempt: a status or a reason. */
  readonly lastError: string | null;
}

export type NewsReceiver = Pick<WebhookInfo, 'id' | 'tenant'> & Pick<NewWebhook, 'mark'>;

export type DueWebhook = Pick<WebhookInfo, 'id' | 'tenant' | 'url' | 'secretEnv'>;

export interface DeliveryFailure {
  readonly error: string;
  /** Null: given up. */
  readonly pauseMs: number | null;
}

/** What marks an event that waits for a person, in the place of an error. */
export const HELD = 'waits for a decision on the entry';

export interface WebhookStore {
  addWebhook(webhook: NewWebhook): Promise<WebhookInfo>;
  webhooks(tenant: TenantFilter): Promise<readonly WebhookInfo[]>;
  /** Remove a webhook with its waiting events. Errors NOT_FOUND. */
  removeWebhook(tenant: TenantFilter, id: string): Promise<WebhookInfo>;
  /** Return all webhooks that exist now, with their marks in the ledger. */
  receivers(): Promise<readonly NewsReceiver[]>;
  /** Add new events in one transaction; nothing for a removed webhook. Result: the number added. */
  addEvents(id: string, events: readonly NewWebhookEvent[], nowMs: number): Promise<number>;
  /** Return the webhooks that have due events which no process has claimed. */
  due(): Promise<readonly DueWebhook[]>;
  /** Claim due events of one webhook, oldest first; no other process gets them for `leaseMs`. */
  claim(
    webhookId: string,
    claim: { readonly leaseMs: number; readonly limit: number },
  ): Promise<readonly WebhookEvent[]>;
  /** Mark as delivered or withdrawn, also by an earlier claimant: only the subject stays, so that the event is not added again. */
  done(eventId: string, nowMs: number): Promise<void>;
  /** Let an event wait for a person for `pauseMs` or until `wake`, unless it was claimed again; not an attempt. */
  hold(event: Pick<WebhookEvent, 'id' | 'claims'>, pauseMs: number): Promise<void>;
  /** Make the events of a webhook that wait for a person due. */
  wake(webhookId: string): Promise<void>;
  /** Mark as failed, unless it was claimed again: retried after `pauseMs`; null: dead. */
  failed(event: Pick<WebhookEvent, 'id' | 'claims'>, failure: DeliveryFailure): Promise<void>;
  /** Return the dead events, oldest first. Errors NOT_FOUND. */
  dead(tenant: TenantFilter, id: string, limit: number): Promise<readonly WebhookEvent[]>;
  /** Make dead events due at once, as if new. Result: their number. Errors NOT_FOUND. */
  retry(tenant: TenantFilter, id: string): Promise<number>;
  /** Add a test event. Result: the number added. Errors NOT_FOUND. */
  ping(tenant: TenantFilter, id: string, event: NewWebhookEvent, nowMs: number): Promise<number>;
  /** Delete delivered events of these kinds from before a time. */
  forget(kinds: readonly WebhookEventKind[], beforeMs: number): Promise<void>;
}
