/** Queries directly from the facts of files that were just read: no object is allocated for a hash. */
import type { QueryBatch } from '../../check/file-queries.js';
import { DIGEST_ALGORITHMS, type OrientationChoice, VALUE_BYTES } from '../../core/vocabulary.js';
import type { FileFacts } from './file-facts.js';
import { queryOf } from './file-result.js';

/** Add a file, with the same query as `queryOf` of its facts. */
export function addQueriesFromFacts(queries: QueryBatch, facts: FileFacts, orientations: OrientationChoice): void {
  const { digests, image } = facts;
  const views = image === null ? [] : facts.views;
  // The digest was computed here: files with an equal one are the same file, and were hashed in the same way.
  const key = digests.sha256 === undefined ? null : `${digests.sha256} ${views.length}`;
  const queryNumber = queries.open(key, () => queryOf(facts, orientations));
  if (queryNumber === null) return;
  for (const algorithm of DIGEST_ALGORITHMS) {
    const digest = digests[algorithm];
    if (digest === undefined) continue;
    const column = queries.columns[algorithm];
    const at = column.reserve(queryNumber, 0, 1);
    Buffer.from(column.values.buffer, column.values.byteOffset + at, VALUE_BYTES[algorithm]).write(digest, 'hex');
  }
  const { pdq, blockhash } = queries.columns;
  let rank = 0;
  for (const view of views) {
    const first = rank;
    for (const { degenerate, hashes } of view.families) {
      if (degenerate) continue;
      const count = orientations === 'all' ? hashes.length : 1;
      let at = pdq.reserve(queryNumber, rank, count);
      rank += count;
      for (let n = 0; n < count; n++, at += pdq.width) pdq.values.set(hashes[n]!, at);
    }
    queries.hasWindows ||= view.windows.length > 0;
    for (const { hashes } of view.windows) {
      const count = orientations === 'all' ? hashes.length : 1;
      let at = pdq.reserve(queryNumber, rank, count);
      rank += count;
      for (let n = 0; n < count; n++, at += pdq.width) pdq.values.set(hashes[n]!, at);
    }
    // A blockhash alone is not asked for: as in `hashQueries`.
    if (view.blockhash === null || rank === first) continue;
    blockhash.values.set(view.blockhash, blockhash.reserve(queryNumber, rank++, 1));
  }
}
