/** Operations on versions: approve a held one, roll back to an earlier one, disable an expired list. */
import type { ParsedRow } from '../core/parsed-row.js';
import { withDuty } from '../duties/with-duty.js';
import type { DutyStore } from '../store/duties-contract.js';
import { heldOf } from '../store/lists/kept-versions.js';
import type { ImportReport, ListStore } from '../store/lists-contract.js';

/**
 * Approve the held version. `importedAt`: only that of this time, as a person has seen it; an import that is held later takes its place,
 * under the same number. So it is looked at again before anything is active.
 * Errors  LIST_NOT_FOUND; NOT_FOUND: no version, or another one, is held; STORE_FAILED.
 */
export async function approveHeld(store: ListStore, list: string, importedAt?: string): Promise<ImportReport> {
  const held = heldOf(await store.versions(list), list, importedAt);
  const requireSame = async () => {
    heldOf(await store.versions(list), list, held.importedAt);
  };
  const rows = readWhole(await store.versionRows(list, held.version), requireSame);
  const options = {
    origin: `approved: ${held.origin ?? `version ${held.version}`}`,
    expectedRows: held.accepted + held.duplicates,
    confirm: requireSame,
    approves: true,
  };
  return held.mode === 'add' ? store.addEntries(list, rows, options) : store.replaceEntries(list, rows, options);
}

/** Discard the held version: that of `importedAt`, or the one that is held at the call, never a later one. Errors  as `approveHeld`. */
export async function rejectHeld(
  store: Pick<ListStore, 'versions' | 'dropHeld'>,
  list: string,
  importedAt?: string,
): Promise<void> {
  await store.dropHeld(list, importedAt ?? heldOf(await store.versions(list), list).importedAt);
}

/** Return the rows of a held version. One that was replaced cannot be read to its end: then the error of `requireSame` says so. */
async function* readWhole(rows: AsyncIterable<ParsedRow>, requireSame: () => Promise<void>): AsyncGenerator<ParsedRow> {
  try {
    yield* rows;
  } catch (error) {
    await requireSame();
    throw error;
  }
}

/**
 * Restore an earlier version's entries as a new version, so that the rollback can be undone.
 * Errors  LIST_NOT_FOUND; NOT_FOUND: the version is no longer kept; STORE_FAILED.
 */
export async function rollBack(store: ListStore, list: string, version: number): Promise<ImportReport> {
  const rows = await store.versionRows(list, version);
  // A version and the next have most of their entries in common.
  const expectedRows = (await store.list(list))?.entryCount ?? 0;
  return store.replaceEntries(list, rows, { origin: `version ${version} again`, expectedRows, restores: version });
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
