/**
 * The decision of a query from its candidates: entries are read nearest first, of each list only so many, and the rest is
 * counted. Where a request's budget is spent, as few are read as the verdict needs.
 */
import type { AnswerMatch } from '../core/match-types.js';
import { type ListInfo, NO_VIEW } from '../core/vocabulary.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import { type Candidate, type HashQuery, isOpen } from './candidate.js';
import type { EntryReader } from './entry-reader.js';
import {
  type Asked,
  admits,
  type Decision,
  decide,
  isExpired,
  isInactive,
  looksAt,
  MATCHES_PER_LIST_MAX,
  NEAR_LEFT_OUT,
  NOTHING_FOUND,
  type Proposal,
} from './policy.js';

/** Entries of one list read from the store for one query, nearest first; of a list that counts by then further ones are only counted. */
export const ENTRIES_READ_PER_LIST_MAX = 1_000;
/** Growth of the number read, where the nearest entries of a list do not count: a quarter of the work is wasted at most. */
const GROWTH = 4;

/** A candidate that its list admits, the nearest of its entry. */
interface Ranked {
  readonly one: Candidate;
  /** Distance of the entry from the nearest of all the query's hashes: equal for entries with an equal value. */
  readonly rawDistance: number;
}

const nearOf = ({ lowQuality, window }: HashQuery, distanceBits: number) => ({
  distanceBits,
  lowQuality,
  windowKind: window?.place.kind ?? null,
});

/** Return the nearest admitted candidate of each entry, by list, nearest first. Possible ones are admitted before. */
function rank(found: readonly Candidate[], asked: Asked): ReadonlyMap<ListInfo, Ranked[]> {
  const rawDistances = new Map<number, number>();
  const nearest = new Map<number, Candidate>();
  for (const one of found) {
    const { entryKey, list, query, distance } = one;
    rawDistances.set(entryKey, Math.min(distance, rawDistances.get(entryKey) ?? Infinity));
    const isHash = query !== null && query.algorithm !== 'photodna';
    if (isHash && !one.isPossible && !admits(list, nearOf(query, distance), asked)) continue;
    const held = nearest.get(entryKey);
    if (!held || distance < held.distance) nearest.set(entryKey, one);
  }
  const byList = new Map<ListInfo, Ranked[]>();
  for (const one of nearest.values()) {
    const ranked = byList.get(one.list) ?? [];
    byList.set(one.list, ranked);
    ranked.push({ one, rawDistance: rawDistances.get(one.entryKey)! });
  }
  for (const ranked of byList.values()) ranked.sort((a, b) => a.one.distance - b.one.distance);
  return byList;
}

/**
 * Choose the nearest of each list; and of suppression lists also each whose value may equal that of a chosen match, since
 * it suppresses that.
 */
function choose(
  byList: ReadonlyMap<ListInfo, readonly Ranked[]>,
  perListOf: (list: ListInfo) => number,
): readonly Candidate[] {
  const chosen: Candidate[] = [];
  const distances = new Set<number>();
  for (const [list, ranked] of byList) {
    if (list.kind === 'suppression') continue;
    for (const { one, rawDistance } of ranked.slice(0, perListOf(list))) {
      chosen.push(one);
      distances.add(rawDistance);
    }
  }
  for (const [list, ranked] of byList) {
    if (list.kind === 'match') continue;
    const perList = perListOf(list);
    ranked.forEach(({ one, rawDistance }, at) => {
      // A known-good file, by its digest, suppresses every match.
      if (at < perList || one.query === null || distances.has(rawDistance)) chosen.push(one);
    });
  }
  return chosen;
}

/** Return the provenance of a candidate, in the terms of the policy. */
function provenanceOf(
  { distance, query, certainBitsWrong, isPossible }: Candidate,
  { photodnaRadius, possibleRule }: ListSnapshot,
): Omit<Proposal, 'entry' | 'list' | 'quarantined' | 'flooded'> {
  const nothing = { orientation: null, family: null, window: null, lowQuality: false, ...NO_VIEW };
  if (query === null) return { matchType: 'exact', distance, radius: 0, ...nothing };
  if (query.algorithm === 'photodna') return { matchType: 'near', distance, radius: photodnaRadius, ...nothing };
  const { orientation, family, lowQuality, frame, background, part } = query;
  // An open candidate is never reported: 0 stands for what is not known.
  const window = query.window && { ...query.window.place, certainBitsWrong: certainBitsWrong ?? 0 };
  return {
    matchType: 'near',
    distance,
    radius: isPossible ? possibleRule!.radiusBits : null,
    orientation,
    family,
    window,
    lowQuality,
    frame,
    background,
    part,
  };
}

