/** Rows of webhooks and of their events, the same in every database. */
import type { WebhookEvent, WebhookEventKind, WebhookInfo } from './webhooks-contract.js';

export interface HookRow {
  readonly id: string;
  readonly tenant: string | null;
  readonly url: string;
  readonly secret_env: string;
  readonly created_at: string;
  readonly mark: string;
  readonly waiting: number;
  readonly dead: number;
}

export interface EventRow {
  readonly id: string;
  readonly webhook_id: string;
  readonly kind: WebhookEventKind;
  readonly subject: string;
  readonly body: string;
  readonly created_at: string;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly claims: number;
}

export const toHook = (row: HookRow): WebhookInfo => ({
  id: row.id,
  tenant: row.tenant,
  url: row.url,
  secretEnv: row.secret_env,
  createdAt: row.created_at,
  waiting: row.waiting,
  dead: row.dead,
});

export const toEvent = (row: EventRow): WebhookEvent => ({
  id: row.id,
  webhookId: row.webhook_id,
  kind: row.kind,
  subject: row.subject,
  body: row.body,
  createdAt: row.created_at,
  attempts: row.attempts,
  lastError: row.last_error,
  claims: row.claims,
});
