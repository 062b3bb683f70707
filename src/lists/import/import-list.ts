/** Imports a hash list from a file into the store: creates a missing list, then replaces its entries or adds to them. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { inBatches } from '../../core/batches.js';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { systemWords } from '../../core/system-words.js';
import type { ListInfo } from '../../core/vocabulary.js';
import type { Detail } from '../../core/window.js';
import { type HmaFacts, joinedFacts } from '../../hashlists/hma-facts.js';
import { type HashlistFormat, parseHashList } from '../../hashlists/importers.js';
import type { ListSource } from '../../hashlists/source.js';
import type { BlobStore } from '../../store/blob-contract.js';
import type { Lease } from '../../store/duties-contract.js';
import { requireListName } from '../../store/list-name.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import { openIfSealed } from '../../vault/sealed-stream.js';
import { type ImportReview, openReview } from './import-review.js';
import { withStagedRows } from './staged-rows.js';

export interface ImportRequest extends Pick<ListSource, 'assumed' | 'bank' | 'categories' | 'mapping'> {
  /** One file, or the pages of one source in their order: together they are the list. */
  readonly paths: readonly string[];
  /** A short list itself; then there are no paths. */
  readonly body?: Uint8Array;
  /** A list in a blob; then there are no paths. */
  readonly blob?: string;
  readonly format: HashlistFormat;
  readonly list: string;
  /** Of a new list, as are these. */
  readonly kind: ListInfo['kind'];
  readonly radiusBits: number;
  readonly detail?: Detail | undefined;
  /** A person has approved it: no rule holds it back. */
  readonly approved?: boolean;
  /** `replace`: the list holds exactly the file afterwards. `add`: earlier entries stay. */
  readonly mode?: 'replace' | 'add';
  readonly onBytes?: (bytes: number) => void;
  /** Called with the number of rows read so far, accepted or not. */
  readonly onRows?: (rows: number) => void;
  /** True once the import should stop: the list is unchanged. */
  readonly shouldStop?: () => boolean;
  /** A source without news gives no entries; a file without any is an error. */
  readonly mayBeEmpty?: boolean;
  /** The version's origin; by default the names of the files. */
  readonly origin?: string;
  /** The holder of this lease alone may commit the import. */
  readonly lease?: Lease;
  /** An import of this origin is applied once. */
  readonly once?: boolean;
}

async function* readFile(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', { path, why: systemWords(error) }, error);
  }
}

async function* readBlob(blobs: BlobStore, name: string): AsyncGenerator<Buffer> {
  try {
    yield* await blobs.get(name);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'NOT_FOUND') throw error;
    throw new AppError('STORE_FAILED', { blob: name, why: 'the bytes of the list are gone' }, error);
  }
}

/** Pass the bytes on. Errors SHUTTING_DOWN: the import was stopped. */
async function* watched(
  bytes: AsyncIterable<Buffer>,
  { onBytes, shouldStop }: Pick<ImportRequest, 'onBytes' | 'shouldStop'>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    if (shouldStop?.()) throw new AppError('SHUTTING_DOWN');
    onBytes?.(piece.length);
    yield piece;
  }
}

interface FileReport extends ImportReport {
  /** Of a bank of HMA: what an entry cannot hold. */
  readonly hma?: HmaFacts;
}

interface ListsAndBlobs extends Pick<Store, 'lists' | 'vault' | 'stagingFolder' | 'duties'> {
  /** Where a blob is imported. */
  readonly blobs?: BlobStore | undefined;
}

/**
 * Invalid rows are rejected and reported; the rest is imported, and held where a review rule applies. The whole document is
 * parsed before the store is locked. A file sealed by this store is opened first.
 * Errors  FILE_UNREADABLE; SEALED_DAMAGED; SHUTTING_DOWN: it was stopped;
 * HASHLIST_INVALID: the file has another format or no valid row; STORE_FAILED.
 */
