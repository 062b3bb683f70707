/** Match of a query's hashes and digests: exact look-ups and radius searches in one snapshot, then a decision. */
import { AppError } from '../core/errors.js';
import {
  type Background,
  DIGEST_ALGORITHMS,
  type Digests,
  type Family,
  type ListInfo,
  type Orientation,
} from '../core/vocabulary.js';
import type { Segment } from '../index/segment.js';
import { activeListOf, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';
import type { ListFeed, StoredEntry } from '../store/lists-contract.js';
import { admits, type Decision, decide, isExpired, NOTHING_FOUND, type Proposal } from './policy.js';

/** Entries of one list read from the store for one query, nearest first; further ones are only counted. */
export const ENTRIES_READ_PER_LIST_MAX = 1_000;

/** One 256-bit hash to search, and where it came from. */
export interface HashQuery {
  readonly algorithm: HammingAlgorithm;
  readonly hash256: Uint8Array;
  readonly orientation: Orientation | null;
  readonly family: Family | null;
  readonly lowQuality: boolean;
  /** Frame or page of the file, 0 the first; null where only a hash is known. */
  readonly frame: number | null;
  readonly background: Background;
}

/** A PhotoDNA value to search, within the configured radius. */
export interface VectorQuery {
  readonly algorithm: 'photodna';
  readonly vector: Uint8Array;
}

export interface MatchQuery {
  readonly digests: Digests;
  readonly hashes: readonly HashQuery[];
  readonly vectors?: readonly VectorQuery[];
  /** Names of the lists to query; null queries all enabled lists. */
  readonly lists: ReadonlySet<string> | null;
  readonly requestedRadiusBits: number | null;
}

/** Proposal of an index, before the entry is read from the store. */
export interface Candidate {
  readonly entryKey: number;
  readonly list: ListInfo;
  /** In bits; L2 for a VectorQuery; 0 for a digest, whose query is null. */
  readonly distance: number;
  readonly query: HashQuery | VectorQuery | null;
}

/**
 * Return the widest radius of the queried lists: one search serves all of them, and the policy narrows it per list.
 * -1 where no list is queried.
 */
export function widestRadiusBits(
  snapshot: ListSnapshot,
  query: Pick<MatchQuery, 'lists' | 'requestedRadiusBits'>,
): number {
  const queried = snapshot.lists.filter((list) => query.lists === null || query.lists.has(list.list));
  const widest = Math.max(-1, ...queried.map((list) => list.radiusBits));
  return query.requestedRadiusBits === null ? widest : Math.min(widest, query.requestedRadiusBits);
}

/** Require enabled lists. Errors LIST_NOT_FOUND: an ignored name would look like `no_match`. */
export function requireLists(snapshot: ListSnapshot, names: ReadonlySet<string> | null): void {
  for (const name of names ?? []) {
    if (!snapshot.listByName.has(name)) throw new AppError('LIST_NOT_FOUND', { list: name });
  }
}

/** Return the configured radius. Errors PHOTODNA_UNCONFIGURED. */
export function requirePhotoDna({ photodnaRadius }: ListSnapshot): number {
  if (photodnaRadius === null) throw new AppError('PHOTODNA_UNCONFIGURED');
  return photodnaRadius;
}

/** Return the candidate of an index row, or null where the entry is inactive or its list is not queried. */
export function toCandidate(
  snapshot: ListSnapshot,
  lists: ReadonlySet<string> | null,
  segment: Segment<unknown>,
  { entryIndex, distance, query }: { entryIndex: number; distance: number; query: Candidate['query'] },
): Candidate | null {
  const list = activeListOf(snapshot, segment, entryIndex);
  if (list === null || (lists !== null && !lists.has(list.list))) return null;
  return { entryKey: segment.keys[entryIndex]!, list, distance, query };
}

function lookUp(snapshot: ListSnapshot, query: MatchQuery): Candidate[] {
  const found: Candidate[] = [];
  const note = (segment: Segment<unknown>, entryIndex: number, distance: number, from: Candidate['query']) => {
    const one = toCandidate(snapshot, query.lists, segment, { entryIndex, distance, query: from });
    if (one !== null) found.push(one);
  };
  for (const algorithm of DIGEST_ALGORITHMS) {
    const digest = query.digests[algorithm];
    if (digest === undefined || snapshot.entryCounts[algorithm] === 0) continue;
    const bytes = Buffer.from(digest, 'hex');
    for (const segment of snapshot.digest[algorithm]) {
      for (const entryIndex of segment.index.lookup(bytes)) note(segment, entryIndex, 0, null);
    }
  }
  for (const vectorQuery of query.vectors ?? []) {
    for (const segment of snapshot.photodna) {
      const near = segment.index.search(vectorQuery.vector, requirePhotoDna(snapshot));
      for (const { entryIndex, distance } of near) note(segment, entryIndex, distance, vectorQuery);
    }
  }
  const radiusBits = widestRadiusBits(snapshot, query);
  if (radiusBits < 0) return found;
  for (const hashQuery of query.hashes) {
    if (snapshot.entryCounts[hashQuery.algorithm] === 0) continue;
    for (const segment of snapshot.radius[hashQuery.algorithm]) {
      for (const { entryIndex, distanceBits } of segment.index.search(hashQuery.hash256, radiusBits)) {
        note(segment, entryIndex, distanceBits, hashQuery);
      }
    }
  }
  return found;
}

/** Return the nearest candidate of each entry. */
function nearestPerEntry(found: readonly Candidate[]): Candidate[] {
  const nearest = new Map<number, Candidate>();
  for (const one of found) {
    const held = nearest.get(one.entryKey);
    if (!held || one.distance < held.distance) nearest.set(one.entryKey, one);
  }
  return [...nearest.values()];
}

/**
 * Limit the entries that are read from the store: of each match list only the nearest; the rest is counted.
 * Candidates of suppression lists are all read, since each of their values suppresses others.
 */
function bounded(
  found: readonly Candidate[],
  requestedRadiusBits: number | null,
): { read: readonly Candidate[]; unread: number } {
  if (found.length <= ENTRIES_READ_PER_LIST_MAX) return { read: found, unread: 0 };
  const read: Candidate[] = [];
  const readOf = new Map<string, number>();
  let unread = 0;
  for (const one of nearestPerEntry(found).sort((a, b) => a.distance - b.distance)) {
    const { list, query, distance } = one;
    const isHash = query !== null && query.algorithm !== 'photodna';
    if (isHash && !admits(list, { distanceBits: distance, lowQuality: query.lowQuality }, requestedRadiusBits))
      continue;
    const count = readOf.get(list.list) ?? 0;
    if (list.kind === 'match' && count >= ENTRIES_READ_PER_LIST_MAX) {
      unread++;
      continue;
    }
    readOf.set(list.list, count + 1);
    read.push(one);
  }
  return { read, unread };
}

/** Return the provenance of a candidate, in the terms of the policy. */
function provenanceOf(
  { distance, query }: Candidate,
  { photodnaRadius }: ListSnapshot,
): Omit<Proposal, 'entry' | 'list' | 'quarantined'> {
  const nothing = { orientation: null, family: null, lowQuality: false, frame: null, background: null };
  if (query === null) return { matchType: 'exact', distance, radius: 0, ...nothing };
  if (query.algorithm === 'photodna') return { matchType: 'near', distance, radius: photodnaRadius, ...nothing };
  const { orientation, family, lowQuality, frame, background } = query;
  return { matchType: 'near', distance, radius: null, orientation, family, lowQuality, frame, background };
}

/**
 * Read the entries of the candidates and decide.
 * Errors  STORE_FAILED.
 */
export async function decideFound(
  snapshot: ListSnapshot,
  store: ListFeed,
  found: readonly Candidate[],
  requestedRadiusBits: number | null,
): Promise<Decision> {
  if (found.length === 0) return NOTHING_FOUND;
  const { read, unread } = bounded(found, requestedRadiusBits);
  const entries = new Map<number, StoredEntry | null>();
  const proposals: Proposal[] = [];
  for (const one of read) {
    const { entryKey, list } = one;
    if (!entries.has(entryKey)) entries.set(entryKey, await store.entryByKey(entryKey));
    const entry = entries.get(entryKey);
    // An entry that was removed after the snapshot no longer counts, at once and everywhere.
    if (entry && !isExpired(entry, list, snapshot.atMs))
      proposals.push({ entry, list, quarantined: entry.quarantined, ...provenanceOf(one, snapshot) });
  }
  return decide(proposals, requestedRadiusBits, unread);
}

/** Return the decision of a query. Errors STORE_FAILED. */
export async function match(snapshot: ListSnapshot, store: ListFeed, query: MatchQuery): Promise<Decision> {
  return decideFound(snapshot, store, lookUp(snapshot, query), query.requestedRadiusBits);
}
