/**
 * Entries of an archive in sequence, one level deep, with limits on entries, total bytes and compression ratio: zip, tar,
 * and what gzip or zstd packed, a tar or one file. Nothing is written to the disk.
 */
import { pipeline, Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { AppError } from '../../core/errors.js';
import type { PathBytes } from '../../core/path-bytes.js';
import { HEAD_BYTES } from '../../decode/identify.js';
import { type ArchiveEntry, Bounds, type EntryWants, readEntry } from './archive-entry.js';
import { bytesOf, type FileBytes } from './file-bytes.js';
import { archiveFormatOf, formatOfHead } from './file-kind.js';
import { tarEntries } from './tar-entries.js';
import { zipEntries } from './zip-entries.js';

/** Node has zstd since 22.15; its types here are of Node 20. */
const { createZstdDecompress } = zlib as { readonly createZstdDecompress?: () => Transform };

const UNPACKERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createGunzip(),
  ...(createZstdDecompress ? { zstd: createZstdDecompress } : {}),
};

/** Return the first bytes of a stream, and the stream with them again. */
async function peek(source: AsyncIterable<Uint8Array>): Promise<{ head: Buffer; whole: AsyncGenerator<Uint8Array> }> {
  const chunks = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < HEAD_BYTES) {
    const { value, done } = await chunks.next();
    if (done) break;
    first.push(value);
    bytes += value.length;
  }
  const whole = async function* () {
    yield* first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  };
  return { head: Buffer.concat(first), whole: whole() };
}

/** Return the name of what a file was packed from: `a.tar` for `a.tgz`, `a.jpg` for `a.jpg.gz`. */
function unpackedName(path: PathBytes): PathBytes {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.replace(/\.(?:gz|zst|z)$/i, '') || name;
}

async function* packedEntries(
  { path, file, unpacker }: { readonly path: PathBytes; readonly file: FileBytes; readonly unpacker: Transform },
  wants: EntryWants,
  bounds: Bounds,
): AsyncGenerator<ArchiveEntry> {
  const packed = Readable.from(bytesOf(file), { objectMode: false });
  // Its error is that of the unpacker, which is read below.
  const unpacked = pipeline(packed, unpacker, () => {});
  try {
    const { head, whole } = await peek(unpacked);
    if (formatOfHead(head) === 'tar') return yield* tarEntries(whole, wants, bounds);
    bounds.entry();
    // Its size is known at its end only.
    const entry = await readEntry(whole, unpackedName(path), { ...wants, size: 0, bounds, isNested: false });
    yield { ...entry, size: entry.bytesRead };
  } finally {
    unpacked.destroy();
  }
}

/**
 * Read the entries of an archive.
 * Errors  ARCHIVE_TOO_LARGE; ARCHIVE_INVALID: damaged, or not an archive; the faults of a file. Entries before it are valid.
 */
export async function* archiveEntries(
  file: FileBytes,
  path: PathBytes,
  wants: EntryWants,
): AsyncGenerator<ArchiveEntry> {
  try {
    const format = await archiveFormatOf(file);
    const bounds = new Bounds(file.size);
    const unpacker = format === null ? undefined : UNPACKERS[format];
    if (format === 'zip') yield* zipEntries(file, wants, bounds);
    else if (unpacker) yield* packedEntries({ path, file, unpacker: unpacker() }, wants, bounds);
    else if (format === 'tar') yield* tarEntries(bytesOf(file), wants, bounds);
    else throw new AppError('ARCHIVE_INVALID', { why: 'it is no archive of a known format' });
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('ARCHIVE_INVALID', { why: (error as Error).message.slice(0, 100) }, error);
  }
}
