/**
 * Stream of files between the walk and the report: names are inspected in pieces, known files and files that are not
 * images are settled at once, new images are read. All queues of a scan are bounded here.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import type { ErrorCode } from '../core/errors.js';
import type { FileIdentity } from '../core/file-identity.js';
import { joinPath, type PathBytes } from '../core/path-bytes.js';
import { DIGEST_ALGORITHMS, FRAMED_FORMATS, type NotCheckedReason } from '../core/vocabulary.js';
import { isCovered } from '../core/window.js';
import type { FolderRow } from '../store/inventory-contract.js';
import { BucketTree } from './bucket/bucket-tree.js';
import { EtagLookup } from './bucket/etag-lookup.js';
import { Committer } from './committer.js';
import { FILE_KINDS, type FileFacts, type FileKind, IMAGE_KIND, isOutdated, unreadFacts } from './facts/file-facts.js';
import { hasQuery } from './facts/file-result.js';
import { FOLDER_ITSELF, fileRow } from './facts/file-row.js';
import { unpackFacts } from './facts/packed-facts.js';
import { type FileReading, type ImageFile, ImageReader } from './image-reader.js';
import type { ImageWants } from './image-wants.js';
import { KnownInodes } from './known-inodes.js';
import type { ScanParts, ScanRequest } from './scan-request.js';
import { secondLook } from './second-look.js';
import type { SeenKeys } from './seen-keys.js';
import { type Settled, Settler, TOGETHER_MAX } from './settle.js';
import type { FileStat, ScanTree } from './tree.js';
import type { Anchors } from './walk/anchors.js';
import type { Place } from './walk/walk-protocol.js';

/** Names per request to the walk process. */
export const LOOK_NAMES = 256;
/** Maximum number of files in flight: while one batch is settled, as many are read. */
export const FILES_AHEAD_MAX = 2 * TOGETHER_MAX;
/** Maximum number of pieces in flight that do not come from the walk: from the inventory or a file list. */
const PIECES_AHEAD_MAX = 8;
/** Images recorded as in flight per place of the decoder: the record is on disk when a place becomes free. */
const READING_PER_PLACE = 3;
/** File types whose bytes cannot be read. */
const UNREAD: ReadonlySet<FileStat['look']> = new Set(['vanished', 'unreadable', 'symlink', 'special']);
/** Reasons that do not matter for a file that is no image: it was read for its digests. */
const ONLY_DIGESTED: ReadonlySet<string> = new Set(['not_an_image', 'unsupported_format', 'too_large']);
/** Failures that say nothing about the content: the file is read again, and until then its row keeps what was known. */
const TRANSIENT: ReadonlySet<ErrorCode | null> = new Set([
  'FILE_VANISHED',
  'FILE_CHANGED',
  'FILE_UNREADABLE',
  'FILE_STALLED',
] as const);

const kindOf = (look: FileStat['look']): FileKind => FILE_KINDS.find((kind) => kind === look) ?? 'not_picture';
const NOTHING: FileIdentity = { size: 0, mtimeNs: 0n, ctimeNs: 0n, inode: 0n, device: 0n };
const isNothing = ({ facts }: { readonly facts: FileFacts }) => facts.code === 'FILE_VANISHED';
export const folderPlace = ({ path, isArchive }: FolderRow) => ({ folder: path, isArchive });

/** Files that are named outside the walk, on the command line or in a list: what the walk would do with them. */
export interface Naming {
  takes(path: PathBytes, isFolder: boolean): boolean;
  /** Return the path under which a named folder is walked. */
  rootOf(path: PathBytes): Promise<PathBytes>;
  /** Note a link or special file that is a line of its own. */
  noteSkipped(look: 'symlink' | 'special'): void;
}

/** Names of one folder. */
interface Piece {
  readonly folder: FolderRow;
  readonly base: number;
  readonly names: readonly PathBytes[];
  readonly counts: { symlinks: number; special: number; excluded: number };
  /** Of the folder, where it is known. */
  readonly device?: bigint | null;
  /** Takes the keys of the names. */
  readonly seen?: SeenKeys;
  /** Set for named files: a name that is no file is a line of its own, since it was asked for. */
  readonly naming?: Naming | null;
}

