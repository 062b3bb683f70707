/**
 * The index file: one generation of entries, sealed. `docs/index-format.md` draws it; a SHA-256 over all of it comes
 * last, so that no flipped bit and no missing end goes unnoticed. It holds hashes of lists: only its owner may read it.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../core/errors.js';
import { emptyColumns, type SegmentColumns } from './segment.js';

export const INDEX_FILE_MAGIC = 'ZEEFIDX1';
const PREFIX_BYTES = 16;
const SHA256_BYTES = 32;
/** A header names some sections, each in under 100 bytes; a longer one is no header. */
const HEADER_BYTES_MAX = 1_048_576;
/** Read and written in pieces: one `read` takes at most 2 GiB. */
const PIECE_BYTES = 16_777_216;

/** Entries of one algorithm, in order of their keys. Shape: `values` keys.length × `valueBytes`. */
export interface Section extends SegmentColumns {
  readonly algorithm: string;
  readonly valueBytes: number;
  readonly values: Uint8Array;
}

/** A section to be written: its values come in pieces. */
export interface SectionSource extends SegmentColumns {
  readonly algorithm: string;
  readonly valueBytes: number;
  readonly values: Iterable<Uint8Array>;
}

interface Header<P> {
  readonly position: P;
  readonly sections: readonly {
    readonly algorithm: string;
    readonly valueBytes: number;
    readonly entryCount: number;
  }[];
}

const bytesOf = (column: Uint32Array | Uint16Array) =>
  new Uint8Array(column.buffer, column.byteOffset, column.byteLength);

/**
 * Written beside its name, synced, then renamed: under its name there is a whole file or the one before.
 * Numbers are little-endian, as on every machine that Node runs on.
 * Errors  FILE_UNREADABLE: it cannot be written.
 */
export async function writeIndexFile<P>(
  path: string,
  position: P,
  sections: readonly SectionSource[],
): Promise<{ readonly bytes: number; readonly entryCount: number }> {
  const beside = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(beside, 'w', 0o600);
    let bytes = 0;
    try {
      const hash = createHash('sha256');
      const put = async (piece: Uint8Array) => {
        hash.update(piece);
        await file.writeFile(piece);
        bytes += piece.length;
      };
      const header: Header<P> = {
        position,
        sections: sections.map(({ algorithm, valueBytes, keys }) => ({
          algorithm,
          valueBytes,
          entryCount: keys.length,
        })),
      };
      const text = Buffer.from(JSON.stringify(header));
      const prefix = Buffer.alloc(PREFIX_BYTES);
      prefix.write(INDEX_FILE_MAGIC, 'latin1');
      prefix.writeUInt32LE(text.length, 8);
      await put(Buffer.concat([prefix, text]));
      for (const { keys, listKeys, values } of sections) {
        await put(bytesOf(keys));
        await put(bytesOf(listKeys));
        for (const piece of values) await put(piece);
      }
      await file.writeFile(hash.digest());
      bytes += SHA256_BYTES;
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

async function readInto(file: FileHandle, into: Uint8Array, hash: Hash, at: number): Promise<number> {
  for (let done = 0; done < into.length; ) {
    const piece = into.subarray(done, done + PIECE_BYTES);
    const { bytesRead } = await file.read(piece, 0, piece.length, at + done);
    if (bytesRead === 0) throw new AppError('INDEX_FILE_INVALID', { why: 'it ends early', at: at + done });
    hash.update(piece.subarray(0, bytesRead));
    done += bytesRead;
  }
  return at + into.length;
}

function parseHeader<P>(path: string, text: Buffer): Header<P> {
  let header: Partial<Header<P>> | null = null;
  try {
    header = JSON.parse(text.toString()) as Partial<Header<P>> | null;
  } catch {
    // Told below, as every other header that is none.
  }
  const isCount = (count: number) => Number.isSafeInteger(count) && count >= 0;
  const isHeader =
    header?.position !== undefined &&
    Array.isArray(header.sections) &&
    header.sections.every((one) => isCount(one?.entryCount) && isCount(one?.valueBytes));
  if (!isHeader) throw new AppError('INDEX_FILE_INVALID', { path, why: 'its header cannot be read' });
  return header as Header<P>;
}

/**
 * The whole file, verified before anything of it is told.
 * Errors  INDEX_FILE_INVALID: damaged, cut, too long, or of another version. FILE_UNREADABLE.
 */
export async function readIndexFile<P>(path: string): Promise<{ readonly position: P; readonly sections: Section[] }> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', { path, why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256');
    const prefix = Buffer.alloc(PREFIX_BYTES);
    let at = await readInto(file, prefix, hash, 0);
    if (prefix.toString('latin1', 0, 8) !== INDEX_FILE_MAGIC) {
      throw new AppError('INDEX_FILE_INVALID', { path, why: `it does not begin with ${INDEX_FILE_MAGIC}` });
    }
    const headerBytes = prefix.readUInt32LE(8);
    if (headerBytes > Math.min(size, HEADER_BYTES_MAX)) {
      throw new AppError('INDEX_FILE_INVALID', { path, why: 'its header is too long', headerBytes });
    }
    const text = Buffer.alloc(headerBytes);
    at = await readInto(file, text, hash, at);
    const { position, sections: named } = parseHeader<P>(path, text);
    const entryBytes = (valueBytes: number) => valueBytes + 6;
    const expected = named.reduce((sum, one) => sum + one.entryCount * entryBytes(one.valueBytes), at) + SHA256_BYTES;
    // Before anything is allocated: a header that lies about its sections does not match the file's size.
    if (expected !== size) throw new AppError('INDEX_FILE_INVALID', { path, bytes: size, expected });
    const sections: Section[] = [];
    for (const { algorithm, valueBytes, entryCount } of named) {
      const { keys, listKeys } = emptyColumns(entryCount);
      const values = new Uint8Array(new SharedArrayBuffer(entryCount * valueBytes));
      for (const part of [bytesOf(keys), bytesOf(listKeys), values]) at = await readInto(file, part, hash, at);
      sections.push({ algorithm, valueBytes, keys, listKeys, values });
    }
    const told = Buffer.alloc(SHA256_BYTES);
    await readInto(file, told, createHash('sha256'), at);
    if (!hash.digest().equals(told)) throw new AppError('INDEX_FILE_INVALID', { path, why: 'its checksum is another' });
    return { position, sections };
  } finally {
    await file.close();
  }
}
