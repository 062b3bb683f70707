/**
 * Stream of files between the walk and the report: names are inspected in pieces, known files and files that are not
 * images are settled at once, new images are read. All queues of a scan are bounded here.
 */
import pLimit, { type LimitFunction } from 'p-limit';
import type { ErrorCode } from '../core/errors.js';
import { joinPath, type PathBytes } from '../core/path-bytes.js';
import type { NotCheckedReason } from '../core/vocabulary.js';
import type { HashWants } from '../engine/image-engine.js';
import type { FolderRow } from '../store/inventory-contract.js';
import { Committer } from './committer.js';
import {
  FILE_KINDS,
  type FileFacts,
  type FileKind,
  type Identity,
  IMAGE_KIND,
  identityOf,
  unpackFacts,
} from './facts/file-facts.js';
import { type ImageFile, ImageReader, NO_FACTS } from './image-reader.js';
import { ALL_DIGESTS } from './matcher.js';
import type { ScanParts, ScanRequest } from './scan-request.js';
import { FOLDER_ITSELF, type Settled, Settler } from './settle.js';
import { createStatPool, type FileStat, type StatPool } from './walk/stat-pool.js';

/** Names per task of a stat thread. */
export const LOOK_NAMES = 256;
/** Maximum number of files in flight: enough for all cores, few enough to need little memory. */
export const FILES_AHEAD_MAX = 4_096;
/** Maximum number of pieces in flight that do not come from the walk: from the inventory or a file list. */
const PIECES_AHEAD_MAX = 8;
/** Images recorded as in flight per place of the decoder: the record is on disk when a place becomes free. */
const READING_PER_PLACE = 3;
/** Formats whose rows depend on the requested number of frames. */
const FRAMED = new Set(['gif', 'webp', 'tiff']);
/** File types whose bytes cannot be read. */
const UNREAD: ReadonlySet<FileStat['look']> = new Set(['vanished', 'unreadable', 'symlink', 'special']);
/** Reasons that do not matter for a file that is no image: it was read for its digests. */
const ONLY_DIGESTED: ReadonlySet<string> = new Set(['not_an_image', 'unsupported_format', 'too_large']);
const TRANSIENT = new Set(['FILE_VANISHED', 'FILE_CHANGED', 'FILE_UNREADABLE']);

const kindOf = (look: FileStat['look']): FileKind => FILE_KINDS.find((kind) => kind === look) ?? 'not_picture';
const NOBODY: Identity = { size: 0, mtimeNs: 0n, inode: 0n };
export const folderPlace = ({ path, isArchive }: FolderRow) => ({ folder: path, isArchive });

/** Files that are named outside the walk, on the command line or in a list: what the walk would do with them. */
export interface Naming {
  takes(path: PathBytes, isFolder: boolean): boolean;
  /** Return the path under which a named folder is walked. */
  rootOf(path: PathBytes): Promise<PathBytes>;
  /** Note a link or special file that is a line of its own. */
  noteSkipped(look: 'symlink' | 'special'): void;
}

export class FileStream {
  readonly committer: Committer;
  readonly settler: Settler;
  readonly imageReader: ImageReader;
  readonly #looker: StatPool;
  readonly wants: HashWants;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  readonly #readers: LimitFunction;
  #ahead = 0;
  /** The first error that ends the scan; null while there is none. */
  failure: unknown = null;

  constructor(
    readonly parts: ScanParts,
    readonly request: ScanRequest,
  ) {
    const { decoder, inventory, matcher, tally, keepsFiles, throttle, onResult, onOther = null } = parts;
    const { scan } = inventory.state;
    this.wants = {
      digests: ALL_DIGESTS,
      orientations: keepsFiles ? 'all' : request.orientations,
      families: 'both',
      algorithms: matcher.wantsBlockhash ? ['pdq', 'blockhash'] : ['pdq'],
      frames: request.frames,
    };
    const { followsLinks, orientations } = request;
    this.committer = new Committer(inventory);
    this.settler = new Settler({
      matcher,
      committer: this.committer,
      tally,
      scan,
      orientations,
      keepsFiles,
      onResult,
      onOther,
    });
    const { hashReply, whenRoom, workers, queueImagesPerWorker } = decoder;
    this.imageReader = new ImageReader({
      hashReply,
      whenRoom,
      committer: this.committer,
      throttle,
      wants: this.wants,
      scan,
      followsLinks,
    });
    this.#readers = pLimit(READING_PER_PLACE * workers * (1 + queueImagesPerWorker));
    this.#looker = createStatPool(workers, followsLinks);
  }

  get isStopping(): boolean {
    return this.parts.shouldStop() || this.failure !== null;
  }

