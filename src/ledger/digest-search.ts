/** Hits by a digest of their file: the store has keyed hashes of digests, and hits of earlier versions get them here. */
import { AppError } from '../core/errors.js';
import { DIGEST_ALGORITHMS, VALUE_BYTES } from '../core/vocabulary.js';
import type { HitFilter, LedgerStore } from '../store/ledger-contract.js';
import { marksOf, openEvidence } from './outcome.js';
import type { Seal } from './seal.js';

/** Read and written at once: some tens of milliseconds. */
const HITS_AT_A_TIME = 500;

const HEX = /^[0-9a-f]+$/i;

/** Return the filter of a digest, which is recognised by its length. Errors REQUEST_INVALID. */
export function markOf(digest: string, seal: Seal): HitFilter['mark'] {
  const algorithm = DIGEST_ALGORITHMS.find((name) => digest.length === 2 * VALUE_BYTES[name]);
  if (algorithm === undefined || !HEX.test(digest))
    throw new AppError('REQUEST_INVALID', { field: 'digest', expected: 'an MD5, SHA-1 or SHA-256 in hex' });
  return { algorithm, mark: marksOf({ [algorithm]: digest }, seal)[algorithm]! };
}

/** Add the marks of some hits that have none. Result: whether none was left. Errors SEALED_DAMAGED; those of the store. */
export async function markSome(store: LedgerStore, seal: Seal, nowMs: number): Promise<boolean> {
  const found = await store.hits({ tenant: null, isUnmarked: true, oldestFirst: true, limit: HITS_AT_A_TIME + 1 });
  if (found.length === 0) return true;
  const marked = found
    .slice(0, HITS_AT_A_TIME)
    .map(({ id, evidence }) => ({ id, marks: marksOf(openEvidence(evidence, seal).digests, seal) }));
  await store.markHits(marked, nowMs);
  return found.length <= HITS_AT_A_TIME;
}
