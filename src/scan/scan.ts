/**
 * A scan: takes folders from the work list of the inventory, inspects their names in batches, reads new images, matches
 * and reports all files. Memory is constant for any tree. A killed scan resumes with its unfinished folders and reports
 * the finished ones from the inventory, so that a report is always complete.
 */

import { AppError, type ErrorCode } from '../core/errors.js';
import { FILE_FAULTS } from '../core/file-identity.js';
import { type PathBytes, parentPath, shownPath } from '../core/path-bytes.js';
import type { FileRowWithFolder, FolderRow, Inventory } from '../store/inventory-contract.js';
import { BucketTree } from './bucket/bucket-tree.js';
import { emptyRoots, lastKeyOf, patternBases, placesUnread, rowsOf } from './bucket/buckets.js';
import { ETAG_NAMES } from './bucket/etag-lookup.js';
import { type RangeEnd, visitRange } from './bucket/range-visit.js';
import type { Committer } from './committer.js';
import { type FileFacts, unreadFacts } from './facts/file-facts.js';
import { FOLDER_ITSELF } from './facts/file-row.js';
import { unpackFacts } from './facts/packed-facts.js';
import { WINDOW_TABLES } from './facts/stored-windows.js';
import { FILES_AHEAD_MAX, FileStream, LOOK_NAMES, type Naming } from './file-stream.js';
import type { Matcher } from './matcher.js';
import { openTree } from './open-tree.js';
import { bootId, trySuspects } from './poison.js';
import type { ScanEnd, ScanParts, ScanRequest } from './scan-request.js';
import { SeenKeys } from './seen-keys.js';
import { pathOf, type Settled, shownFolder } from './settle.js';
import type { ScanTree } from './tree.js';
import { Anchors } from './walk/anchors.js';
import { visitArchive } from './walk/archive-visit.js';
import { type Listing, visitFolder, type WalkOptions } from './walk/folder-visit.js';
import { createNameFilter } from './walk/globs.js';
import { absolute, sortRoots } from './walk/roots.js';
import type { Anchor } from './walk/walk-protocol.js';

/** Folders that are walked concurrently: small ones hide each other's latency. */
const FOLDERS_AHEAD_MAX = 32;

const NO_COUNTS = { symlinks: 0, special: 0, excluded: 0 };
const FAULTS: ReadonlySet<ErrorCode> = new Set(FILE_FAULTS);

/** Where a scan takes its folders from, and where those that it finds go. */
export interface FolderWork {
  /** Return a folder that is still to be walked and is not among `begun`, or null. */
  next(begun: ReadonlySet<number>): Promise<FolderRow | null>;
  found(paths: readonly PathBytes[]): Promise<void>;
  /** Return which names of a folder are scanned, and how many it may have. */
  namesOf(folder: PathBytes): Pick<Listing, 'isMine' | 'namesMax'>;
  /** Return where a range of a bucket ends. Errors FILE_UNREADABLE: its list could not be read. */
  rangeEnd(range: FolderRow): Promise<RangeEnd>;
  /** Return whether a folder is only reported, and not opened. */
  isCondemned(folder: PathBytes): boolean;
  /** A root has no entry; null: the scan warns where its inventory has files of it. */
  readonly noteEmpty: ((root: PathBytes) => void) | null;
  /** A folder has more names than it may have: none of them was scanned, and those found in it are not to be walked. */
  tooLarge(folder: PathBytes): void;
}

const ALL_NAMES = { isMine: null, namesMax: Number.POSITIVE_INFINITY };

/** The work list of the inventory. */
const ownWork = (inventory: Inventory, committer: Committer): FolderWork => ({
  next: (begun) => inventory.nextFolder(begun),
  found: (paths) => committer.commit({ foldersFound: paths.map((path) => ({ path, isArchive: false })) }),
  namesOf: () => ALL_NAMES,
  rangeEnd: async (range) => ({ upTo: await lastKeyOf(inventory, range), mayBeCut: true }),
  isCondemned: () => false,
  noteEmpty: null,
  tooLarge() {},
});

class Scan {
  readonly #stream: FileStream;
  readonly #anchors: Anchors;
  readonly #work: FolderWork;
  #walk: WalkOptions;
  #resumes = false;
  /** Roots that were warned of. */
  readonly #emptied = new Set<PathBytes>();

