/**
 * What is within reach of a query, list by list, and why each entry matches or not. Never a value: entries are named by their ids. The verdict is the
 * policy's; the reasons are those of the same rules.
 */
import { derivedOf } from '../core/derived.js';
import type { Match } from '../core/match-types.js';
import { type ListInfo, NO_VIEW } from '../core/vocabulary.js';
import type { Segment } from '../index/segment.js';
import type { RadiusIndex } from '../index/types.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import type { StoredEntry } from '../store/lists-contract.js';
import { ENTRIES_READ_PER_LIST_MAX } from './decide-found.js';
import type { EntryReader } from './entry-reader.js';
import { QUERY_WHYS, type Reached } from './explain-reach.js';
import { type Decision, isExpired, isInactive, termsOf } from './policy.js';

/** Entries shown of a list, those that match first and then the nearest; all are counted. A page of them, and a limit to what one answer reveals. */
export const EXPLAINED_PER_LIST_MAX = 50;
/** Entries shown of all lists together; of each list within reach at least one. */
export const EXPLAINED_MAX = 1_000;

/** Why an entry does not match, or does not count. The last five: it matches, and is reported as suppressed. */
export const WHYS = [
  ...QUERY_WHYS,
  'expired',
  'removed',
  'repeat',
  'quarantined',
  'known_good_list',
  'known_good_file',
  'known_good_value',
] as const;
type Why = (typeof WHYS)[number];

export const OUTCOMES = ['match', 'suppressed', 'possible', 'no_match'] as const;

interface ExplainedEntry extends Omit<Match, 'entryId' | 'radius' | 'suppressed' | 'window'> {
  /** Null where it was removed after the lists were loaded. */
  readonly entryId: string | null;
  readonly outcome: (typeof OUTCOMES)[number];
  /** Empty for a match. */
  readonly why: readonly Why[];
  readonly window: Match['window'];
  /** A flood marked it: its matches count until a person decides. */
  readonly flooded: boolean;
}

export interface ExplainedList {
  readonly list: string;
  readonly kind: ListInfo['kind'];
  readonly enabled: boolean;
  readonly radiusBits: number;
  readonly detail: ListInfo['detail'];
  readonly matchLowQuality: boolean;
  /** In this share of the checks it counts, and this explains one of them. */
  readonly sampleRatio: number;
  /** It has an entry that counts. */
  readonly inForce: boolean;
  /** Values within reach, and how many of them list and query let match. */
  readonly reached: number;
  readonly admitted: number;
  readonly entries: readonly ExplainedEntry[];
  /** True where `entries` holds fewer than `reached`. */
  readonly truncated: boolean;
}

/** Name of a value, equal for equal ones. It stays in this room. */
function valueNameOf({ algorithm, segment, entryIndex }: Reached): string {
  const { index } = segment as Segment<RadiusIndex>;
  return `${algorithm} ${Buffer.from(index.hashOf(entryIndex)).toString('hex')}`;
}

const isHash = ({ query }: Reached) => query !== null;
const maySuppress = ({ list, why }: Reached) => list.kind === 'suppression' && why.length === 0;

const inOrder = (a: Reached, b: Reached) =>
  Number(a.why.length > 0) - Number(b.why.length > 0) || a.distance - b.distance || a.entryKey - b.entryKey;

/** What the store and the known-good lists say of the shown entries. */
interface Facts {
  readonly entries: ReadonlyMap<number, StoredEntry | null>;
  readonly isFileGood: boolean;
  readonly goodValues: ReadonlySet<string>;
  /** Of one entry several derived values: those that add no match. */
  readonly repeats: ReadonlySet<number>;
  readonly atMs: number;
}

const isLive = (entry: StoredEntry | null | undefined, list: ListInfo, atMs: number): entry is StoredEntry =>
  entry !== null && entry !== undefined && !isExpired(entry, list, atMs);

/** Return the derived values of an entry of which another value matches nearer, or is the image's own: as the policy leaves them out. */
function repeatsOf(shown: readonly Reached[], entries: Facts['entries'], atMs: number): ReadonlySet<number> {
  const matching = shown.filter(
    (one) => one.why.length === 0 && one.list.kind === 'match' && isLive(entries.get(one.entryKey), one.list, atMs),
  );
  const nameOf = ({ list, entryKey }: Reached) => JSON.stringify([list.list, entries.get(entryKey)!.entryId]);
  const isDerived = ({ entryKey }: Reached) => derivedOf(entries.get(entryKey)!) !== null;
  const spoken = new Set(matching.filter((one) => !isDerived(one)).map(nameOf));
  const repeats = new Set<number>();
  for (const one of matching.filter(isDerived)) {
    if (spoken.has(nameOf(one))) repeats.add(one.entryKey);
    spoken.add(nameOf(one));
  }
  return repeats;
}

