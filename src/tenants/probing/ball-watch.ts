/**
 * Counts a tenant's different hashes within one small ball. A search for an entry's value queries hundreds of its
 * neighbours; unrelated images lie 80 bits apart and more.
 *
 * The first hash of a ball is its centre; bounded memory, a few microseconds a hash. A ball expires an hour after it
 * began, and a small one as soon as its slot is needed.
 */
import { popcount32 } from '../../kernels/hamming.js';

/** Copies of one image lie within it; so does most of a walk from an entry's edge. */
export const BALL_RADIUS_BITS = 31;
export const BALL_WINDOW_MS = 3_600_000;
/** Balls watched at a time: 160 kB. */
const BALLS_MAX = 1_024;
/** A ball with so many members is not evicted for a new one. */
const KEPT_MEMBERS = 8;
/** Bitmap size for linear counting of different hashes: 128 bytes a ball. */
const BITMAP_BITS = 1_024;
const WORDS = 8;

/** A hash that other processes should count too. */
interface Reported {
  readonly hash: Uint32Array;
  readonly isNearEntry: boolean;
}

export interface Ball {
  /** Different hashes since the ball began, accurate to a few percent. */
  readonly members: number;
  /** One of them matched an entry, or nearly. */
  readonly isNearEntry: boolean;
  /** New since the last report: none of a ball with one member that is not near, as balls of unrelated images are. */
  readonly reported: readonly Reported[];
}

export class BallWatch {
  readonly #centres = new Uint32Array(BALLS_MAX * WORDS);
  readonly #bitmaps = new Uint32Array((BALLS_MAX * BITMAP_BITS) / 32);
  readonly #bitsSet = new Uint16Array(BALLS_MAX);
  readonly #beganMs = new Float64Array(BALLS_MAX).fill(-Infinity);
  readonly #isNearEntry = new Uint8Array(BALLS_MAX);
  /** Whether other processes know the centre. */
  readonly #isReported = new Uint8Array(BALLS_MAX);
  /** Slots used so far. */
  #used = 0;
  #hand = 0;

  /** `seed`: secret, so that a client cannot choose hashes that count as one. */
  constructor(readonly seed: number) {}

  /** Shape: `hash`: Uint32Array(8), as bytes lie in memory. `isOther`: asked of another process. */
  note(hash: Uint32Array, isNearEntry: boolean, nowMs: number, isOther = false): Ball {
    const found = this.#ballOf(hash, nowMs);
    const at = found ?? this.#begin(hash, nowMs);
    if (found === null && isOther) this.#isReported[at] = 1;
    let isNew = isNearEntry && this.#isNearEntry[at] === 0;
    if (isNearEntry) this.#isNearEntry[at] = 1;
    const bit = fingerprint(hash, this.seed) % BITMAP_BITS;
    const word = (at * BITMAP_BITS) / 32 + (bit >>> 5);
    const mask = 1 << (bit & 31);
    if ((this.#bitmaps[word]! & mask) === 0) {
      this.#bitmaps[word]! |= mask;
      this.#bitsSet[at]!++;
      isNew = true;
    }
    const free = Math.max(1, BITMAP_BITS - this.#bitsSet[at]!);
    return {
      members: Math.round(BITMAP_BITS * Math.log(BITMAP_BITS / free)),
      isNearEntry: this.#isNearEntry[at] === 1,
      reported: isNew ? this.#reportedOf(at, hash, isNearEntry, isOther) : [],
    };
  }

  #reportedOf(at: number, hash: Uint32Array, isNearEntry: boolean, isOther: boolean): Reported[] {
    if (this.#bitsSet[at]! < 2 && this.#isNearEntry[at] === 0) return [];
    const reported: Reported[] = isOther ? [] : [{ hash, isNearEntry }];
    if (this.#isReported[at] === 1) return reported;
    this.#isReported[at] = 1;
    const centre = this.#centres.slice(at * WORDS, (at + 1) * WORDS);
    const isCentre = centre.every((word, index) => word === hash[index]);
    return isCentre ? reported : [{ hash: centre, isNearEntry: false }, ...reported];
  }

  /** Return the fullest ball that contains the hash. */
  #ballOf(hash: Uint32Array, nowMs: number): number | null {
    const centres = this.#centres;
    let best: number | null = null;
    for (let at = 0; at < this.#used; at++) {
      const from = at * WORDS;
      // Half of the hash is nearly always enough: unrelated hashes differ in half of their bits.
      let bits = popcount32(hash[0]! ^ centres[from]!) + popcount32(hash[1]! ^ centres[from + 1]!);
      if (bits > BALL_RADIUS_BITS) continue;
      bits += popcount32(hash[2]! ^ centres[from + 2]!) + popcount32(hash[3]! ^ centres[from + 3]!);
      if (bits > BALL_RADIUS_BITS) continue;
      for (let word = 4; word < WORDS; word++) bits += popcount32(hash[word]! ^ centres[from + word]!);
      if (bits > BALL_RADIUS_BITS || nowMs - this.#beganMs[at]! >= BALL_WINDOW_MS) continue;
      if (best === null || this.#bitsSet[at]! > this.#bitsSet[best]!) best = at;
    }
    return best;
  }

  #begin(hash: Uint32Array, nowMs: number): number {
    const at = this.#placeForNew(nowMs);
    this.#centres.set(hash, at * WORDS);
    this.#bitmaps.fill(0, (at * BITMAP_BITS) / 32, ((at + 1) * BITMAP_BITS) / 32);
    this.#bitsSet[at] = 0;
    this.#isNearEntry[at] = 0;
    this.#isReported[at] = 0;
    this.#beganMs[at] = nowMs;
    return at;
  }

  #placeForNew(nowMs: number): number {
    if (this.#used < BALLS_MAX) return this.#used++;
    for (let step = 0; step < BALLS_MAX; step++) {
      const at = this.#next();
      if (this.#bitsSet[at]! < KEPT_MEMBERS || nowMs - this.#beganMs[at]! >= BALL_WINDOW_MS) return at;
    }
    return this.#next();
  }

  #next(): number {
    this.#hand = (this.#hand + 1) % BALLS_MAX;
    return this.#hand;
  }
}

/** Return 32 bits, each of which depends on every bit of the hash. */
export function fingerprint(hash: Uint32Array, seed: number): number {
  let v = seed | 0;
  for (const word of hash) {
    v = Math.imul(v ^ word, 0x85ebca6b);
    v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
    v ^= v >>> 16;
  }
  return v >>> 0;
}
