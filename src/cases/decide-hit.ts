/** A person's decision about a hit, and the suppression of a false positive. */

import type { Audit } from '../audit/audit.js';
import { AppError } from '../core/errors.js';
import type { HitStatus } from '../core/vocabulary.js';
import type { Hit, Ledger } from '../ledger/ledger.js';
import { namesNow } from '../lists/list-names.js';
import { suppress } from '../lists/suppressions.js';
import type { DecidingKey } from '../store/ledger-contract.js';

export interface Decided extends Hit {
  /** For a false positive: the entry that can be suppressed, and whether it was. */
  readonly suppression?: {
    readonly offered: boolean;
    readonly added: boolean;
    readonly list: string;
    readonly entryId: string;
  };
}

/** Errors NOT_FOUND, HIT_STATE, REQUEST_INVALID: suppression without `false_positive`; LEDGER_FAILED, STORE_FAILED. */
export async function decideHit(
  parts: { readonly ledger: Ledger; readonly audit: Audit; readonly reload: () => Promise<void> },
  tenant: string | undefined,
  id: string,
  decision: {
    readonly status: HitStatus;
    readonly note: string | null;
    readonly by: string;
    readonly key?: DecidingKey | undefined;
    readonly suppress: boolean;
    /** For the audit log. */
    readonly actor: string;
  },
): Promise<Decided> {
  const { ledger, audit, reload } = parts;
  const isFalse = decision.status === 'false_positive';
  if (decision.suppress && !isFalse) {
    throw new AppError('REQUEST_INVALID', { field: 'suppress', expected: 'only with false_positive' });
  }
  const { actor, status } = decision;
  // The audit row needs the tenant; a request for an unknown hit is no change and gets no row.
  const known = await ledger.hit(tenant, id);
  if (!known) throw new AppError('NOT_FOUND', { hit: id });
  const operation = { action: 'hit.status', tenant: known.tenant, target: id, details: { status } } as const;
  const hit = await audit.withAudit(actor, operation, () => ledger.changeHit(tenant, id, decision));
  if (!isFalse) return hit;
  const { entryId } = hit;
  // The entry that was matched, whatever its list is called now, and not one of a list that has its name.
  const nameNow = namesNow(await audit.as(actor).lists.lists());
  const list = nameNow(hit.list, hit.generation) ?? hit.list;
  if (decision.suppress) {
    await suppress(audit.as(actor).lists, { list, entryId });
    await reload();
  }
  return { ...hit, suppression: { offered: true, added: decision.suppress, list, entryId } };
}
