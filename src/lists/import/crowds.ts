/**
 * Crowds: new entries of which many match one another, as images of one template do. The content of such an image, a caption on a
 * photograph, hardly changes its hash: each entry accuses everybody who uses the template.
 */
import { HASH256_BYTES, parseHash256 } from '../../core/hash256.js';
import { buildRing } from '../../index/ring.js';
import type { HeldRow } from '../../store/lists-contract.js';
import { shownId } from './canaries.js';
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
  /** Return a row of these lines, from 0, with the first row of its crowd. */
  rowAt(at: number): HeldRow;
}

const NO_CROWD = {
  lines: [],
  rowAt: () => {
    throw new RangeError('no row is crowded');
  },
};

/** A sample of the PDQ hashes of an import. */
export class HashSample {
  readonly #hashes256 = new Uint8Array(COMPARED_MAX * HASH256_BYTES);
  readonly #positions: number[] = [];
  readonly #lines: number[] = [];
  readonly #ids: string[] = [];
  /** Hashes at positions that are spread below it are drawn. */
  #below = 2 ** 32;

  add({ value, ...row }: PdqRow): void {
    const { position } = row;
    if (spread(position) >= this.#below) return;
    if (this.#positions.length === COMPARED_MAX) this.#halve();
    if (spread(position) < this.#below) this.#put(this.#positions.length, row, parseHash256(value));
  }

  #put(at: number, { position, line, entryId }: Omit<PdqRow, 'value'>, hash256: Uint8Array): void {
    this.#hashes256.set(hash256, at * HASH256_BYTES);
    this.#positions[at] = position;
    this.#lines[at] = line;
    this.#ids[at] = entryId;
  }

  #halve(): void {
    this.#below /= 2;
    let kept = 0;
    for (const [at, position] of this.#positions.entries()) {
      const row = { position, line: this.#lines[at]!, entryId: this.#ids[at]! };
      if (spread(position) < this.#below) this.#put(kept++, row, this.#hashAt(at));
    }
    for (const column of [this.#positions, this.#lines, this.#ids]) column.length = kept;
  }

  #hashAt(at: number): Uint8Array {
    return this.#hashes256.subarray(at * HASH256_BYTES, (at + 1) * HASH256_BYTES);
  }

  /** Compare the hashes of the rows that `isNew` says are new entries. Unit: bits. */
  crowded(radiusBits: number, isNew: (position: number) => boolean): Crowded {
    const drawn = [...this.#positions.keys()].filter((at) => isNew(this.#positions[at]!));
    const compared = drawn.length;
    if (compared <= CROWD_OTHERS_MAX) return { compared, ...NO_CROWD };
    const hashes256 = new Uint8Array(compared * HASH256_BYTES);
    for (const [to, at] of drawn.entries()) hashes256.set(this.#hashAt(at), to * HASH256_BYTES);
    const ring = buildRing(hashes256);
    /** With the first of their crowd. */
    const crowded = new Map<number, number>();
    try {
      for (const [to, at] of drawn.entries()) {
        // A crowd is searched once, not by each of its members.
        if (crowded.has(to)) continue;
        const matches = ring.search(this.#hashAt(at), radiusBits);
        if (matches.length > CROWD_OTHERS_MAX + 1)
          for (const { entryIndex } of matches) if (!crowded.has(entryIndex)) crowded.set(entryIndex, to);
      }
    } finally {
      ring.close();
    }
    const found = [...crowded.keys()].sort((a, b) => a - b);
    const rowOf = (to: number) => ({ line: this.#lines[drawn[to]!]!, entryId: shownId(this.#ids[drawn[to]!]!) });
    return {
      compared,
      lines: found.map((to) => rowOf(to).line),
      rowAt: (at) => {
        const first = crowded.get(found[at]!)!;
        const near = { kind: 'row', shows: null, list: null, ...rowOf(first) } as const;
        return { ...rowOf(found[at]!), ...(first === found[at] ? {} : { near }) };
      },
    };
  }
}
