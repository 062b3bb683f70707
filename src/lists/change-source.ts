/** Changes a list's source as it is at that moment: a sync and an administrator may change it side by side. */
import type { ListStore, SourceInfo } from '../store/lists-contract.js';

/**
 * Change the source, by a function that may be called again where another writer came first.
 * Result: false: the list has no source, or `change` returned null. Errors LIST_NOT_FOUND.
 */
export async function changeSource(
  lists: Pick<ListStore, 'source' | 'setSource'>,
  list: string,
  change: (now: SourceInfo) => SourceInfo | null,
): Promise<boolean> {
  for (;;) {
    const now = await lists.source(list);
    const changed = now && change(now);
    if (now === null || changed === null) return false;
    if (await lists.setSource(list, changed, { ifIs: now })) return true;
  }
}

/** Set a source that depends on the present one, if there is one. Errors LIST_NOT_FOUND; those of `make`. */
export async function putSource(
  lists: Pick<ListStore, 'source' | 'setSource'>,
  list: string,
  make: (before: SourceInfo | null) => SourceInfo,
): Promise<void> {
  for (;;) {
    const before = await lists.source(list);
    if (await lists.setSource(list, make(before), before === null ? {} : { ifIs: before })) return;
  }
}
