/**
 * A batch of hashes and digests that the caller computed. One item's mistake is that item's error, never the batch's.
 */
import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';
import { parseHash256 } from '../core/hash256.js';
import {
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Digests,
  ORIENTATIONS,
  VALUE_BYTES,
  type Verdict,
} from '../core/vocabulary.js';
import { turnPdqBits } from '../kernels/pdq-signs.js';
import type { ListStore } from '../store/contract.js';
import type { CheckOptions } from './check-image.js';
import { HAMMING_ALGORITHMS, type ListsInForce } from './lists-in-force.js';
import { type HashQuery, propose, requireLists } from './match.js';
import { decide, isLowQuality, type Match } from './policy.js';
import type { Recorder } from './recorder.js';

/** One question: one or more of the values are given; several ask for all of them together. */
export interface HashItem {
  readonly id?: string | undefined;
  readonly pdq?: string | undefined;
  readonly blockhash?: string | undefined;
  readonly photodna?: string | undefined;
  readonly md5?: string | undefined;
  readonly sha1?: string | undefined;
  readonly sha256?: string | undefined;
  readonly quality?: number | undefined;
}

export interface HashItemError {
  readonly code: ErrorCode;
  readonly says: string;
  readonly field: string | null;
}

export type HashItemAnswer =
  | {
      readonly id: string | null;
      readonly verdict: Verdict;
      readonly lowQuality: boolean;
      readonly exact: boolean;
      readonly matches: readonly Match[];
      readonly matchCount: number;
    }
  | { readonly id: string | null; readonly error: HashItemError };

export interface HashBatchAnswer {
  readonly generation: number;
  readonly checked: number;
  readonly matched: number;
  readonly results: readonly HashItemAnswer[];
}

/** After this many searches others get their turn on the event loop: about 10 ms at a million entries. */
const SEARCHES_PER_TURN = 256;

function digestOf(item: HashItem, algorithm: DigestAlgorithm): string | undefined {
  const hex = item[algorithm];
  if (hex === undefined) return undefined;
  const digits = VALUE_BYTES[algorithm] * 2;
  if (hex.length !== digits || !/^[0-9a-f]+$/i.test(hex)) {
    throw new AppError('VALUE_INVALID', { field: algorithm, expected: `${digits} hex digits` });
  }
  return hex.toLowerCase();
}

function hashesOf(item: HashItem, options: CheckOptions): HashQuery[] {
  if (item.photodna !== undefined) throw new AppError('INDEX_KIND_UNAVAILABLE', { field: 'photodna' });
  const lowQuality = item.quality !== undefined && isLowQuality(item.quality, false);
  return HAMMING_ALGORITHMS.flatMap((algorithm) => {
    const hex = item[algorithm];
    if (hex === undefined) return [];
    let hash256: Uint8Array;
    try {
      hash256 = parseHash256(hex);
    } catch (error) {
      throw new AppError('VALUE_INVALID', { field: algorithm, expected: '64 hex digits' }, error);
    }
    // Only the bits are known here, so turned pictures are asked by the sign rule: near, but not exact (docs/accuracy.md).
    const turned = algorithm === 'pdq' && options.orientations === 'all' ? ORIENTATIONS : (['original'] as const);
    return turned.map((orientation): HashQuery => {
      const asked = orientation === 'original' ? hash256 : turnPdqBits(hash256, orientation);
      return { algorithm, hash256: asked, orientation, family: null, lowQuality };
    });
  });
}

async function checkItem(
  parts: { store: ListStore; inForce: ListsInForce; recorder: Recorder },
  item: HashItem,
  options: CheckOptions,
): Promise<HashItemAnswer> {
  const hashes = hashesOf(item, options);
  const digests: Digests = Object.fromEntries(
    DIGEST_ALGORITHMS.flatMap((algorithm) => {
      const digest = digestOf(item, algorithm);
      return digest === undefined ? [] : [[algorithm, digest]];
    }),
  );
  if (hashes.length === 0 && Object.keys(digests).length === 0) {
    throw new AppError('VALUE_INVALID', { expected: 'one of pdq, blockhash, md5, sha1, sha256' });
  }
  const proposals = await propose(parts.inForce, parts.store, {
    digests,
    hashes,
    lists: options.lists,
    askedRadiusBits: options.askedRadiusBits,
  });
  const { verdict, matches, matchCount } = decide(proposals, options.askedRadiusBits);
  await parts.recorder.record('hash', options.tenant, { verdict, reason: null, matches });
  return {
    id: item.id ?? null,
    verdict,
    lowQuality: hashes.some((query) => query.lowQuality),
    exact: parts.inForce.exact,
    matches,
    matchCount,
  };
}

/**
 * Errors  LIST_NOT_FOUND; STORE_FAILED. Per item: VALUE_INVALID, INDEX_KIND_UNAVAILABLE.
 */
export async function checkHashes(
  parts: { store: ListStore; inForce: ListsInForce; recorder: Recorder },
  items: readonly HashItem[],
  options: CheckOptions,
): Promise<HashBatchAnswer> {
  requireLists(parts.inForce, options.lists);
  const results: HashItemAnswer[] = [];
  let checked = 0;
  let matched = 0;
  for (const item of items) {
    try {
      const answer = await checkItem(parts, item, options);
      results.push(answer);
      checked++;
      if ('verdict' in answer && answer.verdict === 'match') matched++;
    } catch (error) {
      if (!(error instanceof AppError) || ERRORS[error.code].retry) throw error;
      const field = error.details.field;
      results.push({
        id: item.id ?? null,
        error: { code: error.code, says: ERRORS[error.code].says, field: field === undefined ? null : String(field) },
      });
    }
    if (results.length % SEARCHES_PER_TURN === 0) await new Promise(setImmediate);
  }
  return { generation: parts.inForce.generation, checked, matched, results };
}
