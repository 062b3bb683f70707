/** Who has a case, and whether it is disputed: changes of a person, which are audited. */
import type { Audit } from '../audit/audit.js';
import { AppError } from '../core/errors.js';
import { ASSIGNEE_CHARACTERS_MAX, NOTE_CHARACTERS_MAX } from '../core/limits.js';
import type { Hit, Ledger } from '../ledger/ledger.js';
import type { HitHandling } from '../store/ledger-contract.js';

function requireLength(field: string, text: string | null | undefined, charactersMax: number): void {
  if ((text?.length ?? 0) > charactersMax) throw new AppError('REQUEST_INVALID', { field, charactersMax });
}

/** Errors NOT_FOUND; REQUEST_INVALID: a text that is too long, or an empty assignee; LEDGER_FAILED, STORE_FAILED. */
export async function handleHit(
  { ledger, audit }: { readonly ledger: Ledger; readonly audit: Audit },
  tenant: string | undefined,
  id: string,
  { actor, ...handling }: Omit<HitHandling, 'atMs'> & { readonly actor: string },
): Promise<Hit> {
  const { assignee, disputed, note } = handling;
  requireLength('assignee', assignee, ASSIGNEE_CHARACTERS_MAX);
  requireLength('note', note, NOTE_CHARACTERS_MAX);
  if (assignee?.trim() === '') throw new AppError('REQUEST_INVALID', { field: 'assignee', expected: 'a name' });
  const known = await ledger.hit(tenant, id);
  if (!known) throw new AppError('NOT_FOUND', { hit: id });
  const details = { ...(assignee === undefined ? {} : { assignee }), ...(disputed === undefined ? {} : { disputed }) };
  const operation = { action: 'hit.handle', tenant: known.tenant, target: id, details } as const;
  return audit.withAudit(actor, operation, () => ledger.handleHit(tenant, id, handling));
}
