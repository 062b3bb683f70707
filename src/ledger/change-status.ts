/** A hit into another state, in the order that the takedown rules allow. */
import { AppError } from '../core/errors.js';
import type { HitStatus } from '../core/vocabulary.js';
import type { LedgerStore, StoredHit } from '../store/ledger-contract.js';
import { clockAfter, mayGo } from './takedown.js';

export interface StatusChange {
  readonly status: HitStatus;
  readonly note: string | null;
  readonly by: string;
}

/** A state that another process changes at the same time is read again; no process changes it more often than this. */
const CHANGE_TRIES_MAX = 5;

/** The hit as it is after the change. `tenant` null: of any. Errors NOT_FOUND; HIT_STATE; LEDGER_FAILED. */
export async function changeStatus(
  store: LedgerStore,
  { tenant, id }: { readonly tenant: string | null; readonly id: string },
  { status, note, by }: StatusChange,
  nowMs: () => number,
): Promise<StoredHit> {
  for (let tries = 0; tries < CHANGE_TRIES_MAX; tries++) {
    const stored = await store.hit(tenant, id);
    if (!stored) throw new AppError('NOT_FOUND', { hit: id });
    if (!mayGo(stored.status, status)) throw new AppError('HIT_STATE', { from: stored.status, to: status });
    const atMs = nowMs();
    const change = { atMs, status, note, by, ...clockAfter(stored, stored.history, status, atMs) };
    if (!(await store.changeHit(stored.tenant, id, stored.status, change))) continue;
    const changed = await store.hit(stored.tenant, id);
    if (!changed) throw new AppError('NOT_FOUND', { hit: id });
    return changed;
  }
  throw new AppError('LEDGER_FAILED', { why: 'the hit was changed by others at the same time' });
}
