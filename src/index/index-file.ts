/**
 * The index file: one generation of entries, sealed by the vault, which detects every flipped bit and every truncation.
 * `docs/index-format.md` draws it.
 */
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from '../core/atomic-file.js';
import { AppError } from '../core/errors.js';
import { removeUnfinished } from '../core/unfinished.js';
import { ALGORITHMS, type Algorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { openStream, sealStream } from '../vault/sealed-stream.js';
import type { Vault } from '../vault/vault.js';
import { emptyColumns, type SegmentColumns } from './segment.js';

const INDEX_FILE_MAGIC = 'ZEEFIDX2';
const PREFIX_BYTES = 16;
/** A header names a few sections, each in under 100 bytes; a longer one is invalid. */
const HEADER_BYTES_MAX = 1_048_576;
/** One read: one chunk of the seal. */
const READ_BYTES = 1_048_576;

/** Entries of one algorithm, in order of their keys. Shape: `values` keys.length × `valueBytes`. */
interface Section extends SegmentColumns {
  readonly algorithm: Algorithm;
  readonly valueBytes: number;
  readonly values: Uint8Array;
}

/** A section to be written; its values arrive in pieces. */
export interface SectionSource extends SegmentColumns {
  readonly algorithm: Algorithm;
  readonly valueBytes: number;
  readonly values: Iterable<Uint8Array>;
}

interface Header<P> {
  readonly position: P;
  readonly sections: readonly {
    readonly algorithm: Algorithm;
    readonly valueBytes: number;
    readonly entryCount: number;
  }[];
}

const bytesOf = (column: Uint32Array | Uint16Array) =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength);

/** Yield the content of the file before it is sealed. */
async function* layOut<P>(position: P, sections: readonly SectionSource[]): AsyncGenerator<Uint8Array> {
  const header: Header<P> = {
    position,
    sections: sections.map(({ algorithm, valueBytes, keys }) => ({ algorithm, valueBytes, entryCount: keys.length })),
  };
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(INDEX_FILE_MAGIC, 'latin1');
  prefix.writeUInt32LE(text.length, 8);
  yield Buffer.concat([prefix, text]);
  for (const { keys, listKeys, values } of sections) {
    yield bytesOf(keys);
    yield bytesOf(listKeys);
    yield* values;
  }
}

/**
 * Write the file, or replace it at once. Numbers are little-endian, as on every machine that Node runs on.
 * Errors  FILE_UNREADABLE: the write failed.
 */
export async function writeIndexFile<P>(
  path: string,
  position: P,
  sections: readonly SectionSource[],
  vault: Vault,
): Promise<{ readonly bytes: number; readonly entryCount: number }> {
  removeUnfinished(dirname(path));
  try {
    const bytes = await writeAtomically(path, sealStream(vault, layOut(position, sections)));
    return { bytes, entryCount: sections.reduce((sum, { keys }) => sum + keys.length, 0) };
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
}

/** Reader of exact byte counts from a stream. */
class Taker {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Errors  INDEX_FILE_INVALID: fewer bytes are left. */
  async fill(into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      if (this.#held.length === 0 && !(await this.#more()))
        throw new AppError('INDEX_FILE_INVALID', { why: 'truncated' });
      const piece = this.#held.subarray(0, into.length - done);
      into.set(piece, done);
      done += piece.length;
      this.#held = this.#held.subarray(piece.length);
    }
  }

  async isAtEnd(): Promise<boolean> {
    return this.#held.length === 0 && !(await this.#more());
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#held = next.value;
    return next.value.length > 0 || this.#more();
  }
}

/** Bytes of the key and the list key beside each value. */
const COLUMN_BYTES = 4 + 2;

/** Parse the header. `fileBytes` bounds the memory that it can allocate. Errors INDEX_FILE_INVALID. */
function parseHeader<P>(path: string, text: Buffer, fileBytes: number): Header<P> {
  let header: Partial<Header<P>> | null = null;
  try {
    header = JSON.parse(text.toString()) as Partial<Header<P>> | null;
  } catch {
    // Reported below, like every other invalid header.
  }
  const isSection = ({ algorithm, valueBytes, entryCount }: Header<P>['sections'][number]) =>
    ALGORITHMS.some((name) => name === algorithm && VALUE_BYTES[name] === valueBytes) &&
    Number.isSafeInteger(entryCount) &&
    entryCount >= 0 &&
    entryCount * (COLUMN_BYTES + valueBytes) <= fileBytes;
  const isHeader =
    header?.position !== undefined &&
    Array.isArray(header.sections) &&
    header.sections.every((one) => one !== null && isSection(one));
  if (!isHeader) throw new AppError('INDEX_FILE_INVALID', { path, why: 'invalid header' });
  return header as Header<P>;
}

/**
 * Read the whole file, verified before any of it is returned.
 * Errors  INDEX_FILE_INVALID: damaged, truncated, too long, of another version, or sealed by another store. FILE_UNREADABLE.
 */
export async function readIndexFile<P>(
  path: string,
  vault: Vault,
): Promise<{ readonly position: P; readonly sections: Section[] }> {
  try {
    const file = await open(path, 'r');
    const bytes = file.createReadStream({ highWaterMark: READ_BYTES });
    try {
      const { size } = await file.stat();
      return await readSections<P>(path, new Taker(openStream(vault, bytes)), size);
    } finally {
      // Closes the file too, even after a partial read.
      bytes.destroy();
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'SEALED_DAMAGED')
      throw new AppError('INDEX_FILE_INVALID', { path, ...error.details }, error);
    if (error instanceof AppError) throw error;
    throw new AppError('FILE_UNREADABLE', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
}

async function readSections<P>(
  path: string,
  taker: Taker,
  fileBytes: number,
): Promise<{ position: P; sections: Section[] }> {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  await taker.fill(prefix);
  if (prefix.toString('latin1', 0, 8) !== INDEX_FILE_MAGIC) {
    throw new AppError('INDEX_FILE_INVALID', { path, why: `does not begin with ${INDEX_FILE_MAGIC}` });
  }
  const headerBytes = prefix.readUInt32LE(8);
  if (headerBytes > HEADER_BYTES_MAX) {
    throw new AppError('INDEX_FILE_INVALID', { path, why: 'header too long', headerBytes });
  }
  const text = Buffer.alloc(headerBytes);
  await taker.fill(text);
  const { position, sections: named } = parseHeader<P>(path, text, fileBytes);
  const sections: Section[] = [];
  for (const { algorithm, valueBytes, entryCount } of named) {
    const { keys, listKeys } = emptyColumns(entryCount);
    const values = new Uint8Array(new SharedArrayBuffer(entryCount * valueBytes));
    for (const part of [bytesOf(keys), bytesOf(listKeys), values]) await taker.fill(part);
    sections.push({ algorithm, valueBytes, keys, listKeys, values });
  }
  if (!(await taker.isAtEnd()))
    throw new AppError('INDEX_FILE_INVALID', { path, why: 'trailing bytes after the last section' });
  return { position, sections };
}
