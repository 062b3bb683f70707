/** Ids that values already have on a list, so that a value that is added again is named by the id that it keeps. */
import type { Algorithm, ListInfo } from '../core/vocabulary.js';
import type { ListReader } from '../store/lists-contract.js';

/** Return ids by value. Reads the whole list: for values that a person adds. Shape: `values` in lower-case hex. Errors STORE_FAILED. */
export async function knownIds(
  lists: ListReader,
  { list, version }: Pick<ListInfo, 'list' | 'version'>,
  algorithm: Algorithm,
  values: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  if (version === 0 || values.size === 0) return ids;
  for await (const row of await lists.versionRows(list, version)) {
    if (row.ok && row.entry.algorithm === algorithm && values.has(row.entry.value))
      ids.set(row.entry.value, row.entry.entryId);
  }
  return ids;
}
