/**
 * Single suppressions: a benign hash or digest, one entry of a list, or all entries of one source. Their matches are still
 * found, reported and counted as `suppressed`; nothing is dropped silently.
 */
import { AppError } from '../core/errors.js';
import { newId } from '../core/new-id.js';
import type { ParsedRow } from '../core/parsed-row.js';
import type { Algorithm } from '../core/vocabulary.js';
import { normalise } from '../hashlists/normalise.js';
import type { ListStore } from '../store/lists-contract.js';
import { knownIds } from './known-ids.js';

/** The suppression list that holds the values that were added one by one. */
export const OWN_SUPPRESSIONS = 'own-suppressions';

export type NewSuppression =
  | { readonly algorithm: Algorithm; readonly value: string; readonly note?: string | undefined }
  | { readonly list: string; readonly entryId: string }
  | { readonly list: string; readonly source: string };

/** Without the value: a reader must not learn a hash. */
interface Suppression {
  /** For a value; an entry is identified by its list and id. */
  readonly id: string | null;
  readonly algorithm: Algorithm | null;
  readonly note: string | null;
  readonly createdAt: string | null;
  readonly list: string | null;
  readonly entryId: string | null;
}

/** Return all suppressions. Errors STORE_FAILED. */
export async function suppressions(store: ListStore): Promise<readonly Suppression[]> {
  const found: Suppression[] = [];
  const own = await store.list(OWN_SUPPRESSIONS);
  if (own && own.version > 0) {
    for await (const row of await store.versionRows(OWN_SUPPRESSIONS, own.version)) {
      if (!row.ok) continue;
      const { entryId: id, algorithm, source: note, updatedAt: createdAt } = row.entry;
      found.push({ id, algorithm, note, createdAt, list: null, entryId: null });
    }
  }
  for (const { list, entryId, flooded } of await store.quarantined()) {
    // A flood's mark suppresses nothing.
    if (flooded) continue;
    found.push({ id: null, algorithm: null, note: null, createdAt: null, list, entryId });
  }
  return found;
}

/**
 * Add a suppression. Result: the id of a value's suppression, the earlier one where it has one, null for entries; and the number of
 * new entries.
 * Errors  VALUE_INVALID; LIST_NOT_FOUND; NOT_FOUND: no such entry in the list; STORE_FAILED.
 */
export async function suppress(
  store: ListStore,
  what: NewSuppression,
): Promise<{ id: string | null; entries: number }> {
  if ('list' in what) {
    const which = 'entryId' in what ? { entryId: what.entryId } : { source: what.source };
    const entries = await store.changeEntries(what.list, which, 'quarantine');
    if (entries === 0) throw new AppError('NOT_FOUND', { list: what.list, ...which });
    return { id: null, entries };
  }
  const { algorithm, value, note } = what;
  const id = newId();
  const fields = { value, algorithm, entryId: id, source: note, updatedAt: new Date().toISOString() };
  const row = normalise(fields, 1, { kind: 'suppression' });
  if (!row.ok) throw new AppError('VALUE_INVALID', { field: 'value', algorithm, why: row.reason });
  const own = await store.list(OWN_SUPPRESSIONS);
  if (own !== null && own.version > 0) {
    const { value: hex } = row.entry;
    const ids = await knownIds(store, { list: OWN_SUPPRESSIONS, version: own.version }, algorithm, new Set([hex]));
    const known = ids.get(hex);
    if (known !== undefined) return { id: known, entries: 0 };
  }
  const rows = (async function* (): AsyncGenerator<ParsedRow> {
    yield row;
  })();
  const create = own === null ? { create: { kind: 'suppression', radiusBits: 0 } as const } : {};
  const { added } = await store.addEntries(OWN_SUPPRESSIONS, rows, { origin: 'one value', ...create });
  return { id, entries: added };
}

/** Remove a suppression. Errors  NOT_FOUND, LIST_NOT_FOUND, STORE_FAILED. */
export async function unsuppress(
  store: ListStore,
  what: { readonly id: string } | { readonly list: string; readonly entryId: string },
): Promise<void> {
  const changed =
    'id' in what
      ? (await store.list(OWN_SUPPRESSIONS))
        ? await store.changeEntries(OWN_SUPPRESSIONS, { entryId: what.id }, 'remove')
        : 0
      : await store.changeEntries(what.list, { entryId: what.entryId }, 'release');
  if (changed === 0) throw new AppError('NOT_FOUND', { ...what });
}
