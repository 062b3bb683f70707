/**
 * Listing of one folder as a stream: its folders become work items, its files are passed on in pieces, in the order of
 * their rows. A folder of ten million names takes as much memory as one of sixty thousand.
 */
import { joinPath, type PathBytes } from '../../core/path-bytes.js';
import type { ScanTree } from '../tree.js';
import type { NameFilter } from './globs.js';
import { ENTRY_TYPES, type ListAnswer, type Place } from './walk-protocol.js';

export interface WalkOptions {
  readonly filter: NameFilter;
  /** Folders on other devices than these are skipped; null accepts all devices. */
  readonly devices: ReadonlySet<bigint> | null;
}

export interface Listing {
  /** `device`: of the folder. */
  files(names: PathBytes[], device: bigint): Promise<void>;
  folders(paths: PathBytes[]): Promise<void>;
  passOver(kind: 'symlinks' | 'special' | 'excluded'): void;
  shouldStop(): boolean;
  /** Return whether a name is to be scanned; null: all are. */
  readonly isMine: ((name: PathBytes) => boolean) | null;
  /** Names that a folder may have; of a larger one no file is passed on. At most `NAMES_TOGETHER_MAX`, or infinite. */
  readonly namesMax: number;
}

/** Names that are sorted together: rows written in order fill their pages. About 10 MB. */
export const NAMES_TOGETHER_MAX = 65_536;

/** List a folder. Result: the number of its entries; null: it has more than `namesMax`. Errors FILE_VANISHED, FILE_UNREADABLE, FILE_CHANGED, FILE_STALLED. */
export async function visitFolder(
  place: Place,
  walker: ScanTree,
  options: WalkOptions,
  to: Listing,
): Promise<number | null> {
  let names: PathBytes[] = [];
  let entries = 0;
  let device = 0n;
  for await (const listed of walker.list(place, options.devices !== null)) {
    if (to.shouldStop()) break;
    const sorted = sortEntries(place.folder, listed, options, to);
    device = listed.device;
    entries += listed.names.length;
    if (entries > to.namesMax) return null;
    await to.folders(sorted.folders);
    names = names.concat(sorted.files);
    if (names.length >= NAMES_TOGETHER_MAX) {
      await to.files(names, device);
      names = [];
    }
  }
  await to.files(names, device);
  return entries;
}

function sortEntries(
  folder: PathBytes,
  { names, types, targets, devices }: ListAnswer,
  { filter, devices: allowed }: WalkOptions,
  to: Pick<Listing, 'passOver' | 'isMine'>,
): { readonly files: PathBytes[]; readonly folders: PathBytes[] } {
  const files: PathBytes[] = [];
  const folders: PathBytes[] = [];
  for (const [at, name] of names.entries()) {
    if (to.isMine?.(name) === false) continue;
    const type = ENTRY_TYPES[types[at]!]!;
    const path = targets.get(at) ?? joinPath(folder, name);
    if (type === 'link') to.passOver('symlinks');
    else if (type === 'special') to.passOver('special');
    else if (type === 'file') {
      if (filter.takesFile(path)) files.push(name);
      else to.passOver('excluded');
    } else if (filter.takesFolder(path) && (allowed === null || allowed.has(devices![at]!))) folders.push(path);
    else to.passOver('excluded');
  }
  return { files, folders };
}
