/**
 * Policy: decides the verdict from entries with distances. Pure; knows no index, no store, no HTTP.
 *
 * A suppression never hides a neighbour: it excludes exactly the known-good file (by digest) and exactly the entries
 * with a known-good value. All other matches still count.
 */
import { derivedOf } from '../core/derived.js';
import type { AnswerMatch, Match } from '../core/match-types.js';
import type { Entry, Family, ListInfo, NotCheckedReason, Orientation, Verdict, ViewName } from '../core/vocabulary.js';
import { type Detail, WINDOW_KINDS_OF, type WindowKind, type WindowMatch, type WindowRule } from '../core/window.js';
import { wordsOf } from './entry-words.js';

const DAY_MS = 86_400_000;

/** An entry that an index proposed, with the provenance of the candidate. Distance 0 for digests. */
export interface Proposal extends ViewName {
  readonly entry: Entry;
  readonly list: ListInfo;
  readonly matchType: 'exact' | 'near';
  /** In bits; L2 for PhotoDNA. */
  readonly distance: number;
  /** Radius of an algorithm that does not use the list's, and already applied; null: the list's radius decides. */
  readonly radius: number | null;
  readonly orientation: Orientation | null;
  readonly family: Family | null;
  readonly window: WindowMatch | null;
  /** The entry is in quarantine: a person decided that it does not count. */
  readonly quarantined: boolean;
  /** The entry suddenly matched at many places: marked, and counted until a person decides. */
  readonly flooded: boolean;
  /** The query hash that proposed it had quality below 50, or is one-dimensional: it counts only for lists that accept it. */
  readonly lowQuality: boolean;
}

export type { AnswerMatch, Match } from '../core/match-types.js';

/** Matches returned per image and list: a list of near-copies could otherwise fill the answer. The true count is returned too. */
export const MATCHES_PER_LIST_MAX = 100;
/** Matches returned per image, of all lists: 250 kB. The first of each list is always among them, however many lists match. */
export const MATCHES_PER_IMAGE_MAX = 1_000;

export interface Decision {
  readonly verdict: Verdict;
  /** `no_list` where nothing was searched, with `not_checked`; else null. */
  readonly reason: Extract<NotCheckedReason, 'no_list'> | null;
  /** Exact first, then by distance; the first of each list, and at most `MATCHES_PER_LIST_MAX` of it. */
  readonly matches: readonly AnswerMatch[];
  /** Entries that a window may be a copy of, for a person to look at; only where nothing matched. Never matches. */
  readonly possible: readonly AnswerMatch[];
  /** Number of all matches, including those beyond the cap. */
  readonly matchCount: number;
  /** True where `matches` holds fewer than `matchCount`. */
  readonly truncated: boolean;
  /** Windows without certain bits may match on lists of which nothing else does: the decision holds only once the file itself was asked. */
  readonly isOpen?: true;
  /** An entry that is near counts from a time on: the decision is not kept. */
  readonly isTimed?: true;
}

const NO_MATCHES = { matches: [], possible: [], matchCount: 0, truncated: false } as const;
export const NOTHING_FOUND: Decision = { verdict: 'no_match', reason: null, ...NO_MATCHES };
/** Nothing that counts; but entries are within the radius of hashes of low quality, on lists that do not ask for those. */
export const NEAR_LEFT_OUT: Decision = { ...NOTHING_FOUND };
/** No list in force has an entry that the query could match. */
export const NOTHING_SEARCHED: Decision = { verdict: 'not_checked', reason: 'no_list', ...NO_MATCHES };

/**
 * Return whether a window's hash is near enough to an entry, and wrong in few enough of its certain bits. A window is one of a hundred
 * guesses: by the distance alone they would meet strangers more often than the image itself does.
 */
export const isSure = (
  { distanceBits, certainBitsWrong }: { readonly distanceBits: number; readonly certainBitsWrong: number },
  { radiusBits, wrongBitsMax }: WindowRule,
): boolean => distanceBits <= radiusBits && certainBitsWrong <= wrongBitsMax;

