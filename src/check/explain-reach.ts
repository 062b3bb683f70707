/**
 * Every value of a list, enabled or not, that a query is near or that it is a little too far from: what an explanation shows, beside
 * what matches. Leaves to others: what the store says of the entry.
 */
import { hasBlockhashDetail } from '../core/blockhash-weight.js';
import { Breath } from '../core/breath.js';
import { type Algorithm, DIGEST_ALGORITHMS, type ListInfo } from '../core/vocabulary.js';
import type { IndexPool } from '../index/index-pool.js';
import { isRemoved, type Segment } from '../index/segment.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';
import { gated, type HashQuery, wrongBits } from './candidate.js';
import type { FileQuery } from './file-queries.js';
import { windowReach } from './match.js';
import { type Asked, admits, isSure, looksAt } from './policy.js';
import { type Reach, searchPiece } from './search-piece.js';

/**
 * How far beyond the radius of its list an entry is shown: at the usual radius of 31 bits the last distance that the index searches by its tables.
 * Unrelated images are twice as far away.
 */
export const EXPLAINED_BEYOND_BITS = 16;

/** Why an entry within reach does not match, by its list and its query; the others are in `explain-lists.ts`. */
export const QUERY_WHYS = [
  'list_disabled',
  'beyond_radius',
  'low_quality',
  'no_detail',
  'window_not_looked_at',
  'window_too_far',
  'certain_bits',
] as const;
export type QueryWhy = (typeof QUERY_WHYS)[number];

/** A value within reach, by the query that is the nearest to a match. */
export interface Reached {
  readonly list: ListInfo;
  readonly algorithm: Algorithm;
  readonly entryKey: number;
  readonly segment: Segment<unknown>;
  readonly entryIndex: number;
  /** In bits; 0 for a digest. */
  readonly distance: number;
  /** Null for a digest. */
  readonly query: HashQuery | null;
  /** As of `Candidate`. */
  readonly certainBitsWrong: number | null;
  /** Empty where list and query let it match. */
  readonly why: readonly QueryWhy[];
}

/** The rules of the lists alone: an explanation narrows and widens nothing, and draws lists as the checks in which they count. */
export const AS_LISTS_SAY: Asked = { requestedRadiusBits: null, requestedDetail: null, draw: 0 };

/** Return why an entry at this distance does not match, by the rules that decide. */
export function whyNot(
  list: ListInfo,
  { query, distance, certainBitsWrong }: Pick<Reached, 'query' | 'distance' | 'certainBitsWrong'>,
  { windowRule }: Pick<ListSnapshot, 'windowRule'>,
): readonly QueryWhy[] {
  const why: QueryWhy[] = list.enabled ? [] : ['list_disabled'];
  if (query === null) return why;
  const { lowQuality, window, algorithm, hash256 } = query;
  const best = { distanceBits: 0, lowQuality: false, windowKind: null, certainBitsWrong: 0 };
  if (!admits(list, { ...best, distanceBits: distance }, AS_LISTS_SAY)) why.push('beyond_radius');
  if (!admits(list, { ...best, lowQuality }, AS_LISTS_SAY)) why.push('low_quality');
  if (algorithm === 'blockhash' && !hasBlockhashDetail(hash256)) why.push('no_detail');
  if (window === null) return why;
  if (!looksAt(list, window.place.kind, AS_LISTS_SAY)) why.push('window_not_looked_at');
  if (!isSure({ ...best, distanceBits: distance }, windowRule)) why.push('window_too_far');
  if (!isSure({ ...best, certainBitsWrong: certainBitsWrong ?? 0 }, windowRule)) why.push('certain_bits');
  return why;
}

/** Return whether one way to an entry is nearer to a match than another. */
const isBetter = (one: Reached, held: Reached): boolean =>
  one.why.length < held.why.length || (one.why.length === held.why.length && one.distance < held.distance);

