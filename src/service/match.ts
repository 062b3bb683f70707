/** From a query's hashes and digests to proposals: exact look-ups and radius searches against one set of lists in force. */
import { AppError } from '../core/errors.js';
import {
  DIGEST_ALGORITHMS,
  type Digests,
  type Entry,
  type Family,
  type ListInfo,
  type Orientation,
} from '../core/vocabulary.js';
import type { Segment } from '../index/segment.js';
import type { ListStore } from '../store/contract.js';
import { type HammingAlgorithm, type ListsInForce, listInForce } from './lists-in-force.js';
import type { Proposal } from './policy.js';

/** One 256-bit hash to search, and where it came from. */
export interface HashQuery {
  readonly algorithm: HammingAlgorithm;
  readonly hash256: Uint8Array;
  readonly orientation: Orientation | null;
  readonly family: Family | null;
  readonly lowQuality: boolean;
}

export interface MatchQuery {
  readonly digests: Digests;
  readonly hashes: readonly HashQuery[];
  /** Names of lists to ask; null asks all that are enabled. */
  readonly lists: ReadonlySet<string> | null;
  readonly askedRadiusBits: number | null;
}

/** What an index proposed, before the store is asked what the entry says. */
interface Found {
  readonly entryKey: number;
  readonly list: ListInfo;
  readonly distanceBits: number;
  readonly query: HashQuery | null;
}

/**
 * The widest radius that any asked list allows: one search serves all of them, and policy narrows per list.
 * -1 where no list is asked at all.
 */
export function widestRadiusBits(inForce: ListsInForce, query: Pick<MatchQuery, 'lists' | 'askedRadiusBits'>): number {
  const asked = inForce.lists.filter((list) => query.lists === null || query.lists.has(list.list));
  const widest = Math.max(-1, ...asked.map((list) => list.radiusBits));
  return query.askedRadiusBits === null ? widest : Math.min(widest, query.askedRadiusBits);
}

/** Errors LIST_NOT_FOUND for a name that is not an enabled list: silence would look like `no_match`. */
export function requireLists(inForce: ListsInForce, names: ReadonlySet<string> | null): void {
  for (const name of names ?? []) {
    if (!inForce.listByName.has(name)) throw new AppError('LIST_NOT_FOUND', { list: name });
  }
}

function lookUp(inForce: ListsInForce, query: MatchQuery): Found[] {
  const found: Found[] = [];
  const note = (segment: Segment<unknown>, entryIndex: number, distanceBits: number, from: HashQuery | null) => {
    const list = listInForce(inForce, segment, entryIndex);
    if (list === null || (query.lists !== null && !query.lists.has(list.list))) return;
    found.push({ entryKey: segment.keys[entryIndex]!, list, distanceBits, query: from });
  };
  for (const algorithm of DIGEST_ALGORITHMS) {
    const digest = query.digests[algorithm];
    if (digest === undefined || inForce.entryCounts[algorithm] === 0) continue;
    const bytes = Buffer.from(digest, 'hex');
    for (const segment of inForce.digest[algorithm]) {
      for (const entryIndex of segment.index.lookup(bytes)) note(segment, entryIndex, 0, null);
    }
  }
  const radiusBits = widestRadiusBits(inForce, query);
  if (radiusBits < 0) return found;
  for (const hashQuery of query.hashes) {
    if (inForce.entryCounts[hashQuery.algorithm] === 0) continue;
    for (const segment of inForce.radius[hashQuery.algorithm]) {
      for (const { entryIndex, distanceBits } of segment.index.search(hashQuery.hash256, radiusBits)) {
        note(segment, entryIndex, distanceBits, hashQuery);
      }
    }
  }
  return found;
}

/**
 * All entries that the query comes near to, with what the lists say of them.
 * Errors  STORE_FAILED.
 */
export async function propose(inForce: ListsInForce, store: ListStore, query: MatchQuery): Promise<Proposal[]> {
  const found = lookUp(inForce, query);
  const entries = new Map<number, Entry | null>();
  const proposals: Proposal[] = [];
  for (const { entryKey, list, distanceBits, query: from } of found) {
    if (!entries.has(entryKey)) entries.set(entryKey, await store.entryByKey(entryKey));
    const entry = entries.get(entryKey);
    // Removed from the store between the snapshot and now: it is no longer known, so it no longer counts.
    if (!entry) continue;
    proposals.push({
      entry,
      list,
      matchType: from === null ? 'exact' : 'near',
      distanceBits,
      orientation: from?.orientation ?? null,
      family: from?.family ?? null,
      lowQuality: from?.lowQuality ?? false,
    });
  }
  return proposals;
}
