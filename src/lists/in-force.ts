/**
 * What is in force: the algorithms of each list with an entry that counts. A query that none of them can match was not
 * searched, whatever the reason: no list, a disabled, empty or expired one, or one of other algorithms.
 */
import { ALGORITHMS, type Algorithm, type ListInfo } from '../core/vocabulary.js';
import { liveCounts } from '../index/segment.js';
import type { ListFeed } from '../store/lists-contract.js';
import type { Loaded } from './load-lists.js';
import type { InForce, ListSnapshot } from './snapshot.js';

const DAY_MS = 86_400_000;

/** Return whether a list finds anything: one whose matches never count is as a disabled one. */
export const mayFind = ({ enabled, kind, sampleRatio }: Pick<ListInfo, 'enabled' | 'kind' | 'sampleRatio'>): boolean =>
  enabled && (kind === 'suppression' || sampleRatio > 0);

/**
 * Return what is in force at `atMs`, milliseconds since 1970. `photodnaRadius` null: PhotoDNA is not matched. The entries
 * that were loaded decide, not those that the store counts: a damaged one is counted and matches nothing.
 * Errors  STORE_FAILED.
 */
export async function inForceOf(
  store: Pick<ListFeed, 'hasEntrySince'>,
  { lists, indexes }: Pick<Loaded, 'lists' | 'indexes'>,
  { atMs, photodnaRadius }: { readonly atMs: number; readonly photodnaRadius: number | null },
): Promise<InForce> {
  const inForce = new Map<string, ReadonlySet<Algorithm>>();
  for (const { listKey, info } of lists) {
    if (!mayFind(info)) continue;
    const { entryDaysMax } = info;
    const counting = new Set<Algorithm>();
    for (const algorithm of ALGORITHMS) {
      if (!indexes[algorithm].segments.some((segment) => liveCounts(segment).has(listKey))) continue;
      if (algorithm === 'photodna' && photodnaRadius === null) continue;
      if (entryDaysMax !== null && !(await store.hasEntrySince(listKey, algorithm, atMs - entryDaysMax * DAY_MS)))
        continue;
      counting.add(algorithm);
    }
    if (counting.size > 0) inForce.set(info.list, counting);
  }
  return inForce;
}

/** Return the names of the lists with known material that count. */
export function matchListsInForce({
  inForce,
  listByName,
}: Pick<ListSnapshot, 'inForce' | 'listByName'>): readonly string[] {
  return [...inForce.keys()].filter((name) => listByName.get(name)?.kind === 'match');
}

/**
 * Return the algorithms that a query of these lists searches; null: of all lists. A suppression list alone finds nothing,
 * also where it is named.
 */
export function searchedAlgorithms(
  { inForce, listByName }: Pick<ListSnapshot, 'inForce' | 'listByName'>,
  lists: ReadonlySet<string> | null,
): ReadonlySet<Algorithm> {
  const searched = new Set<Algorithm>();
  for (const [name, algorithms] of inForce) {
    if (listByName.get(name)?.kind !== 'match' || lists?.has(name) === false) continue;
    for (const algorithm of algorithms) searched.add(algorithm);
  }
  return searched;
}
