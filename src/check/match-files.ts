/** Matching of many files, each with its digests and all its hashes: the decisions of `match`, in batches on all cores. */
import { DIGEST_ALGORITHMS, VALUE_BYTES } from '../core/vocabulary.js';
import type { IndexPool } from '../index/index-pool.js';
import { JOIN_QUERIES } from '../index/ring-layout.js';
import type { Segment } from '../index/segment.js';
import { HAMMING_ALGORITHMS, type ListSnapshot } from '../lists/snapshot.js';
import type { ListFeed } from '../store/lists-contract.js';
import { type BatchAlgorithm, searchPiece } from './check-values.js';
import type { FileQuery, QueryBatch } from './file-queries.js';
import { type Candidate, decideFound, toCandidate, widestRadiusBits } from './match.js';
import { type Decision, NOTHING_FOUND } from './policy.js';

/** Values per task of a thread: as many as the index joins with its tables at once. */
export const PIECE_VALUES = JOIN_QUERIES;

const QUERIED_ALGORITHMS: readonly BatchAlgorithm[] = [...DIGEST_ALGORITHMS, ...HAMMING_ALGORITHMS];

/** A candidate with its position: of equally near ones the first is reported, as in a query of one file. */
interface Ranked {
  readonly found: Candidate;
  readonly rank: readonly number[];
}
function byRank(a: Ranked, b: Ranked): number {
  const differing = a.rank.findIndex((value, at) => value !== b.rank[at]);
  return differing < 0 ? 0 : a.rank[differing]! - b.rank[differing]!;
}

/** A query with candidates. Few queries have any, so only these hold their hashes as objects. */
interface Hit {
  readonly query: FileQuery;
  readonly ranked: Ranked[];
}

/**
 * Return decisions in the order of the files; nothing is recorded.
 * Errors  STORE_FAILED.
 */
export async function matchFiles(
  { snapshot, store, pool }: { readonly snapshot: ListSnapshot; readonly store: ListFeed; readonly pool: IndexPool },
  queries: QueryBatch,
  {
    lists,
    requestedRadiusBits,
  }: { readonly lists: ReadonlySet<string> | null; readonly requestedRadiusBits: number | null },
): Promise<Decision[]> {
  const hits = new Map<number, Hit>();
  const radiusBits = widestRadiusBits(snapshot, { lists, requestedRadiusBits });

  const findPiece = async (algorithm: BatchAlgorithm, from: number): Promise<void> => {
    const { values, queryNumbers, ranks, count: all } = queries.columns[algorithm];
    const width = VALUE_BYTES[algorithm];
    const piece = values.slice(from * width, Math.min(from + PIECE_VALUES, all) * width);
    const isRadius = algorithm === 'pdq' || algorithm === 'blockhash';
    const segments: readonly Segment<unknown>[] = isRadius ? snapshot.radius[algorithm] : snapshot.digest[algorithm];
    const answers = await searchPiece({ snapshot, pool }, algorithm, piece, radiusBits);
    for (const [at, { count, queryIndex, entryIndex, distanceBits }] of answers.entries()) {
      for (let row = 0; row < count; row++) {
        const value = from + queryIndex[row]!;
        const queryNumber = queryNumbers[value]!;
        const hit = hits.get(queryNumber) ?? { query: queries.query(queryNumber), ranked: [] };
        const found = toCandidate(snapshot, lists, segments[at]!, {
          entryIndex: entryIndex[row]!,
          distance: distanceBits?.[row] ?? 0,
          query: isRadius ? hit.query.hashes[ranks[value]!]! : null,
        });
        if (found === null) continue;
        hit.ranked.push({ found, rank: [QUERIED_ALGORITHMS.indexOf(algorithm), value, at, row] });
        hits.set(queryNumber, hit);
      }
    }
  };

  const pieces: Promise<void>[] = [];
  for (const algorithm of QUERIED_ALGORITHMS) {
    if (snapshot.entryCounts[algorithm] === 0) continue;
    if (radiusBits < 0 && HAMMING_ALGORITHMS.some((name) => name === algorithm)) continue;
    for (let from = 0; from < queries.columns[algorithm].count; from += PIECE_VALUES)
      pieces.push(findPiece(algorithm, from));
  }
  await Promise.all(pieces);
  const decisions = new Array<Decision>(queries.queryCount).fill(NOTHING_FOUND);
  for (const [queryNumber, { ranked }] of hits) {
    const inOrder = ranked.sort(byRank).map(({ found }) => found);
    decisions[queryNumber] = await decideFound(snapshot, store, inOrder, requestedRadiusBits);
  }
  return queries.queryNumberOf.map((queryNumber) => decisions[queryNumber]!);
}