class Found {
  /** By the entry's key. */
  readonly best = new Map<number, Reached>();

  constructor(private readonly snapshot: ListSnapshot) {}

  note(
    segment: Segment<unknown>,
    entryIndex: number,
    { algorithm, distance, query }: Pick<Reached, 'algorithm' | 'distance' | 'query'>,
  ): void {
    const { listByKey, disabledByKey } = this.snapshot;
    const listKey = segment.listKeys[entryIndex]!;
    const list = listByKey.get(listKey) ?? disabledByKey.get(listKey);
    if (list === undefined || isRemoved(segment, entryIndex)) return;
    if (query !== null && distance > list.radiusBits + EXPLAINED_BEYOND_BITS) return;
    const certain = query?.window?.certain ?? null;
    const certainBitsWrong = certain && wrongBits(query!, certain, segment, entryIndex);
    const asked = gated(query) as HashQuery | null;
    const why = whyNot(list, { query: asked, distance, certainBitsWrong }, this.snapshot);
    const entryKey = segment.keys[entryIndex]!;
    const one = { list, algorithm, entryKey, segment, entryIndex, distance, query: asked, certainBitsWrong, why };
    const held = this.best.get(entryKey);
    if (held === undefined || isBetter(one, held)) this.best.set(entryKey, one);
  }
}

async function searchHashes(
  parts: { readonly snapshot: ListSnapshot; readonly pool: IndexPool },
  algorithm: HammingAlgorithm,
  hashes: readonly HashQuery[],
  reach: Reach,
  found: Found,
): Promise<void> {
  if (hashes.length === 0) return;
  const answers = await searchPiece(parts, algorithm, Buffer.concat(hashes.map(({ hash256 }) => hash256)), reach);
  const breath = new Breath();
  for (const [at, rows] of answers.entries()) {
    const segment = parts.snapshot.radius[algorithm][at]!;
    for (let row = 0; row < rows.count; row++) {
      if (breath.isDue) await breath.take();
      const query = hashes[rows.queryIndex[row]!]!;
      found.note(segment, rows.entryIndex[row]!, { algorithm, distance: rows.distanceBits![row]!, query });
    }
  }
}

/**
 * Return every value within the radius of its list and `EXPLAINED_BEYOND_BITS`; by windows those alone that matches look at. What windows are possibly of is searched
 * as loosely as by a check.
 */
export async function reachedBy(
  parts: { readonly snapshot: ListSnapshot; readonly pool: IndexPool },
  { digests, hashes }: FileQuery,
): Promise<readonly Reached[]> {
  const { snapshot } = parts;
  const found = new Found(snapshot);
  for (const algorithm of DIGEST_ALGORITHMS) {
    const digest = digests[algorithm];
    if (digest === undefined) continue;
    for (const segment of snapshot.digest[algorithm])
      for (const entryIndex of segment.index.lookup(Buffer.from(digest, 'hex')))
        found.note(segment, entryIndex, { algorithm, distance: 0, query: null });
  }
  const radii = [...snapshot.listByKey.values(), ...snapshot.disabledByKey.values()].map((list) => list.radiusBits);
  const widest = Math.max(-1, ...radii);
  if (widest < 0) return [];
  const radiusBits = Math.min(256, widest + EXPLAINED_BEYOND_BITS);
  const beyond: Reach = { radiusBits, isLoose: false, isAway: true };
  const ofWindows: Reach = { ...windowReach(snapshot, AS_LISTS_SAY, snapshot.windowRule.radiusBits), isAway: true };
  for (const algorithm of HAMMING_ALGORITHMS) {
    const of = (isWindow: boolean) =>
      hashes.filter((one) => one.algorithm === algorithm && (one.window !== null) === isWindow);
    await searchHashes(parts, algorithm, of(false), beyond, found);
    await searchHashes(parts, algorithm, of(true), ofWindows, found);
  }
  return [...found.best.values()];
}