/** Read the chosen candidates. Errors STORE_FAILED. */
async function propose(
  snapshot: ListSnapshot,
  reader: EntryReader,
  chosen: readonly Candidate[],
): Promise<readonly Proposal[]> {
  const entries = await reader.read(chosen.map(({ entryKey }) => entryKey));
  return chosen.flatMap((one) => {
    const entry = entries.get(one.entryKey);
    // An entry that was removed after the snapshot no longer counts, at once and everywhere.
    if (!entry || isExpired(entry, one.list, snapshot.atMs)) return [];
    const { flooded } = entry;
    const quarantined = entry.quarantined || isInactive(entry, Date.now());
    return [{ entry, list: one.list, quarantined, flooded, ...provenanceOf(one, snapshot) }];
  });
}

/** Return whether a match list leaves a candidate out for the quality of the query's hash alone. */
function isLeftOut({ list, distance, query }: Candidate, asked: Asked): boolean {
  if (query === null || query.algorithm === 'photodna' || !query.lowQuality || list.kind !== 'match') return false;
  const admitsAt = (lowQuality: boolean) => admits(list, { ...nearOf(query, distance), lowQuality }, asked);
  return admitsAt(false) && !admitsAt(true);
}

/**
 * Return the entries that windows are possibly of; none that is known to be good, in quarantine or expired.
 * Errors STORE_FAILED.
 */
async function possibleOf(
  snapshot: ListSnapshot,
  reader: EntryReader,
  found: readonly Candidate[],
  asked: Asked,
): Promise<readonly AnswerMatch[]> {
  const { requestedRadiusBits } = asked;
  const admitted = found.filter(({ list, query, distance, isPossible }) => {
    if (!isPossible || distance > (requestedRadiusBits ?? Infinity)) return false;
    return list.kind === 'suppression' || looksAt(list, (query as HashQuery).window!.place.kind, asked);
  });
  if (admitted.length === 0) return [];
  const perList = reader.isSpent ? 1 : MATCHES_PER_LIST_MAX;
  const chosen = choose(rank(admitted, asked), () => perList);
  const { matches } = decide(await propose(snapshot, reader, chosen), asked);
  return matches.filter(({ suppressed }) => !suppressed);
}

/** Return whether each list of one decision is in another, and counts there if it counts here. */
const areListsIn = (one: Decision, other: Decision): boolean =>
  one.matches.every(({ list, suppressed }) =>
    other.matches.some((match) => match.list === list && (suppressed || !match.suppressed)),
  );

/**
 * Read the entries of the candidates and decide; `NEAR_LEFT_OUT` where low quality alone left none. Open candidates decide nothing, and the decision is
 * open where they could add a list to it. Errors STORE_FAILED.
 */
export async function decideFound(
  snapshot: ListSnapshot,
  reader: EntryReader,
  found: readonly Candidate[],
  wanted: Asked,
): Promise<Decision> {
  // One draw for all that is decided of the query.
  const asked = { ...wanted, draw: wanted.draw ?? Math.random() };
  const sure = found.filter((one) => !one.isPossible && !isOpen(one));
  const decision = await decideAdmitted(snapshot, reader, sure, asked);
  if (found.some(isOpen)) {
    const near = found.filter(({ isPossible }) => !isPossible);
    const atMost = await decideAdmitted(snapshot, reader, near, asked);
    if (!areListsIn(atMost, decision)) return { ...decision, isOpen: true };
  }
  if (decision.verdict !== 'no_match') return decision;
  const possible = await possibleOf(snapshot, reader, found, asked);
  if (possible.length > 0) return { ...decision, possible };
  return sure.some((one) => isLeftOut(one, asked)) ? NEAR_LEFT_OUT : decision;
}

async function decideAdmitted(
  snapshot: ListSnapshot,
  reader: EntryReader,
  found: readonly Candidate[],
  asked: Asked,
): Promise<Decision> {
  if (found.length === 0) return NOTHING_FOUND;
  const byList = rank(found, asked);
  const all = [...byList.values()].reduce((sum, ranked) => sum + ranked.length, 0);
  const usual = reader.isSpent ? 1 : ENTRIES_READ_PER_LIST_MAX;
  // Lists of which nothing counts yet: an entry behind a thousand that do not count may.
  let open: ReadonlySet<ListInfo> = new Set(byList.keys());
  for (let perList = usual; ; perList *= GROWTH) {
    const chosen = choose(byList, (list) => (open.has(list) ? perList : Math.min(perList, ENTRIES_READ_PER_LIST_MAX)));
    const decision = decide(await propose(snapshot, reader, chosen), asked, all - chosen.length);
    const counted = new Set(decision.matches.filter(({ suppressed }) => !suppressed).map(({ list }) => list));
    const isOpen = ([list, ranked]: readonly [ListInfo, readonly Ranked[]]) =>
      list.kind === 'match' && ranked.length > perList && !counted.has(list.list);
    open = new Set([...byList].filter(isOpen).map(([list]) => list));
    if (open.size === 0 || (perList >= ENTRIES_READ_PER_LIST_MAX && reader.isSpent)) return decision;
  }
}
