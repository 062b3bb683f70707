/**
 * Checks a batch of hashes and digests that the caller computed. An invalid item fails alone, never the batch.
 */

import { Breath } from '../core/breath.js';
import { AppError, ERRORS, type ErrorCode } from '../core/errors.js';
import { isUnspecific } from '../core/hash-detail.js';
import { parseHash256 } from '../core/hash256.js';
import { isLowQuality } from '../core/pdq-quality.js';
import { parsePhotoDna } from '../core/photodna.js';
import {
  type Background,
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Digests,
  type Family,
  NO_VIEW,
  ORIENTATIONS,
  type Orientation,
  type Part,
  VALUE_BYTES,
  type Verdict,
} from '../core/vocabulary.js';
import type { Window } from '../core/window.js';
import { reorientPdq } from '../kernels/pdq-signs.js';
import { HAMMING_ALGORITHMS, type HammingAlgorithm, type ListSnapshot } from '../lists/snapshot.js';
import type { HashQuery, VectorQuery } from './candidate.js';
import type { CheckOptions } from './check-image.js';
import { type BatchParts, checkValues, emptyDecision } from './check-values.js';
import { type FileQuery, QueryBatch } from './file-queries.js';
import { requirePhotoDna } from './match.js';
import { matchFiles } from './match-files.js';
import type { AnswerMatch, Decision } from './policy.js';
import type { Recording } from './recorder.js';
import { BATCH_ALGORITHMS, type BatchAlgorithm } from './search-piece.js';

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
  readonly part?: Part | undefined;
  /** `certain`: its certain bits as 64 hex digits. */
  readonly window?: (Window & { readonly certain: string }) | undefined;
}

interface HashItemError {
  readonly code: ErrorCode;
  readonly says: string;
  readonly field: string | null;
  /** What the field takes. */
  readonly expected?: string;
  /** The known field that is nearest to an unknown one. */
  readonly nearest?: string;
}

export type HashItemAnswer =
  | {
      readonly id: string | null;
      readonly verdict: Verdict;
      /** With `not_checked` only. */
      readonly reason?: Decision['reason'];
      readonly lowQuality: boolean;
      readonly exact: boolean;
      readonly matches: readonly AnswerMatch[];
      /** As in `CheckAnswer`. */
      readonly possible?: readonly AnswerMatch[];
      readonly matchCount: number;
      readonly truncated: boolean;
    }
  | { readonly id: string | null; readonly error: HashItemError };

const HEX = /^[0-9a-f]*$/i;

function digestOf(item: HashItem, algorithm: DigestAlgorithm): string | undefined {
  const hex = item[algorithm];
  if (hex === undefined) return undefined;
  const digits = VALUE_BYTES[algorithm] * 2;
  if (hex.length !== digits || !/^[0-9a-f]+$/i.test(hex)) {
    throw new AppError('VALUE_INVALID', { field: algorithm, expected: `${digits} hex digits` });
  }
  return hex.toLowerCase();
}

function windowOf({ certain, ...place }: NonNullable<FileHash['window']>): HashQuery['window'] {
  return { place, certain: parseHash256(certain) };
}

/** Return the queries of hashes with provenance, unchanged: no orientation is derived. Errors VALUE_INVALID. */
function fileHashesOf(item: HashItem): HashQuery[] {
  return (item.hashes ?? []).map((hash) => {
    const hash256 = parseHash256(hash.value);
    return {
      algorithm: hash.algorithm,
      hash256,
      orientation: hash.orientation ?? 'original',
      family: hash.family ?? null,
      lowQuality: (hash.lowQuality ?? false) || isUnspecific(hash.algorithm, hash256),
      window: hash.window ? windowOf(hash.window) : null,
      frame: hash.frame ?? null,
      background: hash.background ?? null,
      part: hash.part ?? null,
    };
  });
}

