/**
 * Listing of one folder as a stream: its folders become work items, its files are passed on in pieces, in the order of
 * their rows. A folder of ten million names takes as much memory as one of sixty thousand.
 */
import type { Dirent } from 'node:fs';
import { lstat, opendir, realpath, stat } from 'node:fs/promises';
import { joinPath, type PathBytes, pathBytesOf, systemPath } from '../../core/path-bytes.js';
import type { NameFilter } from './globs.js';

export interface WalkOptions {
  readonly filter: NameFilter;
  /** Folders on other devices than these are skipped; null accepts all devices. */
  readonly devices: ReadonlySet<bigint> | null;
  readonly followsLinks: boolean;
}

interface Listing {
  files(names: PathBytes[]): Promise<void>;
  folders(paths: PathBytes[]): Promise<void>;
  passOver(kind: 'symlinks' | 'special' | 'excluded'): void;
  shouldStop(): boolean;
}

/** Names that are sorted together: rows written in order fill their pages. About 10 MB. */
const NAMES_TOGETHER_MAX = 65_536;
const FOLDERS_TOGETHER_MAX = 1_024;
/** Names per read of a directory. */
const READ_NAMES = 1_024;

type BytesDir = AsyncIterable<Omit<Dirent, 'name'> & { readonly name: string | Buffer }>;

/** Open a folder whose names are returned as bytes: Node accepts `buffer`, though its types do not. */
function openFolder(path: PathBytes): Promise<BytesDir> {
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: READ_NAMES };
  return opendir(systemPath(path), options) as unknown as Promise<BytesDir>;
}

/** List a folder. Errors: those of the system, with their `code`, where it cannot be listed. */
export async function visitFolder(
  path: PathBytes,
  { filter, devices, followsLinks }: WalkOptions,
  to: Listing,
): Promise<void> {
  let names: PathBytes[] = [];
  let folders: PathBytes[] = [];
  const addFolder = async (inside: PathBytes) => {
    if (!filter.takesFolder(inside)) return to.passOver('excluded');
    if (devices !== null) {
      const status = await lstat(systemPath(inside), { bigint: true }).catch(() => null);
      if (status !== null && !devices.has(status.dev)) return to.passOver('excluded');
    }
    folders.push(inside);
  };
  for await (const entry of await openFolder(path)) {
    if (to.shouldStop()) break;
    const name = typeof entry.name === 'string' ? pathBytesOf(entry.name) : entry.name.toString('latin1');
    const inside = joinPath(path, name);
    if (entry.isDirectory()) await addFolder(inside);
    else if (entry.isSymbolicLink() && !followsLinks) to.passOver('symlinks');
    else if (entry.isSymbolicLink()) {
      const target = await stat(systemPath(inside)).catch(() => null);
      // A folder is identified by its real path and walked once, so cyclic links end.
      if (target?.isDirectory())
        await addFolder((await realpath(systemPath(inside), { encoding: 'buffer' })).toString('latin1'));
      else if (target?.isFile() && filter.takesFile(inside)) names.push(name);
      else to.passOver(target?.isFile() ? 'excluded' : 'symlinks');
    } else if (entry.isFIFO() || entry.isSocket() || entry.isBlockDevice() || entry.isCharacterDevice())
      to.passOver('special');
    else if (filter.takesFile(inside)) names.push(name);
    else to.passOver('excluded');
    if (folders.length >= FOLDERS_TOGETHER_MAX) {
      await to.folders(folders);
      folders = [];
    }
    if (names.length >= NAMES_TOGETHER_MAX) {
      await to.files(names);
      names = [];
    }
  }
  await to.folders(folders);
  await to.files(names);
}
