/**
 * A second look at files of the inventory whose stored windows may match: they are read again, for the certain bits that no row has. Each counts only if it
 * is what the row says, by its identity and its SHA-256.
 */
import { AppError } from '../core/errors.js';
import { type FileFault, isSameFile } from '../core/file-identity.js';
import type { PathBytes } from '../core/path-bytes.js';
import { DIGEST_ALGORITHMS } from '../core/vocabulary.js';
import type { FileFacts } from './facts/file-facts.js';
import type { FileReading, ImageFile, ImageReader } from './image-reader.js';
import type { ImageWants } from './image-wants.js';
import { faultOfStat, type ScanTree } from './tree.js';
import { archiveEntries } from './walk/archive.js';
import { entryFacts, rowNameOf } from './walk/entry-facts.js';
import { UniqueNames } from './walk/unique-names.js';
import type { Place } from './walk/walk-protocol.js';
import { WalkedFile } from './walk/walked-file.js';

/** A file of the inventory; of an entry, `folder` is its archive. */
export interface KnownFile {
  readonly folder: PathBytes;
  readonly isArchive: boolean;
  readonly fileKey: number;
  readonly name: PathBytes;
  readonly facts: FileFacts;
}

/** What became of it: its facts, with whole windows; why it could not be read; null: the scan stops. */
type SecondReading = FileReading | FileFault | null;

/** Return what became of each file, in their order. */
export type ReadAgain = (files: readonly KnownFile[]) => Promise<readonly SecondReading[]>;

/** Where files are, and how they are read. */
export interface LookSources {
  readonly shouldStop: () => boolean;
  /** Return the tree of a file, the folder that it lies in, and its name; of an entry those of its archive. Errors: it cannot be reached. */
  placeOf(file: KnownFile): { readonly tree: ScanTree; readonly place: Place; readonly name: PathBytes };
  /** Return the reader of a tree. */
  readerOf(tree: ScanTree): ImageReader;
  /** Read an image; null where the scan stops first. */
  read(file: ImageFile, known: KnownFile, wants: ImageWants): Promise<FileReading | null>;
}

/** All that the row of a file has: the row is written again. */
const wantsOf = ({ facts: { frames, detail } }: KnownFile): ImageWants => ({
  digests: DIGEST_ALGORITHMS,
  orientations: 'all',
  families: 'both',
  algorithms: ['pdq', 'blockhash'],
  frames,
  detail,
});

export function secondLook(sources: LookSources): ReadAgain {
  return async (files) => {
    const results = new Map<KnownFile, SecondReading>();
    const archives = new Map<PathBytes, KnownFile[]>();
    for (const file of files) {
      if (file.isArchive) archives.set(file.folder, [...(archives.get(file.folder) ?? []), file]);
    }
    const alone = files.filter(({ isArchive }) => !isArchive);
    await Promise.all(alone.map(async (file) => results.set(file, await readOne(sources, file))));
    for (const [path, entries] of archives) await readEntries(sources, path, entries, results);
    return files.map((file) => results.get(file) ?? null);
  };
}

/** Return a reading if it is of the content that is known. */
function ifSame(reading: FileReading, { facts }: KnownFile): FileReading | FileFault {
  const { sha256 } = reading.facts.digests;
  return sha256 !== undefined && sha256 === facts.digests.sha256 ? reading : 'FILE_CHANGED';
}

/** Return the fault of an error that keeps a file from being read. Errors: those that end the scan. */
function faultIn(error: unknown): FileFault {
  if (!(error instanceof AppError) || error.code === 'SHUTTING_DOWN') throw error;
  return 'FILE_UNREADABLE';
}

async function readOne(sources: LookSources, known: KnownFile): Promise<SecondReading> {
  const { facts, fileKey } = known;
  try {
    const { tree, place, name } = sources.placeOf(known);
    const [status] = await tree.look(place, [name], [facts]);
    if (status!.look !== 'known') return faultOfStat(status!) ?? 'FILE_CHANGED';
    const { size, mtimeNs, ctimeNs, inode, device, kind } = facts;
    const identity = { size, mtimeNs, ctimeNs, inode, device };
    const file: ImageFile = { place, name, identity, storedBytes: size, kind, fileKey, folderId: 0 };
    const reading = await sources.read(file, known, wantsOf(known));
    if (reading === null) return null;
    const { code, reason } = reading.facts;
    return reason === 'unreadable' ? (code as FileFault) : ifSame(reading, known);
  } catch (error) {
    return faultIn(error);
  }
}

/** Read entries of one archive, in one pass. */
async function readEntries(
  sources: LookSources,
  path: PathBytes,
  entries: readonly KnownFile[],
  results: Map<KnownFile, SecondReading>,
): Promise<void> {
  for (const entry of entries) results.set(entry, 'FILE_CHANGED');
  const [first] = entries;
  const wanted = new Map(entries.map((entry) => [entry.name, entry]));
  const failAll = (fault: FileFault) => {
    for (const entry of wanted.values()) results.set(entry, fault);
  };
  try {
    const { tree, place, name } = sources.placeOf(first!);
    const [status] = await tree.look(place, [name], [null]);
    const fault = faultOfStat(status!);
    if (fault !== null) return failAll(fault);
    const { identity } = status!;
    for (const entry of entries)
      if (!isSameFile({ ...entry.facts, size: identity.size }, identity)) wanted.delete(entry.name);
    const names = new UniqueNames();
    const reader = sources.readerOf(tree);
    const { imageBytesMax: bytesMax, throttle } = reader.parts;
    const file = new WalkedFile(tree, { place, name, identity });
    for await (const entry of archiveEntries(file, path, { bytesMax, digestsAll: false })) {
      if (wanted.size === 0) break;
      if (sources.shouldStop()) {
        for (const known of wanted.values()) results.set(known, null);
        return;
      }
      const known = wanted.get(rowNameOf(names, entry));
      await throttle.take(0, entry.bytesRead);
      if (known === undefined) continue;
      wanted.delete(known.name);
      const facts = await entryFacts(reader, entry, identity, wantsOf(known));
      results.set(known, ifSame({ facts: { ...facts, scan: known.facts.scan }, bytesRead: entry.bytesRead }, known));
    }
  } catch (error) {
    failAll(faultIn(error));
  }
}
