/**
 * Rows of a list, parsed before the store is locked: a slow or endless document delays no other writer. They lie in a sealed
 * temporary file, so that a list of any length is imported in constant memory.
 */
import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../core/errors.js';
import { IMPORT_BYTES_MAX } from '../../core/limits.js';
import { makeFolder } from '../../core/make-folder.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { unfinishedName } from '../../core/unfinished.js';
import { type Algorithm, NO_ATTRIBUTES } from '../../core/vocabulary.js';
import type { Store } from '../../store/store.js';
import { openStream, sealStream } from '../../vault/sealed-stream.js';

/** Characters written at once. */
const WRITE_CHARS = 65_536;
/** Rows can be longer than their document, where an entry has many fingerprints: as much as an uploaded list. */
const STAGED_BYTES_MAX = IMPORT_BYTES_MAX;
/** Between two calls of `onRows`, at least. */
const ROWS_EVERY = 10_000;
const NEWLINE = 0x0a;
/** Bytes of lines parsed at once. */
const PARSE_BYTES = 65_536;

interface StageOptions extends Pick<Store, 'vault' | 'stagingFolder'> {
  /** True once the import should stop. */
  readonly shouldStop?: (() => boolean) | undefined;
  readonly bytesMax?: number;
  /** Called with the number of rows so far, at times and at their end. */
  readonly onRows?: ((rows: number) => void) | undefined;
}

/**
 * Read all rows, then pass them to `apply`; the file is removed in every case. Result: that of `apply`.
 * Errors  those of the rows and of `apply`; HASHLIST_INVALID: the rows exceed `bytesMax`; SHUTTING_DOWN; STORE_FAILED: the disk.
 */
export async function withStagedRows<T>(
  batches: AsyncIterable<readonly ParsedRow[]>,
  { vault, stagingFolder, shouldStop = () => false, bytesMax = STAGED_BYTES_MAX, onRows }: StageOptions,
  apply: (rows: AsyncIterable<ParsedRow>, count: number) => Promise<T>,
): Promise<T> {
  const path = unfinishedName(join(stagingFolder, 'rows'));
  let count = 0;
  const counted = async function* () {
    let said = 0;
    for await (const batch of batches) {
      count += batch.length;
      if (count - said >= ROWS_EVERY) {
        said = count;
        onRows?.(count);
      }
      yield batch;
    }
    onRows?.(count);
  };
  try {
    await onDisk(async () => makeFolder(stagingFolder));
    const file = await onDisk(() => open(path, 'wx', 0o600));
    try {
      // Not synced: a restarted import parses its document again.
      for await (const piece of sealStream(vault, linesOf(counted(), bytesMax)))
        await onDisk(() => file.writeFile(piece));
    } finally {
      await file.close();
    }
    // Read again where the store holds them for a review.
    return await apply({ [Symbol.asyncIterator]: () => rowsAt(path, vault, shouldStop) }, count);
  } finally {
    // Where it cannot be removed now, a later process does it.
    await rm(path, { force: true }).catch(() => {});
  }
}

/** Errors STORE_FAILED. */
async function onDisk<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new AppError('STORE_FAILED', { why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
}

/** One line of JSON a row. */
async function* linesOf(batches: AsyncIterable<readonly ParsedRow[]>, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  let text = '';
  const written = () => {
    const lines = Buffer.from(text);
    text = '';
    bytes += lines.length;
    if (bytes > bytesMax) throw new AppError('HASHLIST_INVALID', { why: `rows exceed ${bytesMax} bytes` });
    return lines;
  };
  for await (const batch of batches) {
    for (const row of batch) {
      text += `${lineOf(row)}\n`;
      if (text.length > WRITE_CHARS) yield written();
    }
  }
  yield written();
}

async function* rowsAt(path: string, vault: Store['vault'], shouldStop: () => boolean): AsyncGenerator<ParsedRow> {
  let begun: Buffer = Buffer.alloc(0);
  for await (const piece of openStream(vault, createReadStream(path) as AsyncIterable<Buffer>)) {
    if (shouldStop()) throw new AppError('SHUTTING_DOWN');
    let from = 0;
    // Lines of a long piece are parsed some at a time: rows that wait for long are expensive garbage.
    for (let end = endOfLines(piece, from); end > from; end = endOfLines(piece, from)) {
      // By hand: `yield*` of an array waits three times for each row.
      for (const row of rowsOf(Buffer.concat([begun, piece.subarray(from, end)]).toString())) yield row;
      begun = Buffer.alloc(0);
      from = end;
    }
    begun = Buffer.concat([begun, piece.subarray(from)]);
  }
}

/** End of the whole lines in the next `PARSE_BYTES`, or of one longer line; `from` where no line ends. */
function endOfLines(piece: Buffer, from: number): number {
  const last = piece.lastIndexOf(NEWLINE, from + PARSE_BYTES);
  return last >= from ? last + 1 : Math.max(from, piece.indexOf(NEWLINE, from) + 1);
}

/** A row with nothing but an id and a value, as most are: a third of the bytes of the whole. */
type BareRow = readonly [line: number, entryId: string, algorithm: Algorithm, value: string];

function lineOf(row: ParsedRow): string {
  if (!row.ok) return JSON.stringify(row);
  const { entryId, algorithm, value, category, severity, source, mediaType, status, updatedAt, tags, notes } =
    row.entry;
  const isUndated = updatedAt === null && !row.entry.inactiveUntil;
  const isBare = isUndated && category === null && severity === null && source === null && mediaType === null;
  if (!isBare || status !== 'active' || tags.length > 0 || hasNames(notes)) return JSON.stringify(row);
  const bare: BareRow = [row.line, entryId, algorithm, value];
  return JSON.stringify(bare);
}

function hasNames(notes: object): boolean {
  for (const _ in notes) return true;
  return false;
}

/** `lines`: whole lines. Read at once: a call for each line takes twice as long. */
function* rowsOf(lines: string): Generator<ParsedRow> {
  const rows = JSON.parse(`[${lines.slice(0, -1).replaceAll('\n', ',')}]`) as (ParsedRow | BareRow)[];
  for (const row of rows) yield isBareRow(row) ? bareRow(row) : row;
}

const isBareRow = (row: ParsedRow | BareRow): row is BareRow => Array.isArray(row);

const bareRow = ([line, entryId, algorithm, value]: BareRow): ParsedRow => ({
  ok: true,
  line,
  entry: { entryId, algorithm, value, status: 'active', ...NO_ATTRIBUTES },
});