  constructor(
    readonly parts: ScanParts,
    readonly request: ScanRequest,
    readonly roots: readonly Anchor[],
    readonly tree: ScanTree,
    work: FolderWork | null = null,
  ) {
    this.#anchors = new Anchors(roots, request.followsLinks);
    this.#stream = new FileStream(parts, request, tree, this.#anchors);
    const paths = roots.map(({ path }) => path);
    const devices = request.oneFileSystem ? new Set(roots.flatMap(({ device }) => device ?? [])) : null;
    this.#walk = { filter: createNameFilter(request, patternBases(paths)), devices };
    this.#work = work ?? ownWork(parts.inventory, this.#stream.committer);
  }

  /** Walk the folders of the work list alone. Result: the patterns that matched no file. Errors as `run`. */
  async runFolders(): Promise<{ readonly interrupted: boolean; readonly includesUnmatched: readonly string[] }> {
    try {
      await this.#walkAll();
      await this.#stream.settled();
      this.#requireSound();
      return { interrupted: this.parts.shouldStop(), includesUnmatched: this.#walk.filter.unmatched() };
    } finally {
      await this.#stream.close();
    }
  }

  /** Errors STORE_FAILED, SHUTTING_DOWN, and those of the matcher. */
  async run(files: readonly PathBytes[]): Promise<ScanEnd> {
    const { inventory, shouldStop, tally } = this.parts;
    try {
      const suspicion = await trySuspects(inventory, this.#stream.committer, this.#stream.imageReader, {
        boot: bootId(),
        anchors: this.#anchors,
        shouldStop,
      });
      await this.#reportFromInventory();
      await this.#walkAll();
      await this.#scanListed(files);
      // Archives and folders among the named files.
      await this.#walkAll();
      await this.#stream.settled();
      this.#requireSound();
      const unexamined = this.#stream.etags?.left ?? 0;
      if (unexamined > 0) tally.warn('ETAGS_ONLY', { objects: unexamined });
      const interrupted = shouldStop();
      if (!interrupted) {
        // A bucket is listed in ranges, of which no one is the root.
        if (this.tree instanceof BucketTree) for (const { path } of this.roots) await this.#warnIfEmpty(path);
        for (const include of this.#walk.filter.unmatched()) tally.warn('INCLUDE_UNMATCHED', { include });
        await this.#endMissing([...this.#anchors.outermost(), ...files.filter((file) => !this.#anchors.covers(file))]);
      }
      return { interrupted, suspicion };
    } finally {
      await this.#stream.close();
    }
  }

  /** Count, and forget where that was asked for, what is not there any more below the roots. Errors STORE_FAILED. */
  async runEnd(): Promise<void> {
    try {
      await this.#endMissing(this.#anchors.outermost());
    } finally {
      await this.#stream.close();
    }
  }

  /** Errors: what failed, but for a request that waited for another service when the scan was stopped: its files count as not started. */
  #requireSound(): void {
    const { failure } = this.#stream;
    const isStopped = this.parts.shouldStop() && failure instanceof AppError && failure.code === 'SHUTTING_DOWN';
    if (failure !== null && !isStopped) throw failure;
  }

