/**
 * The index file: one generation of entries, sealed by the vault, which lets no flipped bit and no missing end go
 * unnoticed. `docs/index-format.md` draws it.
 */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../core/errors.js';
import { removeUnfinished, unfinishedName } from '../core/unfinished.js';
import { ALGORITHMS, type Algorithm, VALUE_BYTES } from '../core/vocabulary.js';
import { openStream, sealStream } from '../vault/sealed-stream.js';
import type { Vault } from '../vault/vault.js';
import { emptyColumns, type SegmentColumns } from './segment.js';

const INDEX_FILE_MAGIC = 'ZEEFIDX2';
const PREFIX_BYTES = 16;
/** A header names a few sections, each in under 100 bytes; a longer one is no header. */
const HEADER_BYTES_MAX = 1_048_576;
/** One read: as much as one chunk of the seal. */
const READ_BYTES = 1_048_576;

/** Entries of one algorithm, in order of their keys. Shape: `values` keys.length × `valueBytes`. */
interface Section extends SegmentColumns {
  readonly algorithm: Algorithm;
  readonly valueBytes: number;
  readonly values: Uint8Array;
}

/** A section to be written: its values come in pieces. */
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

/** The file before it is sealed. */
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
 * Written beside its name, synced, then renamed: under its name there is a whole file or the one before.
 * Numbers are little-endian, as on every machine that Node runs on.
 * Errors  FILE_UNREADABLE: it cannot be written.
 */
export async function writeIndexFile<P>(
  path: string,
  position: P,
  sections: readonly SectionSource[],
  vault: Vault,
): Promise<{ readonly bytes: number; readonly entryCount: number }> {
  removeUnfinished(dirname(path));
  const beside = unfinishedName(path);
  try {
    const file = await open(beside, 'w', 0o600);
    let bytes = 0;
    try {
      for await (const piece of sealStream(vault, layOut(position, sections))) {
        await file.writeFile(piece);
        bytes += piece.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
    // The name itself must last too.
    const folder = await open(dirname(path), 'r');
    await folder.sync().finally(() => folder.close());
    return { bytes, entryCount: sections.reduce((sum, { keys }) => sum + keys.length, 0) };
  } catch (error) {
    // The failure of the write is the one to tell.
    await rm(beside, { force: true }).catch(() => {});
    throw new AppError('FILE_UNREADABLE', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
}

/** Takes exactly as many bytes of a stream as are asked for. */
class Taker {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Errors  INDEX_FILE_INVALID: there are not so many left. */
  async fill(into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      if (this.#held.length === 0 && !(await this.#more()))
        throw new AppError('INDEX_FILE_INVALID', { why: 'it ends early' });
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

/** A key and a list's key beside each value. */
const COLUMN_BYTES = 4 + 2;

/** `fileBytes`: no more than the file has is set aside for what the header names. Errors INDEX_FILE_INVALID. */
function parseHeader<P>(path: string, text: Buffer, fileBytes: number): Header<P> {
  let header: Partial<Header<P>> | null = null;
  try {
    header = JSON.parse(text.toString()) as Partial<Header<P>> | null;
  } catch {
    // Told below, as every other header that is none.
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
  if (!isHeader) throw new AppError('INDEX_FILE_INVALID', { path, why: 'its header cannot be read' });
  return header as Header<P>;
}

/**
 * The whole file, verified before anything of it is told.
 * Errors  INDEX_FILE_INVALID: damaged, cut, too long, of another version, or sealed by another store. FILE_UNREADABLE.
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
      // Closes the file too, however little of it was read.
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
    throw new AppError('INDEX_FILE_INVALID', { path, why: `it does not begin with ${INDEX_FILE_MAGIC}` });
  }
  const headerBytes = prefix.readUInt32LE(8);
  if (headerBytes > HEADER_BYTES_MAX) {
    throw new AppError('INDEX_FILE_INVALID', { path, why: 'its header is too long', headerBytes });
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
  if (!(await taker.isAtEnd())) throw new AppError('INDEX_FILE_INVALID', { path, why: 'it goes on after its end' });
  return { position, sections };
}
