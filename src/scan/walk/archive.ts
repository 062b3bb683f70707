/**
 * Entries of a zip or tar file in sequence, one level deep, with limits on entries, total bytes and compression ratio.
 * Nothing is written to the disk, and a name in an archive is never used as a path.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { extract, type Headers } from 'tar-stream';
import { fromFd, type Entry as ZipEntry, type ZipFile } from 'yauzl';
import { AppError } from '../../core/errors.js';
import { type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import { sniff } from '../../decode/sniff.js';

/** Entries of one archive that a scan reads: a photo library has tens of thousands, a bomb has millions. */
const ARCHIVE_ENTRIES_MAX = 100_000;
/** Unpacked bytes of one archive: a few minutes of work for one core. */
const ARCHIVE_BYTES_MAX = 20_000_000_000;
/** Images hardly compress, text to a tenth; deflate compresses zeros to a thousandth, and such a file is a bomb. */
const ARCHIVE_RATIO_MAX = 200;

export interface ArchiveEntry {
  readonly name: PathBytes;
  /** Null where the entry is not an image, or is `too_large` or `unreadable` (encrypted, unknown method). */
  readonly content: Buffer | null;
  readonly problem: 'too_large' | 'unreadable' | null;
  readonly size: number;
}

/** First bytes of an entry, by which an image is recognised. */
const HEAD_BYTES = 4_096;
const ZIP_ENCRYPTED = 1;

/** Limits of one archive. Errors ARCHIVE_TOO_LARGE. */
class Bounds {
  #entries = 0;
  #bytes = 0;
  constructor(readonly archiveBytes: number) {}
  entry(): void {
    if (++this.#entries > ARCHIVE_ENTRIES_MAX)
      throw new AppError('ARCHIVE_TOO_LARGE', { entriesMax: ARCHIVE_ENTRIES_MAX });
  }
  bytes(count: number): void {
    this.#bytes += count;
    const most = Math.min(ARCHIVE_BYTES_MAX, this.archiveBytes * ARCHIVE_RATIO_MAX);
    if (this.#bytes > most) throw new AppError('ARCHIVE_TOO_LARGE', { bytesMax: most });
  }
}

interface Reading {
  readonly size: number;
  readonly bytesMax: number;
  readonly bounds: Bounds;
  /** True for a stream inside another, which must be read to its end; another is left early. */
  readonly toTheEnd: boolean;
}

/** Read an entry; its content is kept where it is an image within the size limit. */
async function readEntry(
  stream: AsyncIterable<Uint8Array>,
  name: PathBytes,
  { size, bytesMax, bounds, toTheEnd }: Reading,
): Promise<ArchiveEntry> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  let isImage: boolean | null = null;
  for await (const chunk of stream) {
    bounds.bytes(chunk.length);
    bytes += chunk.length;
    if (isImage === false || bytes > bytesMax) {
      chunks = [];
      if (!toTheEnd) break;
      continue;
    }
    chunks.push(chunk);
    if (isImage === null && bytes >= HEAD_BYTES) isImage = sniff(Buffer.concat(chunks)) !== null;
  }
  const content = Buffer.concat(chunks);
  if (isImage !== false && bytes > bytesMax) return { name, content: null, problem: 'too_large', size };
  const isWanted = isImage ?? sniff(content) !== null;
  return { name, content: isWanted ? content : null, problem: null, size };
}

async function* zipEntries(file: number, bytesMax: number, bounds: Bounds): AsyncGenerator<ArchiveEntry> {
  const open = promisify<number, object, ZipFile>(fromFd);
  const zip = await open(file, { lazyEntries: true, autoClose: false, decodeStrings: false, validateEntrySizes: true });
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
  const openEntry = promisify<ZipEntry, Readable>(zip.openReadStream.bind(zip));
  for (let entry = await next(); entry !== null; entry = await next()) {
    bounds.entry();
    const name = pathBytesOf(entry.fileName as unknown as Uint8Array);
    if (name.endsWith('/')) continue;
    const size = entry.uncompressedSize;
    const stream = entry.generalPurposeBitFlag & ZIP_ENCRYPTED ? null : await openEntry(entry).catch(() => null);
    if (stream === null) yield { name, content: null, problem: 'unreadable', size };
    else yield await readEntry(stream, name, { size, bytesMax, bounds, toTheEnd: false });
  }
}

async function* tarEntries(path: PathBytes, bytesMax: number, bounds: Bounds): AsyncGenerator<ArchiveEntry> {
  const tar = extract({ filenameEncoding: 'latin1' as BufferEncoding });
  const source = createReadStream(systemPath(path));
  source.on('error', (error) => tar.destroy(error));
  source.pipe(tar);
  try {
    for await (const entry of tar) {
      bounds.entry();
      const { name, type, size = 0, pax } = entry.header as Headers & { readonly pax?: { readonly path?: string } };
      // Names of pax headers are text; others are bytes.
      const exact = pax?.path === undefined ? name : pathBytesOf(name);
      if (type !== 'file') entry.resume();
      else yield await readEntry(entry, exact, { size, bytesMax, bounds, toTheEnd: true });
    }
  } finally {
    source.destroy();
  }
}

/**
 * Read the entries of an archive.
 * Unit    `bytesMax`: of one entry.
 * Errors  ARCHIVE_TOO_LARGE; ARCHIVE_INVALID: damaged, or not an archive; FILE_UNREADABLE. Entries before the error are valid.
 */
export async function* archiveEntries(
  path: PathBytes,
  archiveBytes: number,
  bytesMax: number,
): AsyncGenerator<ArchiveEntry> {
  let file: number;
  try {
    file = openSync(systemPath(path), 'r');
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', { why: (error as NodeJS.ErrnoException).code ?? 'unknown' }, error);
  }
  try {
    const magic = Buffer.alloc(2);
    readSync(file, magic, 0, 2, 0);
    const bounds = new Bounds(archiveBytes);
    if (magic.toString('latin1') === 'PK') yield* zipEntries(file, bytesMax, bounds);
    else yield* tarEntries(path, bytesMax, bounds);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('ARCHIVE_INVALID', { why: (error as Error).message.slice(0, 100) }, error);
  } finally {
    closeSync(file);
  }
}
