/**
 * Folders held open while their files are inspected. A path may lead elsewhere by the time it is used: each folder below
 * an anchor is opened from its parent's descriptor, and never through a link. Node has no `openat`; a name behind
 * `/proc/self/fd/N` is looked up in the folder that is open there.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, realpathSync } from 'node:fs';
import { AppError } from '../../core/errors.js';
import { joinPath, type PathBytes, parentPath, systemPath } from '../../core/path-bytes.js';
import type { Anchor, Place } from './walk-protocol.js';

/** Opens a folder for look-ups only, so it needs no right to list it. Linux: not among Node's constants. */
const O_PATH = 0x20_0000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;

const DESCRIPTORS = '/proc/self/fd';

/** Folders held open by one thread: the scan walks 32 at a time with several threads, and their parents are near. */
const OPEN_MAX = 16;

export class OpenFolders {
  /** Descriptors by the anchor and the folder. */
  readonly #open = new Map<string, number>();

  /** `hasDescriptors`: false where the system has no `/proc`. */
  constructor(readonly hasDescriptors = process.platform === 'linux' && existsSync(DESCRIPTORS)) {}

  /**
   * Return the path of a folder for system calls of this thread; names are joined to it.
   * Errors: those of the system, ELOOP and ENOTDIR for a link in place of a folder; FILE_CHANGED: another anchor.
   */
  at({ anchor, folder }: Place): PathBytes {
    if (!this.hasDescriptors) return withoutLinks(anchor, folder);
    // A folder below a root is no other's: as the folder of a named file it may have been opened through a link.
    const key = `${anchor.path}\0${folder}`;
    const held = this.#open.get(key);
    if (held !== undefined) {
      // The last used one is closed last.
      this.#open.delete(key);
      this.#open.set(key, held);
      return `${DESCRIPTORS}/${held}`;
    }
    const opened =
      folder === anchor.path
        ? openAnchor(anchor)
        : openSync(systemPath(joinPath(this.at({ anchor, folder: parentPath(folder) }), lastOf(folder))), BELOW);
    this.#open.set(key, opened);
    this.#closeBeyond(OPEN_MAX);
    return `${DESCRIPTORS}/${opened}`;
  }

  /** Close all, where the process may have no more files open. */
  closeAll(): void {
    this.#closeBeyond(0);
  }

  #closeBeyond(most: number): void {
    for (const [key, file] of this.#open) {
      if (this.#open.size <= most) break;
      this.#open.delete(key);
      closeSync(file);
    }
  }
}

const BELOW = O_PATH | O_DIRECTORY | O_NOFOLLOW;

const lastOf = (folder: PathBytes) => folder.slice(folder.lastIndexOf('/') + 1);

function openAnchor({ path, device, inode }: Anchor): number {
  const opened = openSync(systemPath(path), O_PATH | O_DIRECTORY);
  const { dev, ino } = fstatSync(opened, { bigint: true });
  if (device === null || (device === BigInt.asUintN(64, dev) && inode === BigInt.asUintN(64, ino))) return opened;
  closeSync(opened);
  throw new AppError('FILE_CHANGED', { why: 'another folder is in the place of the root' });
}

/** Where names cannot be looked up in an open folder: the path, unless a link is on it now. */
function withoutLinks({ path }: Anchor, folder: PathBytes): PathBytes {
  // The other one takes a path for UTF-8.
  const real = (one: PathBytes) => realpathSync.native(systemPath(one), { encoding: 'buffer' }).toString('latin1');
  if (real(folder) === joinPath(real(path), folder.slice(joinPath(path, '').length)).replace(/\/$/, '')) return folder;
  throw new AppError('FILE_CHANGED', { why: 'a link is in the place of a folder' });
}
