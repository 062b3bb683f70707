/** What a scan needs of the place that it scans: files, by `walk/walker.ts`, or the objects of buckets, by `bucket/bucket-tree.ts`. */
import type { FileFault, FileIdentity } from '../core/file-identity.js';
import type { PathBytes } from '../core/path-bytes.js';
import type { DigestAlgorithm, Digests } from '../core/vocabulary.js';
import type { Look } from './walk/look.js';
import type { ListAnswer, Place, RootAnswer } from './walk/walk-protocol.js';

export interface FileStat {
  readonly look: Look;
  /** Why it could not be inspected, where `look` is `unreadable`. */
  readonly fault: FileFault;
  readonly identity: FileIdentity;
  /** Bytes that the disk holds of it, at most its size: fewer for a sparse file. */
  readonly storedBytes: number;
  /** Number of its names, on the whole filesystem. */
  readonly links: number;
}

/** Return why a path that was a file is none now; null where it is one. */
export function faultOfStat({ look, fault }: FileStat): FileFault | null {
  if (look === 'vanished' || look === 'unreadable') return fault;
  return look === 'folder' || look === 'symlink' || look === 'special' ? 'FILE_CHANGED' : null;
}

/** A file that was inspected. */
export interface InspectedFile {
  readonly place: Place;
  readonly name: PathBytes;
  readonly identity: FileIdentity;
}

export interface ScanTree {
  /** True where the decoder process can open the files itself; else it gets their bytes. */
  readonly opensByPath: boolean;
  readonly options: { readonly followsLinks: boolean; readonly stallMs: number };
  /** Return the path of a row: of a folder in a folder, or of an archive. */
  rowPath(folder: PathBytes, name: PathBytes): PathBytes;
  /** Return what an operator's path is; null where it cannot be inspected. */
  root(path: PathBytes): Promise<RootAnswer | null>;
  /** List a folder. Errors FILE_VANISHED, FILE_UNREADABLE, FILE_CHANGED: a link or another folder is in its place; FILE_STALLED. */
  list(place: Place, wantsDevices: boolean): AsyncGenerator<ListAnswer>;
  /** Inspect names of a folder, in their order. `known`: identities from the inventory. `device`: of the folder, where it is known. */
  look(
    place: Place,
    names: readonly PathBytes[],
    known: readonly (FileIdentity | null)[],
    device?: bigint | null,
  ): Promise<FileStat[]>;
  /** Return some bytes of a file, fewer at its end. Errors: the faults of a file. */
  read(file: InspectedFile, at: number, length: number): Promise<Uint8Array>;
  /** Return the digests of a file of any size. Errors: the faults of a file. */
  digests(file: InspectedFile, wanted: readonly DigestAlgorithm[]): Promise<Digests>;
  /** Return whether so much hangs on a device that nothing on it is tried any more. */
  isDead(device: bigint | null): boolean;
  /** Note a path whose reading in another process does not return. */
  noteStall(path: PathBytes, device: bigint | null): void;
  close(): void;
}