/** One name of a piece. */
interface Found {
  readonly fileKey: number;
  readonly name: PathBytes;
  readonly status: FileStat;
  readonly known: FileFacts | null;
}

export class FileStream {
  readonly committer: Committer;
  readonly settler: Settler;
  readonly imageReader: ImageReader;
  readonly wants: ImageWants;
  readonly #inodes: KnownInodes;
  /** Null where all files are examined. */
  readonly etags: EtagLookup | null;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  readonly #readers: LimitFunction;
  #ahead = 0;
  /** The first error that ends the scan; null while there is none. */
  failure: unknown = null;

  constructor(
    readonly parts: ScanParts,
    readonly request: ScanRequest,
    readonly walker: ScanTree,
    readonly anchors: Anchors,
  ) {
    const { decoder, inventory, matcher, tally, keepsFiles, throttle, onResult, onOther = null } = parts;
    const { scan } = inventory.state;
    this.etags = request.etagsOnly && walker instanceof BucketTree ? new EtagLookup(walker, matcher) : null;
    this.wants = {
      // A later list may need any of them.
      digests: keepsFiles ? DIGEST_ALGORITHMS : matcher.digests,
      orientations: keepsFiles ? 'all' : request.orientations,
      families: 'both',
      algorithms: matcher.wantsBlockhash ? ['pdq', 'blockhash'] : ['pdq'],
      frames: request.frames,
      detail: matcher.detail,
    };
    const { orientations } = request;
    this.committer = new Committer(inventory);
    this.settler = new Settler({
      matcher,
      committer: this.committer,
      tally,
      scan,
      orientations,
      readAgain: secondLook({
        shouldStop: () => this.isStopping,
        placeOf: ({ folder, isArchive, name }) => ({
          tree: walker,
          ...(isArchive ? anchors.placeOfArchive(folder) : { place: anchors.placeOf(folder), name }),
        }),
        readerOf: () => this.imageReader,
        read: async (file, { folder }, wants) =>
          this.#readNow({ ...file, folderId: (await inventory.folderAt(folder)).id }, wants),
      }),
      keepsFiles,
      isBusy: () => this.#readers.pendingCount > 0,
      onResult,
      onOther,
    });
    const { hashReply, workers, queueImagesPerWorker, imageBytesMax } = decoder;
    this.imageReader = new ImageReader({
      hashReply,
      imageBytesMax,
      walker,
      committer: this.committer,
      throttle,
      wants: this.wants,
      scan,
    });
    this.#inodes = new KnownInodes(keepsFiles ? inventory : null, (facts) => this.isUsable(facts));
    this.#readers = pLimit(READING_PER_PLACE * workers * (1 + queueImagesPerWorker));
  }

  get isStopping(): boolean {
    return this.parts.shouldStop() || this.failure !== null;
  }

