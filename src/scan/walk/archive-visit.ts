/** Visit of an archive as a folder: its entries are files, with the identity of the archive. */

import { AppError, type ErrorCode } from '../../core/errors.js';
import { FILE_FAULTS, type FileIdentity, isSameFile } from '../../core/file-identity.js';
import type { FolderRow } from '../../store/inventory-contract.js';
import type { FileFacts } from '../facts/file-facts.js';
import { FOLDER_ITSELF } from '../facts/file-row.js';
import { unpackFacts } from '../facts/packed-facts.js';
import { type FileStream, folderPlace } from '../file-stream.js';
import type { ScanParts } from '../scan-request.js';
import { pathOf, type Settled } from '../settle.js';
import { faultOfStat, type InspectedFile } from '../tree.js';
import { archiveEntries } from './archive.js';
import type { ArchiveEntry } from './archive-entry.js';
import { entryFacts, rowNameOf } from './entry-facts.js';
import { UniqueNames } from './unique-names.js';
import { WalkedFile } from './walked-file.js';

const NO_COUNTS = { symlinks: 0, special: 0, excluded: 0 };

/** Return the files of an unchanged archive from the inventory; null where it has to be opened. */
async function known(
  { inventory, keepsFiles }: ScanParts,
  stream: FileStream,
  folder: FolderRow,
  now: FileIdentity,
): Promise<Settled[][] | null> {
  if (!keepsFiles || !folder.wasDone) return null;
  const batches: Settled[][] = [];
  for await (const rows of inventory.filesOf(folder.id)) {
    const all = rows.map((row) => ({ ...row, facts: unpackFacts(row.facts) }));
    const batch = all
      .filter(({ facts }) => !facts.isMissing)
      .map((row): Settled => ({ ...folderPlace(folder), ...row, bytesRead: null, isRecorded: false }));
    if (batch.some(({ facts }) => !isSameFile({ ...facts, size: now.size }, now))) return null;
    if (batch.some(({ facts }) => !stream.isUsable(facts))) return null;
    batches.push(batch);
  }
  return batches.length > 0 ? batches : null;
}

/** Visit an archive; one that could not be read completely is one line of the report. Errors as `FileStream.piece`. */
export async function visitArchive(parts: ScanParts, stream: FileStream, folder: FolderRow): Promise<void> {
  const { keepsFiles } = parts;
  const base = await parts.inventory.firstKey(folder.id);
  const file = stream.anchors.placeOfArchive(folder.path);
  const status = await stream.imageReader.statNow(file.place, file.name);
  const { identity } = status;
  const fault = faultOfStat(status);
  if (fault !== null) {
    if (keepsFiles) await stream.markMissing(folder);
    await stream.reportUnreadableFolder(folder, 'unreadable', fault);
  } else {
    const before = await known(parts, stream, folder, identity);
    for (const batch of before ?? []) await stream.settler.settle(batch);
    if (before === null) {
      const wasWhole = await readAll(parts, stream, { folder, base, archive: { ...file, identity } });
      // Rows of an archive that was in its place, or of entries behind the damage, and the line of a fault that is over.
      const isOf = (facts: FileFacts) => isSameFile({ ...facts, size: identity.size }, identity);
      if (keepsFiles && wasWhole) await stream.forget(folder, (name, facts) => name === FOLDER_ITSELF || !isOf(facts));
      else if (keepsFiles && !stream.isStopping) await stream.markMissing(folder, ({ facts }) => isOf(facts));
    }
  }
  if (!stream.isStopping) await stream.committer.commit({ foldersDone: [{ id: folder.id, counts: NO_COUNTS }] });
}

interface Archive {
  readonly folder: FolderRow;
  readonly base: number;
  readonly archive: InspectedFile;
}

/** Read all entries. Result: whether there was no error before the last one. */
async function readAll(
  { inventory, decoder, keepsFiles, throttle }: ScanParts,
  stream: FileStream,
  { folder, base, archive }: Archive,
): Promise<boolean> {
  const names = new UniqueNames();
  const inFlight = new Set<Promise<void>>();
  const settle = async (entry: ArchiveEntry) => {
    const name = rowNameOf(names, entry);
    const [place] = keepsFiles ? await inventory.find(base, [name]) : [{ fileKey: 0 }];
    // The bytes were unpacked, so they count for the rate, and the next entry waits.
    const { bytesRead } = entry;
    await throttle.take(0, bytesRead);
    const facts = await entryFacts(stream.imageReader, entry, archive.identity);
    await stream.settler.settle([
      { ...folderPlace(folder), fileKey: place!.fileKey, name, facts, bytesRead, isRecorded: false },
    ]);
  };
  try {
    const wants = { bytesMax: decoder.imageBytesMax, digestsAll: stream.request.digestsAll };
    const path = pathOf({ folder: folder.path, name: FOLDER_ITSELF, isArchive: true });
    for await (const entry of archiveEntries(new WalkedFile(stream.walker, archive), path, wants)) {
      if (stream.isStopping) break;
      const job: Promise<void> = settle(entry).finally(() => inFlight.delete(job));
      inFlight.add(job);
      // Their bytes are in memory, so no more are in flight than the decoder has places for.
      if (inFlight.size >= decoder.workers * 2) await Promise.race(inFlight);
    }
    await Promise.all(inFlight);
    return !stream.isStopping;
  } catch (error) {
    await Promise.allSettled(inFlight);
    if (!(error instanceof AppError) || !REASONS.has(error.code)) throw error;
    await stream.reportUnreadableFolder(folder, REASONS.get(error.code)!, error.code, archive.identity);
    return false;
  }
}

const REASONS = new Map<ErrorCode, 'corrupt' | 'too_large' | 'unreadable'>([
  ['ARCHIVE_INVALID', 'corrupt'],
  ['ARCHIVE_TOO_LARGE', 'too_large'],
  ...FILE_FAULTS.map((fault) => [fault, 'unreadable'] as const),
]);
