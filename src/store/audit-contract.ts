/**
 * The contract of the audit log: actor, action, target and time of every change, in rows chained by their hashes, which
 * detects a changed, removed or moved row. Rows never contain a list's value or a key.
 */
import type { TenantFilter } from './keys-contract.js';

/** All audited actions. Added, never renamed. */
export const AUDIT_ACTIONS = [
  'key.create',
  'key.rotate',
  'key.revoke',
  'tenant.set',
  'tenant.alarm',
  'list.create',
  'list.update',
  'list.rename',
  'list.remove',
  'list.replace',
  'list.add',
  'list.source',
  'list.sync',
  'list.reject',
  'list.export',
  'store.rekey',
  'store.move',
  'entries.enable',
  'entries.disable',
  'entries.remove',
  'entries.quarantine',
  'entries.flood',
  'entries.release',
  'entries.signals',
  'hit.status',
  'hit.handle',
  'webhook.add',
  'webhook.remove',
  'webhook.retry',
  'webhook.ping',
  'list.feedback',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/**
 * A change is two rows: one before it, so that no change lacks a row, and one after it with its outcome. A `begun` row
 * without an end: the change is in progress, or its process died, before or after making it.
 */
export const AUDIT_OUTCOMES = ['begun', 'done', 'failed'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export type AuditDetails = Readonly<Record<string, string | number | boolean | null>>;

export interface AuditEvent {
  readonly at: string;
  /** A key's id; `local`, where no key is needed; `cli:` and a user's name; `zeef` itself. */
  readonly actor: string;
  readonly action: AuditAction;
  /** The affected tenant, or null. */
  readonly tenant: string | null;
  /** The affected key, list or hit. */
  readonly target: string | null;
  /** For `failed` including the error code, as `code`. */
  readonly details: AuditDetails;
  /** Null: a row of an earlier version, which wrote one row after the change. */
  readonly outcome: AuditOutcome | null;
  /** The row that this one ends; null for `begun`. */
  readonly ends: number | null;
}

export interface AuditRow extends AuditEvent {
  /** From 1, without gaps. */
  readonly seq: number;
  /** SHA-256 of the row and of the hash before it, hex. */
  readonly hash: string;
}

/** The last row; a copy stored elsewhere detects even a completely rewritten log. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly rows: number;
  readonly head: AuditHead;
  /** The first damaged row, or null. */
  readonly brokenAt: number | null;
}

export interface AuditPage {
  readonly tenant: TenantFilter;
  /** Rows before this one; null: from the newest. */
  readonly before: number | null;
  readonly limit: number;
  /** Include `begun` rows whose end is known. */
  readonly all?: boolean;
}

export interface AuditStore {
  append(event: AuditEvent): Promise<AuditRow>;
  /** Newest first. */
  page(page: AuditPage): Promise<readonly AuditRow[]>;
  /** Verify every row. `known`: a head stored elsewhere, which must still be in the log. */
  verify(known?: AuditHead): Promise<AuditVerdict>;
}
