/**
 * The audit log, as the rooms above see it: who changed what, when; rows that are chained by their hashes, so that one
 * that was changed, taken out or moved is found. Never a value of a list, and never a key.
 */
import type { TenantFilter } from './keys-contract.js';

/** All that is written down. Added, never renamed. */
export const AUDIT_ACTIONS = [
  'key.create',
  'key.rotate',
  'key.revoke',
  'tenant.set',
  'tenant.alarm',
  'list.create',
  'list.update',
  'list.remove',
  'list.replace',
  'list.add',
  'list.source',
  'list.reject',
  'list.export',
  'store.rekey',
  'entries.enable',
  'entries.disable',
  'entries.remove',
  'entries.quarantine',
  'entries.release',
  'hit.status',
  'webhook.add',
  'webhook.remove',
  'webhook.retry',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/**
 * A change is two rows: one before it, so that none is made without a row whatever happens, and one after it that says
 * how it ended. A first row that no other ends: the change is under way, or its process died, before or after making it.
 */
export const AUDIT_OUTCOMES = ['begun', 'done', 'failed'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

export type AuditDetails = Readonly<Record<string, string | number | boolean | null>>;

export interface AuditEvent {
  readonly at: string;
  /** A key's id; `local`, where no key is needed; `cli:` and a user's name; `zeef` itself. */
  readonly actor: string;
  readonly action: AuditAction;
  /** Whom it is about; null where it is about no tenant. */
  readonly tenant: string | null;
  /** The key, list or hit. */
  readonly target: string | null;
  /** Of `failed` with the code, as `code`. */
  readonly details: AuditDetails;
  /** Null: a row of an earlier version, which wrote one when the change was made. */
  readonly outcome: AuditOutcome | null;
  /** The row that this one ends; null of `begun`. */
  readonly ends: number | null;
}

export interface AuditRow extends AuditEvent {
  /** From 1, without gaps. */
  readonly seq: number;
  /** SHA-256 of the row and of the hash before it, hex. */
  readonly hash: string;
}

/** The last row; whoever keeps it elsewhere notices also a log that was written anew as a whole. */
export interface AuditHead {
  readonly seq: number;
  readonly hash: string;
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly rows: number;
  readonly head: AuditHead;
  /** The first row that is not as it was written; null where all are. */
  readonly brokenAt: number | null;
}

export interface AuditPage {
  readonly tenant: TenantFilter;
  /** Rows before this one; null: from the newest. */
  readonly before: number | null;
  readonly limit: number;
  /** Also `begun` rows that another one ends. */
  readonly all?: boolean;
}

export interface AuditStore {
  append(event: AuditEvent): Promise<AuditRow>;
  /** Newest first. */
  page(page: AuditPage): Promise<readonly AuditRow[]>;
  /** Reads every row. `known`: a head that was noted elsewhere, which must still be there. */
  verify(known?: AuditHead): Promise<AuditVerdict>;
}
