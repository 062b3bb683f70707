/** The hash chain of the audit log, the same in every store. */
import { createHash } from 'node:crypto';
import type { AuditDetails, AuditEvent, AuditHead } from './audit-contract.js';

/** The hash before the first row. */
export const AUDIT_START: AuditHead = { seq: 0, hash: '0'.repeat(64) };

/** Return the canonical text of details, independent of their order. */
export function detailsText(details: AuditDetails): string {
  return JSON.stringify(Object.fromEntries(Object.entries(details).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Return the event as every store keeps it: half of a surrogate pair is in no encoding, and becomes U+FFFD. */
export function storable<Event extends AuditEvent>(event: Event): Event {
  const { actor, tenant, target } = event;
  return {
    ...event,
    actor: actor.toWellFormed(),
    tenant: tenant?.toWellFormed() ?? null,
    target: target?.toWellFormed() ?? null,
  };
}

/** Hash a row. `details`: the stored text, so that a change of its form is detected too. Result: hex. */
export function auditHash(
  before: AuditHead,
  {
    at,
    actor,
    action,
    tenant,
    target,
    details,
    outcome,
    ends,
  }: Omit<AuditEvent, 'details'> & { readonly details: string },
): string {
  const facts = [before.seq + 1, at, actor, action, tenant, target, details];
  // Rows of an earlier version had neither, and keep their hash.
  const isOld = outcome === null && ends === null;
  const row = JSON.stringify(isOld ? facts : [...facts, outcome, ends]);
  return createHash('sha256')
    .update(`zeef audit ${isOld ? 1 : 2}\n${before.hash}\n${row}`)
    .digest('hex');
}