  /**
   * Inspect some names of a folder and process each file; resolves when all are settled. Under a rate they begin in even steps, and
   * none waits for the end of those before it.
   */
  async piece(piece: Piece): Promise<void> {
    const { throttle } = this.parts;
    const { names } = piece;
    this.#ahead += names.length;
    const steps: Promise<void>[] = [];
    for (let from = 0; from < names.length; from += throttle.filesAtOnce) {
      const step = names.slice(from, from + throttle.filesAtOnce);
      await throttle.take(step.length, 0);
      steps.push(this.#step({ ...piece, names: step }));
    }
    await Promise.all(steps);
  }

  /** Errors none: they are kept as `failure`. */
  async #step(piece: Piece): Promise<void> {
    const { folder, names, naming } = piece;
    let left = names.length;
    const arrived = (count: number) => {
      left -= count;
      this.#ahead -= count;
      for (const wake of this.#waiting.splice(0)) wake();
    };
    try {
      const found = await this.#look(piece);
      const images: (Found & { readonly kind: FileKind })[] = [];
      const settled: Settled[] = [];
      const folders: { path: PathBytes; isArchive: boolean }[] = [];
      for (const one of found) {
        const sorted = this.#sort(one, piece);
        if (sorted === 'read') images.push({ ...one, kind: kindOf(one.status.look) });
        else if (sorted !== null) settled.push(sorted);
        const path = this.walker.rowPath(folder.path, one.name);
        if (this.#isOpened(one, path, naming)) {
          folders.push({ path, isArchive: true });
          if (naming) this.anchors.noteNamed(folder.path);
        }
        if (one.status.look === 'folder' && (!naming || naming.takes(path, true)))
          folders.push({ path: naming ? await naming.rootOf(path) : path, isArchive: false });
      }
      const known = await this.#inodes.find(images.map(({ status }) => status.identity));
      const unread = images.filter((image, at) => {
        const facts = known[at]!;
        if (facts) settled.push({ ...this.#settled(piece, image, facts, null), writesRow: true });
        return !facts;
      });
      const read = unread.map((image) => this.#readOne(piece, image).finally(() => arrived(1)));
      if (folders.length > 0) await this.committer.commit({ foldersFound: folders });
      await this.settler.settle(settled);
      arrived(names.length - unread.length);
      await Promise.all(read);
    } catch (error) {
      this.failure ??= error;
    } finally {
      arrived(left);
    }
  }

  async #look(piece: Piece): Promise<Found[]> {
    const { base, seen, device = null } = piece;
    const names = (await this.etags?.listed(piece.folder.path, piece.names)) ?? piece.names;
    const rows = this.parts.keepsFiles
      ? await this.parts.inventory.find(base, names)
      : names.map(() => ({ fileKey: 0, facts: null }));
    for (const { fileKey } of rows) seen?.add(fileKey);
    const known = rows.map(({ facts }) => (facts ? unpackFacts(facts) : null));
    const identities = known.map((facts) => (facts && this.isUsable(facts) ? facts : null));
    const looked = await this.walker.look(this.#folderOf(piece), names, identities, device);
    return looked.map((status, at) => ({ fileKey: rows[at]!.fileKey, name: names[at]!, status, known: known[at]! }));
  }

  #folderOf({ folder, naming }: Piece): Place {
    return naming ? this.anchors.placeOfNamed(folder.path) : this.anchors.placeOf(folder.path);
  }

  /** Fields are written out: a scan settles millions of files. */
  #settled({ folder }: Piece, { fileKey, name }: Found, facts: FileFacts, bytesRead: number | null): Settled {
    return { folder: folder.path, isArchive: folder.isArchive, fileKey, name, facts, bytesRead, isRecorded: false };
  }

  /** Return how a name is settled; `read`: after it is read; null: it is only counted. */
  #sort(found: Found, piece: Piece): Settled | 'read' | null {
    const { status, known, name } = found;
    const { look } = status;
    const { counts, naming, folder } = piece;
    if (naming && !naming.takes(joinPath(folder.path, name), look === 'folder')) counts.excluded++;
    else if (look === 'symlink' && !naming) counts.symlinks++;
    else if (look === 'special' && !naming) counts.special++;
    else if (look === 'known') {
      const { scan } = this.parts.inventory.state;
      // The record of one that could not be read before is of that.
      const isRecorded =
        known!.scan === scan && known!.generation === this.parts.matcher.generation && !known!.isMissing;
      const settled = this.#settled(piece, found, known!, null);
      // The folder of a named file is not walked: the row says that this scan saw it.
      const writesRow = Boolean(naming) && known!.scan !== scan;
      return isRecorded || writesRow ? { ...settled, isRecorded, writesRow } : settled;
    } else if (look === IMAGE_KIND || (this.request.digestsAll && look !== 'folder' && !UNREAD.has(look)))
      return 'read';
    else if (look !== 'folder') {
      if (look === 'symlink' || look === 'special') naming?.noteSkipped(look);
      const facts = this.#factsOf(status);
      const kept = this.#kept(facts, known);
      const settled = this.#settled(piece, found, facts, 0);
      return kept ? { ...settled, kept } : settled;
    }
    return null;
  }

  /** Return what a row keeps of a file that could not be read this time; null where there is nothing to keep. */
  #kept(facts: FileFacts, known: FileFacts | null): FileFacts | null {
    if (!known || !TRANSIENT.has(facts.code)) return null;
    // One that crashed a decoder has no hashes, and is not opened again until it changes.
    if (!hasQuery(known) && known.reason !== 'decoder_crash') return null;
    this.parts.tally.missing++;
    return known;
  }

