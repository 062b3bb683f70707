/** Operations on versions: approve a held one, roll back to an earlier one, disable an expired list. */
import { AppError } from '../core/errors.js';
import { withDuty } from '../duties/with-duty.js';
import type { DutyStore } from '../store/duties-contract.js';
import type { ImportReport, ListStore } from '../store/lists-contract.js';

/** Approve the held version. Errors  LIST_NOT_FOUND; NOT_FOUND: no version is held; STORE_FAILED. */
export async function approveHeld(store: ListStore, list: string): Promise<ImportReport> {
  const held = (await store.versions(list)).find(({ state }) => state === 'held');
  if (!held) throw new AppError('NOT_FOUND', { list, state: 'held' });
  const rows = await store.versionRows(list, held.version);
  const options = {
    origin: `approved: ${held.origin ?? `version ${held.version}`}`,
    expectedRows: held.accepted + held.duplicates,
  };
  return held.mode === 'add' ? store.addEntries(list, rows, options) : store.replaceEntries(list, rows, options);
}

/**
 * Restore an earlier version's entries as a new version, so that the rollback can be undone.
 * Errors  LIST_NOT_FOUND; NOT_FOUND: the version is no longer kept; STORE_FAILED.
 */
export async function rollBack(store: ListStore, list: string, version: number): Promise<ImportReport> {
  const rows = await store.versionRows(list, version);
  // A version and the next have most of their entries in common.
  const expectedRows = (await store.list(list))?.entryCount ?? 0;
  return store.replaceEntries(list, rows, { origin: `version ${version} again`, expectedRows });
}

/**
 * Disable the lists whose `expiresAt` has passed, in one process of several. Result: their names.
 * Unit  `nowMs`: milliseconds since 1970. Errors  STORE_FAILED.
 */
export async function endExpiredLists(
  { lists, duties }: { readonly lists: ListStore; readonly duties: DutyStore },
  nowMs: number,
): Promise<readonly string[]> {
  const expired = async () =>
    (await lists.lists())
      .filter(({ enabled, expiresAt }) => enabled && expiresAt !== null && Date.parse(expiresAt) <= nowMs)
      .map(({ list }) => list);
  if ((await expired()).length === 0) return [];
  const done = await withDuty(duties, 'expiry', async () => {
    const ended = await expired();
    for (const list of ended) await lists.updateList(list, { enabled: false });
    return ended;
  });
  return done?.result ?? [];
}
