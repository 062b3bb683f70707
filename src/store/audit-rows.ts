/** Rows of the audit log, the same in every database. */
import type { AuditAction, AuditDetails, AuditOutcome, AuditRow } from './audit-contract.js';

export interface StoredAuditRow {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly action: AuditAction;
  readonly tenant: string | null;
  readonly target: string | null;
  readonly details: string;
  readonly hash: string;
  readonly outcome: AuditOutcome | null;
  readonly ends: number | null;
}

export const toAuditRow = (row: StoredAuditRow): AuditRow => ({
  ...row,
  details: JSON.parse(row.details) as AuditDetails,
});
