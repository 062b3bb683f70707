/**
 * Webhooks and what is to be sent to them, as the rooms above see them. Events are added once by what they are about, are
 * claimed by one process at a time, and stay until they were taken, or given up and looked at.
 */
import type { TenantFilter } from './keys-contract.js';

export const WEBHOOK_EVENTS = ['hit.new', 'case.overdue', 'ping'] as const;
export type WebhookEventKind = (typeof WEBHOOK_EVENTS)[number];

export interface WebhookInfo {
  readonly id: string;
  /** Whose events it gets; null: of all tenants. */
  readonly tenant: string | null;
  readonly url: string;
  /** Name of the environment variable that holds the secret; the secret itself is never stored. */
  readonly secretEnv: string;
  readonly createdAt: string;
  /** Events that wait, and that were given up. */
  readonly waiting: number;
  readonly dead: number;
}

export interface NewWebhook {
  readonly tenant: string | null;
  readonly url: string;
  readonly secretEnv: string;
  readonly nowMs: number;
}

export interface NewWebhookEvent {
  readonly kind: WebhookEventKind;
  /** What it is about: added once for each webhook, however often it is handed over. */
  readonly subject: string;
  readonly body: string;
}

export interface WebhookEvent extends NewWebhookEvent {
  readonly id: string;
  readonly webhookId: string;
  readonly createdAt: string;
  /** Failed so far. */
  readonly attempts: number;
  /** Of the last attempt: a status, or what went wrong. */
  readonly lastError: string | null;
}

export interface WebhookStore {
  /** Its position is the present: what was before is not sent. */
  addWebhook(webhook: NewWebhook): Promise<WebhookInfo>;
  webhooks(tenant: TenantFilter): Promise<readonly WebhookInfo[]>;
  /** With all that waits for it. Errors NOT_FOUND. */
  removeWebhook(tenant: TenantFilter, id: string): Promise<WebhookInfo>;
  /** Where the reading of hits has come to, milliseconds: what was first seen before is added already. Errors NOT_FOUND. */
  position(id: string): Promise<number>;
  /** Adds what is not there yet, and moves the position, together. Nothing where the webhook is gone. Result: how many came. */
  addEvents(id: string, events: readonly NewWebhookEvent[], positionMs: number | null, nowMs: number): Promise<number>;
  /** Due ones, oldest first; nobody else gets them for `leaseMs`. */
  claim(nowMs: number, leaseMs: number, limit: number): Promise<readonly WebhookEvent[]>;
  /** It was taken: only what it is about stays, so that it is not added again. */
  delivered(eventId: string, nowMs: number): Promise<void>;
  /** It was not: tried again at `nextMs`; null gives it up. */
  failed(eventId: string, error: string, nextMs: number | null): Promise<void>;
  /** Given up; oldest first. Errors NOT_FOUND. */
  dead(tenant: TenantFilter, id: string, limit: number): Promise<readonly WebhookEvent[]>;
  /** Those that were given up are due at once, as if new. Result: how many. Errors NOT_FOUND. */
  retry(tenant: TenantFilter, id: string, nowMs: number): Promise<number>;
  /** What was delivered before is forgotten, of these kinds. */
  forget(kinds: readonly WebhookEventKind[], beforeMs: number): Promise<void>;
}
