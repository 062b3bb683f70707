/**
 * A scan: folders are taken from the inventory's list of work, their names looked at in batches, new pictures read, all
 * matched and told. Constant memory, whatever the tree; killed at any moment it goes on with the folders that it had
 * not done, and tells the others again from the inventory, so that a report is always whole.
 */
import { lstat, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '../../core/errors.js';
import { joinPath, type PathBytes, pathBytesOf, systemPath, textOf } from '../../core/path-bytes.js';
import type { OrientationChoice } from '../../core/vocabulary.js';
import type { HashWants } from '../../engine/image-engine.js';
import type { FolderRow, Inventory } from '../../store/inventory-contract.js';
import type { Service } from '../service.js';
import { Committer } from './committer.js';
import { type FileFacts, type Identity, identityOf, unpackFacts } from './file-facts.js';
import type { FileResult } from './file-result.js';
import { visitFolder, type WalkOptions } from './folder-visit.js';
import { createNameFilter } from './globs.js';
import { createLooker, type Looked, type Looker } from './look.js';
import { ALL_DIGESTS, type Matcher } from './matcher.js';
import { NO_FACTS, type PictureFile, Pictures } from './pictures.js';
import { bootId, type Suspicion, trySuspects } from './poison.js';
import { FOLDER_ITSELF, type Settled, Settler } from './settle.js';
import type { Tally } from './tally.js';
import type { Throttle } from './throttle.js';

export interface ScanRequest {
  /** Folders and files, as typed. */
  readonly paths: readonly PathBytes[];
  /** More files, one by one: of a list that may be longer than memory. */
  readonly filesFrom: AsyncIterable<PathBytes> | null;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly oneFileSystem: boolean;
  readonly followsLinks: boolean;
  /** Files that are no pictures are read and their digests looked up. */
  readonly digestsAll: boolean;
  /** Those that could not be checked are tried again, also where they did not change. */
  readonly retriesFailed: boolean;
  readonly orientations: OrientationChoice;
  readonly frames: number;
}

export interface ScanParts {
  readonly service: Pick<Service, 'config' | 'hashReply' | 'whenRoom'>;
  readonly inventory: Inventory;
  /** False where the inventory is thrown away afterwards: then files have no rows. */
  readonly keepsFiles: boolean;
  readonly matcher: Matcher;
  readonly throttle: Throttle;
  readonly tally: Tally;
  /** True once the scan shall stop: files in hand are finished, none is begun. */
  readonly shouldStop: () => boolean;
  readonly onResult: (result: FileResult) => void;
  readonly onOther?: ((path: PathBytes, kind: FileFacts['kind']) => void) | null;
}

export interface ScanEnd {
  readonly interrupted: boolean;
  readonly suspicion: Suspicion;
}

/** Names that one thread looks at, at a time. */
const LOOK_NAMES = 256;
/** Files between the look and the end of their way: enough for all cores, few enough to be nothing in memory. */
const FILES_AHEAD_MAX = 4_096;
/** Pieces on their way of folders that are not walked, but told or listed. */
const PIECES_AHEAD_MAX = 8;
/** Pictures noted as in hand for each that the decoder takes: the note is on disk when its place is free. */
const READING_PER_PLACE = 3;
/** Folders that are walked at once: small ones hide each other's waiting. */
const FOLDERS_AHEAD_MAX = 32;
/** Formats whose rows depend on how many frames were asked. */
const FRAMED = new Set(['gif', 'webp', 'tiff']);
/** Looks at files whose bytes cannot be had. */
const UNREAD: ReadonlySet<Looked['look']> = new Set(['vanished', 'unreadable']);
const TRANSIENT = new Set(['FILE_VANISHED', 'FILE_CHANGED', 'FILE_UNREADABLE']);

export class Scan {
  readonly #committer: Committer;
  readonly #settler: Settler;
  readonly #pictures: Pictures;
  readonly #looker: Looker;
  readonly #wants: HashWants;
  readonly #inHand = new Set<Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  readonly #readers: (() => void)[] = [];
  readonly #readingMax: number;
  #reading = 0;
  #walk: WalkOptions;
  #ahead = 0;
  #failure: unknown = null;

  constructor(
    readonly parts: ScanParts,
    readonly request: ScanRequest,
  ) {
    const { service, inventory, matcher, tally, keepsFiles, throttle, onResult, onOther = null } = parts;
    const { scan } = inventory.state;
    this.#wants = {
      digests: ALL_DIGESTS,
      orientations: keepsFiles ? 'all' : request.orientations,
      families: 'both',
      algorithms: matcher.wantsBlockhash ? ['pdq', 'blockhash'] : ['pdq'],
      frames: request.frames,
    };
    const { followsLinks, orientations } = request;
    this.#committer = new Committer(inventory);
    this.#settler = new Settler({
      matcher,
      committer: this.#committer,
      tally,
      scan,
      orientations,
      keepsFiles,
      onResult,
      onOther,
    });
    const { hashReply, whenRoom } = service;
    this.#pictures = new Pictures({
      hashReply,
      whenRoom,
      committer: this.#committer,
      throttle,
      wants: this.#wants,
      scan,
      followsLinks,
    });
    this.#readingMax = READING_PER_PLACE * service.config.workers * (1 + service.config.queueImagesPerWorker);
    this.#looker = createLooker(service.config.workers, followsLinks);
    this.#walk = { filter: createNameFilter(request.include, request.exclude), devices: null, followsLinks };
  }

  get #isStopping(): boolean {
    return this.parts.shouldStop() || this.#failure !== null;
  }

  /** Errors STORE_FAILED, SHUTTING_DOWN, and those of the matcher. */
  async run(roots: readonly PathBytes[], files: readonly PathBytes[]): Promise<ScanEnd> {
    const { inventory, shouldStop } = this.parts;
    try {
      if (this.request.oneFileSystem) {
        const devices = await Promise.all(
          roots.map((root) => stat(systemPath(root), { bigint: true }).catch(() => null)),
        );
        this.#walk = { ...this.#walk, devices: new Set(devices.flatMap((status) => (status ? [status.dev] : []))) };
      }
      const suspicion = await trySuspects(inventory, this.#committer, this.#pictures, { boot: bootId(), shouldStop });
      await this.#tellDone();
      await this.#walkAll();
      await this.#scanListed(files);
      await Promise.all(this.#inHand);
      // A batch that waited for a service elsewhere when the scan was stopped: its files are as if not begun.
      const isStopped = shouldStop() && this.#failure instanceof AppError && this.#failure.code === 'SHUTTING_DOWN';
      if (this.#failure !== null && !isStopped) throw this.#failure;
      return { interrupted: shouldStop(), suspicion };
    } finally {
      await Promise.allSettled(this.#inHand);
      await this.#looker.close();
    }
  }

  /** Folders that this scan has done before it was stopped: not listed again, and told from the inventory. */
  async #tellDone(): Promise<void> {
    const { inventory, tally } = this.parts;
    const { folders, ...counts } = await inventory.doneCounts();
    if (folders === 0) return;
    tally.skip(counts);
    for await (const rows of inventory.files('done')) {
      if (this.#isStopping) return;
      await this.#room();
      const known = rows.map(
        (row): Settled => ({ ...row, facts: unpackFacts(row.facts), wasRead: false, isRecorded: true }),
      );
      this.#go(this.#settler.settle(known));
    }
  }

  async #walkAll(): Promise<void> {
    const { inventory } = this.parts;
    const begun = new Set<number>();
    const visits = new Set<Promise<void>>();
    while (!this.#isStopping) {
      const folder = begun.size < FOLDERS_AHEAD_MAX ? await inventory.nextFolder(begun) : null;
      if (folder === null) {
        // Folders in hand may bring more.
        if (visits.size === 0) break;
        await Promise.race(visits);
        continue;
      }
      begun.add(folder.id);
      const visit: Promise<void> = this.#visit(folder)
        .catch((error: unknown) => {
          this.#failure ??= error;
        })
        .finally(() => {
          begun.delete(folder.id);
          visits.delete(visit);
        });
      visits.add(visit);
    }
    await Promise.all(visits);
  }

  async #visit(folder: FolderRow): Promise<void> {
    const { inventory, tally, keepsFiles } = this.parts;
    const base = await inventory.baseSpot(folder.id);
    const counts = { symlinks: 0, special: 0, excluded: 0 };
    const mine: Promise<void>[] = [];
    let listed = 0;
    try {
      await visitFolder(folder.path, this.#walk, {
        shouldStop: () => this.#isStopping,
        skip: (kind) => {
          counts[kind]++;
        },
        folders: async (paths) => {
          if (paths.length > 0)
            await this.#committer.commit({ foldersFound: paths.map((path) => ({ path, isArchive: false })) });
        },
        files: async (names) => {
          listed += names.length;
          const ordered = inventory.inOrder(names);
          for (let from = 0; from < ordered.length && !this.#isStopping; from += LOOK_NAMES) {
            const piece = this.#piece(folder, base, ordered.slice(from, from + LOOK_NAMES), counts);
            // Only counts of those in flight are kept: a folder may have more pieces than memory.
            mine.push(piece);
            if (mine.length >= FILES_AHEAD_MAX / LOOK_NAMES) await mine.shift();
            await this.#room();
          }
        },
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined || error instanceof AppError) throw error;
      if (keepsFiles) await this.#forget(folder, () => Promise.resolve(true));
      await this.#tellUnlisted(folder, code === 'ENOENT' ? 'FILE_VANISHED' : 'FILE_UNREADABLE');
      listed = 1;
    }
    await Promise.all(mine);
    if (this.#isStopping) return;
    // Rows of files that are gone, or that a pattern leaves out now.
    if (keepsFiles && (await inventory.fileCountOf(folder.id)) > listed) {
      await this.#forget(folder, async (path) => {
        const status = await lstat(systemPath(path)).catch(() => null);
        return status === null || status.isDirectory() || !this.#walk.filter.takesFile(path);
      });
    }
    await this.#committer.commit({ foldersDone: [{ id: folder.id, counts }] });
    tally.skip(counts);
  }

  /** A folder that cannot be listed is one line of the report: what is in it was not checked. */
  async #tellUnlisted(folder: FolderRow, code: 'FILE_VANISHED' | 'FILE_UNREADABLE'): Promise<void> {
    const base = await this.parts.inventory.baseSpot(folder.id);
    const [place] = await this.parts.inventory.find(base, [FOLDER_ITSELF]);
    const facts = { ...NO_FACTS, ...NOBODY, scan: 0, generation: 0, reason: 'unreadable', code } as const;
    const { spot } = place!;
    await this.#settler.settle([
      { ...folderPlace(folder), spot, name: FOLDER_ITSELF, facts, wasRead: true, isRecorded: false },
    ]);
  }

  async #forget(folder: FolderRow, isGone: (path: PathBytes) => Promise<boolean>): Promise<void> {
    for await (const rows of this.parts.inventory.filesOf(folder.id)) {
      const gone: number[] = [];
      for (const { spot, name } of rows) if (await isGone(joinPath(folder.path, name))) gone.push(spot);
      if (gone.length > 0) await this.#committer.commit({ removedFiles: gone });
    }
  }

  /** Looks at some names of a folder and sends each on its way; resolves when all of them have come to its end. */
  async #piece(
    folder: FolderRow,
    base: number,
    names: readonly PathBytes[],
    counts: { symlinks: number; special: number },
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
        : names.map(() => ({ spot: 0, facts: null }));
      const known = rows.map(({ facts }) => (facts ? unpackFacts(facts) : null));
      const looked = await this.#looker.look(
        folder.path,
        names,
        rows.map(({ facts }, at) => (facts && this.#isUsable(known[at]!) ? identityOf(facts) : null)),
      );
      const pictures: PictureFile[] = [];
      const settled: Settled[] = [];
      const found: PathBytes[] = [];
      for (const [at, { look, identity }] of looked.entries()) {
        const place = { ...folderPlace(folder), spot: rows[at]!.spot, name: names[at]! };
        if (look === 'symlink') counts.symlinks++;
        else if (look === 'special') counts.special++;
        else if (look === 'folder') found.push(joinPath(folder.path, names[at]!));
        else if (look === 'known') {
          const facts = known[at]!;
          const isRecorded = facts.scan === inventory.state.scan && facts.generation === this.parts.matcher.generation;
          settled.push({ ...place, facts, wasRead: false, isRecorded });
        } else if (look === 'picture' || (this.request.digestsAll && !UNREAD.has(look))) {
          pictures.push({ folder: folder.path, folderId: folder.id, spot: place.spot, name: place.name, identity });
        } else settled.push({ ...place, facts: this.#factsOf(look, identity), wasRead: true, isRecorded: false });
      }
      const paths = found.map((path) => ({ path, isArchive: false }));
      const read = pictures.map((picture) => this.#readOne(folder, picture).finally(() => arrived(1)));
      if (paths.length > 0) await this.#committer.commit({ foldersFound: paths });
      await this.#settler.settle(settled);
      arrived(names.length - pictures.length);
      await Promise.all(read);
    } catch (error) {
      this.#failure ??= error;
    } finally {
      arrived(left);
    }
  }

  async #readOne(folder: FolderRow, picture: PictureFile): Promise<void> {
    while (this.#reading >= this.#readingMax) await new Promise<void>((resolve) => this.#readers.push(resolve));
    if (this.#isStopping) return this.#readers.shift()?.();
    this.#reading++;
    try {
      if (this.parts.keepsFiles) await this.#pictures.begin(picture);
      const facts = await this.#pictures.read(picture);
      this.#leaveReader();
      const { spot, name } = picture;
      await this.#settler.settle([{ ...folderPlace(folder), spot, name, facts, wasRead: true, isRecorded: false }]);
    } catch (error) {
      this.#failure ??= error;
      this.#leaveReader();
    }
  }

  #leaveReader(): void {
    this.#reading--;
    this.#readers.shift()?.();
  }

  #factsOf(look: Looked['look'], identity: Identity): FileFacts {
    const common = { ...NO_FACTS, ...identity, scan: 0, generation: 0 };
    if (look === 'vanished') return { ...common, kind: 'vanished', reason: 'unreadable', code: 'FILE_VANISHED' };
    if (look === 'unreadable') return { ...common, reason: 'unreadable', code: 'FILE_UNREADABLE' };
    const kind = look === 'archive' ? 'archive' : 'not_picture';
    return { ...common, kind, reason: 'not_an_image', code: 'IMAGE_NOT_AN_IMAGE' };
  }

  /** Whether what is known answers what is asked now, if the file is the same. */
  #isUsable(facts: FileFacts): boolean {
    if (facts.code !== null && TRANSIENT.has(facts.code)) return false;
    if (facts.reason === 'not_an_image') return !this.request.digestsAll || facts.digests.sha256 !== undefined;
    if (facts.reason !== null) return !this.request.retriesFailed;
    if (this.#wants.algorithms.includes('blockhash') && facts.views.some(({ blockhash }) => blockhash === null))
      return false;
    return facts.frames === this.#wants.frames || !FRAMED.has(facts.image?.format ?? '');
  }

  async #scanListed(files: readonly PathBytes[]): Promise<void> {
    const { filesFrom } = this.request;
    const inventory = this.parts.inventory;
    let held = new Map<PathBytes, PathBytes[]>();
    const counts = { symlinks: 0, special: 0 };
    let count = 0;
    const flush = async () => {
      for (const [path, names] of held) {
        if (this.#isStopping) return;
        await this.#room();
        const folder = await inventory.folderAt(path);
        const base = await inventory.baseSpot(folder.id);
        this.#go(this.#piece(folder, base, names, counts));
      }
      held = new Map();
      count = 0;
    };
    const take = async (file: PathBytes) => {
      const slash = file.lastIndexOf('/');
      const folder = file.slice(0, slash) || '/';
      const names = held.get(folder) ?? [];
      names.push(file.slice(slash + 1));
      held.set(folder, names);
      if (names.length >= LOOK_NAMES || ++count >= FILES_AHEAD_MAX) await flush();
    };
    for (const file of files) await take(file);
    if (filesFrom !== null) {
      for await (const file of filesFrom) {
        if (this.#isStopping) break;
        await take(absolute(file));
      }
    }
    await flush();
    await Promise.all(this.#inHand);
    this.parts.tally.skip(counts);
  }

  #go(work: Promise<void>): void {
    const job: Promise<void> = work
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#inHand.delete(job));
    this.#inHand.add(job);
  }

  async #room(): Promise<void> {
    while (this.#inHand.size >= PIECES_AHEAD_MAX) await Promise.race(this.#inHand);
    while (this.#ahead >= FILES_AHEAD_MAX && !this.#isStopping) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

const NOBODY: Identity = { size: 0, mtimeNs: 0n, inode: 0n };
const folderPlace = ({ path, isArchive }: FolderRow) => ({ folder: path, isArchive });

export function absolute(path: PathBytes): PathBytes {
  if (path.startsWith('/') && !/\/\.{0,2}(\/|$)/.test(path)) return path;
  const text = textOf(path);
  // What is no UTF-8 is made absolute by its bytes; only what is, is made tidy.
  return text === null
    ? path.startsWith('/')
      ? path
      : `${pathBytesOf(process.cwd())}/${path}`
    : pathBytesOf(resolve(text));
}

/** Roots that are folders, and files that are named one by one. */
export async function sortRoots(
  paths: readonly PathBytes[],
  followsLinks: boolean,
): Promise<{ readonly roots: PathBytes[]; readonly files: PathBytes[] }> {
  const roots: PathBytes[] = [];
  const files: PathBytes[] = [];
  for (const path of paths.map(absolute)) {
    const status = await stat(systemPath(path)).catch(() => null);
    if (!status?.isDirectory()) files.push(path);
    else
      roots.push(followsLinks ? (await realpath(systemPath(path), { encoding: 'buffer' })).toString('latin1') : path);
  }
  return { roots, files };
}

/** Begins a scan anew, or goes on with the one that was not finished, where it asked the same. Errors as `Scan.run`. */
export async function scan(parts: ScanParts, request: ScanRequest): Promise<ScanEnd & { readonly resumed: boolean }> {
  const { inventory, keepsFiles, matcher, tally } = parts;
  const { roots, files } = await sortRoots(request.paths, request.followsLinks);
  const { include, exclude, oneFileSystem, followsLinks, digestsAll, frames } = request;
  const question = JSON.stringify([roots, include, exclude, oneFileSystem, followsLinks, digestsAll, frames]);
  const resumed = !inventory.state.isFinished && inventory.state.question === question;
  if (!resumed) await inventory.beginScan(question, roots);
  const end = await new Scan(parts, request).run(roots, files);
  if (!end.interrupted && keepsFiles) await inventory.finishScan({ files: tally.files, matchedAt: matcher.matchedAt });
  return { ...end, resumed };
}