function hashesOf(item: HashItem, options: Pick<CheckOptions, 'orientations'>): HashQuery[] {
  const isLow = item.quality !== undefined && isLowQuality(item.quality, false);
  return HAMMING_ALGORITHMS.flatMap((algorithm) => {
    const hex = item[algorithm];
    if (hex === undefined) return [];
    let hash256: Uint8Array;
    try {
      hash256 = parseHash256(hex);
    } catch (error) {
      throw new AppError('VALUE_INVALID', { field: algorithm, expected: '64 hex digits' }, error);
    }
    const lowQuality = isLow || isUnspecific(algorithm, hash256);
    // Only the bits are known here, so the sign rule derives the orientations: near, but not exact (docs/accuracy.md).
    const turned = algorithm === 'pdq' && options.orientations === 'all' ? ORIENTATIONS : (['original'] as const);
    return turned.map((orientation): HashQuery => {
      const oriented = orientation === 'original' ? hash256 : reorientPdq(hash256, orientation);
      return { algorithm, hash256: oriented, orientation, family: null, lowQuality, window: null, ...NO_VIEW };
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
export function readItem(
  snapshot: ListSnapshot,
  item: HashItem,
  options: Pick<CheckOptions, 'orientations'>,
): FileQuery {
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
  { verdict, reason, matches, possible, matchCount, truncated }: Decision,
  lowQuality: boolean,
): HashItemAnswer {
  const exact = photodna === undefined ? snapshot.exact : snapshot.exact && snapshot.photodnaExact;
  const why = reason === null ? {} : { reason };
  const maybe = snapshot.possibleRule?.isAnswered ? { possible } : {};
  return { id: id ?? null, verdict, ...why, lowQuality, exact, matches, ...maybe, matchCount, truncated };
}

/** Return an item's error as its answer. Errors: those that the item did not cause are rethrown. */
function itemError(item: HashItem, error: unknown): HashItemAnswer {
  if (!(error instanceof AppError) || ERRORS[error.code].retry) throw error;
  const { field, expected } = error.details;
  return {
    id: item.id ?? null,
    error: {
      code: error.code,
      says: ERRORS[error.code].says,
      field: field === undefined ? null : String(field),
      ...(expected === undefined ? {} : { expected: String(expected) }),
    },
  };
}

/** Return the value of an item with exactly one valid value that says enough, else null: such items are searched as columns, without objects. */
function onlyValue(item: HashItem): { algorithm: BatchAlgorithm; hex: string } | null {
  if (item.photodna !== undefined || item.hashes !== undefined) return null;
  if (item.quality !== undefined && isLowQuality(item.quality, false)) return null;
  let only: BatchAlgorithm | null = null;
  for (const algorithm of BATCH_ALGORITHMS) {
    if (item[algorithm] === undefined) continue;
    if (only !== null) return null;
    only = algorithm;
  }
  if (only === null) return null;
  const hex = item[only]!;
  if (hex.length !== VALUE_BYTES[only] * 2 || !HEX.test(hex)) return null;
  return isUnspecific(only, Buffer.from(hex, 'hex')) ? null : { algorithm: only, hex };
}

/** Items of one value, by its algorithm. */
type Columns = Map<BatchAlgorithm, { readonly at: number[]; readonly hex: string[] }>;

/** Answer the items of one value. Errors STORE_FAILED. */
async function answerColumns(
  parts: BatchParts,
  items: readonly HashItem[],
  columns: Columns,
  options: CheckOptions & { readonly recording: Recording },
  answers: HashItemAnswer[],
): Promise<void> {
  const breath = new Breath();
  for (const [algorithm, { at, hex }] of columns) {
    const values = Buffer.from(hex.join(''), 'hex');
    const referenceOf = (position: number) => items[at[position]!]!.id ?? null;
    const decisions = await checkValues(parts, algorithm, values, options, referenceOf);
    const empty = emptyDecision(parts.snapshot, options.lists, algorithm);
    for (const [position, itemAt] of at.entries()) {
      if (breath.isDue) await breath.take();
      const decision = decisions.get(position) ?? empty;
      answers[itemAt] = toAnswer(parts.snapshot, items[itemAt]!, decision, false);
    }
  }
}

/** Answer the items of several values, whose values are searched together. Errors STORE_FAILED. */
async function answerFiles(
  { snapshot, reader, pool }: BatchParts,
  items: readonly HashItem[],
  files: readonly { readonly at: number; readonly query: FileQuery }[],
  options: CheckOptions & { readonly recording: Recording },
  answers: HashItemAnswer[],
): Promise<void> {
  if (files.length === 0) return;
  const queries = new QueryBatch();
  for (const { query } of files) queries.add(query, false);
  const decisions = await matchFiles({ snapshot, reader, pool }, queries, {
    ...options,
    requestedDetail: options.detail,
  });
  const breath = new Breath();
  for (const [n, { at, query }] of files.entries()) {
    if (breath.isDue) await breath.take();
    const item = items[at]!;
    options.recording.add('hash', {
      ...decisions[n]!,
      reference: item.id ?? null,
      fileId: fileIdOf(item),
      digests: query.digests,
      generation: snapshot.generation,
      checkId: null,
    });
    const isLow = query.hashes.some(({ lowQuality }) => lowQuality);
    answers[at] = toAnswer(snapshot, item, decisions[n]!, isLow);
  }
}

/**
 * Return answers in the order of the items, all recorded by one commit. All forms of an item are searched in batches.
 * Errors  STORE_FAILED, LEDGER_FAILED. Per item: VALUE_INVALID, PHOTODNA_UNCONFIGURED.
 */
export async function checkHashes(
  parts: BatchParts,
  items: readonly HashItem[],
  options: CheckOptions,
): Promise<HashItemAnswer[]> {
  const answers = new Array<HashItemAnswer>(items.length);
  const recording = options.recording ?? parts.recorder.open(options.tenant);
  const columns: Columns = new Map();
  const files: { at: number; query: FileQuery }[] = [];
  const breath = new Breath();
  for (const [at, item] of items.entries()) {
    if (breath.isDue) await breath.take();
    const value = onlyValue(item);
    if (value !== null) {
      const column = columns.get(value.algorithm) ?? { at: [], hex: [] };
      columns.set(value.algorithm, column);
      column.at.push(at);
      column.hex.push(value.hex);
      continue;
    }
    try {
      files.push({ at, query: readItem(parts.snapshot, item, options) });
    } catch (error) {
      answers[at] = itemError(item, error);
    }
  }
  await answerColumns(parts, items, columns, { ...options, recording }, answers);
  await answerFiles(parts, items, files, { ...options, recording }, answers);
  if (!options.recording) await recording.commit();
  return answers;
}
