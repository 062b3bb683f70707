/**
 * The contract of scans that several machines do together: folders that are still to be walked, in shards, and what each
 * shard has come to. A bucket is walked in ranges of its keys, which are folders here: they become known while its keys are
 * listed, and stay the same when the scan begins again. A shard is held as a duty (`duties-contract.ts`): every change names its lease, and one by an earlier
 * holder is refused. Never a row for each file. Leaves to the caller: what the sums, units and lines mean.
 *
 * A unit is some folders of one shard that are examined together. Its outcome is first stored as a whole (`prepare`), then
 * recorded in the ledger under its key, then taken over (`finish`): whichever process dies in between, the next holder
 * completes the same unit, and the ledger counts it once.
 */
import type { PathBytes } from '../core/path-bytes.js';
import type { Lease } from './duties-contract.js';

/** Enough for hundreds of machines; few enough that each shard has a long run of folders. */
export const SCAN_SHARDS = 256;

/** Idempotency-Keys that begin so last until their scan begins again. A key of an HTTP request has no space. */
export const LASTING_KEY = 'scan ';

/** The duty of holding a shard. */
export const shardDuty = (scan: string, shard: number): string => `scan ${scan} ${shard}`;

/** The duty of listing the bucket of a root: `mark` is of the root. */
export const listingDuty = (scan: string, mark: string): string => `scan ${scan} list ${mark}`;

/** The Idempotency-Key of a unit, and what the keys of one shard begin with. */
export const shardKeys = (scan: string, run: number, shard: number): string => `${LASTING_KEY}${scan} ${run} ${shard} `;

export interface JoinedFolder {
  readonly path: PathBytes;
  readonly shard: number;
  /** Some of its names only: those of this shard. */
  readonly isSlice: boolean;
  /** The last key of a range of a bucket; null for folders, and for a range whose list could not be read. */
  readonly upTo: PathBytes | null;
}

/** Where a scan begins. */
export interface ScanRoots {
  readonly folders: readonly JoinedFolder[];
  /** Of each bucket, or each prefix that is scanned: its first range. */
  readonly buckets: readonly { readonly root: PathBytes; readonly first: JoinedFolder }[];
}

/** The last range of a bucket, while what is behind it is listed. Its `upTo`: the key before which it must not end, of an earlier run; null: none. */
export interface OpenRange {
  readonly range: JoinedFolder;
  /** Of the ranges of its root, in the order of their keys, from 0. */
  readonly number: number;
}

/** `tries`: how often it was tried alone. */
export interface TriedFolder extends JoinedFolder {
  readonly tries: number;
}

export interface JoinedScan {
  readonly name: string;
  /** Rises by one each time the scan begins again. */
  readonly run: number;
  /** Opaque: what every process of the scan must have been asked for. */
  readonly parameters: string;
  readonly beganMs: number;
  /** By the clock of the store, as `beganMs`; null: it is not complete. */
  readonly endedMs: number | null;
}

/** A sealed inventory among the blobs. `sha256`: of the blob, in hexadecimal. */
export interface PublishedInventory {
  readonly blob: string;
  readonly sha256: string;
}

export interface ShardState {
  readonly shard: number;
  /** Units that were taken over in this run. */
  readonly units: number;
  /** Opaque; null before the first unit. */
  readonly sums: string | null;
  /** Folders that were found, with roots, and those that are done. */
  readonly found: number;
  readonly done: number;
  /** The newest; of an earlier run, where this one has published none. */
  readonly inventory: PublishedInventory | null;
  /** The outcome of the next unit, sealed: it may be in the ledger already. */
  readonly prepared: Uint8Array | null;
  /** Holders that left the shard without ending their duty since it came on: each may have been killed by a file in it. */
  readonly deaths: number;
  readonly isClosed: boolean;
}

export interface FinishedUnit {
  /** Its number: that of the unit before it and one. */
  readonly unit: number;
  readonly sums: string;
  readonly done: readonly JoinedFolder[];
  readonly found: readonly JoinedFolder[];
  /** Sealed; null: none. */
  readonly lines: Uint8Array | null;
  /** The shard stays suspect for the next holder, too, until one ends its duty by itself. */
  readonly isSuspect: boolean;
}

