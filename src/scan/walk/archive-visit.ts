/** Visit of an archive as a folder: its entries are files, identified by the mtime and inode of the archive. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { AppError } from '../../core/errors.js';
import { type PathBytes, systemPath } from '../../core/path-bytes.js';
import type { FolderRow } from '../../store/inventory-contract.js';
import { type FileFacts, factsOfReply, type Identity, IMAGE_KIND, unpackFacts } from '../facts/file-facts.js';
import { type FileStream, folderPlace } from '../file-stream.js';
import { NO_FACTS } from '../image-reader.js';
import type { ScanParts } from '../scan-request.js';
import type { Settled } from '../settle.js';
import { archiveEntries } from './archive.js';
import type { ArchiveEntry } from './archive-entry.js';
import { UniqueNames } from './unique-names.js';

const NO_COUNTS = { symlinks: 0, special: 0, excluded: 0 };

/** Return the files of an unchanged archive from the inventory; null where it has to be opened. */
async function known(
  { inventory, keepsFiles }: ScanParts,
  stream: FileStream,
  folder: FolderRow,
  now: Identity,
): Promise<Settled[][] | null> {
  if (!keepsFiles || !folder.wasDone) return null;
  const batches: Settled[][] = [];
  for await (const rows of inventory.filesOf(folder.id)) {
    const batch = rows.map(
      (row): Settled => ({
        ...folderPlace(folder),
        ...row,
        facts: unpackFacts(row.facts),
        wasRead: false,
        isRecorded: false,
      }),
    );
    if (batch.some(({ facts }) => facts.mtimeNs !== now.mtimeNs || facts.inode !== now.inode)) return null;
    if (batch.some(({ facts }) => !stream.isUsable(facts))) return null;
    batches.push(batch);
  }
  return batches.length > 0 ? batches : null;
}

/** Visit an archive; one that could not be read completely is one line of the report. Errors as `FileStream.piece`. */
export async function visitArchive(parts: ScanParts, stream: FileStream, folder: FolderRow): Promise<void> {
  const { inventory, keepsFiles } = parts;
  const base = await inventory.firstKey(folder.id);
  const identity = stream.imageReader.identityNow(folder.path);
  if (typeof identity === 'string') {
    await stream.forget(folder, () => Promise.resolve(true));
    await stream.reportUnreadableFolder(folder, 'unreadable', identity);
  } else {
    const before = await known(parts, stream, folder, identity);
    for (const batch of before ?? []) await stream.settler.settle(batch);
    if (before === null) {
      if (keepsFiles) await stream.forget(folder, () => Promise.resolve(true));
      await readAll(parts, stream, { folder, base, identity });
    }
  }
  if (!stream.isStopping) await stream.committer.commit({ foldersDone: [{ id: folder.id, counts: NO_COUNTS }] });
}

async function readAll(
  { inventory, decoder, keepsFiles, throttle }: ScanParts,
  stream: FileStream,
  { folder, base, identity }: { folder: FolderRow; base: number; identity: Identity },
): Promise<void> {
  const names = new UniqueNames();
  const inFlight = new Set<Promise<void>>();
  const settle = async (entry: ArchiveEntry) => {
    const name = names.of(entry.name || '?');
    const [place] = keepsFiles ? await inventory.find(base, [name]) : [{ fileKey: 0 }];
    // The bytes were unpacked, so they count for the rate, and the next entry waits.
    await throttle.take(0, entry.bytesRead);
    const facts = await factsOf(stream, entry, identity);
    await stream.settler.settle([
      { ...folderPlace(folder), fileKey: place!.fileKey, name, facts, wasRead: true, isRecorded: false },
    ]);
  };
  const file = openArchive(folder.path);
  try {
    if (file === null) throw new AppError('FILE_UNREADABLE');
    const wants = { bytesMax: decoder.imageBytesMax, digestsAll: stream.request.digestsAll };
    for await (const entry of archiveEntries(file, folder.path, wants)) {
      if (stream.isStopping) break;
      const job: Promise<void> = settle(entry).finally(() => inFlight.delete(job));
      inFlight.add(job);
      // Their bytes are in memory, so no more are in flight than the decoder has places for.
      if (inFlight.size >= decoder.workers * 2) await Promise.race(inFlight);
    }
    await Promise.all(inFlight);
  } catch (error) {
    await Promise.allSettled(inFlight);
    if (!(error instanceof AppError) || !REASONS.has(error.code)) throw error;
    await stream.reportUnreadableFolder(folder, REASONS.get(error.code)!, error.code, identity);
  } finally {
    if (file !== null) closeSync(file);
  }
}

/** Open a regular file; null where there is none. */
function openArchive(path: PathBytes): number | null {
  let file: number | null = null;
  try {
    // O_NONBLOCK: no wait for a writer if it has become a pipe.
    file = openSync(systemPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
    if (fstatSync(file).isFile()) return file;
  } catch {
    // Reported as unreadable.
  }
  if (file !== null) closeSync(file);
  return null;
}

const REASONS = new Map([
  ['ARCHIVE_INVALID', 'corrupt'],
  ['ARCHIVE_TOO_LARGE', 'too_large'],
  ['FILE_UNREADABLE', 'unreadable'],
] as const) as ReadonlyMap<string, 'corrupt' | 'too_large' | 'unreadable'>;

async function factsOf(stream: FileStream, entry: ArchiveEntry, archive: Identity): Promise<FileFacts> {
  const { content, problem, size, digests } = entry;
  const kind = entry.kind === 'image' ? IMAGE_KIND : entry.kind;
  const { wants } = stream;
  const common = { ...NO_FACTS, ...archive, kind, size, digests, scan: 0, generation: 0, frames: wants.frames };
  if (problem === 'too_large') return { ...common, reason: 'too_large', code: 'IMAGE_TOO_LARGE' };
  if (problem === 'unreadable') return { ...common, reason: 'unreadable', code: 'ARCHIVE_INVALID' };
  // One level: an archive in an archive is not opened.
  if (problem === 'unsupported') return { ...common, reason: 'unsupported_format', code: 'ARCHIVE_UNSUPPORTED' };
  if (content === null) return { ...common, reason: 'not_an_image', code: 'IMAGE_NOT_AN_IMAGE' };
  return { ...common, ...factsOfReply(await stream.imageReader.hash({ bytes: content })) };
}
