/** A hash list from a file into the store: make the list where there is none, replace its entries as a whole or add to them. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { AppError } from '../../core/errors.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import type { ListInfo } from '../../core/vocabulary.js';
import { type HashlistFormat, parseHashList } from '../../hashlists/importers.js';
import type { ListSource } from '../../hashlists/source.js';
import type { ImportReport } from '../../store/lists-contract.js';
import type { Store } from '../../store/store.js';
import { openIfSealed } from '../../vault/sealed-stream.js';
import type { Vault } from '../../vault/vault.js';
import { type ImportReview, openReview } from './import-review.js';

export interface ImportRequest extends Pick<ListSource, 'assumed' | 'mapping'> {
  /** One file, or the pages of one source in their order: together they are the list. */
  readonly paths: readonly string[];
  readonly format: HashlistFormat;
  readonly list: string;
  /** Of a list that is new. */
  readonly kind: ListInfo['kind'];
  readonly radiusBits: number;
  /** A person has looked at it: no rule holds it back. */
  readonly approved?: boolean;
  /** `replace`: the list holds exactly the file afterwards. `add`: what it held before stays. */
  readonly mode?: 'replace' | 'add';
  readonly onBytes?: (bytes: number) => void;
  /** True once it shall stop: the list stays as it was. */
  readonly shouldStop?: () => boolean;
  /** A source that has nothing new gives no entries; a file without one is a mistake. */
  readonly mayBeEmpty?: boolean;
  /** Of the version; by default the names of the files. */
  readonly origin?: string;
}

async function* readFile(
  path: string,
  { onBytes, shouldStop }: Pick<ImportRequest, 'onBytes' | 'shouldStop'>,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      if (shouldStop?.()) throw new AppError('SHUTTING_DOWN');
      onBytes?.(chunk.length);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('FILE_UNREADABLE', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
}

/**
 * A row that breaks a rule is rejected and reported; the rest is imported, and held where the review finds reason to.
 * A file that this store sealed is read as what it was before.
 * Errors  FILE_UNREADABLE; SEALED_DAMAGED; SHUTTING_DOWN: it was told to stop; HASHLIST_INVALID where the file is no such list, or not one row of it is good; STORE_FAILED.
 */
export async function importList(
  { lists: store, vault }: Pick<Store, 'lists' | 'vault'>,
  request: ImportRequest,
): Promise<ImportReport> {
  const { list, kind, radiusBits } = request;
  const existing = await store.list(list);
  const known = existing ?? (await store.createList({ list, kind, radiusBits }));
  try {
    const isReviewed = known.kind === 'match' && !request.approved;
    const { watch, review } = isReviewed ? await openReview(store, list, known.radiusBits) : UNREVIEWED;
    const parsed = rowsOf(vault, request, known.kind);
    const rows = watch(request.mayBeEmpty ? parsed : requireOne(parsed));
    const options = {
      origin: request.origin ?? namesOf(request.paths),
      review,
    };
    return request.mode === 'add'
      ? await store.addEntries(list, rows, options)
      : await store.replaceEntries(list, rows, options);
  } catch (error) {
    if (!existing) await store.removeList(list);
    throw error;
  }
}

const namesOf = (paths: readonly string[]) =>
  paths
    .map((path) => basename(path))
    .join(' ')
    .slice(0, 200);

const UNREVIEWED: ImportReview = { watch: (rows) => passed(rows), review: () => [] };

async function* passed(rows: AsyncIterable<ParsedRow>): AsyncGenerator<ParsedRow> {
  yield* rows;
}

async function* rowsOf(vault: Vault, { paths, format, ...options }: ImportRequest, kind: ListInfo['kind']) {
  for (const path of paths) {
    const bytes = openIfSealed(vault, readFile(path, options));
    yield* parseHashList(format, { ...options, kind, path, bytes });
  }
}

/** A list with no entry left is a wrong file or a wrong mapping, and must not replace a good one. */
async function* requireOne(rows: ReturnType<typeof parseHashList>): typeof rows {
  let accepted = 0;
  let firstRejected: { line: number; reason: string } | null = null;
  for await (const row of rows) {
    if (row.ok) accepted++;
    else firstRejected ??= { line: row.line, reason: row.reason };
    yield row;
  }
  if (accepted === 0) throw new AppError('HASHLIST_INVALID', { ...firstRejected, why: 'no row can be imported' });
}