  /**
   * Inspect some names of a folder and process each file; resolves when all are settled. With `naming` a name that is no
   * file is a line of its own: it was asked for.
   */
  async piece(
    folder: FolderRow,
    base: number,
    names: readonly PathBytes[],
    counts: { symlinks: number; special: number; excluded: number },
    naming: Naming | null = null,
  ): Promise<void> {
    const { inventory, throttle } = this.parts;
    this.#ahead += names.length;
    let left = names.length;
    const arrived = (count: number) => {
      left -= count;
      this.#ahead -= count;
      for (const wake of this.#waiting.splice(0)) wake();
    };
    try {
      await throttle.take(names.length, 0);
      const rows = this.parts.keepsFiles
        ? await inventory.find(base, names)
        : names.map(() => ({ fileKey: 0, facts: null }));
      const known = rows.map(({ facts }) => (facts ? unpackFacts(facts) : null));
      const looked = await this.#looker.look(
        folder.path,
        names,
        rows.map(({ facts }, at) => (facts && this.isUsable(known[at]!) ? identityOf(facts) : null)),
      );
      const images: ImageFile[] = [];
      const settled: Settled[] = [];
      const found: PathBytes[] = [];
      for (const [at, { look, identity }] of looked.entries()) {
        const place = { ...folderPlace(folder), fileKey: rows[at]!.fileKey, name: names[at]! };
        if (naming && !naming.takes(joinPath(folder.path, place.name), look === 'folder')) counts.excluded++;
        else if (look === 'symlink' && !naming) counts.symlinks++;
        else if (look === 'special' && !naming) counts.special++;
        else if (look === 'folder') {
          const path = joinPath(folder.path, place.name);
          found.push(naming ? await naming.rootOf(path) : path);
        } else if (look === 'known') {
          const facts = known[at]!;
          const isRecorded = facts.scan === inventory.state.scan && facts.generation === this.parts.matcher.generation;
          settled.push({ ...place, facts, wasRead: false, isRecorded });
        } else if (look === IMAGE_KIND || (this.request.digestsAll && !UNREAD.has(look))) {
          const { fileKey, name } = place;
          images.push({ folder: folder.path, folderId: folder.id, fileKey, name, identity, kind: kindOf(look) });
        } else {
          if (look === 'symlink' || look === 'special') naming?.noteSkipped(look);
          settled.push({ ...place, facts: this.#factsOf(look, identity), wasRead: true, isRecorded: false });
        }
      }
      const archives = this.request.archives
        ? names.filter((name, at) => this.#isOpened(looked[at]!.look, known[at]!, joinPath(folder.path, name), naming))
        : [];
      const paths = [
        ...found.map((path) => ({ path, isArchive: false })),
        ...archives.map((name) => ({ path: joinPath(folder.path, name), isArchive: true })),
      ];
      const read = images.map((image) => this.#readOne(folder, image).finally(() => arrived(1)));
      if (paths.length > 0) await this.committer.commit({ foldersFound: paths });
      await this.settler.settle(settled);
      arrived(names.length - images.length);
      await Promise.all(read);
    } catch (error) {
      this.failure ??= error;
    } finally {
      arrived(left);
    }
  }

  /** Return whether a file is an archive whose entries are to be read. */
  #isOpened(look: FileStat['look'], known: FileFacts | null, path: PathBytes, naming: Naming | null): boolean {
    const isArchive = look === 'archive' || (look === 'known' && known?.kind === 'archive');
    return isArchive && (!naming || naming.takes(path, false));
  }

  async #readOne(folder: FolderRow, image: ImageFile): Promise<void> {
    try {
      const facts = await this.#readers(async () => {
        if (this.isStopping) return null;
        if (this.parts.keepsFiles) await this.imageReader.begin(image);
        return this.imageReader.read(image);
      });
      if (facts === null) return;
      const { fileKey, name } = image;
      const isOnlyDigested = facts.kind !== IMAGE_KIND && ONLY_DIGESTED.has(facts.reason ?? '');
      const known = isOnlyDigested ? { ...facts, ...this.#whyNotHashed(facts.kind) } : facts;
      await this.settler.settle([
        { ...folderPlace(folder), fileKey, name, facts: known, wasRead: true, isRecorded: false },
      ]);
    } catch (error) {
      this.failure ??= error;
    }
  }

  #factsOf(look: FileStat['look'], identity: Identity): FileFacts {
    const common = { ...NO_FACTS, ...identity, scan: 0, generation: 0 };
    if (look === 'vanished') return { ...common, kind: 'vanished', reason: 'unreadable', code: 'FILE_VANISHED' };
    if (look === 'symlink' || look === 'special') return { ...common, reason: 'unreadable', code: 'FILE_NOT_REGULAR' };
    if (look === 'unreadable') return { ...common, reason: 'unreadable', code: 'FILE_UNREADABLE' };
    const kind = kindOf(look);
    return { ...common, kind, ...this.#whyNotHashed(kind) };
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
    const { digestsAll, archives } = this.request;
    const hasDigests = facts.digests.sha256 !== undefined || facts.kind === 'link';
    if (digestsAll && facts.kind !== IMAGE_KIND && !hasDigests) return false;
    // Counted by a scan that opened no archives.
    if (archives && facts.kind === 'other_archive' && facts.reason === 'not_an_image') return false;
    if (facts.reason === 'not_an_image') return true;
    if (!archives && facts.kind === 'other_archive') return false;
    if (facts.reason !== null) return !this.request.retriesFailed;
    if (this.wants.algorithms.includes('blockhash') && facts.views.some(({ blockhash }) => blockhash === null))
      return false;
    return facts.frames === this.wants.frames || !FRAMED.has(facts.image?.format ?? '');
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
    await this.#looker.close();
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
    identity = NOBODY,
  ): Promise<void> {
    const base = await this.parts.inventory.firstKey(folder.id);
    const [place] = await this.parts.inventory.find(base, [FOLDER_ITSELF]);
    const facts = { ...NO_FACTS, ...identity, scan: 0, generation: 0, reason, code } as const;
    const { fileKey } = place!;
    await this.settler.settle([
      { ...folderPlace(folder), fileKey, name: FOLDER_ITSELF, facts, wasRead: true, isRecorded: false },
    ]);
  }

  /** Remove the rows of a folder for which `isGone` is true. */
  async forget(folder: FolderRow, isGone: (path: PathBytes) => Promise<boolean>): Promise<void> {
    for await (const rows of this.parts.inventory.filesOf(folder.id)) {
      const gone: number[] = [];
      for (const { fileKey, name } of rows) if (await isGone(joinPath(folder.path, name))) gone.push(fileKey);
      if (gone.length > 0) await this.committer.commit({ removedFiles: gone });
    }
  }
}
