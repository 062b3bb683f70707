/**
 * Crowds: new entries of which many match one another, as images of one template do. The content of such an image, a caption on a
 * photograph, hardly changes its hash: each entry accuses everybody who uses the template.
 */
import { HASH256_BYTES, parseHash256 } from '../../core/hash256.js';
import { buildRing } from '../../index/ring.js';
import type { PdqRow } from './pdq-gate.js';

/** Hashes compared, at most: a third of a second. Of a longer list as many are drawn evenly. */
export const COMPARED_MAX = 65_536;
/** New entries that one of them may match: an image is shared at some sizes and with some edits. */
export const CROWD_OTHERS_MAX = 20;

/** Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4): even on every run of positions, and on every n-th one. */
const spread = (position: number) => Math.imul(position, 0x9e3779b1) >>> 0;

export interface Crowded {
  /** Hashes compared. */
  readonly compared: number;
  /** Lines of those that match more than `CROWD_OTHERS_MAX` others, and of these others; each once, rising. */
  readonly lines: readonly number[];
}

/** A sample of the PDQ hashes of an import. */
export class HashSample {
  readonly #hashes256 = new Uint8Array(COMPARED_MAX * HASH256_BYTES);
  readonly #positions: number[] = [];
  readonly #lines: number[] = [];
  /** Hashes at positions that are spread below it are drawn. */
  #below = 2 ** 32;

  add({ position, line, value }: Pick<PdqRow, 'position' | 'line' | 'value'>): void {
    if (spread(position) >= this.#below) return;
    if (this.#positions.length === COMPARED_MAX) this.#halve();
    if (spread(position) < this.#below) this.#put(this.#positions.length, position, line, parseHash256(value));
  }

  #put(at: number, position: number, line: number, hash256: Uint8Array): void {
    this.#hashes256.set(hash256, at * HASH256_BYTES);
    this.#positions[at] = position;
    this.#lines[at] = line;
  }

  #halve(): void {
    this.#below /= 2;
    let kept = 0;
    for (const [at, position] of this.#positions.entries())
      if (spread(position) < this.#below) this.#put(kept++, position, this.#lines[at]!, this.#hashAt(at));
    this.#positions.length = kept;
    this.#lines.length = kept;
  }

  #hashAt(at: number): Uint8Array {
    return this.#hashes256.subarray(at * HASH256_BYTES, (at + 1) * HASH256_BYTES);
  }

  /** Compare the hashes of the rows that `isNew` says are new entries. Unit: bits. */
  crowded(radiusBits: number, isNew: (position: number) => boolean): Crowded {
    const drawn = [...this.#positions.keys()].filter((at) => isNew(this.#positions[at]!));
    const compared = drawn.length;
    if (compared <= CROWD_OTHERS_MAX) return { compared, lines: [] };
    const hashes256 = new Uint8Array(compared * HASH256_BYTES);
    for (const [to, at] of drawn.entries()) hashes256.set(this.#hashAt(at), to * HASH256_BYTES);
    const ring = buildRing(hashes256);
    const crowded = new Set<number>();
    try {
      for (const [to, at] of drawn.entries()) {
        // A crowd is searched once, not by each of its members.
        if (crowded.has(to)) continue;
        const matches = ring.search(this.#hashAt(at), radiusBits);
        if (matches.length > CROWD_OTHERS_MAX + 1) for (const { entryIndex } of matches) crowded.add(entryIndex);
      }
    } finally {
      ring.close();
    }
    return { compared, lines: [...crowded].sort((a, b) => a - b).map((to) => this.#lines[drawn[to]!]!) };
  }
}
