/**
 * A scan: takes folders from the work list of the inventory, inspects their names in batches, reads new images, matches
 * and reports all files. Memory is constant for any tree. A killed scan resumes with its unfinished folders and reports
 * the finished ones from the inventory, so that a report is always complete.
 */
import { lstat, realpath, stat } from 'node:fs/promises';
import { AppError } from '../core/errors.js';
import { type PathBytes, systemPath } from '../core/path-bytes.js';
import type { FolderRow } from '../store/inventory-contract.js';
import { unpackFacts } from './facts/file-facts.js';
import { FILES_AHEAD_MAX, FileStream, LOOK_NAMES, type Naming } from './file-stream.js';
import { bootId, trySuspects } from './poison.js';
import type { ScanEnd, ScanParts, ScanRequest } from './scan-request.js';
import { pathOf, type Settled } from './settle.js';
import { visitArchive } from './walk/archive-visit.js';
import { visitFolder, type WalkOptions } from './walk/folder-visit.js';
import { createNameFilter } from './walk/globs.js';
import { absolute, sortRoots } from './walk/roots.js';

/** Folders that are walked concurrently: small ones hide each other's latency. */
const FOLDERS_AHEAD_MAX = 32;

class Scan {
  readonly #stream: FileStream;
  #walk: WalkOptions;

  constructor(
    readonly parts: ScanParts,
    readonly request: ScanRequest,
    readonly roots: readonly PathBytes[],
  ) {
    this.#stream = new FileStream(parts, request);
    this.#walk = { filter: createNameFilter(request, roots), devices: null, followsLinks: request.followsLinks };
  }

