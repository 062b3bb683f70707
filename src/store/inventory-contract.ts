/**
 * The contract of a scan's inventory: folders still to be walked, facts of each file, and files in flight when a process
 * ended. Asynchronous, so that other stores can implement it; without SQL.
 * `test/store/inventory-contract.ts` is the suite that every implementation must pass.
 *
 * A file's key is the number of its folder's visit and a hash of its name. Files of one folder are stored together, in
 * the order of their keys.
 */
import type { PathBytes } from '../core/path-bytes.js';
import type { Detail } from '../core/window.js';

/** Keys of one folder's files: its names are hashed to 16 million keys. */
export const KEYS_PER_FOLDER = 2 ** 24;

export interface FolderRow {
  readonly id: number;
  readonly path: PathBytes;
  /** An archive is a file, and the folder of its entries. */
  readonly isArchive: boolean;
  /** True if an earlier scan finished this folder. */
  readonly wasDone: boolean;
}

export interface FileRow {
  readonly fileKey: number;
  readonly name: PathBytes;
  /** As `scan/facts/file-facts.ts` packs them. */
  readonly facts: Uint8Array;
  /** Of the inode whose content was read, so that the same file is found under another name; null: it was not read. */
  readonly inodeKey?: number | null;
}

export interface FileRowWithFolder extends FileRow {
  readonly folder: PathBytes;
  readonly isArchive: boolean;
  /** The last scan has not finished the file's folder: it was not there, or is outside that scan, or files of it were named. */
  readonly isUnseen: boolean;
}

/** Counts of a folder's entries without rows. */
export interface FolderCounts {
  readonly symlinks: number;
  readonly special: number;
  readonly excluded: number;
}

export interface ScanState {
  /** Rises by one with every new scan; a resumed scan keeps it. */
  readonly scan: number;
  readonly isFinished: boolean;
  /** The scan's parameters, so that a scan with others does not resume this one. */
  readonly scanKey: string;
  /** Files of the last finished scan, as an estimate of the next; null without one. */
  readonly filesBefore: number | null;
  /** Position in the lists' history up to which every row is matched, as JSON; null before the first finished scan. */
  readonly matchedAt: string | null;
  /** Which windows of every row were matched up to there. */
  readonly matchedDetail: Detail;
  /** Boot id of the machine at the last use; null before. */
  readonly boot: string | null;
}

export interface FileInFlight {
  readonly fileKey: number;
  readonly folderId: number;
  readonly name: PathBytes;
  /** How often the process ended while this file was the only one in flight; 0 if other files were in flight too. */
  readonly aloneTries: number;
}

/** Changes applied in one transaction. */
export interface InventoryChange {
  readonly files?: readonly FileRow[];
  readonly removedFiles?: readonly number[];
  readonly begun?: readonly FileInFlight[];
  /** File keys no longer in flight. */
  readonly ended?: readonly number[];
  readonly foldersFound?: readonly { readonly path: PathBytes; readonly isArchive: boolean }[];
  readonly foldersDone?: readonly { readonly id: number; readonly counts: FolderCounts }[];
}

export interface Inventory {
  readonly state: ScanState;
  /** Start a new scan: queue the roots; facts of files stay. */
  beginScan(scanKey: string, roots: readonly PathBytes[]): Promise<void>;
  finishScan(
    end: Pick<ScanState, 'matchedAt'> & Partial<Pick<ScanState, 'matchedDetail'>> & { readonly files: number },
  ): Promise<void>;
  setBoot(boot: string): Promise<void>;
  /** Note that every row is matched up to a position in the lists' history, with its windows of a detail. */
  setMatchedAt(matchedAt: string, matchedDetail?: Detail): Promise<void>;
  /** Return a folder that is still to be walked and is not among `begun`, or null. */
  nextFolder(begun: ReadonlySet<number>): Promise<FolderRow | null>;
  /** Return the folder of a path without queueing it: its files are queried one by one. */
  folderAt(path: PathBytes): Promise<FolderRow>;
  /** Return the first key of a folder's files; assigned once, in the order of visits. */
  firstKey(folderId: number): Promise<number>;
  /** Return the first path of a folder behind a path and before another, in the order of bytes; null if there is none. */
  folderBetween(after: PathBytes, before: PathBytes): Promise<PathBytes | null>;
  folderById(folderId: number): Promise<FolderRow | null>;
  /** Sort a folder's names by their keys: rows written in this order are dense. */
  inOrder(names: readonly PathBytes[]): PathBytes[];
  /** Return the rows of these names in this folder, in order; null for a missing one. `fileKey`: its actual or future key. */
  find(
    firstKey: number,
    names: readonly PathBytes[],
  ): Promise<readonly { readonly fileKey: number; readonly facts: Uint8Array | null }[]>;
  /** Return the facts of rows with these keys of inodes, for each; a key may be shared by a few inodes. */
  factsOfInodes(inodeKeys: readonly number[]): Promise<readonly (readonly Uint8Array[])[]>;
  apply(change: InventoryChange): Promise<void>;
  inFlight(): Promise<readonly FileInFlight[]>;
  /** Return the files of one folder in the order of their keys. */
  filesOf(folderId: number): AsyncIterable<readonly FileRow[]>;
  fileCountOf(folderId: number): Promise<number>;
  /** Return all files, or those of folders finished by this scan, in batches. */
  files(which: 'all' | 'done'): AsyncIterable<readonly FileRowWithFolder[]>;
  /**
   * Queue the folders of damaged, lost or doubled rows again. Damaged rows are returned by no other method, and their files
   * are read again. Result: the number of places where damage was found.
   */
  requeueDamaged(): Promise<number>;
  /** Return sums over the folders finished by this scan. */
  doneCounts(): Promise<FolderCounts & { readonly folders: number }>;
  /** Return whether there are rows of files in a folder or under it. */
  hasFilesUnder(path: PathBytes): Promise<boolean>;
  /** Return whether all rows are of folders that this scan has finished. Folders of which files were only named are never finished. */
  isWhole(): Promise<boolean>;
  /** Return the number of rows in a folder and under it, of folders that an earlier scan has finished, and this one has not. */
  unseenUnder(path: PathBytes): Promise<number>;
  /** Remove those rows and their folders, but for the folders for which `isKept` is true. */
  pruneUnder(path: PathBytes, isKept?: (folder: PathBytes) => boolean): Promise<void>;
  readonly bytes: number;
  close(): Promise<void>;
}
