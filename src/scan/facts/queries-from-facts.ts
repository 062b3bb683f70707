/** Queries directly from the facts of files: no object is allocated for a hash. */
import type { QueryBatch } from '../../check/file-queries.js';
import { HASH256_BYTES } from '../../core/hash256.js';
import { DIGEST_ALGORITHMS, VALUE_BYTES } from '../../core/vocabulary.js';
import { WINDOW_KINDS_OF } from '../../core/window.js';
import type { FactView, FileFacts } from './file-facts.js';
import { type QueryWish, queryOf } from './file-result.js';
import { readRow } from './packed-bytes.js';
import { kindOfPlace, StoredWindows } from './stored-windows.js';

/** Add a file, with the same query as `queryOf` of its facts. Errors STORE_FAILED: stored windows are damaged. */
export function addQueriesFromFacts(queries: QueryBatch, facts: FileFacts, wish: QueryWish): void {
  const { digests, image } = facts;
  const views = image === null ? [] : facts.views;
  // The digest was computed here: files with an equal one are the same file, and were hashed in the same way. Stored windows decide less.
  const how = `${views.length} ${facts.detail} ${views.some(({ storedWindows }) => storedWindows !== undefined)}`;
  const key = digests.sha256 === undefined ? null : `${digests.sha256} ${how}`;
  const queryNumber = queries.open(key, () => queryOf(facts, wish));
  if (queryNumber === null) return;
  for (const algorithm of DIGEST_ALGORITHMS) {
    const digest = digests[algorithm];
    if (digest === undefined) continue;
    const column = queries.columns[algorithm];
    const at = column.reserve(queryNumber, 0, 1);
    Buffer.from(column.values.buffer, column.values.byteOffset + at, VALUE_BYTES[algorithm]).write(digest, 'hex');
  }
  let rank = 0;
  for (const view of views) rank = addView(queries, queryNumber, view, { ...wish, rank });
}

/** Return the rank after those of the view. */
function addView(
  queries: QueryBatch,
  queryNumber: number,
  { families, windows, storedWindows, blockhash }: FactView,
  { orientations, detail, rank: first }: QueryWish & { readonly rank: number },
): number {
  const { pdq, blockhash: column } = queries.columns;
  let rank = first;
  const add = (hashes: readonly Uint8Array[]) => {
    const count = orientations === 'all' ? hashes.length : 1;
    let at = pdq.reserve(queryNumber, rank, count);
    rank += count;
    for (let n = 0; n < count; n++, at += pdq.width) pdq.values.set(hashes[n]!, at);
  };
  for (const { degenerate, hashes } of families) if (!degenerate) add(hashes);
  const hasPdq = rank > first;
  const kinds = WINDOW_KINDS_OF[detail];
  queries.hasWindows ||= windows.length > 0;
  for (const { window, hashes } of windows) if (kinds.has(window.kind)) add(hashes);
  if (storedWindows !== undefined)
    rank = readRow(() => addStoredWindows(queries, queryNumber, storedWindows, { orientations, detail, rank }));
  // A blockhash alone is not asked for: as in `hashQueries`.
  if (blockhash !== null && hasPdq) column.values.set(blockhash, column.reserve(queryNumber, rank++, 1));
  return rank;
}

/** Hashes of one window. */
const scratch = new Uint8Array(2 * HASH256_BYTES);

/** Add the windows of a row. Result: the rank after theirs. Errors RangeError: the bytes are invalid. */
export function addStoredWindows(
  queries: QueryBatch,
  queryNumber: number,
  packed: Uint8Array,
  { orientations, detail, rank: first }: QueryWish & { readonly rank: number },
): number {
  const { pdq } = queries.columns;
  const stored = new StoredWindows(packed);
  const kinds = WINDOW_KINDS_OF[detail];
  const count = orientations === 'all' && stored.hasMirrored ? 2 : 1;
  const areAllAsked = orientations === 'all' || !stored.hasMirrored;
  let rank = first;
  for (let left = stored.count; left > 0; left--) {
    const isAsked = kinds.has(kindOfPlace(stored.place()));
    if (!isAsked || !areAllAsked) stored.hashesInto(scratch, 0);
    if (!isAsked) continue;
    const at = pdq.reserve(queryNumber, rank, count);
    rank += count;
    if (areAllAsked) stored.hashesInto(pdq.values, at);
    else pdq.values.set(scratch.subarray(0, HASH256_BYTES), at);
  }
  stored.requireEnd();
  return rank;
}
