/** Comparison of queries with listed hashes: what each mode would match, and how far strangers are. */
import { isSure } from '../../src/check/policy.js';
import { HASH256_BYTES } from '../../src/core/hash256.js';
import { DETAILS, type WindowRule } from '../../src/core/window.js';
import { popcount32 } from '../../src/kernels/hamming.js';
import { type Queries, WORDS } from './queries.js';

/** When a window matches, and when it is worth a person's look. */
export const RULE: WindowRule = { radiusBits: 31, wrongBitsMax: 6 };
export const POSSIBLE: WindowRule = { radiusBits: 47, wrongBitsMax: 14 };
/** As far as possible matches, and surer than others: not built. */
export const SURER: WindowRule = { radiusBits: 47, wrongBitsMax: 4 };
/** The certain bits are left alone. */
export const BY_DISTANCE: WindowRule = { radiusBits: 31, wrongBitsMax: 128 };

/** Ways to match, as columns: the three modes, `deep` by the distance alone, with `SURER`, and two modes with `POSSIBLE`. */
export const WAYS = ['plain', 'standard', 'deep', 'deep, no rule', 'deep, surer 47', 'standard 47', 'deep 47'] as const;
export type Way = (typeof WAYS)[number];

/** Strangers this near are kept by their certain bits. */
const NEAR_BITS = 96;
const DISTANCES = 257;
const WRONG = 129;

/** Of an image against one entry: the nearest window, and the ways in which it matches. */
export interface Compared {
  /** What only `POSSIBLE` finds, and whether the loose search of the index does: null where it is found otherwise, or not at all. */
  readonly isReached: boolean | null;
  readonly ways: ReadonlySet<Way>;
  readonly nearest: number;
  /** 256 where there are no windows. */
  readonly window: { readonly distance: number; readonly wrong: number };
}

/** Add the ways in which a query matches at this distance. */
function addWays(ways: Set<Way>, level: number, distanceBits: number, certainBitsWrong: number): void {
  const found = { distanceBits, certainBitsWrong };
  if (level === 0) {
    if (distanceBits <= RULE.radiusBits) for (const way of WAYS) ways.add(way);
    return;
  }
  const add = (way: Way) => ways.add(way);
  if (isSure(found, BY_DISTANCE)) add('deep, no rule');
  if (isSure(found, RULE)) {
    add('deep');
    if (level === 1) add('standard');
  }
  if (isSure(found, RULE) || isSure(found, SURER)) add('deep, surer 47');
  // A match by the rule is in the wider one, too.
  if (isSure(found, RULE) || isSure(found, POSSIBLE)) {
    add('deep 47');
    if (level === 1) add('standard 47');
  }
}

function distanceOf(a: Uint32Array, at: number, b: Uint32Array, bt: number): number {
  let bits = 0;
  for (let n = 0; n < WORDS; n++) bits += popcount32(a[at + n]! ^ b[bt + n]!);
  return bits;
}

function wrongOf({ words, certain }: Queries, at: number, listed: Uint32Array, bt: number): number {
  let bits = 0;
  for (let n = 0; n < WORDS; n++) bits += popcount32((words[at + n]! ^ listed[bt + n]!) & certain[at + n]!);
  return bits;
}

const bytesAt = (words: Uint32Array, n: number) =>
  new Uint8Array(words.buffer, words.byteOffset + n * HASH256_BYTES, HASH256_BYTES);

/** Compare an image with one entry. `reaches`: whether the loose search finds the entry by a query. */
export function compare(queries: Queries, listed: Uint32Array, reaches: (query: Uint8Array) => boolean): Compared {
  const ways = new Set<Way>();
  let nearest = 256;
  let window = { distance: 256, wrong: 128 };
  let isReached = false;
  for (const [n, level] of queries.levels.entries()) {
    const distance = distanceOf(queries.words, n * WORDS, listed, 0);
    nearest = Math.min(nearest, distance);
    if (level === 0 && distance > RULE.radiusBits) continue;
    const wrong = level === 0 ? 0 : wrongOf(queries, n * WORDS, listed, 0);
    addWays(ways, level, distance, wrong);
    if (level > 0 && isSure({ distanceBits: distance, certainBitsWrong: wrong }, POSSIBLE))
      isReached ||= reaches(bytesAt(queries.words, n));
    if (level > 0 && (distance < window.distance || (distance === window.distance && wrong < window.wrong)))
      window = { distance, wrong };
  }
  const isOnlyPossible = ways.has('deep 47') && !ways.has('deep');
  return { ways, nearest, window, isReached: isOnlyPossible ? isReached : null };
}

/** Distances of images to entries that are not theirs. */
export class Strangers {
  images = 0;
  /** Pairs of an image and an entry. */
  pairs = 0;
  nearest = 256;
  /** Images with a match, by way. */
  readonly matched = new Map<Way, number>(WAYS.map((way) => [way, 0]));
  /** Shape: modes × 257 distances. Of the queries that the mode has and those before it have not. */
  readonly distances = new Float64Array(DETAILS.length * DISTANCES);
  /** Windows up to `NEAR_BITS`. Shape: 257 distances × 129 wrong bits. */
  readonly wrong = new Float64Array(DISTANCES * WRONG);

  /** Compare an image with all entries but its own. Shape: `listed` N × 8. `own`: number of its entry, or null. */
  add(queries: Queries, listed: Uint32Array, own: number | null): void {
    const entries = listed.length / WORDS;
    const ways = new Set<Way>();
    for (const [n, level] of queries.levels.entries()) {
      const first = level * DISTANCES;
      for (let entry = 0; entry < entries; entry++) {
        if (entry === own) continue;
        const distance = distanceOf(queries.words, n * WORDS, listed, entry * WORDS);
        this.distances[first + distance]!++;
        if (distance > NEAR_BITS) continue;
        if (distance < this.nearest) this.nearest = distance;
        const wrong = level === 0 ? 0 : wrongOf(queries, n * WORDS, listed, entry * WORDS);
        if (level > 0) this.wrong[distance * WRONG + wrong]!++;
        if (distance <= POSSIBLE.radiusBits) addWays(ways, level, distance, wrong);
      }
    }
    this.images++;
    this.pairs += entries - Number(own !== null);
    for (const way of ways) this.matched.set(way, this.matched.get(way)! + 1);
  }

  addAll(other: Strangers): this {
    this.images += other.images;
    this.pairs += other.pairs;
    this.nearest = Math.min(this.nearest, other.nearest);
    for (const [way, count] of other.matched) this.matched.set(way, this.matched.get(way)! + count);
    for (const [at, count] of other.distances.entries()) this.distances[at]! += count;
    for (const [at, count] of other.wrong.entries()) this.wrong[at]! += count;
    return this;
  }

  /** Return how many queries of a mode alone, by the distance: 0..256. */
  distancesOf(mode: number): Float64Array {
    return this.distances.subarray(mode * DISTANCES, (mode + 1) * DISTANCES);
  }

  /** Yield windows near to a stranger, the nearest first: distance, wrong certain bits, and how many. */
  *nearWindows(): Generator<{ readonly distance: number; readonly wrong: number; readonly count: number }> {
    for (const [at, count] of this.wrong.entries())
      if (count > 0) yield { distance: Math.floor(at / WRONG), wrong: at % WRONG, count };
  }
}
