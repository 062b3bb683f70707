/** Result of one file in a scan, shaped as the answer to an image over HTTP, with its path. */
import type { CheckAnswer } from '../../check/answers.js';
import type { HashQuery } from '../../check/candidate.js';
import { verdictOf } from '../../check/check-image.js';
import type { FileQuery } from '../../check/file-queries.js';
import { hashAnswer, hashQueries } from '../../check/hash-image.js';
import type { Decision } from '../../check/policy.js';
import type { Answer } from '../../check/recorder.js';
import type { ErrorCode } from '../../core/errors.js';
import { newId } from '../../core/new-id.js';
import { type PathBytes, shownPath } from '../../core/path-bytes.js';
import { DIGEST_ALGORITHMS, type OrientationChoice } from '../../core/vocabulary.js';
import { type Detail, WINDOW_KINDS_OF } from '../../core/window.js';
import { type FileFacts, type FileKind, replyOf } from './file-facts.js';

export interface FileResult extends CheckAnswer {
  readonly pathBytes: PathBytes;
  /** Of the fault; also of damage, where it has hashes all the same. */
  readonly code: ErrorCode | null;
  readonly kind: FileKind;
  readonly bytes: number;
  /** Bytes that were read; null where the facts came from the inventory: the file was not opened. */
  readonly bytesRead: number | null;
  /** The last scan did not see it: the answer is about what it was. */
  readonly isMissing: boolean;
}

/** What of a file is queried. */
export interface QueryWish {
  readonly orientations: OrientationChoice;
  /** Its windows of this detail; the file may have more. */
  readonly detail: Detail;
}

/** Return the query of a file, the same as `checkImage` makes for an image. Errors STORE_FAILED. */
export function queryOf(facts: FileFacts, { orientations, detail }: QueryWish): FileQuery {
  const kinds = WINDOW_KINDS_OF[detail];
  const isAsked = ({ orientation, window }: HashQuery) =>
    (orientations === 'all' || orientation === 'original') && (window === null || kinds.has(window.place.kind));
  return { digests: facts.digests, hashes: hashQueries(replyOf(facts)).filter(isAsked) };
}

export function hasQuery(facts: FileFacts): boolean {
  return (
    facts.reason === null ||
    facts.views.length > 0 ||
    DIGEST_ALGORITHMS.some((algorithm) => facts.digests[algorithm] !== undefined)
  );
}

interface Answered {
  readonly generation: number;
  readonly exact: boolean;
  readonly decision: Decision;
}

export function resultOf(
  pathBytes: PathBytes,
  facts: FileFacts,
  { generation, exact, decision }: Answered,
  bytesRead: number | null,
): FileResult {
  const hashed = hashAnswer(replyOf(facts));
  return {
    pathBytes,
    id: null,
    ...verdictOf(decision, facts),
    code: facts.code,
    kind: facts.kind,
    generation,
    checkId: newId(),
    digests: facts.digests,
    image: facts.image && { ...facts.image, width: facts.image.width || null, height: facts.image.height || null },
    pdq: hashed.pdq,
    pdqFull: hashed.pdqFull,
    lowQuality: hashed.lowQuality,
    oneDimensional: hashed.oneDimensional,
    degraded: facts.degraded,
    exact,
    matches: decision.matches,
    matchCount: decision.matchCount,
    truncated: decision.truncated,
    bytes: facts.size,
    bytesRead,
    isMissing: facts.isMissing,
  };
}

/** Return the answer for the ledger: a hit is one file, by its path. */
export function recordable(result: FileResult, possible: Answer['possible'] = []): Answer {
  const path = shownPath(result.pathBytes);
  return { ...result, possible, reference: path, fileId: result.digests.sha256 ?? path };
}
