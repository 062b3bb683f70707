/** Matches in the terms of HMA: contents by bank, with the distance of the nearest of their values. */
import type { Match } from '../../check/policy.js';
import type { Bank } from '../../lists/banks.js';
import type { Service } from '../../service/service.js';
import type { SignalType } from './media.js';

interface FoundContent {
  readonly bank_content_id: number;
  /** In bits; `-` for a digest of a video, which has none. */
  readonly distance: string;
}

/** Contents by the name of their bank, nearest first. */
export type FoundByBank = ReadonlyMap<string, readonly FoundContent[]>;

/** Return the content of each match that is asked for, once, by the nearest of its values. Shape: `matches` nearest first. Errors STORE_FAILED. */
export async function foundByBank(
  { store: { lists } }: Service,
  banks: ReadonlyMap<string, Bank>,
  matches: readonly Match[],
  { signalType, isRaw }: { readonly signalType: SignalType; readonly isRaw: boolean },
): Promise<FoundByBank> {
  const bankOf = new Map([...banks.values()].map(({ name, list }) => [list.list, name]));
  const nearest = new Map<string, Map<string, Match>>();
  for (const match of matches) {
    if (!bankOf.has(match.list) || (match.suppressed && !isRaw)) continue;
    const entries = nearest.get(match.list) ?? new Map<string, Match>();
    nearest.set(match.list, entries);
    const held = entries.get(match.entryId);
    if (held === undefined || match.distance < held.distance) entries.set(match.entryId, match);
  }
  const found = new Map<string, readonly FoundContent[]>();
  for (const [list, entries] of nearest) {
    const keys = await lists.entryKeys(list, [...entries.keys()]);
    const contents = [...entries].flatMap(([entryId, { distance }]): FoundContent[] => {
      const contentId = keys.get(entryId);
      // Removed while it was matched.
      if (contentId === undefined) return [];
      return [{ bank_content_id: contentId, distance: signalType === 'video_md5' ? '-' : String(distance) }];
    });
    if (contents.length > 0) found.set(bankOf.get(list)!, contents);
  }
  return found;
}