export interface JoinedScanStore {
  /**
   * Return the scan of this name; one that is not there begins with these roots. `again`: one that is complete begins again:
   * its inventories and its ranges stay. Errors STORE_FAILED.
   */
  join(
    scan: Pick<JoinedScan, 'name' | 'parameters'>,
    roots: ScanRoots,
    how: { readonly again: boolean },
  ): Promise<JoinedScan>;
  scan(name: string): Promise<JoinedScan | null>;
  /**
   * Return the shards that no process holds and that have folders or a prepared unit. `isClosing`: there are none of those, no bucket is
   * listed any more, and these are open.
   */
  free(scan: JoinedScan): Promise<{ readonly shards: readonly number[]; readonly isClosing: boolean }>;
  /** Return the open ranges: one of each bucket that is not listed to its end; none where the scan was begun again since. */
  openRanges(scan: JoinedScan): Promise<readonly OpenRange[]>;
  /**
   * End an open range, which can be walked then. `upTo`: its last key; null: its list could not be read. `next`: the range
   * behind it, which is open from now on; null: there are no more keys. Errors LEASE_LOST.
   */
  endRange(
    scan: JoinedScan,
    open: OpenRange,
    lease: Lease,
    end: { readonly upTo: PathBytes | null; readonly next: JoinedFolder | null },
  ): Promise<void>;
  /** Note that the list behind an open range could not be read. Result: how often in this run. Errors LEASE_LOST. */
  failRange(scan: JoinedScan, open: OpenRange, lease: Lease): Promise<number>;
  /** Return the state of a shard, under its lease. Errors LEASE_LOST. */
  shard(scan: JoinedScan, shard: number, lease: Lease): Promise<ShardState>;
  /** Errors REQUEST_INVALID: it was begun again since. */
  shards(scan: JoinedScan): Promise<readonly ShardState[]>;
  /** Return folders that are to be walked, in one order. */
  waiting(scan: JoinedScan, shard: number, limit: number): Promise<readonly TriedFolder[]>;
  /** Return folders that are done, and not in the published inventory. */
  unpublished(scan: JoinedScan, shard: number): Promise<readonly TriedFolder[]>;
  /** Count a try of one folder alone. Errors LEASE_LOST. */
  tryAlone(scan: JoinedScan, folder: TriedFolder, lease: Lease): Promise<void>;
  /** Store the outcome of unit `unit`. Errors LEASE_LOST. */
  prepare(scan: JoinedScan, shard: number, lease: Lease, outcome: { unit: number; body: Uint8Array }): Promise<void>;
  /** Take over the prepared unit. Errors LEASE_LOST. */
  finish(scan: JoinedScan, shard: number, lease: Lease, unit: FinishedUnit): Promise<void>;
  /** Note that the inventory has all folders that are done. Errors LEASE_LOST. */
  publish(scan: JoinedScan, shard: number, lease: Lease, inventory: PublishedInventory): Promise<void>;
  /** Note that the holder ends its duty by itself. Errors LEASE_LOST. */
  rest(scan: JoinedScan, shard: number, lease: Lease): Promise<void>;
  /** Close a shard of which every folder is done. Errors LEASE_LOST. */
  close(
    scan: JoinedScan,
    shard: number,
    lease: Lease,
    end: { readonly sums: string; readonly inventory: PublishedInventory | null },
  ): Promise<void>;
  /**
   * Close the shards that have no folder, no unit in this run or in the ledger, and no inventory: most of them, in a small
   * tree. Called when no shard has a folder or a prepared unit, and no bucket is listed.
   */
  closeUntouched(scan: JoinedScan, tenant: string): Promise<void>;
  /** Return the units of a shard that are in the ledger, and their fingerprints. */
  recorded(scan: JoinedScan, shard: number, tenant: string): Promise<ReadonlyMap<number, string>>;
  /** End a scan of which every shard is closed. Result: false: one is open, or it had ended. */
  end(scan: JoinedScan): Promise<boolean>;
  /** Forget a scan with its report; its inventories are blobs. Result: false: a process works on it. */
  forget(scan: JoinedScan): Promise<boolean>;
  /** Return the sealed lines of a run, by shard and unit. Errors REQUEST_INVALID: it was begun again since. */
  lines(scan: JoinedScan): AsyncIterable<Uint8Array>;
}
