/**
 * Rows of a list, parsed before the store is locked: a slow or endless document delays no other writer. They lie in a sealed
 * temporary file, so that a list of any length is imported in constant memory.
 */
import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../core/errors.js';
import { IMPORT_BYTES_MAX } from '../../core/limits.js';
import type { ParsedRow } from '../../core/parsed-row.js';
import { unfinishedName } from '../../core/unfinished.js';
import type { Store } from '../../store/store.js';
import { openStream, sealStream } from '../../vault/sealed-stream.js';

/** Characters written at once. */
const WRITE_CHARS = 65_536;
/** Rows can be longer than their document, where an entry has many fingerprints: as much as an uploaded list. */
const STAGED_BYTES_MAX = IMPORT_BYTES_MAX;
const NEWLINE = 0x0a;

interface StageOptions extends Pick<Store, 'vault' | 'stagingFolder'> {
  /** True once the import should stop. */
  readonly shouldStop?: (() => boolean) | undefined;
  readonly bytesMax?: number;
}

/**
 * Read all rows, then pass them to `apply`; the file is removed in every case. Result: that of `apply`.
 * Errors  those of the rows and of `apply`; HASHLIST_INVALID: the rows exceed `bytesMax`; SHUTTING_DOWN; STORE_FAILED: the disk.
 */
export async function withStagedRows<T>(
  rows: AsyncIterable<ParsedRow>,
  { vault, stagingFolder, shouldStop = () => false, bytesMax = STAGED_BYTES_MAX }: StageOptions,
  apply: (rows: AsyncIterable<ParsedRow>) => Promise<T>,
): Promise<T> {
  const path = unfinishedName(join(stagingFolder, 'rows'));
  try {
    await onDisk(() => mkdir(stagingFolder, { recursive: true, mode: 0o700 }));
    const file = await onDisk(() => open(path, 'wx', 0o600));
    try {
      // Not synced: a restarted import parses its document again.
      for await (const piece of sealStream(vault, linesOf(rows, bytesMax))) await onDisk(() => file.writeFile(piece));
    } finally {
      await file.close();
    }
    // Read again where the store holds them for a review.
    return await apply({ [Symbol.asyncIterator]: () => rowsAt(path, vault, shouldStop) });
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
async function* linesOf(rows: AsyncIterable<ParsedRow>, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  let text = '';
  const written = () => {
    const lines = Buffer.from(text);
    text = '';
    bytes += lines.length;
    if (bytes > bytesMax) throw new AppError('HASHLIST_INVALID', { why: `rows exceed ${bytesMax} bytes` });
    return lines;
  };
  for await (const row of rows) {
    text += `${JSON.stringify(row)}\n`;
    if (text.length > WRITE_CHARS) yield written();
  }
  yield written();
}

async function* rowsAt(path: string, vault: Store['vault'], shouldStop: () => boolean): AsyncGenerator<ParsedRow> {
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of openStream(vault, createReadStream(path) as AsyncIterable<Buffer>)) {
    if (shouldStop()) throw new AppError('SHUTTING_DOWN');
    const bytes = Buffer.concat([held, piece]);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    held = bytes.subarray(end);
    for (const line of bytes.toString('utf8', 0, end).split('\n')) if (line !== '') yield JSON.parse(line) as ParsedRow;
  }
}