export async function importList(
  { lists: store, vault, stagingFolder, duties, blobs }: ListsAndBlobs,
  request: ImportRequest,
): Promise<FileReport> {
  const { list } = request;
  const existing = await store.list(list);
  if (!existing) requireListName(list);
  const { kind, radiusBits, detail } = existing ?? request;
  const isReviewed = kind === 'match' && !request.approved;
  const { watch, review } = isReviewed
    ? await openReview(store, radiusBits, { tenant: existing?.tenant ?? null })
    : UNREVIEWED;
  const separators = new Set<string>();
  const banks: HmaFacts[] = [];
  const onHma = (facts: HmaFacts) => {
    banks.push(facts);
    joinedFacts(banks);
  };
  const onSeparator = (one: string) => void separators.add(one);
  const parsed = batchesOf({ vault, blobs }, { ...request, onSeparator, onHma }, kind);
  const rows = watch(request.mayBeEmpty ? parsed : requireOne(parsed, request.mode));
  const options = {
    origin: request.origin ?? namesOf(request.paths),
    review,
    once: request.once ?? false,
    confirm: async () => {
      const { lease } = request;
      if (lease && !(await duties.holds(lease))) throw new AppError('LEASE_LOST', { duty: lease.duty });
    },
    // A list that is removed meanwhile is not made again.
    ...(existing ? {} : { create: { kind, radiusBits, ...(detail === undefined ? {} : { detail }) } }),
  };
  const report = await withStagedRows(
    rows,
    { vault, stagingFolder, shouldStop: request.shouldStop, onRows: request.onRows },
    (staged, count) => {
      const write = { ...options, expectedRows: count };
      return request.mode === 'add' ? store.addEntries(list, staged, write) : store.replaceEntries(list, staged, write);
    },
  );
  const hma = joinedFacts(banks);
  return {
    ...report,
    ...(separators.size === 0 ? {} : { separators: [...separators] }),
    ...(hma === null ? {} : { hma }),
  };
}

const namesOf = (paths: readonly string[]) =>
  paths
    .map((path) => basename(path))
    .join(' ')
    .slice(0, 200);

const UNREVIEWED: ImportReview = { watch: (batches) => batches, review: () => [] };

/** Rows that are handed on together: seven megabytes where each has all the texts that a row may have. */
const ROWS_PER_BATCH = 128;

async function* batchesOf(
  { vault, blobs }: Pick<ListsAndBlobs, 'vault' | 'blobs'>,
  { paths, body, blob, format, ...options }: ImportRequest & Pick<ListSource, 'onSeparator' | 'onHma'>,
  kind: ListInfo['kind'],
): AsyncGenerator<readonly ParsedRow[]> {
  const parse = (source: Pick<ListSource, 'bytes' | 'path'>) =>
    inBatches(parseHashList(format, { ...options, kind, ...source }), ROWS_PER_BATCH);
  if (body) yield* parse({ bytes: onePiece(body) });
  if (blob !== undefined) yield* parse({ bytes: openIfSealed(vault, watched(readBlob(blobs!, blob), options)) });
  for (const path of paths) yield* parse({ path, bytes: openIfSealed(vault, watched(readFile(path), options)) });
}

async function* onePiece(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}

/** A list without entries indicates a wrong file, mapping or category, and must not replace a good one. */
async function* requireOne(
  batches: AsyncIterable<readonly ParsedRow[]>,
  mode: ImportRequest['mode'],
): AsyncGenerator<readonly ParsedRow[]> {
  let meant = 0;
  let firstRejected: { line: number; reason: string } | null = null;
  for await (const batch of batches) {
    for (const row of batch) {
      // A file of withdrawals alone is a good file; one of other categories alone is good only as an update.
      const isMeant = row.ok || (row.gone !== undefined && (row.reason !== 'other_category' || mode === 'add'));
      if (isMeant) meant++;
      else if (!row.ok) firstRejected ??= { line: row.line, reason: row.reason };
    }
    yield batch;
  }
  if (meant === 0) throw new AppError('HASHLIST_INVALID', { ...firstRejected, why: 'no row can be imported' });
}
