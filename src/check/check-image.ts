/** Check of one image: hash it in the decoder process, query the current snapshot, decide, record, answer. */
import { newId } from '../core/new-id.js';
import { DIGEST_ALGORITHMS, type DigestAlgorithm, type OrientationChoice } from '../core/vocabulary.js';
import type { Detail } from '../core/window.js';
import type { HashWants, ImageEngine } from '../engine/image-engine.js';
import type { ListSnapshot } from '../lists/snapshot.js';
import type { CheckAnswer, HashAnswer } from './answers.js';
import type { HashQuery } from './candidate.js';
import { hashAnswer, hashQueries } from './hash-image.js';
import type { ImageHasher, ImageInput } from './image-hasher.js';
import { type MatchParts, type MatchQuery, match, queriedLists, widestDetail } from './match.js';
import type { Decision } from './policy.js';
import type { Recorder, Recording } from './recorder.js';

export interface CheckOptions {
  readonly orientations: OrientationChoice;
  readonly lists: ReadonlySet<string> | null;
  readonly requestedRadiusBits: number | null;
  /** Which windows of an image are checked beside it; null: those that each list asks for. */
  readonly detail: Detail | null;
  readonly reference: string | null;
  readonly tenant: string;
  /** As in `Asked`. */
  readonly draw?: number | undefined;
  /** Recording of a request whose answers are recorded together; its owner commits it. Otherwise each answer is committed alone. */
  readonly recording?: Recording | undefined;
}

export interface ImageCheckOptions extends CheckOptions {
  /** Maximum number of frames or pages that are checked per file. */
  readonly frames: number;
  /** Returned in the answer, beside those that the lists contain. */
  readonly digests: readonly DigestAlgorithm[];
  /** Called with the hashes that were searched, before the answer is recorded. */
  readonly onSearched?: (answer: CheckAnswer, searched: readonly HashQuery[]) => void;
}

/** Return the hashes to compute: digests that a list contains or the caller requests, and always SHA-256, which identifies repeats. */
function wantsFor(snapshot: ListSnapshot, options: ImageCheckOptions): HashWants {
  const { orientations, frames, digests, lists, detail: requestedDetail } = options;
  const needsDigest = (algorithm: DigestAlgorithm) =>
    algorithm === 'sha256' || digests.includes(algorithm) || snapshot.entryCounts[algorithm] > 0;
  return {
    digests: DIGEST_ALGORITHMS.filter(needsDigest),
    orientations,
    families: 'both',
    algorithms: snapshot.entryCounts.blockhash > 0 ? ['pdq', 'blockhash'] : ['pdq'],
    frames,
    detail: widestDetail(snapshot, { lists, requestedDetail }),
  };
}

/** Draw where a list counts in a share of the checks: a kept decision is of one draw. */
const drawFor = ({ lists }: ListSnapshot, queried: ReadonlySet<string> | null): number | undefined =>
  lists.some(({ list, sampleRatio }) => sampleRatio < 1 && queried?.has(list) !== false) ? Math.random() : undefined;

/** Entries expire by the day, so a decision is cached for the day only. */
const DAY_MS = 86_400_000;

/**
 * Return the verdict of a file. A file with a listed digest is a match even if its pixels cannot be decoded; an undecodable
 * file without a match, or one of which too little could be decoded, is `not_checked`, never `no_match`, and so is one that
 * was not searched.
 */
export function verdictOf(
  decision: Decision,
  hashed: Pick<HashAnswer, 'reason'>,
): Pick<CheckAnswer, 'verdict' | 'reason'> {
  const { verdict } = decision;
  if (hashed.reason === null) return { verdict, reason: decision.reason };
  return { verdict: verdict === 'no_match' ? 'not_checked' : verdict, reason: hashed.reason };
}

/**
 * Check one image and record the answer.
 * Errors  QUEUE_FULL, DECODER_UNAVAILABLE, SHUTTING_DOWN, LIST_NOT_FOUND, STORE_FAILED, LEDGER_FAILED.
 *         An image that cannot be decoded is an answer, not an error.
 */
export async function checkImage(
  parts: MatchParts & { engine: ImageEngine; hasher: ImageHasher; recorder: Recorder },
  input: ImageInput,
  options: ImageCheckOptions,
): Promise<CheckAnswer> {
  const { engine, hasher, snapshot, recorder } = parts;
  const { requestedRadiusBits, detail: requestedDetail } = options;
  const lists = queriedLists(snapshot, options);
  const image = await hasher.hash(engine, input, wantsFor(snapshot, { ...options, lists }));
  const { reply } = image;
  const hashes = hashQueries(reply);
  const day = Math.floor(snapshot.atMs / DAY_MS);
  const asked = { requestedRadiusBits, requestedDetail, draw: options.draw ?? drawFor(snapshot, lists) };
  const cacheKey = JSON.stringify([snapshot.generation, day, lists && [...lists].sort(), asked]);
  let decision = image.decisionFor(cacheKey);
  if (decision === null) {
    const query: MatchQuery = { digests: reply.digests, hashes, lists, ...asked };
    decision = await match(parts, query);
    if (!decision.isTimed) image.cacheDecision(cacheKey, decision);
  }
  const hashed = hashAnswer(reply);
  const answer: CheckAnswer = {
    id: options.reference,
    ...verdictOf(decision, hashed),
    generation: snapshot.generation,
    checkId: newId(),
    digests: hashed.digests,
    image: hashed.image,
    pdq: hashed.pdq,
    pdqFull: hashed.pdqFull,
    lowQuality: hashed.lowQuality,
    oneDimensional: hashed.oneDimensional,
    degraded: hashed.degraded,
    exact: snapshot.exact,
    matches: decision.matches,
    ...(snapshot.possibleRule?.isAnswered && { possible: decision.possible }),
    matchCount: decision.matchCount,
    truncated: decision.truncated,
  };
  options.onSearched?.(answer, hashes);
  const { verdict, reason, matches, digests, generation, checkId } = answer;
  const { possible } = decision;
  const fileId = reply.digests.sha256 ?? checkId;
  const recording = options.recording ?? recorder.open(options.tenant);
  const { reference } = options;
  const { degraded } = answer;
  const outcome = { verdict, reason, matches, possible, reference, fileId, digests, generation, checkId };
  recording.add('image', outcome, { degraded });
  if (!options.recording) await recording.commit();
  return answer;
}
