/** Entries of a zip file, also behind a program that unpacks it. A name in it is never used as a path. */
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { RandomAccessReader, Entry as ZipEntry, ZipFile } from 'yauzl';
import { lazily } from '../../core/lazily.js';
import { pathBytesOf } from '../../core/path-bytes.js';
import { END_BYTES } from '../../decode/identify.js';
import { type ArchiveEntry, type Bounds, type EntryWants, readEntry, unread } from './archive-entry.js';
import { bytesOf, type FileBytes } from './file-bytes.js';

const yauzl = lazily<typeof import('yauzl')>('yauzl');

const ZIP_ENCRYPTED = 1;
/** Of an entry in the directory. Source: APPNOTE 4.3.12. */
const ENTRY_MARK = 'PK\x01\x02';
/** Fields of the end record. Source: APPNOTE 4.3.16. */
const END_RECORD = { mark: 'PK\x05\x06', bytes: 22, directoryBytes: 12, directoryAt: 16, commentBytes: 20 } as const;
/** Fields that a Zip64 record holds instead. */
const IN_ZIP64 = 0xffffffff;

/** Return a reader of a file from a position on. */
function sliceOf(file: FileBytes, from: number): RandomAccessReader {
  return new (class extends yauzl().RandomAccessReader {
    override _readStreamForRange(start: number, end: number): Readable {
      return Readable.from(bytesOf(file, from + start, from + end), { objectMode: false });
    }
  })();
}

/**
 * Return the position of the zip in its file: behind a program whose author did not correct the positions in the zip, its
 * first entry is at 0 there. 0 where the positions are of the file.
 */
async function startOf(file: FileBytes): Promise<number> {
  const at = Math.max(0, file.size - END_BYTES);
  const last = await file.read(at, file.size - at);
  for (let record = last.length - END_RECORD.bytes; record >= 0; record--) {
    if (last.toString('latin1', record, record + 4) !== END_RECORD.mark) continue;
    if (record + END_RECORD.bytes + last.readUInt16LE(record + END_RECORD.commentBytes) !== last.length) continue;
    const directoryBytes = last.readUInt32LE(record + END_RECORD.directoryBytes);
    const directoryAt = last.readUInt32LE(record + END_RECORD.directoryAt);
    if (directoryBytes === IN_ZIP64 || directoryAt === IN_ZIP64) return 0;
    return Math.max(0, at + record - directoryBytes - directoryAt);
  }
  return 0;
}

/** Read the entries of a file. Errors: those of yauzl, the faults of a file, and ARCHIVE_TOO_LARGE. */
export async function* zipEntries(file: FileBytes, wants: EntryWants, bounds: Bounds): AsyncGenerator<ArchiveEntry> {
  const from = await startOf(file);
  const open = promisify<RandomAccessReader, number, object, ZipFile>(yauzl().fromRandomAccessReader);
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false, validateEntrySizes: true };
  const zip = await open(sliceOf(file, from), file.size - from, options);
  const next = (): Promise<ZipEntry | null> =>
    new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        zip.removeAllListeners();
        end();
      };
      zip.once('entry', (entry: ZipEntry) => settle(() => resolve(entry)));
      zip.once('end', () => settle(() => resolve(null)));
      zip.once('error', (error: Error) => settle(() => reject(error)));
      zip.readEntry();
    });
  /** The end record's count may be too small: some programs write it modulo 65,536. What looks like an entry behind the last is one. */
  const nextOfAll = async (): Promise<ZipEntry | null> => {
    const entry = await next();
    if (entry !== null) return entry;
    const mark = await file.read(from + Number(zip.readEntryCursor), ENTRY_MARK.length);
    if (mark.toString('latin1') !== ENTRY_MARK) return null;
    zip.entryCount++;
    return next();
  };
  const openEntry = promisify<ZipEntry, Readable>(zip.openReadStream.bind(zip));
  for (let entry = await nextOfAll(); entry !== null; entry = await nextOfAll()) {
    bounds.entry();
    const name = pathBytesOf(entry.fileName as unknown as Uint8Array);
    const { uncompressedSize: size, compressedSize } = entry;
    // Programs differ in what a directory with content is to them: here a file.
    const isEmptyFolder = name.endsWith('/') && size === 0;
    if (isEmptyFolder && compressedSize === 0) continue;
    const stream = entry.generalPurposeBitFlag & ZIP_ENCRYPTED ? null : await openEntry(entry).catch(() => null);
    if (stream === null) yield unread(name, size, 'unreadable');
    else {
      const read = await readEntry(stream, name, { ...wants, size, bounds, isNested: false });
      if (!isEmptyFolder || read.bytesRead > 0) yield read;
    }
  }
}