  /** Count the files that this scan did not see, and forget them where that was asked for. `paths`: that it was to see. */
  async #endMissing(paths: readonly PathBytes[]): Promise<void> {
    const { inventory, tally, keepsFiles } = this.parts;
    if (!keepsFiles) return;
    for (const path of paths) tally.missing += await inventory.unseenUnder(path);
    if (tally.missing === 0) return;
    if (!this.request.prunes) return tally.warn('FILES_MISSING', { files: tally.missing });
    await this.#prune(paths);
  }

  /** Forget files that are not there any more. What is there and could not be read has a line of its own, and is kept. */
  async #prune(paths: readonly PathBytes[]): Promise<void> {
    const { inventory } = this.parts;
    const unread = new Set<PathBytes>();
    for await (const rows of inventory.files('done'))
      for (const { name, folder } of rows)
        if (name === FOLDER_ITSELF) for (const place of placesUnread(folder)) unread.add(place);
    const isUnread = (folder: PathBytes): boolean =>
      unread.has(folder) || (folder !== '/' && isUnread(parentPath(folder)));
    for (const path of paths) await inventory.pruneUnder(path, isUnread);
    for await (const rows of inventory.files('done')) {
      const gone = rows
        .filter(({ folder }) => !unread.has(folder))
        .map(({ fileKey, facts }) => ({ fileKey, facts: unpackFacts(facts) }))
        .filter(({ facts }) => facts.isMissing && facts.scan !== inventory.state.scan)
        .map(({ fileKey }) => fileKey);
      if (gone.length > 0) await this.#stream.committer.commit({ removedFiles: gone });
    }
  }

  /** Report the folders that this scan had finished before it was stopped from the inventory; they are not listed again. */
  async #reportFromInventory(): Promise<void> {
    const { inventory, tally } = this.parts;
    await inventory.requeueDamaged();
    const { folders, ...counts } = await inventory.doneCounts();
    if (folders === 0) return;
    tally.passedOver(counts);
    this.#resumes = true;
    for (const { path } of this.roots) await this.#warnIfEmpty(path);
    for await (const rows of inventory.files('done')) {
      if (this.#stream.isStopping) return;
      await this.#stream.room();
      // These files are not listed again: the filter notes here which of its patterns they match.
      for (const row of rows) if (!row.isArchive) this.#walk.filter.takesFile(pathOf(row));
      const all = rows.map((row) => ({ ...row, facts: unpackFacts(row.facts) }));
      const seen = all.filter(({ facts }) => !facts.isMissing);
      tally.missing += all.length - seen.length;
      this.#stream.go(
        this.#stream.settler.settle([
          ...seen.map((row): Settled => ({ ...row, bytesRead: null, isRecorded: true })),
          // Found by this scan, and not readable then: its row has kept what was known.
          ...all.filter(({ facts }) => facts.isMissing && facts.scan === inventory.state.scan).map(unreadAgain),
        ]),
      );
    }
  }

  async #walkAll(): Promise<void> {
    const begun = new Set<number>();
    const visits = new Set<Promise<void>>();
    while (!this.#stream.isStopping) {
      const folder = begun.size < FOLDERS_AHEAD_MAX ? await this.#work.next(begun) : null;
      if (folder === null) {
        // Folders in flight may add more.
        if (visits.size === 0) break;
        await Promise.race(visits);
        continue;
      }
      begun.add(folder.id);
      const visit: Promise<void> = this.#visit(folder)
        .catch((error: unknown) => {
          this.#stream.failure ??= error;
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
    if (folder.isArchive) return visitArchive(this.parts, this.#stream, folder);
    if (this.#work.isCondemned(folder.path)) {
      await this.#stream.reportUnreadableFolder(folder, 'decoder_crash', 'IMAGE_DECODER_CRASH');
      return this.#stream.committer.commit({ foldersDone: [{ id: folder.id, counts: NO_COUNTS }] });
    }
    const { inventory, tally, keepsFiles } = this.parts;
    const base = await inventory.firstKey(folder.id);
    const counts = { symlinks: 0, special: 0, excluded: 0 };
    const mine: Promise<void>[] = [];
    const seen = new SeenKeys(base);
    let files = 0;
    try {
      const entries = await this.#list(folder, {
        shouldStop: () => this.#stream.isStopping,
        passOver: (kind) => {
          counts[kind]++;
        },
        folders: async (paths) => {
          if (paths.length > 0) await this.#work.found(paths);
        },
        ...this.#work.namesOf(folder.path),
        files: async (names, device) => {
          files += names.length;
          const ordered = inventory.inOrder(names);
          const together = this.request.etagsOnly ? ETAG_NAMES : LOOK_NAMES;
          for (let from = 0; from < ordered.length && !this.#stream.isStopping; from += together) {
            const part = ordered.slice(from, from + together);
            // Only promises of pieces in flight are kept: a folder may have more pieces than fit in memory.
            mine.push(
              this.#stream.piece({ folder, base, names: part, counts, device, ...(keepsFiles ? { seen } : {}) }),
            );
            if (mine.length >= FILES_AHEAD_MAX / LOOK_NAMES) await mine.shift();
            await this.#stream.room();
          }
        },
      });
      if (entries === null) {
        this.#work.tooLarge(folder.path);
        if (keepsFiles) await this.#stream.forget(folder, () => true);
        return await this.#stream.committer.commit({ foldersDone: [{ id: folder.id, counts: NO_COUNTS }] });
      }
      if (entries === 0 && this.#anchors.has(folder.path)) {
        if (this.#work.noteEmpty) this.#work.noteEmpty(folder.path);
        else await this.#warnIfEmptied(folder.path);
      }
    } catch (error) {
      if (!(error instanceof AppError) || !FAULTS.has(error.code)) throw error;
      await Promise.all(mine);
      if (keepsFiles) await this.#stream.markMissing(folder, ({ fileKey }) => seen.has(fileKey));
      await this.#stream.reportUnreadableFolder(folder, 'unreadable', error.code);
      files = Number.POSITIVE_INFINITY;
    }
    await Promise.all(mine);
    if (this.#stream.isStopping) return;
    if (keepsFiles && (await inventory.fileCountOf(folder.id)) > files) {
      // The line of a folder that can be listed again.
      await this.#stream.forget(folder, (name) => name === FOLDER_ITSELF);
      await this.#stream.markMissing(folder, ({ fileKey }) => seen.has(fileKey));
    }
    await this.#stream.committer.commit({ foldersDone: [{ id: folder.id, counts }] });
    tally.passedOver(counts);
  }

  async #list(folder: FolderRow, to: Listing): Promise<number | null> {
    const { inventory } = this.parts;
    if (!(this.tree instanceof BucketTree))
      return visitFolder(this.#anchors.placeOf(folder.path), this.tree, this.#walk, to);
    const end = await this.#work.rangeEnd(folder);
    return visitRange(folder, { tree: this.tree, inventory, filter: this.#walk.filter, end }, to);
  }

  /** An empty root that held files may be a disk that is not mounted. */
  async #warnIfEmptied(root: PathBytes): Promise<void> {
    if (!this.parts.keepsFiles || this.#emptied.has(root) || !(await this.parts.inventory.hasFilesUnder(root))) return;
    this.#emptied.add(root);
    this.parts.tally.warn('ROOT_EMPTY', { root: shownPath(shownFolder(root)) });
  }

  /** Look into a root that may be finished since before the scan was stopped, and is then not visited again. */
  async #warnIfEmpty(root: PathBytes): Promise<void> {
    if (this.tree instanceof BucketTree) {
      for (const path of await emptyRoots(this.tree, [root])) await this.#warnIfEmptied(path);
      return;
    }
    try {
      for await (const { names } of this.tree.list(this.#anchors.placeOf(root), false)) {
        if (names.length === 0) await this.#warnIfEmptied(root);
        return;
      }
    } catch (error) {
      if (!(error instanceof AppError) || !FAULTS.has(error.code)) throw error;
    }
  }

  /** Named files are filtered as in the walk, and a named folder is a root of its own. */
  #naming(skipped: { symlinks: number; special: number }): Naming {
    const { filter, devices } = this.#walk;
    const named = new Set(devices);
    if (devices !== null) this.#walk = { ...this.#walk, devices: named };
    return {
      takes: (path, isFolder) => (isFolder ? filter.takesFolder(path) : filter.takesFile(path)),
      rootOf: async (path) => {
        const root = await this.tree.root(path);
        if (root?.type !== 'folder') return path;
        named.add(root.device);
        this.#anchors.add(root);
        if (this.#resumes) await this.#warnIfEmpty(root.path);
        return root.path;
      },
      noteSkipped: (look) => void skipped[look === 'symlink' ? 'symlinks' : 'special']++,
    };
  }

  async #scanListed(files: readonly PathBytes[]): Promise<void> {
    const { filesFrom } = this.request;
    const inventory = this.parts.inventory;
    let held = new Map<PathBytes, PathBytes[]>();
    const counts = { symlinks: 0, special: 0, excluded: 0 };
    const skipped = { symlinks: 0, special: 0 };
    const naming = this.#naming(skipped);
    let count = 0;
    const flush = async () => {
      for (const [path, names] of held) {
        if (this.#stream.isStopping) return;
        await this.#stream.room();
        const folder = await inventory.folderAt(path);
        const base = await inventory.firstKey(folder.id);
        this.#stream.go(this.#stream.piece({ folder, base, names, counts, naming }));
      }
      held = new Map();
      count = 0;
    };
    const take = async (file: PathBytes) => {
      const folder = parentPath(file);
      const names = held.get(folder) ?? [];
      names.push(file.slice(file.lastIndexOf('/') + 1));
      held.set(folder, names);
      if (names.length >= LOOK_NAMES || ++count >= FILES_AHEAD_MAX) await flush();
    };
    for (const file of files) await take(file);
    if (filesFrom !== null) {
      for await (const file of filesFrom) {
        if (this.#stream.isStopping) break;
        await take(absolute(file, this.request.cwd));
      }
    }
    await flush();
    await this.#stream.settled();
    this.parts.tally.passedOver(counts);
    // What is named is asked for: that it was not read may not pass for a clean result.
    if (skipped.symlinks + skipped.special > 0) this.parts.tally.warn('NAMED_SKIPPED', skipped);
  }
}

/** Return a file that this scan found and could not read, as it was reported. */
function unreadAgain({
  facts: kept,
  ...row
}: Omit<FileRowWithFolder, 'facts'> & { readonly facts: FileFacts }): Settled {
  const facts = { ...unreadFacts(kept, kept.kind, 'unreadable', 'FILE_UNREADABLE'), scan: kept.scan };
  return { ...row, facts, kept, bytesRead: null, isRecorded: true };
}

/** Start a scan, or resume an unfinished one with the same parameters. Errors as `Scan.run`. */
export async function scan(parts: ScanParts, request: ScanRequest): Promise<ScanEnd & { readonly resumed: boolean }> {
  const { inventory, keepsFiles, matcher, tally } = parts;
  const { include, exclude, oneFileSystem, followsLinks, digestsAll, archives, frames } = request;
  const { tree, paths } = openTree(parts, request);
  try {
    const { roots, files } = await sortRoots(paths, request, (path) => tree.root(path));
    const rootPaths = roots.map(({ path }) => path);
    const scanKey = JSON.stringify([
      rootPaths,
      include,
      exclude,
      oneFileSystem,
      followsLinks,
      digestsAll,
      archives,
      frames,
      // Scans of before there were windows have none: their keys stay as they were.
      ...(matcher.detail === 'plain' ? [] : [matcher.detail, WINDOW_TABLES]),
    ]);
    // Folders that are done are reported from their rows alone.
    const areRowsEnough = matcher.detail === 'plain' || matcher.takesStoredWindows;
    const resumed = !inventory.state.isFinished && inventory.state.scanKey === scanKey && areRowsEnough;
    if (!resumed) await inventory.beginScan(scanKey, await rowsOf(inventory, rootPaths));
    const end = await new Scan(parts, request, roots, tree).run(files);
    if (!end.interrupted && keepsFiles)
      await finishInventory(inventory, { files: tally.files, missing: tally.missing, matcher });
    return { ...end, resumed };
  } finally {
    tree.close();
  }
}

/** End a scan in its inventory. `matchedAt`: of the files that it saw; rows that it did not see are matched up to where they were. */
export async function finishInventory(
  inventory: Inventory,
  {
    files,
    missing,
    matcher: { matchedAt, detail },
  }: {
    readonly files: number;
    readonly missing: number;
    readonly matcher: Pick<Matcher, 'matchedAt' | 'detail'>;
  },
): Promise<void> {
  const isWhole = inventory.state.scan === 1 || (missing === 0 && (await inventory.isWhole()));
  await inventory.finishScan({ files, ...(isWhole ? { matchedAt, matchedDetail: detail } : inventory.state) });
}

interface Walked {
  readonly roots: readonly Anchor[];
  /** Stays open. */
  readonly tree: ScanTree;
  /** Null: that of the inventory. */
  readonly work: FolderWork | null;
}

/** Walk the folders of a work list, below `roots`. Errors as `Scan.run`. */
export function scanFolders(
  parts: ScanParts,
  request: ScanRequest,
  { roots, tree, work }: Walked,
): ReturnType<Scan['runFolders']> {
  return new Scan(parts, request, roots, tree, work).runFolders();
}

/** After all folders are walked: count what was not seen, or forget it. Errors STORE_FAILED. */
export function endFolders(parts: ScanParts, request: ScanRequest, { roots, tree, work }: Walked): Promise<void> {
  return new Scan(parts, request, roots, tree, work).runEnd();
}