  /** Return whether a file is an archive whose entries are to be read. */
  #isOpened({ status: { look }, known }: Found, path: PathBytes, naming: Naming | null | undefined): boolean {
    if (!this.request.archives) return false;
    const isArchive = look === 'archive' || (look === 'known' && known?.kind === 'archive');
    return isArchive && (!naming || naming.takes(path, false));
  }

  async #readOne(piece: Piece, image: Found & { readonly kind: FileKind }): Promise<void> {
    const { folder } = piece;
    const place = this.#folderOf(piece);
    const { fileKey, name, kind, known } = image;
    const { identity, storedBytes, links } = image.status;
    const file: ImageFile = { place, folderId: folder.id, fileKey, name, identity, storedBytes, kind };
    try {
      const read = () => this.#readNow(file);
      const reading = await (links > 1 ? this.#inodes.share(identity, read) : read());
      if (reading === null) return;
      const { facts, bytesRead } = reading;
      const isOnlyDigested = facts.kind !== IMAGE_KIND && ONLY_DIGESTED.has(facts.reason ?? '');
      const settled = isOnlyDigested ? { ...facts, ...this.#whyNotHashed(facts.kind) } : facts;
      await this.settler.settle([
        { ...this.#settled(piece, image, settled, bytesRead), writesRow: true, kept: this.#kept(facts, known) },
      ]);
    } catch (error) {
      this.failure ??= error;
    }
  }

  /** Read a file; null where the scan stops first. */
  #readNow(file: ImageFile, wants = this.wants): Promise<FileReading | null> {
    return this.#readers(async () => {
      if (this.isStopping) return null;
      if (this.parts.keepsFiles) await this.imageReader.begin(file);
      const reading = await this.imageReader.read(file, wants);
      // No longer in flight, though its row may wait for others.
      if (this.parts.keepsFiles) this.#ended(file.fileKey);
      return reading;
    });
  }

  /** Written with the next change, which the scan waits for. */
  #ended(fileKey: number): void {
    this.committer.commit({ ended: [fileKey] }).catch((error: unknown) => {
      this.failure ??= error;
    });
  }

  #factsOf({ look, identity, fault }: FileStat): FileFacts {
    if (look === 'vanished') return unreadFacts(identity, 'vanished', 'unreadable', 'FILE_VANISHED');
    if (look === 'symlink' || look === 'special')
      return unreadFacts(identity, IMAGE_KIND, 'unreadable', 'FILE_NOT_REGULAR');
    if (look === 'unreadable') return unreadFacts(identity, IMAGE_KIND, 'unreadable', fault);
    const kind = kindOf(look);
    const { reason, code } = this.#whyNotHashed(kind);
    return unreadFacts(identity, kind, reason, code);
  }

  /** Return the reason of a file that is no image: an archive that was to be opened is a line, others are counted. */
  #whyNotHashed(kind: FileKind): Pick<FileFacts, 'reason' | 'code'> {
    if (kind === 'other_archive' && this.request.archives)
      return { reason: 'unsupported_format', code: 'ARCHIVE_UNSUPPORTED' };
    return { reason: 'not_an_image', code: 'IMAGE_NOT_AN_IMAGE' };
  }

  /** Return whether known facts satisfy this request, if the file is unchanged. */
  isUsable(facts: FileFacts): boolean {
    if (facts.code !== null && TRANSIENT.has(facts.code)) return false;
    if (isOutdated(facts)) return false;
    const { digestsAll, archives } = this.request;
    const hasDigests = facts.digests.sha256 !== undefined || facts.kind === 'link';
    if (digestsAll && facts.kind !== IMAGE_KIND && !hasDigests) return false;
    // Counted by a scan that opened no archives.
    if (archives && facts.kind === 'other_archive' && facts.reason === 'not_an_image') return false;
    if (facts.reason === 'not_an_image') return true;
    if (facts.views.length > 0 && !this.#hasWindows(facts)) return false;
    if (!archives && facts.kind === 'other_archive') return false;
    if (facts.reason !== null && this.request.retriesFailed) return false;
    if (facts.reason !== null && facts.views.length === 0) return true;
    if (this.wants.algorithms.includes('blockhash') && facts.views.some(({ blockhash }) => blockhash === null))
      return false;
    return facts.frames === this.wants.frames || facts.image === null || !FRAMED_FORMATS.has(facts.image.format);
  }

  #hasWindows({ detail }: FileFacts): boolean {
    const { detail: asked, takesStoredWindows } = this.parts.matcher;
    return asked === 'plain' || (takesStoredWindows && isCovered(asked, detail));
  }

  go(work: Promise<void>): void {
    const job: Promise<void> = work
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => this.#inFlight.delete(job));
    this.#inFlight.add(job);
  }

  /** Resolves when all work passed to `go` has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
  }

  async room(): Promise<void> {
    while (this.#inFlight.size >= PIECES_AHEAD_MAX) await Promise.race(this.#inFlight);
    while (this.#ahead >= FILES_AHEAD_MAX && !this.isStopping) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Report a folder that cannot be listed as one line: its files were not checked. */
  async reportUnreadableFolder(
    folder: FolderRow,
    reason: NotCheckedReason,
    code: ErrorCode,
    identity = NOTHING,
  ): Promise<void> {
    const base = await this.parts.inventory.firstKey(folder.id);
    const [place] = await this.parts.inventory.find(base, [FOLDER_ITSELF]);
    const facts = unreadFacts(identity, IMAGE_KIND, reason, code);
    const { fileKey } = place!;
    await this.settler.settle([
      { ...folderPlace(folder), fileKey, name: FOLDER_ITSELF, facts, bytesRead: 0, isRecorded: false },
    ]);
  }

  /** Mark the rows of a folder's files that this scan did not see as missing. */
  async markMissing(
    folder: FolderRow,
    isSeen: (row: { readonly fileKey: number; readonly facts: FileFacts }) => boolean = () => false,
  ): Promise<void> {
    const { inventory, tally } = this.parts;
    for await (const rows of inventory.filesOf(folder.id)) {
      const unseen = rows
        .map((row) => ({ ...row, facts: unpackFacts(row.facts) }))
        .filter((row) => row.name !== FOLDER_ITSELF && !isSeen(row));
      // A file that was gone before it was read has nothing to keep.
      const [never, kept] = [unseen.filter(isNothing), unseen.filter((row) => !isNothing(row))];
      tally.missing += kept.length;
      const files = kept
        .filter(({ facts }) => !facts.isMissing)
        .map(({ fileKey, name, facts }) =>
          fileRow({ fileKey, name, isArchive: folder.isArchive }, facts, { ...facts, isMissing: true }),
        );
      const removedFiles = never.map(({ fileKey }) => fileKey);
      if (files.length + removedFiles.length > 0) await this.committer.commit({ files, removedFiles });
    }
  }

  /** Remove the rows of a folder's files for which `isGone` is true. */
  async forget(folder: FolderRow, isGone: (name: PathBytes, facts: FileFacts) => boolean): Promise<void> {
    for await (const rows of this.parts.inventory.filesOf(folder.id)) {
      const gone = rows.filter(({ name, facts }) => isGone(name, unpackFacts(facts))).map(({ fileKey }) => fileKey);
      if (gone.length > 0) await this.committer.commit({ removedFiles: gone });
    }
  }
}
