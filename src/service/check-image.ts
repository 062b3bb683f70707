/** One image's story: hash it in the decoder process, ask the lists in force, decide, record, answer. */
import { ulid } from 'ulid';
import type { DigestAlgorithm, OrientationChoice } from '../core/vocabulary.js';
import { DIGEST_ALGORITHMS } from '../core/vocabulary.js';
import type { HashReply, HashWants, ImageEngine } from '../engine/image-engine.js';
import type { ListStore } from '../store/contract.js';
import type { CheckAnswer, HashAnswer } from './answers.js';
import { hashAnswer, hashQueries } from './hash-image.js';
import type { ListsInForce } from './lists-in-force.js';
import { type MatchQuery, match, requireLists } from './match.js';
import type { Decision } from './policy.js';
import type { Recorder } from './recorder.js';

/** Bytes that arrived, or a file that the decoder process reads itself. */
export type ImageInput = { readonly bytes: Uint8Array } | { readonly path: string };

export interface CheckOptions {
  readonly orientations: OrientationChoice;
  readonly lists: ReadonlySet<string> | null;
  readonly askedRadiusBits: number | null;
  readonly reference: string | null;
  readonly tenant: string;
}

export function hashInput(engine: ImageEngine, input: ImageInput, wants: HashWants): Promise<HashReply> {
  return 'bytes' in input ? engine.hashBytes(input.bytes, wants) : engine.hashFile(input.path, wants);
}

/** All digests are told in the answer, whichever the lists hold: a caller finds the file again by them. */
function wantsFor(inForce: ListsInForce, orientations: OrientationChoice): HashWants {
  const digests: readonly DigestAlgorithm[] = DIGEST_ALGORITHMS;
  const needsBlockhash = inForce.entryCounts.blockhash > 0;
  return { digests, orientations, families: 'both', algorithms: needsBlockhash ? ['pdq', 'blockhash'] : ['pdq'] };
}

/**
 * A file whose digest is known is a match even where its pixels cannot be decoded;
 * what cannot be decoded and is not known is `not_checked`, never `no_match`.
 */
function verdictOf(decision: Decision, hashed: HashAnswer): Pick<CheckAnswer, 'verdict' | 'reason'> {
  if (hashed.reason === null) return { verdict: decision.verdict, reason: null };
  if (decision.verdict === 'no_match') return { verdict: 'not_checked', reason: hashed.reason };
  return { verdict: decision.verdict, reason: hashed.reason };
}

/**
 * Errors  QUEUE_FULL, DECODER_UNAVAILABLE, SHUTTING_DOWN, LIST_NOT_FOUND, STORE_FAILED.
 *         A picture that cannot be decoded is an answer, not an error.
 */
export async function checkImage(
  parts: { engine: ImageEngine; store: ListStore; inForce: ListsInForce; recorder: Recorder },
  input: ImageInput,
  options: CheckOptions,
): Promise<CheckAnswer> {
  const { engine, store, inForce, recorder } = parts;
  requireLists(inForce, options.lists);
  const reply = await hashInput(engine, input, wantsFor(inForce, options.orientations));
  const hashed = hashAnswer(reply);
  const query: MatchQuery = {
    digests: reply.digests,
    hashes: hashQueries(reply),
    lists: options.lists,
    askedRadiusBits: options.askedRadiusBits,
  };
  const decision = await match(inForce, store, query);
  const answer: CheckAnswer = {
    id: options.reference,
    ...verdictOf(decision, hashed),
    generation: inForce.generation,
    checkId: ulid(),
    digests: hashed.digests,
    image: hashed.image,
    pdq: hashed.pdq,
    lowQuality: hashed.lowQuality,
    degraded: hashed.degraded,
    exact: inForce.exact,
    matches: decision.matches,
    matchCount: decision.matchCount,
    truncated: decision.truncated,
  };
  await recorder.record('image', options.tenant, answer);
  return answer;
}
