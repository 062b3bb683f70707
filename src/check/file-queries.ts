/**
 * Queries of many files: the values of each algorithm end to end, as an index takes them. Files with equal values
 * share one query.
 */
import { DIGEST_ALGORITHMS, type Digests, VALUE_BYTES } from '../core/vocabulary.js';
import type { HashQuery, VectorQuery } from './candidate.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from './search-piece.js';

export interface FileQuery {
  readonly digests: Digests;
  readonly hashes: readonly HashQuery[];
  readonly vectors?: readonly VectorQuery[];
}

const FIRST_VALUES = 1_024;

/** Shape: `values` N × the algorithm's bytes; `queryNumbers` and `ranks` N, with room for more. */
export class QueryColumn {
  count = 0;
  values: Uint8Array;
  /** Query of each value, and its rank among the hashes of the query; 0 for a digest. */
  queryNumbers = new Uint32Array(FIRST_VALUES);
  ranks = new Uint16Array(FIRST_VALUES);

  constructor(readonly width: number) {
    this.values = new Uint8Array(FIRST_VALUES * width);
  }

  /** Reserve `count` values with ranks from `firstRank`. Return the offset at which to write their bytes. */
  reserve(queryNumber: number, firstRank: number, count: number): number {
    const at = this.count;
    this.count += count;
    if (this.count > this.ranks.length) this.#grow();
    for (let n = 0; n < count; n++) {
      this.queryNumbers[at + n] = queryNumber;
      this.ranks[at + n] = firstRank + n;
    }
    return at * this.width;
  }

  #grow(): void {
    const room = 2 * this.count;
    const { values, queryNumbers, ranks } = this;
    this.values = new Uint8Array(room * this.width);
    this.queryNumbers = new Uint32Array(room);
    this.ranks = new Uint16Array(room);
    this.values.set(values);
    this.queryNumbers.set(queryNumbers);
    this.ranks.set(ranks);
  }
}

export class QueryBatch {
  readonly columns = Object.fromEntries(
    BATCH_ALGORITHMS.map((algorithm) => [algorithm, new QueryColumn(VALUE_BYTES[algorithm])]),
  ) as Readonly<Record<BatchAlgorithm, QueryColumn>>;
  /** Query of each file, in the order in which the files were added. */
  readonly queryNumberOf: number[] = [];
  /** Numbers of the queries with vectors, ascending. */
  readonly withVectors: number[] = [];
  /** Hashes of windows are among the values. */
  hasWindows = false;
  readonly #known = new Map<string, number>();
  readonly #queries: (() => FileQuery)[] = [];
  /** The last one that was asked for: the candidates of a query come one after the other, and one from a row is unpacked for it. */
  #last: { readonly queryNumber: number; readonly query: FileQuery } | null = null;

  get files(): number {
    return this.queryNumberOf.length;
  }
  get queryCount(): number {
    return this.#queries.length;
  }

  queryOf(file: number): FileQuery {
    return this.query(this.queryNumberOf[file]!);
  }
  query(queryNumber: number): FileQuery {
    if (this.#last?.queryNumber !== queryNumber) this.#last = { queryNumber, query: this.#queries[queryNumber]!() };
    return this.#last.query;
  }

  /**
   * Add a file. `key`: equal for two files with the same query; null where that is unknown.
   * Result  its query, whose values the caller then writes into the columns; null where an earlier file has the same one.
   */
  open(key: string | null, query: () => FileQuery): number | null {
    const known = key === null ? undefined : this.#known.get(key);
    if (known !== undefined) {
      this.queryNumberOf.push(known);
      return null;
    }
    const queryNumber = this.#queries.push(query) - 1;
    if (key !== null) this.#known.set(key, queryNumber);
    this.queryNumberOf.push(queryNumber);
    return queryNumber;
  }

  /** `isOurs`: the digests were computed here, so that files with an equal one are the same file. */
  add(file: FileQuery, isOurs: boolean): void {
    const { digests, hashes, vectors = [] } = file;
    const isKnown = isOurs && digests.sha256 !== undefined;
    const queryNumber = this.open(isKnown ? `${digests.sha256} ${hashes.length}` : null, () => file);
    if (queryNumber === null) return;
    if (vectors.length > 0) this.withVectors.push(queryNumber);
    this.hasWindows ||= hashes.some(({ window }) => window !== null);
    for (const algorithm of DIGEST_ALGORITHMS) {
      const digest = digests[algorithm];
      if (digest === undefined) continue;
      const column = this.columns[algorithm];
      const at = column.reserve(queryNumber, 0, 1);
      column.values.set(Buffer.from(digest, 'hex'), at);
    }
    for (const [rank, { algorithm, hash256 }] of hashes.entries()) {
      const column = this.columns[algorithm];
      const at = column.reserve(queryNumber, rank, 1);
      column.values.set(hash256, at);
    }
  }
}

export function queryBatchOf(files: readonly FileQuery[]): QueryBatch {
  const queries = new QueryBatch();
  for (const file of files) queries.add(file, true);
  return queries;
}
