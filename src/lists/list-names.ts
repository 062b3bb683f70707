/**
 * Which list a hit is of: it keeps the name of its time, which the list may have given up, and another list may have now. A generation says
 * when: a list had a former name in all generations before the one that renamed it.
 */
import type { ListInfo } from '../core/vocabulary.js';

/** Return the present name of the list that answered by a name; null: it is no longer there. */
export type NameNow = (name: string, generation: number) => string | null;

export function namesNow(lists: readonly Pick<ListInfo, 'list' | 'formerNames'>[]): NameNow {
  const present = new Set(lists.map(({ list }) => list));
  const former = new Map<string, { readonly list: string; readonly until: number }[]>();
  for (const { list, formerNames } of lists) {
    for (const { name, until } of formerNames) former.set(name, [...(former.get(name) ?? []), { list, until }]);
  }
  // A list that took the name later gave it up later.
  for (const holders of former.values()) holders.sort((a, b) => a.until - b.until);
  return (name, generation) =>
    former.get(name)?.find(({ until }) => generation < until)?.list ?? (present.has(name) ? name : null);
}
