/** Lists end when their agreement does: from `expiresAt` on they are disabled, as if a person had done it. */
import type { ListStore } from '../store/contract.js';

/** Names of those that ended now. Unit: milliseconds since 1970. Errors STORE_FAILED. */
export async function endExpiredLists(store: ListStore, nowMs: number): Promise<readonly string[]> {
  const ended = (await store.lists())
    .filter(({ enabled, expiresAt }) => enabled && expiresAt !== null && Date.parse(expiresAt) <= nowMs)
    .map(({ list }) => list);
  for (const list of ended) await store.updateList(list, { enabled: false });
  return ended;
}
