/** Matching of many files, each with its digests and all its hashes: the decisions of `match`, in batches on all cores. */
import { Breath } from '../core/breath.js';
import { type Algorithm, DIGEST_ALGORITHMS, VALUE_BYTES } from '../core/vocabulary.js';
import type { Detail } from '../core/window.js';
import type { IndexPool } from '../index/index-pool.js';
import { JOIN_QUERIES } from '../index/ring-layout.js';
import type { Segment } from '../index/segment.js';
import { searchedAlgorithms } from '../lists/in-force.js';
import { HAMMING_ALGORITHMS, type ListSnapshot } from '../lists/snapshot.js';
import { toCandidate } from './candidate.js';
import { decideFound } from './decide-found.js';
import type { EntryReader } from './entry-reader.js';
import type { QueryBatch } from './file-queries.js';
import { type FoundPiece, FoundRows } from './found-rows.js';
import { vectorCandidates, widestRadiusBits, windowReach } from './match.js';
import { type Asked, type Decision, NEAR_LEFT_OUT, NOTHING_FOUND, NOTHING_SEARCHED } from './policy.js';
import { type BatchAlgorithm, searchPiece } from './search-piece.js';

/** Values per task of a thread: as many as the index joins with its tables at once. */
export const PIECE_VALUES = JOIN_QUERIES;

const QUERIED_ALGORITHMS: readonly BatchAlgorithm[] = [...DIGEST_ALGORITHMS, ...HAMMING_ALGORITHMS];

interface FilesOptions {
  readonly lists: ReadonlySet<string> | null;
  readonly requestedRadiusBits: number | null;
  readonly requestedDetail?: Detail | null;
  readonly draw?: Asked['draw'];
  /** Algorithms that every query asks for, also without a value: those of images (`ASKED_BY_IMAGES`). */
  readonly alsoAsked?: readonly Algorithm[];
}

/** Return the decision of each query that matches nothing: whether one of its values was searched. */
function emptyDecisions(
  snapshot: ListSnapshot,
  { columns, queryCount, withVectors }: QueryBatch,
  { lists, alsoAsked }: Required<Pick<FilesOptions, 'lists' | 'alsoAsked'>>,
): Decision[] {
  const searched = searchedAlgorithms(snapshot, lists);
  const isAsked = alsoAsked.some((algorithm) => searched.has(algorithm));
  const decisions = new Array<Decision>(queryCount).fill(isAsked ? NOTHING_FOUND : NOTHING_SEARCHED);
  for (const algorithm of QUERIED_ALGORITHMS) {
    if (!searched.has(algorithm)) continue;
    const { queryNumbers, count } = columns[algorithm];
    for (let at = 0; at < count; at++) decisions[queryNumbers[at]!] = NOTHING_FOUND;
  }
  if (searched.has('photodna')) for (const queryNumber of withVectors) decisions[queryNumber] = NOTHING_FOUND;
  return decisions;
}

/**
 * Return decisions in the order of the files; nothing is recorded.
 * Errors  STORE_FAILED.
 */
export async function matchFiles(
  {
    snapshot,
    reader,
    pool,
  }: { readonly snapshot: ListSnapshot; readonly reader: EntryReader; readonly pool: IndexPool },
  queries: QueryBatch,
  { lists, requestedRadiusBits, requestedDetail = null, draw, alsoAsked = [] }: FilesOptions,
): Promise<Decision[]> {
  const radiusBits = widestRadiusBits(snapshot, { lists, requestedRadiusBits });
  const exactly = { radiusBits, isLoose: false };
  // Whole images are searched along with windows.
  const reach = queries.hasWindows ? windowReach(snapshot, { requestedRadiusBits }, radiusBits) : exactly;

  const findPiece = async (algorithm: BatchAlgorithm, from: number): Promise<FoundPiece[]> => {
    const { values, queryNumbers, ranks, count: all } = queries.columns[algorithm];
    const width = VALUE_BYTES[algorithm];
    const piece = values.slice(from * width, Math.min(from + PIECE_VALUES, all) * width);
    const isRadius = algorithm === 'pdq' || algorithm === 'blockhash';
    const segments: readonly Segment<unknown>[] = isRadius ? snapshot.radius[algorithm] : snapshot.digest[algorithm];
    const answers = await searchPiece({ snapshot, pool }, algorithm, piece, algorithm === 'pdq' ? reach : exactly);
    return answers.map((rows, at) => ({
      rows,
      queryNumberOf: (queryIndex) => queryNumbers[from + queryIndex]!,
      candidateOf: (row) => {
        const value = from + rows.queryIndex[row]!;
        return toCandidate(snapshot, lists, segments[at]!, {
          entryIndex: rows.entryIndex[row]!,
          distance: rows.distanceBits?.[row] ?? 0,
          query: isRadius ? queries.query(queryNumbers[value]!).hashes[ranks[value]!]! : null,
        });
      },
    }));
  };

  const pieces: Promise<FoundPiece[]>[] = [];
  for (const algorithm of QUERIED_ALGORITHMS) {
    if (snapshot.entryCounts[algorithm] === 0) continue;
    if (radiusBits < 0 && HAMMING_ALGORITHMS.some((name) => name === algorithm)) continue;
    for (let from = 0; from < queries.columns[algorithm].count; from += PIECE_VALUES)
      pieces.push(findPiece(algorithm, from));
  }
  const rows = new FoundRows((await Promise.all(pieces)).flat());
  const decisions = emptyDecisions(snapshot, queries, { lists, alsoAsked });
  const breath = new Breath();
  for (const queryNumber of new Set([...rows.queryNumbers, ...queries.withVectors])) {
    if (breath.isDue) await breath.take();
    const { vectors = [] } = queries.withVectors.length > 0 ? queries.query(queryNumber) : {};
    const found = [
      ...vectors.flatMap((vector) => vectorCandidates(snapshot, lists, vector)),
      ...rows.candidatesOf(queryNumber),
    ];
    const decision = await decideFound(snapshot, reader, found, { requestedRadiusBits, requestedDetail, draw });
    const isEmpty = decision.verdict === 'no_match' && decision.possible.length === 0 && decision !== NEAR_LEFT_OUT;
    if (!isEmpty || decision.isOpen) decisions[queryNumber] = decision;
  }
  return queries.queryNumberOf.map((queryNumber) => decisions[queryNumber]!);
}
