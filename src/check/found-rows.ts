/**
 * Rows that searches found, gathered by the query that they belong to. Kept in columns: only a query's own candidates are
 * objects, and only while it is decided, so a batch near millions of entries stays small.
 */
import type { Candidate } from './candidate.js';

/** Rows of an index's answer; digests have no distance. */
export interface Rows {
  readonly count: number;
  readonly queryIndex: Uint32Array;
  readonly entryIndex: Uint32Array;
  readonly distanceBits?: Uint16Array;
}

/** One segment's answer to one piece of values. */
export interface FoundPiece {
  readonly rows: Rows;
  /** Return the number of the query that the value at `queryIndex` belongs to. */
  queryNumberOf(queryIndex: number): number;
  /** Return the row's candidate; null where its entry does not match. */
  candidateOf(row: number): Candidate | null;
}

const NONE = 0xffff_ffff;

export class FoundRows {
  /** First row of each piece, among the rows of all. */
  readonly #starts: number[] = [];
  /** First row of each query, and the next row of the same query. */
  readonly #first = new Map<number, number>();
  readonly #next: Uint32Array;

  constructor(private readonly pieces: readonly FoundPiece[]) {
    let count = 0;
    for (const { rows } of pieces) {
      this.#starts.push(count);
      count += rows.count;
    }
    this.#next = new Uint32Array(count).fill(NONE);
    // From the last, so that each query's rows are linked in their order.
    for (let piece = pieces.length - 1; piece >= 0; piece--) {
      const { rows, queryNumberOf } = pieces[piece]!;
      for (let row = rows.count - 1; row >= 0; row--) {
        const at = this.#starts[piece]! + row;
        const queryNumber = queryNumberOf(rows.queryIndex[row]!);
        this.#next[at] = this.#first.get(queryNumber) ?? NONE;
        this.#first.set(queryNumber, at);
      }
    }
  }

  /** Numbers of the queries with rows, ascending. */
  get queryNumbers(): readonly number[] {
    return [...this.#first.keys()].sort((a, b) => a - b);
  }

  /** Return a query's candidates, in the order of the pieces and their rows. */
  candidatesOf(queryNumber: number): Candidate[] {
    const found: Candidate[] = [];
    let piece = 0;
    for (let at = this.#first.get(queryNumber) ?? NONE; at !== NONE; at = this.#next[at]!) {
      while (piece + 1 < this.#starts.length && this.#starts[piece + 1]! <= at) piece++;
      const candidate = this.pieces[piece]!.candidateOf(at - this.#starts[piece]!);
      if (candidate !== null) found.push(candidate);
    }
    return found;
  }
}
