/** Changes a hit's status by the takedown rules. */
import { AppError } from '../core/errors.js';
import { NOTE_CHARACTERS_MAX } from '../core/limits.js';
import type { HitStatus } from '../core/vocabulary.js';
import type { DecidingKey, LedgerStore, StoredHit } from '../store/ledger-contract.js';
import { foundMsOf } from './hit.js';
import { clockAfter, mayGo } from './takedown.js';

export interface StatusChange {
  readonly status: HitStatus;
  readonly note: string | null;
  readonly by: string;
  readonly key?: DecidingKey | undefined;
}

/** Retries after concurrent changes by other processes. */
const CHANGE_TRIES_MAX = 5;

/** Change the status and return the changed hit. `tenant` null: all tenants. `lastDeadlineMs`: after the clock's start. Errors NOT_FOUND; HIT_STATE; REQUEST_INVALID: a too long note; LEDGER_FAILED. */
export async function changeStatus(
  store: LedgerStore,
  { tenant, id }: { readonly tenant: string | null; readonly id: string },
  { status, note, by, key }: StatusChange,
  { nowMs, lastDeadlineMs }: { readonly nowMs: () => number; readonly lastDeadlineMs: number },
): Promise<StoredHit> {
  if ((note?.length ?? 0) > NOTE_CHARACTERS_MAX)
    throw new AppError('REQUEST_INVALID', { field: 'note', charactersMax: NOTE_CHARACTERS_MAX });
  for (let tries = 0; tries < CHANGE_TRIES_MAX; tries++) {
    const stored = await store.hit(tenant, id);
    if (!stored) throw new AppError('NOT_FOUND', { hit: id });
    if (!mayGo(stored.status, status)) throw new AppError('HIT_STATE', { from: stored.status, to: status });
    const atMs = nowMs();
    const foundMs = foundMsOf(stored);
    const run = clockAfter(stored, stored.history, { from: stored.status, to: status, atMs, foundMs, lastDeadlineMs });
    const change = { atMs, status, note, by, key, ...run };
    if (!(await store.changeHit(stored.tenant, id, stored.status, change))) continue;
    const changed = await store.hit(stored.tenant, id);
    if (!changed) throw new AppError('NOT_FOUND', { hit: id });
    return changed;
  }
  throw new AppError('LEDGER_FAILED', { why: `more than ${CHANGE_TRIES_MAX} concurrent changes of the hit` });
}