/** What a request says in place of its lists; null: each list's own. */
export interface Asked {
  /** In bits, inclusive. It only narrows. */
  readonly requestedRadiusBits: number | null;
  /** It narrows and widens. */
  readonly requestedDetail: Detail | null;
  /** The draw of the check, 0..1: lists with a smaller `sampleRatio` do not count. Absent: each decision draws its own. */
  readonly draw?: number | undefined;
}

/** Return whether a list counts a near match at this distance, for a query hash of this quality and window. */
export function admits(
  list: ListInfo,
  near: { readonly distanceBits: number; readonly lowQuality: boolean; readonly windowKind: WindowKind | null },
  asked: Asked,
): boolean {
  const { distanceBits, lowQuality, windowKind } = near;
  if (distanceBits > radiusOf(list, asked) || (lowQuality && !list.matchLowQuality)) return false;
  return windowKind === null || looksAt(list, windowKind, asked);
}

/** Return whether a list is asked by windows of a kind. */
export function looksAt(list: ListInfo, windowKind: WindowKind, { requestedDetail }: Asked): boolean {
  return WINDOW_KINDS_OF[requestedDetail ?? list.detail].has(windowKind);
}

function radiusOf(list: ListInfo, { requestedRadiusBits }: Asked): number {
  return requestedRadiusBits === null ? list.radiusBits : Math.min(list.radiusBits, requestedRadiusBits);
}

/** Return the nearest proposal of each entry: one entry may be proposed per orientation, family and digest. */
function nearestPerEntry(proposals: readonly Proposal[]): Proposal[] {
  const nearest = new Map<string, Proposal>();
  for (const proposal of proposals) {
    const { list, entryId, algorithm, value } = proposal.entry;
    const key = JSON.stringify([list, entryId, algorithm, value]);
    const held = nearest.get(key);
    if (!held || proposal.distance < held.distance) nearest.set(key, proposal);
  }
  return [...nearest.values()];
}

/**
 * Leave out of each entry the derived proposals where one of its own values is proposed, and else all but the nearest: they are guesses at copies of one
 * image. So they add no matches to that of the image, and a suppression of its value, or of the one that is proposed, counts for them too.
 */
function withoutRepeats(proposals: readonly Proposal[]): readonly Proposal[] {
  const isDerived = ({ entry, list }: Proposal) => list.kind === 'match' && derivedOf(entry) !== null;
  const derived = proposals.filter(isDerived);
  if (derived.length === 0) return proposals;
  const keyOf = ({ entry: { list, entryId } }: Proposal) => JSON.stringify([list, entryId]);
  const speaking = new Map<string, Proposal>();
  for (const one of derived) {
    const held = speaking.get(keyOf(one));
    if (!held || one.distance < held.distance) speaking.set(keyOf(one), one);
  }
  for (const one of proposals) if (!isDerived(one)) speaking.delete(keyOf(one));
  const kept = new Set(speaking.values());
  return proposals.filter((one) => !isDerived(one) || kept.has(one));
}

/** Return category and severity in the provider's terms, where the list maps them. */
export function termsOf({ entry, list }: Pick<Proposal, 'entry' | 'list'>): Pick<Match, 'category' | 'severity'> {
  const mapTerm = (map: Readonly<Record<string, string>>, word: string | null) =>
    word !== null && Object.hasOwn(map, word) ? map[word]! : null;
  return {
    category: mapTerm(list.categoryMap, entry.category) ?? entry.category,
    severity: mapTerm(list.severityMap, entry.severity ?? entry.category) ?? entry.severity,
  };
}

/** Return whether the entry was last updated longer ago than `entryDaysMax` allows. Unit: milliseconds since 1970. */
export function isExpired({ updatedAt }: Entry, { entryDaysMax }: ListInfo, nowMs: number): boolean {
  if (entryDaysMax === null || updatedAt === null) return false;
  return nowMs - Date.parse(updatedAt) > entryDaysMax * DAY_MS;
}

