/** Match of a query's hashes and digests: exact look-ups and radius searches in one snapshot, then a decision. */
import { AppError } from '../core/errors.js';
import { type Algorithm, DIGEST_ALGORITHMS, type Digests, type ListInfo } from '../core/vocabulary.js';
import { type Detail, widestOf } from '../core/window.js';
import type { IndexPool } from '../index/index-pool.js';
import { LOOSE_FROM_BITS } from '../index/ring-layout.js';
import type { Segment } from '../index/segment.js';
import { searchedAlgorithms } from '../lists/in-force.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';
import type { ListFeed } from '../store/lists-contract.js';
import { type Candidate, type HashQuery, toCandidate, type VectorQuery } from './candidate.js';
import { decideFound } from './decide-found.js';
import { EntryReader } from './entry-reader.js';
import { type Asked, type Decision, NOTHING_SEARCHED } from './policy.js';
import { type Reach, searchPiece } from './search-piece.js';

export interface MatchParts {
  readonly snapshot: ListSnapshot;
  readonly store: ListFeed;
  readonly pool: IndexPool;
}

export interface MatchQuery extends Asked {
  readonly digests: Digests;
  readonly hashes: readonly HashQuery[];
  readonly vectors?: readonly VectorQuery[];
  /** Names of the lists to query; null queries all enabled lists. */
  readonly lists: ReadonlySet<string> | null;
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

/** Return how far windows are searched that must be found within a radius; those that are possibly of an entry may be missed. */
export function windowReach(
  { possibleRule }: ListSnapshot,
  { requestedRadiusBits }: Pick<MatchQuery, 'requestedRadiusBits'>,
  radiusBits: number,
): Reach {
  if (possibleRule === null) return { radiusBits, isLoose: false };
  const possibleBits = Math.min(requestedRadiusBits ?? Infinity, possibleRule.radiusBits);
  return { radiusBits: Math.max(radiusBits, possibleBits), isLoose: radiusBits <= LOOSE_FROM_BITS };
}

/**
 * Return how far to look: the widest detail of the queried match lists with PDQ hashes, of which alone windows are; the policy narrows it
 * per list.
 */
export function widestDetail(
  { lists, entryCounts }: ListSnapshot,
  query: Pick<MatchQuery, 'lists' | 'requestedDetail'>,
): Detail {
  if (entryCounts.pdq === 0) return 'plain';
  if (query.requestedDetail !== null) return query.requestedDetail;
  const queried = lists.filter(
    ({ list, kind, entriesByAlgorithm }) =>
      kind === 'match' && (entriesByAlgorithm.pdq ?? 0) > 0 && (query.lists === null || query.lists.has(list)),
  );
  return widestOf(queried.map(({ detail }) => detail));
}

/**
 * Return the names of the lists that a tenant's check queries: of those that it asks for, or of all, those that are everyone's or its own;
 * null: all enabled lists. Errors LIST_NOT_FOUND: an ignored name would look like `no_match`.
 */
export function queriedLists(
  { lists, listByName }: ListSnapshot,
  { lists: names, tenant }: { readonly lists: ReadonlySet<string> | null; readonly tenant: string },
): ReadonlySet<string> | null {
  const isSeen = (list: ListInfo | undefined) => list !== undefined && (list.tenant === null || list.tenant === tenant);
  for (const name of names ?? [])
    if (!isSeen(listByName.get(name))) throw new AppError('LIST_NOT_FOUND', { list: name });
  if (names !== null || lists.every(isSeen)) return names;
  return new Set(lists.filter(isSeen).map(({ list }) => list));
}

/** Return a snapshot of the lists that a tenant's check queries, disabled ones too, as if there were no others. */
export function seenBy(snapshot: ListSnapshot, tenant: string): ListSnapshot {
  const isSeen = (list: ListInfo) => list.tenant === null || list.tenant === tenant;
  const all = [...snapshot.listByKey.values(), ...snapshot.disabledByKey.values()];
  if (all.every(isSeen)) return snapshot;
  const kept = <Key>(lists: ReadonlyMap<Key, ListInfo>) => new Map([...lists].filter(([, list]) => isSeen(list)));
  return {
    ...snapshot,
    lists: snapshot.lists.filter(isSeen),
    listByName: kept(snapshot.listByName),
    listByKey: kept(snapshot.listByKey),
    disabledByKey: kept(snapshot.disabledByKey),
  };
}

/** Return the configured radius. Errors PHOTODNA_UNCONFIGURED. */
export function requirePhotoDna({ photodnaRadius }: ListSnapshot): number {
  if (photodnaRadius === null) throw new AppError('PHOTODNA_UNCONFIGURED');
  return photodnaRadius;
}

/** Return the entries near a PhotoDNA value. Errors PHOTODNA_UNCONFIGURED. */
export function vectorCandidates(
  snapshot: ListSnapshot,
  lists: ReadonlySet<string> | null,
  query: VectorQuery,
): Candidate[] {
  const radius = requirePhotoDna(snapshot);
  return snapshot.photodna.flatMap((segment) =>
    segment.index
      .search(query.vector, radius)
      .flatMap(
        ({ entryIndex, distance }) => toCandidate(snapshot, lists, segment, { entryIndex, distance, query }) ?? [],
      ),
  );
}

/**
 * Return the candidates of hashes, all of one algorithm, searched together: an image's windows are hundreds, which other threads search,
 * since this one answers everybody.
 */
async function hashCandidates(
  { snapshot, pool }: MatchParts,
  algorithm: HammingAlgorithm,
  hashes: readonly HashQuery[],
  { lists, reach }: { readonly lists: MatchQuery['lists']; readonly reach: Reach },
): Promise<Candidate[]> {
  if (hashes.length === 0 || snapshot.entryCounts[algorithm] === 0) return [];
  const values = Buffer.concat(hashes.map(({ hash256 }) => hash256));
  const answers = await searchPiece({ snapshot, pool }, algorithm, values, reach);
  return answers.flatMap((rows, at) =>
    Array.from({ length: rows.count }, (_, row) =>
      toCandidate(snapshot, lists, snapshot.radius[algorithm][at]!, {
        entryIndex: rows.entryIndex[row]!,
        distance: rows.distanceBits![row]!,
        query: hashes[rows.queryIndex[row]!]!,
      }),
    ).filter((one) => one !== null),
  );
}

async function lookUp(parts: MatchParts, query: MatchQuery): Promise<Candidate[]> {
  const { snapshot } = parts;
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
  for (const vector of query.vectors ?? []) found.push(...vectorCandidates(snapshot, query.lists, vector));
  const radiusBits = widestRadiusBits(snapshot, query);
  if (radiusBits < 0) return found;
  for (const algorithm of HAMMING_ALGORITHMS) {
    const of = (isWindow: boolean) =>
      query.hashes.filter((one) => one.algorithm === algorithm && (one.window !== null) === isWindow);
    const { lists } = query;
    const exactly = { radiusBits, isLoose: false };
    // No window matches beyond its own radius.
    const within = windowReach(snapshot, query, Math.min(radiusBits, snapshot.windowRule.radiusBits));
    found.push(...(await hashCandidates(parts, algorithm, of(false), { lists, reach: exactly })));
    found.push(...(await hashCandidates(parts, algorithm, of(true), { lists, reach: within })));
  }
  return found;
}

/** Return the decision of an image, decoded or not. Errors STORE_FAILED. */
export async function match(parts: MatchParts, query: MatchQuery): Promise<Decision> {
  const { snapshot, store } = parts;
  const found = await lookUp(parts, query);
  const decision = await decideFound(snapshot, new EntryReader(store), found, query);
  if (decision.verdict !== 'no_match') return decision;
  const searched = searchedAlgorithms(snapshot, query.lists);
  return askedBy(query).some((algorithm) => searched.has(algorithm)) ? decision : NOTHING_SEARCHED;
}

/**
 * The algorithms that an image always asks for: one without detail has no hash, which no entry can match, so it is answered as
 * its `lowQuality` says, and not as if no list were in force. One that cannot be decoded has a reason of its own.
 */
export const ASKED_BY_IMAGES: readonly Algorithm[] = HAMMING_ALGORITHMS;

function askedBy({ digests, vectors = [] }: MatchQuery): Algorithm[] {
  const ofDigests = DIGEST_ALGORITHMS.filter((algorithm) => digests[algorithm] !== undefined);
  return [...ASKED_BY_IMAGES, ...ofDigests, ...vectors.map(({ algorithm }) => algorithm)];
}
