/**
 * Checks a batch of hashes and digests that the caller computed. An invalid item fails alone, never the batch.
 */
import { Breath } from '../core/breath.js';
import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';
import { parseHash256 } from '../core/hash256.js';
import { isLowQuality } from '../core/pdq-quality.js';
import { parsePhotoDna } from '../core/photodna.js';
import {
  type Background,
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Digests,
  type Family,
  ORIENTATIONS,
  type Orientation,
  VALUE_BYTES,
  type Verdict,
} from '../core/vocabulary.js';
import { reorientPdq } from '../kernels/pdq-signs.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';
import type { HashQuery, VectorQuery } from './candidate.js';
import type { CheckOptions } from './check-image.js';
import type { BatchParts } from './check-values.js';
import { type FileQuery, QueryBatch } from './file-queries.js';
import { requirePhotoDna } from './match.js';
import { matchFiles } from './match-files.js';
import type { Decision, Match } from './policy.js';

/** One query of one or more values; several values are queried together. */
export interface HashItem {
  readonly id?: string | undefined;
  readonly pdq?: string | undefined;
  readonly blockhash?: string | undefined;
  readonly photodna?: string | undefined;
  readonly md5?: string | undefined;
  readonly sha1?: string | undefined;
  readonly sha256?: string | undefined;
  readonly quality?: number | undefined;
  /** Hashes of one file, each with its provenance; queried together with the other values. */
  readonly hashes?: readonly FileHash[] | undefined;
}

export interface FileHash {
  readonly algorithm: HammingAlgorithm;
  readonly value: string;
  readonly orientation?: Orientation | undefined;
  readonly family?: Family | null | undefined;
  readonly lowQuality?: boolean | undefined;
  readonly frame?: number | null | undefined;
  readonly background?: Background | undefined;
}

interface HashItemError {
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
      readonly truncated: boolean;
    }
  | { readonly id: string | null; readonly error: HashItemError };

function digestOf(item: HashItem, algorithm: DigestAlgorithm): string | undefined {
  const hex = item[algorithm];
  if (hex === undefined) return undefined;
  const digits = VALUE_BYTES[algorithm] * 2;
  if (hex.length !== digits || !/^[0-9a-f]+$/i.test(hex)) {
    throw new AppError('VALUE_INVALID', { field: algorithm, expected: `${digits} hex digits` });
  }
  return hex.toLowerCase();
}

/** Return the queries of hashes with provenance, unchanged: no orientation is derived. Errors VALUE_INVALID. */
function fileHashesOf(item: HashItem): HashQuery[] {
  return (item.hashes ?? []).map((hash) => ({
    algorithm: hash.algorithm,
    hash256: parseHash256(hash.value),
    orientation: hash.orientation ?? 'original',
    family: hash.family ?? null,
    lowQuality: hash.lowQuality ?? false,
    frame: hash.frame ?? null,
    background: hash.background ?? null,
  }));
}

function hashesOf(item: HashItem, options: CheckOptions): HashQuery[] {
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
    // Only the bits are known here, so the sign rule derives the orientations: near, but not exact (docs/accuracy.md).
    const turned = algorithm === 'pdq' && options.orientations === 'all' ? ORIENTATIONS : (['original'] as const);
    return turned.map((orientation): HashQuery => {
      const oriented = orientation === 'original' ? hash256 : reorientPdq(hash256, orientation);
      return { algorithm, hash256: oriented, orientation, family: null, lowQuality, frame: null, background: null };
    });
  });
}

/** Return the query of a PhotoDNA value. Errors PHOTODNA_UNCONFIGURED, VALUE_INVALID. */
function vectorOf(snapshot: ListSnapshot, text: string): VectorQuery {
  requirePhotoDna(snapshot);
  return { algorithm: 'photodna', vector: parsePhotoDna(text) };
}

/** Return the strongest value of an item: the same file in another notation keeps its id. */
function fileIdOf({ sha256, sha1, md5, pdq, blockhash, photodna, hashes }: HashItem): string {
  return (sha256 ?? sha1 ?? md5 ?? pdq ?? blockhash ?? hashes?.[0]?.value)?.toLowerCase() ?? photodna ?? '';
}

/** Return what an item asks. Errors VALUE_INVALID, PHOTODNA_UNCONFIGURED. */
function readItem(snapshot: ListSnapshot, item: HashItem, options: CheckOptions): FileQuery {
  const hashes = [...fileHashesOf(item), ...hashesOf(item, options)];
  const digests: Digests = Object.fromEntries(
    DIGEST_ALGORITHMS.flatMap((algorithm) => {
      const digest = digestOf(item, algorithm);
      return digest === undefined ? [] : [[algorithm, digest]];
    }),
  );
  const vectors = item.photodna === undefined ? [] : [vectorOf(snapshot, item.photodna)];
  if (hashes.length === 0 && vectors.length === 0 && Object.keys(digests).length === 0) {
    throw new AppError('VALUE_INVALID', { expected: 'one of pdq, blockhash, photodna, md5, sha1, sha256, hashes' });
  }
  return { digests, hashes, vectors };
}

function toAnswer(
  snapshot: ListSnapshot,
  { id, photodna }: HashItem,
  { verdict, matches, matchCount, truncated }: Decision,
  lowQuality: boolean,
): HashItemAnswer {
  const exact = photodna === undefined ? snapshot.exact : snapshot.exact && snapshot.photodnaExact;
  return { id: id ?? null, verdict, lowQuality, exact, matches, matchCount, truncated };
}

/** Return an item's error as its answer. Errors: those that the item did not cause are rethrown. */
function itemError(item: HashItem, error: unknown): HashItemAnswer {
  if (!(error instanceof AppError) || ERRORS[error.code].retry) throw error;
  const field = error.details.field;
  return {
    id: item.id ?? null,
    error: { code: error.code, says: ERRORS[error.code].says, field: field === undefined ? null : String(field) },
  };
}

/**
 * Return answers in the order of the items, all recorded by one commit. All forms of an item are searched together.
 * Errors  STORE_FAILED, LEDGER_FAILED. Per item: VALUE_INVALID, PHOTODNA_UNCONFIGURED.
 */
export async function checkHashes(
  parts: BatchParts,
  items: readonly HashItem[],
  options: CheckOptions,
): Promise<HashItemAnswer[]> {
  const { snapshot, reader, pool } = parts;
  const answers = new Array<HashItemAnswer>(items.length);
  const recording = options.recording ?? parts.recorder.open(options.tenant);
  const queries = new QueryBatch();
  const asked: number[] = [];
  const breath = new Breath();
  for (const [at, item] of items.entries()) {
    if (breath.isDue) await breath.take();
    try {
      queries.add(readItem(snapshot, item, options), false);
      asked.push(at);
    } catch (error) {
      answers[at] = itemError(item, error);
    }
  }
  const decisions = await matchFiles({ snapshot, reader, pool }, queries, options);
  for (const [n, at] of asked.entries()) {
    if (breath.isDue) await breath.take();
    const item = items[at]!;
    const { digests, hashes } = queries.queryOf(n);
    recording.add('hash', {
      ...decisions[n]!,
      reason: null,
      reference: item.id ?? null,
      fileId: fileIdOf(item),
      digests,
      generation: snapshot.generation,
      checkId: null,
    });
    const isLow = hashes.some((query) => query.lowQuality);
    answers[at] = toAnswer(snapshot, item, decisions[n]!, isLow);
  }
  if (!options.recording) await recording.commit();
  return answers;
}
