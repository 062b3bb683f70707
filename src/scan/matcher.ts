/** Source of match decisions: this process, or a remote service (`remote.ts`). */

import type { FileBatch } from '../check/file-batch.js';
import type { QueryBatch } from '../check/file-queries.js';
import { widestDetail } from '../check/match.js';
import type { Decision } from '../check/policy.js';
import type { Answer } from '../check/recorder.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from '../core/vocabulary.js';
import type { Detail } from '../core/window.js';
import { searchedAlgorithms } from '../lists/in-force.js';

export interface Matcher {
  readonly generation: number;
  readonly exact: boolean;
  /** The digests that are queried, so files need them, and SHA-256. */
  readonly digests: readonly DigestAlgorithm[];
  /** True where blockhash is queried, so files need it. */
  readonly wantsBlockhash: boolean;
  /** Which windows are queried, so files need them. */
  readonly detail: Detail;
  /** True where windows of an inventory are queried, which have no certain bits; false: images are read again for their windows. */
  readonly takesStoredWindows: boolean;
  /** Time that a file may wait for others, to be matched together with them. */
  readonly gatherMs: number;
  /** False where no list is in force; true also where that is unknown here: each answer says it. */
  readonly hasList: boolean;
  /** Position of the answers in the store's change log; null where it is unknown here. */
  readonly matchedAt: string | null;
  /** Return decisions in the order of the files. */
  match(queries: QueryBatch): Promise<readonly Decision[]>;
  /** Record answers, and the number of files without a match, before any is reported. Errors LEDGER_FAILED. */
  record(answers: readonly Answer[], unmatched: number): Promise<void>;
}

export interface MatcherOptions {
  readonly lists: ReadonlySet<string> | null;
  readonly requestedRadiusBits: number | null;
  readonly requestedDetail: Detail | null;
  readonly tenant: string;
}

/** The longer the lists, the more a joined search of many files saves: at a million entries four fifths. */
const ENTRIES_PER_GATHER_MS = 500;
/** A hit is reported this much later, and a scan that is killed has this much less behind it. */
const GATHER_MS_MAX = 2_000;

export function localMatcher(
  batch: FileBatch,
  { tenant, requestedRadiusBits, requestedDetail }: MatcherOptions,
): Matcher {
  const { snapshot, matchedAt, lists } = batch;
  const options = { lists, requestedRadiusBits, requestedDetail };
  const { pdq, blockhash } = snapshot.entryCounts;
  return {
    generation: snapshot.generation,
    exact: snapshot.exact,
    gatherMs: Math.min(GATHER_MS_MAX, (pdq + blockhash) / ENTRIES_PER_GATHER_MS),
    hasList: searchedAlgorithms(snapshot, lists).size > 0,
    digests: DIGEST_ALGORITHMS.filter((algorithm) => algorithm === 'sha256' || snapshot.entryCounts[algorithm] > 0),
    wantsBlockhash: blockhash > 0,
    detail: widestDetail(snapshot, options),
    takesStoredWindows: true,
    matchedAt,
    match: (queries) => batch.match(queries, options),
    record: (answers, unmatched) => batch.record(tenant, answers, unmatched),
  };
}
