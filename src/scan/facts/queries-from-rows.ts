/** Queries directly from the rows of an inventory: no object is allocated per hash, and no row is unpacked completely. */

import type { QueryBatch, QueryColumn } from '../../check/file-queries.js';
import { HASH256_BYTES } from '../../core/hash256.js';
import { ORIENTATIONS, VALUE_BYTES } from '../../core/vocabulary.js';
import { isCovered } from '../../core/window.js';
import { unpackTurnedInto } from '../../kernels/oriented-hashes.js';
import { type QueryWish, queryOf } from './file-result.js';
import { Reader, readRow } from './packed-bytes.js';
import {
  type FactsHead,
  readDetail,
  readFactsHead,
  readQueryFlags,
  readViewHead,
  takeWindows,
  unpackFacts,
} from './packed-facts.js';
import { addStoredWindows } from './queries-from-facts.js';

export interface RowHead extends FactsHead {
  /** False where the file has neither digests nor hashes to query. */
  readonly isQueried: boolean;
  /** True where the image was hashed at a narrower detail than is asked: windows of it were not searched. */
  readonly lacksWindows: boolean;
}

const NOT_QUERIED = { isQueried: false, lacksWindows: false };

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
export function addQueriesFromRow(queries: QueryBatch, facts: Uint8Array, wish: QueryWish): RowHead {
  return readRow(() => ask(queries, facts, wish));
}

function ask(queries: QueryBatch, facts: Uint8Array, wish: QueryWish): RowHead {
  const from = new Reader(facts);
  const head = readFactsHead(from);
  if (from.isAtEnd) return { ...head, ...NOT_QUERIED };
  const tail = Buffer.from(facts.buffer, facts.byteOffset + from.at, facts.byteLength - from.at);
  const flags = readQueryFlags(from);
  if (!flags.hasImage && flags.digests.length === 0) return { ...head, ...NOT_QUERIED };
  // The bytes after the identity determine the query: equal bytes are equal queries.
  const queryNumber = queries.open(tail.toString('latin1'), () => queryOf(unpackFacts(facts), wish));
  const isNew = queryNumber !== null;
  for (const algorithm of flags.digests) {
    const length = VALUE_BYTES[algorithm];
    from.pass(length);
    if (!isNew) continue;
    const column = queries.columns[algorithm];
    copyBytes(facts, from.at - length, column, column.reserve(queryNumber, 0, 1), length);
  }
  const hasAll = !flags.hasImage || addImage(queries, queryNumber, from, flags, wish);
  if (isNew) from.requireEnd();
  return { ...head, isQueried: true, lacksWindows: !hasAll };
}

/** Return whether the image has all windows that are asked for. `queryNumber`: null where an earlier file has the same query. */
function addImage(
  queries: QueryBatch,
  queryNumber: number | null,
  from: Reader,
  { isPlain, hasWindows }: { readonly isPlain: boolean; readonly hasWindows: boolean },
  wish: QueryWish,
): boolean {
  from.pass(1);
  from.passVarint();
  from.passVarint();
  const { detail, knowsPlaces } = readDetail(from, hasWindows);
  if (!isPlain) from.pass(1);
  const views = isPlain ? 1 : from.u8();
  const asked = knowsPlaces ? wish.detail : 'plain';
  if (queryNumber !== null) addViews(queries, queryNumber, from, { ...wish, detail: asked, isPlain, views });
  return views === 0 || isCovered(wish.detail, detail);
}

function addViews(
  queries: QueryBatch,
  queryNumber: number,
  from: Reader,
  { isPlain, views, ...wish }: QueryWish & { readonly isPlain: boolean; readonly views: number },
): void {
  const { pdq, blockhash } = queries.columns;
  let rank = 0;
  for (let left = views; left > 0; left--) {
    const { families, counts, hasWindows, hasBlockhash } = readViewHead(from, isPlain);
    from.pass(unpackTurnedInto(from.bytes, from.at, counts, scratch, 0));
    const first = rank;
    let at = 0;
    for (const [n, { degenerate }] of families.entries()) {
      const count = wish.orientations === 'all' ? counts[n]! : 1;
      if (!degenerate) {
        copyBytes(scratch, at, pdq, pdq.reserve(queryNumber, rank, count), count * HASH256_BYTES);
        rank += count;
      }
      at += counts[n]! * HASH256_BYTES;
    }
    const hasPdq = rank > first;
    if (hasWindows) {
      const packed = takeWindows(from);
      if (wish.detail !== 'plain') rank = addStoredWindows(queries, queryNumber, packed, { ...wish, rank });
    }
    if (!hasBlockhash) continue;
    from.pass(HASH256_BYTES);
    if (!hasPdq) continue;
    copyBytes(from.bytes, from.at - HASH256_BYTES, blockhash, blockhash.reserve(queryNumber, rank, 1), HASH256_BYTES);
    rank++;
  }
}
