/**
 * The index file: one generation of entries, sealed by the vault, which detects every flipped bit and every truncation.
 * `docs/index-format.md` draws it. Leaves to the caller: where the bytes are.
 */
import { Breath } from '../core/breath.js';
import { AppError } from '../core/errors.js';
import { ALGORITHMS, type Algorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { openStream, sealStream } from '../vault/sealed-stream.js';
import type { Vault } from '../vault/vault.js';
import { emptyColumns, type SegmentColumns } from './segment.js';

const INDEX_FILE_MAGIC = 'ZEEFIDX2';
const PREFIX_BYTES = 16;
/** A header names a few sections, each in under 100 bytes; a longer one is invalid. */
const HEADER_BYTES_MAX = 1_048_576;
/** Entries of one algorithm, in order of their keys. Shape: `values` keys.length × `valueBytes`. */
interface Section extends SegmentColumns {
  readonly algorithm: Algorithm;
  readonly valueBytes: number;
  readonly values: Uint8Array;
}

/** A section to be written. Each column arrives in pieces, and has `entryCount` rows. */
export interface SectionSource {
  readonly algorithm: Algorithm;
  readonly valueBytes: number;
  readonly entryCount: number;
  /** Little-endian 32-bit numbers, 16-bit numbers, and values. Pieces stay valid after the next one. */
  readonly columns: readonly Iterable<Uint8Array>[];
}

/** What a file is written of. */
export interface IndexContent<P> {
  readonly position: P;
  readonly sections: readonly SectionSource[];
}

interface Header<P> {
  readonly position: P;
  readonly sections: readonly {
    readonly algorithm: Algorithm;
    readonly valueBytes: number;
    readonly entryCount: number;
  }[];
}

export const bytesOf = (column: Uint32Array | Uint16Array) =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength);

/** Yield the content of the file before it is sealed. Columns may come in many short pieces, so others run in between. */
async function* layOut<P>(position: P, sections: readonly SectionSource[]): AsyncGenerator<Uint8Array> {
  const header: Header<P> = {
    position,
    sections: sections.map(({ algorithm, valueBytes, entryCount }) => ({ algorithm, valueBytes, entryCount })),
  };
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(INDEX_FILE_MAGIC, 'latin1');
  prefix.writeUInt32LE(text.length, 8);
  yield Buffer.concat([prefix, text]);
  const breath = new Breath();
  for (const piece of sections.flatMap(({ columns }) => columns)) {
    for (const bytes of piece) {
      yield bytes;
      if (breath.isDue) await breath.take();
    }
  }
}

/** Yield the file. Numbers are little-endian, as on every machine that Node runs on. Errors: those of the columns. */
export function sealIndex<P>({ position, sections }: IndexContent<P>, vault: Vault): AsyncGenerator<Uint8Array> {
  return sealStream(vault, layOut(position, sections));
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
function parseHeader<P>(text: Buffer, fileBytes: number): Header<P> {
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
  if (!isHeader) throw new AppError('INDEX_FILE_INVALID', { why: 'invalid header' });
  return header as Header<P>;
}

/**
 * Read a whole file, verified before any of it is returned. `fileBytes`: its length, or more.
 * Errors  INDEX_FILE_INVALID: damaged, truncated, too long, of another version, or sealed by another store
 * or by an earlier data key. Those of `bytes`.
 */
export async function openIndex<P>(
  bytes: AsyncIterable<Uint8Array>,
  fileBytes: number,
  vault: Vault,
): Promise<{ readonly position: P; readonly sections: Section[] }> {
  const opened = openStream(vault, bytes, { byCurrentKey: true });
  try {
    return await readSections<P>(new Taker(opened), fileBytes);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'SEALED_DAMAGED')) throw error;
    throw new AppError('INDEX_FILE_INVALID', error.details, error);
  } finally {
    // A source that was read in part is closed.
    await opened.return(undefined);
  }
}

async function readSections<P>(taker: Taker, fileBytes: number): Promise<{ position: P; sections: Section[] }> {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  await taker.fill(prefix);
  if (prefix.toString('latin1', 0, 8) !== INDEX_FILE_MAGIC)
    throw new AppError('INDEX_FILE_INVALID', { why: `does not begin with ${INDEX_FILE_MAGIC}` });
  const headerBytes = prefix.readUInt32LE(8);
  if (headerBytes > HEADER_BYTES_MAX) throw new AppError('INDEX_FILE_INVALID', { why: 'header too long', headerBytes });
  const text = Buffer.alloc(headerBytes);
  await taker.fill(text);
  const { position, sections: named } = parseHeader<P>(text, fileBytes);
  const sections: Section[] = [];
  for (const { algorithm, valueBytes, entryCount } of named) {
    const { keys, listKeys } = emptyColumns(entryCount);
    const values = new Uint8Array(new SharedArrayBuffer(entryCount * valueBytes));
    for (const part of [bytesOf(keys), bytesOf(listKeys), values]) await taker.fill(part);
    sections.push({ algorithm, valueBytes, keys, listKeys, values });
  }
  if (!(await taker.isAtEnd()))
    throw new AppError('INDEX_FILE_INVALID', { why: 'trailing bytes after the last section' });
  return { position, sections };
}
