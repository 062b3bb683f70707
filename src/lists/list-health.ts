/** The health of lists: versions held for approval, and quarantined entries. */
import type { ListInfo } from '../core/vocabulary.js';
import type { ListReader } from '../store/lists-contract.js';

export interface ListHealth extends ListInfo {
  /** Entries that suddenly matched many different files, and wait for a decision. */
  readonly quarantinedCount: number;
  /** The version that was held back, or null. */
  readonly heldVersion: number | null;
}

export async function listHealth(store: ListReader): Promise<ListHealth[]> {
  const [lists, quarantined] = await Promise.all([store.lists(), store.quarantined()]);
  const counts = new Map<string, number>();
  for (const { list } of quarantined) counts.set(list, (counts.get(list) ?? 0) + 1);
  return Promise.all(
    lists.map(async (info) => ({
      ...info,
      quarantinedCount: counts.get(info.list) ?? 0,
      heldVersion: (await store.versions(info.list)).find(({ state }) => state === 'held')?.version ?? null,
    })),
  );
}