/** Read what is shown, and the known-good entries that may suppress some of it. Errors STORE_FAILED. */
async function readFacts(
  { atMs }: ListSnapshot,
  reader: EntryReader,
  reached: readonly Reached[],
  shown: readonly Reached[],
): Promise<Facts> {
  const shownValues = new Set(shown.filter(isHash).map(valueNameOf));
  const suppressing = reached
    .filter((one) => maySuppress(one) && (!isHash(one) || shownValues.has(valueNameOf(one))))
    .slice(0, ENTRIES_READ_PER_LIST_MAX);
  const entries = await reader.read([...new Set([...shown, ...suppressing].map(({ entryKey }) => entryKey))]);
  const good = suppressing.filter(({ entryKey, list }) => isLive(entries.get(entryKey), list, atMs));
  return {
    entries,
    isFileGood: good.some((one) => !isHash(one)),
    goodValues: new Set(good.filter(isHash).map(valueNameOf)),
    repeats: repeatsOf(shown, entries, atMs),
    atMs,
  };
}

/** Return whether a person decided that the entry does not count, for good or for a time. */
const isHeldBack = (entry: StoredEntry) => entry.quarantined || isInactive(entry, Date.now());

function whyOf(one: Reached, { entries, isFileGood, goodValues, repeats, atMs }: Facts): readonly Why[] {
  const entry = entries.get(one.entryKey) ?? null;
  const why: Why[] = [...one.why];
  if (entry === null) why.push('removed');
  else if (isExpired(entry, one.list, atMs)) why.push('expired');
  if (repeats.has(one.entryKey)) why.push('repeat');
  if (why.length > 0 || entry === null) return why;
  if (isHeldBack(entry)) why.push('quarantined');
  if (one.list.kind === 'suppression') return [...why, 'known_good_list'];
  if (isFileGood) why.push('known_good_file');
  if (isHash(one) && goodValues.has(valueNameOf(one))) why.push('known_good_value');
  return why;
}

const SUPPRESSING: ReadonlySet<Why> = new Set([
  'quarantined',
  'known_good_list',
  'known_good_file',
  'known_good_value',
]);

function outcomeOf(why: readonly Why[], isPossible: boolean): ExplainedEntry['outcome'] {
  if (why.length === 0) return 'match';
  if (why.every((one) => SUPPRESSING.has(one))) return 'suppressed';
  return isPossible ? 'possible' : 'no_match';
}

/** Names the value of an entry that a match has. */
const keyOf = ({ list, entryId, algorithm }: Pick<Match, 'list' | 'entryId' | 'algorithm'>) =>
  JSON.stringify([list, entryId, algorithm]);

function explainedEntry(one: Reached, facts: Facts, possible: ReadonlySet<string>): ExplainedEntry {
  const { list, algorithm, distance, query, certainBitsWrong, entryKey } = one;
  const entry = facts.entries.get(entryKey) ?? null;
  const why = whyOf(one, facts);
  const { orientation, family, window, frame, background, part } = query ?? {
    orientation: null,
    family: null,
    window: null,
    ...NO_VIEW,
  };
  const isPossible = entry !== null && possible.has(keyOf({ list: list.list, entryId: entry.entryId, algorithm }));
  return {
    list: list.list,
    entryId: entry?.entryId ?? null,
    algorithm,
    matchType: query === null ? 'exact' : 'near',
    distance,
    outcome: outcomeOf(why, isPossible),
    why,
    orientation,
    family,
    window: window && { ...window.place, certainBitsWrong: certainBitsWrong ?? 0 },
    derived: entry && derivedOf(entry),
    frame,
    background,
    part,
    ...(entry === null ? { category: null, severity: null } : termsOf({ entry, list })),
    source: entry?.source ?? null,
    quarantined: entry !== null && isHeldBack(entry),
    flooded: entry?.flooded ?? false,
  };
}

/** Return every list, those with something within reach first. `possible`: of the decision. Errors STORE_FAILED. */
export async function explainLists(
  snapshot: ListSnapshot,
  reader: EntryReader,
  reached: readonly Reached[],
  { possible }: Pick<Decision, 'possible'>,
): Promise<readonly ExplainedList[]> {
  const byList = new Map<ListInfo, Reached[]>();
  for (const list of [...snapshot.listByKey.values(), ...snapshot.disabledByKey.values()]) byList.set(list, []);
  for (const one of reached) byList.get(one.list)!.push(one);
  const withSome = [...byList.values()].filter(({ length }) => length > 0).length;
  const perList = Math.min(EXPLAINED_PER_LIST_MAX, Math.max(1, Math.floor(EXPLAINED_MAX / Math.max(1, withSome))));
  const shownOf = new Map([...byList].map(([list, ones]) => [list, [...ones].sort(inOrder).slice(0, perList)]));
  const facts = await readFacts(snapshot, reader, reached, [...shownOf.values()].flat());
  const possibleKeys = new Set(possible.map(keyOf));
  const explained = [...byList].map(([info, ones]): ExplainedList => {
    const { list, kind, enabled, radiusBits, detail, matchLowQuality, sampleRatio } = info;
    const shown = shownOf.get(info)!;
    return {
      list,
      kind,
      enabled,
      radiusBits,
      detail,
      matchLowQuality,
      sampleRatio,
      inForce: snapshot.inForce.has(list),
      reached: ones.length,
      admitted: ones.filter(({ why }) => why.length === 0).length,
      entries: shown.map((one) => explainedEntry(one, facts, possibleKeys)),
      truncated: shown.length < ones.length,
    };
  });
  return explained.sort((a, b) => Number(b.reached > 0) - Number(a.reached > 0) || a.list.localeCompare(b.list));
}
