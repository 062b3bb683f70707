/**
 * What a scan asks of its inventory: which folders are still to be walked, what is known of each file, and which files
 * were in hand when a process ended. Asynchronous, so that another store can stand behind it; speaks no SQL.
 * `test/store/inventory-contract.ts` is the suite that every implementation must pass.
 *
 * Files are named by their spot: the number of their folder's visit and a hash of their name. Files of one folder lie
 * side by side, in the order of their spots.
 */
import type { PathBytes } from '../core/path-bytes.js';

export interface FolderRow {
  readonly id: number;
  readonly path: PathBytes;
  /** An archive is a file, and the folder of its entries. */
  readonly isArchive: boolean;
  /** A scan before this one has come to its end. */
  readonly wasDone: boolean;
}

export interface FileRow {
  readonly spot: number;
  readonly name: PathBytes;
  /** As `scan/facts/file-facts.ts` packs them. */
  readonly facts: Uint8Array;
}

export interface FileRowWithFolder extends FileRow {
  readonly folder: PathBytes;
  readonly isArchive: boolean;
}

/** What a folder's listing held beside files that are kept as rows. */
export interface FolderCounts {
  readonly symlinks: number;
  readonly special: number;
  readonly excluded: number;
}

export interface ScanState {
  /** Rises by one with every scan that is begun anew. */
  readonly scan: number;
  readonly isFinished: boolean;
  /** What was asked, so that another question does not go on with this one's place. */
  readonly question: string;
  /** Files of the last scan that was finished, for an estimate of the next; null where there is none. */
  readonly filesBefore: number | null;
  /** Where in the lists' history every row is known to be matched, as JSON; null where no scan was finished. */
  readonly matchedAt: string | null;
  /** The machine's start in which the inventory was last used; null before. */
  readonly boot: string | null;
}

export interface InHand {
  readonly spot: number;
  readonly folderId: number;
  readonly name: PathBytes;
  /** How often it was in hand, alone, when the process ended; 0 where it was in hand with others. */
  readonly aloneTries: number;
}

/** Everything that becomes true together. */
export interface InventoryChange {
  readonly files?: readonly FileRow[];
  readonly removedFiles?: readonly number[];
  readonly begun?: readonly InHand[];
  /** Spots that are in hand no more. */
  readonly ended?: readonly number[];
  readonly foldersFound?: readonly { readonly path: PathBytes; readonly isArchive: boolean }[];
  readonly foldersDone?: readonly { readonly id: number; readonly counts: FolderCounts }[];
}

export interface Inventory {
  readonly state: ScanState;
  /** Begins anew: the roots are to be walked; what is known of files stays. */
  beginScan(question: string, roots: readonly PathBytes[]): Promise<void>;
  finishScan(end: { readonly files: number; readonly matchedAt: string | null }): Promise<void>;
  setBoot(boot: string): Promise<void>;
  /** The lists' history up to there has been matched against every row. */
  setMatchedAt(matchedAt: string): Promise<void>;
  /** A folder that is still to be walked and is not among `begun`; null where none is left. */
  nextFolder(begun: ReadonlySet<number>): Promise<FolderRow | null>;
  /** The folder of that path, which is not walked for it: files in it are asked one by one. */
  folderAt(path: PathBytes): Promise<FolderRow>;
  /** The first spot of a folder's files; given once, in the order in which folders are visited. */
  baseSpot(folderId: number): Promise<number>;
  folderById(folderId: number): Promise<FolderRow | null>;
  /** Names of one folder in the order of their spots: written in this order, rows lie densely. */
  inOrder(names: readonly PathBytes[]): PathBytes[];
  /** Rows of these names in this folder, in order; null where there is none. `spot`: where it is or would be. */
  find(
    baseSpot: number,
    names: readonly PathBytes[],
  ): Promise<readonly { readonly spot: number; readonly facts: Uint8Array | null }[]>;
  apply(change: InventoryChange): Promise<void>;
  inFlight(): Promise<readonly InHand[]>;
  /** Files of one folder in order of their spots. */
  filesOf(folderId: number): AsyncIterable<readonly FileRow[]>;
  fileCountOf(folderId: number): Promise<number>;
  /** All files, or those of folders that this scan has done; in batches. */
  files(which: 'all' | 'done'): AsyncIterable<readonly FileRowWithFolder[]>;
  /** Sums over the folders that this scan has done. */
  doneCounts(): Promise<FolderCounts & { readonly folders: number }>;
  readonly bytes: number;
  close(): Promise<void>;
}
