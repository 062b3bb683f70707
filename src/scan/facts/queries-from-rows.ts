/** Queries directly from the rows of an inventory: no object is allocated per hash, and no row is unpacked completely. */

import type { QueryBatch, QueryColumn } from '../../check/file-queries.js';
import { HASH256_BYTES } from '../../core/hash256.js';
import { ORIENTATIONS, type OrientationChoice, VALUE_BYTES } from '../../core/vocabulary.js';
import { unpackTurnedInto } from '../../kernels/oriented-hashes.js';
import { type FactsHead, readFactsHead, readQueryFlags, readRow, readViewHead, unpackFacts } from './file-facts.js';
import { queryOf } from './file-result.js';
import { Reader } from './packed-bytes.js';

export interface RowHead extends FactsHead {
  /** False where the file has neither digests nor hashes to query. */
  readonly isQueried: boolean;
}

/** Buffer for all hashes of one view. */
const scratch = new Uint8Array(2 * ORIENTATIONS.length * HASH256_BYTES);

function copyBytes(from: Uint8Array, at: number, column: QueryColumn, to: number, length: number): void {
  const { values } = column;
  for (let n = 0; n < length; n++) values[to + n] = from[at + n]!;
}

/**
 * Add the file of a row, with the same query as `queryOf` of its facts.
 * Errors  STORE_FAILED: the bytes are invalid.
 */
export function addQueriesFromRow(queries: QueryBatch, facts: Uint8Array, orientations: OrientationChoice): RowHead {
  return readRow(() => ask(queries, facts, orientations));
}

function ask(queries: QueryBatch, facts: Uint8Array, orientations: OrientationChoice): RowHead {
  const from = new Reader(facts);
  const head = readFactsHead(from);
  if (from.isAtEnd) return { ...head, isQueried: false };
  const tail = Buffer.from(facts.buffer, facts.byteOffset + from.at, facts.byteLength - from.at);
  const flags = readQueryFlags(from);
  if (!flags.hasImage && flags.digests.length === 0) return { ...head, isQueried: false };
  // The bytes after the identity determine the query: equal bytes are equal queries.
  const queryNumber = queries.open(tail.toString('latin1'), () => queryOf(unpackFacts(facts), orientations));
  if (queryNumber === null) return { ...head, isQueried: true };
  for (const algorithm of flags.digests) {
    const column = queries.columns[algorithm];
    const length = VALUE_BYTES[algorithm];
    from.pass(length);
    copyBytes(facts, from.at - length, column, column.reserve(queryNumber, 0, 1), length);
  }
  if (flags.hasImage) addViews(queries, queryNumber, from, flags.isPlain, orientations);
  from.requireEnd();
  return { ...head, isQueried: true };
}

function addViews(
  queries: QueryBatch,
  queryNumber: number,
  from: Reader,
  isPlain: boolean,
  orientations: OrientationChoice,
): void {
  from.pass(1);
  from.passVarint();
  from.passVarint();
  if (!isPlain) from.pass(1);
  const { pdq, blockhash } = queries.columns;
  let rank = 0;
  for (let left = isPlain ? 1 : from.u8(); left > 0; left--) {
    const { families, counts, hasBlockhash } = readViewHead(from, isPlain);
    from.pass(unpackTurnedInto(from.bytes, from.at, counts, scratch, 0));
    const first = rank;
    let at = 0;
    for (const [n, { degenerate }] of families.entries()) {
      const count = orientations === 'all' ? counts[n]! : 1;
      if (!degenerate) {
        copyBytes(scratch, at, pdq, pdq.reserve(queryNumber, rank, count), count * HASH256_BYTES);
        rank += count;
      }
      at += counts[n]! * HASH256_BYTES;
    }
    if (!hasBlockhash) continue;
    from.pass(HASH256_BYTES);
    if (rank === first) continue;
    copyBytes(from.bytes, from.at - HASH256_BYTES, blockhash, blockhash.reserve(queryNumber, rank, 1), HASH256_BYTES);
    rank++;
  }
}
