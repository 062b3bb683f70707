/** Who says what the lists hold: this process, or a service elsewhere (`remote.ts`). */

import type { FileBatch } from '../check/file-batch.js';
import type { QueryBatch } from '../check/file-queries.js';
import type { Decision } from '../check/policy.js';
import type { Answer } from '../check/recorder.js';
import type { DigestAlgorithm } from '../core/vocabulary.js';

export interface Matcher {
  readonly generation: number;
  readonly exact: boolean;
  /** Hashes of this algorithm are asked, so files need them. */
  readonly wantsBlockhash: boolean;
  /** Where in the lists' history answers are from; null where that is not known here. */
  readonly matchedAt: string | null;
  /** Decisions in the order of the files. */
  match(asked: QueryBatch): Promise<readonly Decision[]>;
  /** Puts answers on record, with so many more that matched nothing; nothing of them is told before. Errors LEDGER_FAILED. */
  record(answers: readonly Answer[], unmatched: number): Promise<void>;
}

export interface MatcherOptions {
  readonly lists: ReadonlySet<string> | null;
  readonly requestedRadiusBits: number | null;
  readonly tenant: string;
}

export function localMatcher(batch: FileBatch, { tenant, ...asking }: MatcherOptions): Matcher {
  const { snapshot, matchedAt } = batch;
  return {
    generation: snapshot.generation,
    exact: snapshot.exact,
    wantsBlockhash: snapshot.entryCounts.blockhash > 0,
    matchedAt,
    match: (asked) => batch.match(asked, asking),
    record: (answers, unmatched) => batch.record(tenant, answers, unmatched),
  };
}

export const ALL_DIGESTS: readonly DigestAlgorithm[] = ['md5', 'sha1', 'sha256'];