/** Return whether a person set a time for the entry that has not come. */
export function isInactive({ inactiveUntil }: Pick<Entry, 'inactiveUntil'>, nowMs: number): boolean {
  return inactiveUntil !== undefined && inactiveUntil !== null && Date.parse(inactiveUntil) > nowMs;
}

/** Return the matches to report: of each list the first ones, so that no list hides another. */
function shownOf(matches: readonly Match[]): readonly Match[] {
  const counts = new Map<string, number>();
  const ranks = matches.map(({ list }) => {
    const rank = counts.get(list) ?? 0;
    counts.set(list, rank + 1);
    return rank;
  });
  let room = Math.max(0, MATCHES_PER_IMAGE_MAX - counts.size);
  return matches.filter((_, at) => {
    const rank = ranks[at]!;
    if (rank === 0) return true;
    if (rank >= MATCHES_PER_LIST_MAX || room === 0) return false;
    room--;
    return true;
  });
}

/**
 * Decide the verdict of a file.
 * Unit    `unread`: matches of match lists beyond the proposals, already admitted; they are only counted.
 * Errors  none.
 */
export function decide(proposals: readonly Proposal[], asked: Asked, unread = 0): Decision {
  const admitted = withoutRepeats(
    nearestPerEntry(
      proposals.filter(
        (p) =>
          p.radius !== null ||
          admits(p.list, { ...p, distanceBits: p.distance, windowKind: p.window?.kind ?? null }, asked),
      ),
    ),
  );
  // An entry that is in quarantine, or that a person set a time for, does not count: neither does it suppress.
  const good = admitted.filter((p) => p.list.kind === 'suppression' && !p.quarantined);
  const fileIsGood = good.some((p) => p.matchType === 'exact');
  const goodValues = new Set(good.map((p) => `${p.entry.algorithm} ${p.entry.value}`));
  const { draw = Math.random() } = asked;
  const matches = admitted
    .map((p): AnswerMatch => {
      const isDrawnOut = p.list.kind === 'match' && p.list.sampleRatio < draw;
      const suppressed =
        isDrawnOut ||
        p.quarantined ||
        p.list.kind === 'suppression' ||
        fileIsGood ||
        goodValues.has(`${p.entry.algorithm} ${p.entry.value}`);
      const { mediaType, updatedAt, tags, notes } = wordsOf(p.entry);
      return {
        // As the snapshot has it: the store may have renamed the list meanwhile.
        list: p.list.list,
        entryId: p.entry.entryId,
        algorithm: p.entry.algorithm,
        matchType: p.matchType,
        distance: p.distance,
        radius: p.radius ?? radiusOf(p.list, asked),
        orientation: p.orientation,
        family: p.family,
        window: p.window,
        derived: derivedOf(p.entry),
        frame: p.frame,
        background: p.background,
        part: p.part,
        ...termsOf(p),
        source: p.entry.source,
        mediaType,
        updatedAt,
        tags,
        notes,
        suppressed,
        quarantined: p.flooded || p.quarantined,
        ...(isDrawnOut && { notSampled: true }),
      };
    })
    .sort(
      (a, b) =>
        Number(a.suppressed) - Number(b.suppressed) ||
        (a.matchType === b.matchType ? a.distance - b.distance : a.matchType === 'exact' ? -1 : 1) ||
        a.list.localeCompare(b.list) ||
        a.entryId.localeCompare(b.entryId),
    );
  const counted = matches.some((match) => !match.suppressed);
  const verdict = counted ? 'match' : matches.length > 0 ? 'suppressed' : 'no_match';
  const matchCount = matches.length + unread;
  const shown = shownOf(matches);
  const truncated = shown.length < matchCount;
  const isTimed = proposals.some(({ entry }) => isInactive(entry, Date.now()));
  return { verdict, reason: null, matches: shown, possible: [], matchCount, truncated, ...(isTimed && { isTimed }) };
}