  /** Errors STORE_FAILED, SHUTTING_DOWN, and those of the matcher. */
  async run(files: readonly PathBytes[]): Promise<ScanEnd> {
    const { inventory, shouldStop, tally } = this.parts;
    try {
      if (this.request.oneFileSystem) {
        const devices = await Promise.all(
          this.roots.map((root) => stat(systemPath(root), { bigint: true }).catch(() => null)),
        );
        this.#walk = { ...this.#walk, devices: new Set(devices.flatMap((status) => (status ? [status.dev] : []))) };
      }
      const suspicion = await trySuspects(inventory, this.#stream.committer, this.#stream.imageReader, {
        boot: bootId(),
        shouldStop,
      });
      await this.#reportFromInventory();
      await this.#walkAll();
      await this.#scanListed(files);
      // Archives and folders among the named files.
      await this.#walkAll();
      await this.#stream.settled();
      // A batch that waited for a remote service when the scan was stopped: its files count as not started.
      const isStopped =
        shouldStop() && this.#stream.failure instanceof AppError && this.#stream.failure.code === 'SHUTTING_DOWN';
      if (this.#stream.failure !== null && !isStopped) throw this.#stream.failure;
      const interrupted = shouldStop();
      if (!interrupted)
        for (const include of this.#walk.filter.unmatched()) tally.warn('INCLUDE_UNMATCHED', { include });
      return { interrupted, suspicion };
    } finally {
      await this.#stream.close();
    }
  }

  /** Report the folders that this scan had finished before it was stopped from the inventory; they are not listed again. */
  async #reportFromInventory(): Promise<void> {
    const { inventory, tally } = this.parts;
    await inventory.requeueDamaged();
    const { folders, ...counts } = await inventory.doneCounts();
    if (folders === 0) return;
    tally.passedOver(counts);
    for await (const rows of inventory.files('done')) {
      if (this.#stream.isStopping) return;
      await this.#stream.room();
      // These files are not listed again: the filter notes here which of its patterns they match.
      for (const row of rows) if (!row.isArchive) this.#walk.filter.takesFile(pathOf(row));
      const known = rows.map(
        (row): Settled => ({ ...row, facts: unpackFacts(row.facts), wasRead: false, isRecorded: true }),
      );
      this.#stream.go(this.#stream.settler.settle(known));
    }
  }

  async #walkAll(): Promise<void> {
    const { inventory } = this.parts;
    const begun = new Set<number>();
    const visits = new Set<Promise<void>>();
    while (!this.#stream.isStopping) {
      const folder = begun.size < FOLDERS_AHEAD_MAX ? await inventory.nextFolder(begun) : null;
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
    const { inventory, tally, keepsFiles } = this.parts;
    const base = await inventory.firstKey(folder.id);
    const counts = { symlinks: 0, special: 0, excluded: 0 };
    const mine: Promise<void>[] = [];
    let listed = 0;
    try {
      await visitFolder(folder.path, this.#walk, {
        shouldStop: () => this.#stream.isStopping,
        passOver: (kind) => {
          counts[kind]++;
        },
        folders: async (paths) => {
          if (paths.length > 0)
            await this.#stream.committer.commit({ foldersFound: paths.map((path) => ({ path, isArchive: false })) });
        },
        files: async (names) => {
          listed += names.length;
          const ordered = inventory.inOrder(names);
          for (let from = 0; from < ordered.length && !this.#stream.isStopping; from += LOOK_NAMES) {
            const piece = this.#stream.piece(folder, base, ordered.slice(from, from + LOOK_NAMES), counts);
            // Only promises of pieces in flight are kept: a folder may have more pieces than fit in memory.
            mine.push(piece);
            if (mine.length >= FILES_AHEAD_MAX / LOOK_NAMES) await mine.shift();
            await this.#stream.room();
          }
        },
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined || error instanceof AppError) throw error;
      if (keepsFiles) await this.#stream.forget(folder, () => Promise.resolve(true));
      await this.#stream.reportUnreadableFolder(
        folder,
        'unreadable',
        code === 'ENOENT' ? 'FILE_VANISHED' : 'FILE_UNREADABLE',
      );
      listed = 1;
    }
    await Promise.all(mine);
    if (this.#stream.isStopping) return;
    // Remove rows of files that are gone, or that a pattern excludes now.
    if (keepsFiles && (await inventory.fileCountOf(folder.id)) > listed) {
      await this.#stream.forget(folder, async (path) => {
        const status = await lstat(systemPath(path)).catch(() => null);
        return status === null || status.isDirectory() || !this.#walk.filter.takesFile(path);
      });
    }
    await this.#stream.committer.commit({ foldersDone: [{ id: folder.id, counts }] });
    tally.passedOver(counts);
  }

  /** Named files are filtered as in the walk, and a named folder is a root of its own. */
  #naming(skipped: { symlinks: number; special: number }): Naming {
    const { filter, devices, followsLinks } = this.#walk;
    const named = new Set(devices);
    if (devices !== null) this.#walk = { ...this.#walk, devices: named };
    return {
      takes: (path, isFolder) => (isFolder ? filter.takesFolder(path) : filter.takesFile(path)),
      async rootOf(path) {
        const status = devices && (await stat(systemPath(path), { bigint: true }).catch(() => null));
        if (status) named.add(status.dev);
        if (!followsLinks) return path;
        return realpath(systemPath(path), { encoding: 'buffer' }).then(
          (real) => real.toString('latin1'),
          () => path,
        );
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
        this.#stream.go(this.#stream.piece(folder, base, names, counts, naming));
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

/** Start a scan, or resume an unfinished one with the same parameters. Errors as `Scan.run`. */
export async function scan(parts: ScanParts, request: ScanRequest): Promise<ScanEnd & { readonly resumed: boolean }> {
  const { inventory, keepsFiles, matcher, tally } = parts;
  const { roots, files } = await sortRoots(
    request.paths.map((path) => absolute(path, request.cwd)),
    request.followsLinks,
  );
  const { include, exclude, oneFileSystem, followsLinks, digestsAll, archives, frames } = request;
  const scanKey = JSON.stringify([roots, include, exclude, oneFileSystem, followsLinks, digestsAll, archives, frames]);
  const resumed = !inventory.state.isFinished && inventory.state.scanKey === scanKey;
  if (!resumed) await inventory.beginScan(scanKey, roots);
  const end = await new Scan(parts, request, roots).run(files);
  if (!end.interrupted && keepsFiles) await inventory.finishScan({ files: tally.files, matchedAt: matcher.matchedAt });
  return { ...end, resumed };
}
