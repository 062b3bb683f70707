/**
 * Listing of the buckets of a joined scan, ahead of the processes that examine their objects: a page of a thousand keys takes
 * a tenth of a second, and its images a second or more. Each root is listed by one process at a time, beside its other work; what it
 * has found is in the store after each range, where the next process continues if this one ends.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, type ErrorCode } from '../../core/errors.js';
import { FILE_FAULTS } from '../../core/file-identity.js';
import type { PathBytes } from '../../core/path-bytes.js';
import { type HeldDuty, withDuty } from '../../duties/with-duty.js';
import type { DutyStore } from '../../store/duties-contract.js';
import {
  type JoinedScan,
  type JoinedScanStore,
  listingDuty,
  type OpenRange,
} from '../../store/joined-scans-contract.js';
import { bucketRow } from '../bucket/bucket-paths.js';
import type { BucketTree } from '../bucket/bucket-tree.js';
import { markOfRoot, rangeOf } from './shard-of.js';

/** Pause where other processes list all buckets that are left. */
const WAIT_MS = 1_000;
const FAULTS: ReadonlySet<ErrorCode> = new Set(FILE_FAULTS);

interface ListingParts {
  readonly store: JoinedScanStore;
  readonly duties: DutyStore;
  readonly tree: BucketTree;
  /** Do it again where the store does not answer, for a while. Errors of `act`. */
  patiently<T>(act: () => Promise<T>): Promise<T>;
  shouldStop(): boolean;
}

/** List until the end of every bucket is known, or until it is to stop. Errors STORE_FAILED; REQUEST_INVALID: the scan was begun again. */
export async function listRanges(parts: ListingParts, scan: JoinedScan): Promise<void> {
  const { store, duties, patiently, shouldStop } = parts;
  while (!shouldStop()) {
    const open = await patiently(() => store.openRanges(scan));
    if (open.length === 0) return;
    let wasBusy = false;
    // In another order than the other processes.
    const from = Math.floor(Math.random() * open.length);
    for (const range of [...open.slice(from), ...open.slice(0, from)]) {
      if (shouldStop()) return;
      const duty = listingDuty(scan.name, markOfRoot(bucketRow(range.range.path).root));
      wasBusy ||=
        (await patiently(() => withDuty(duties, duty, (held) => listBehind(parts, scan, range, held)))) !== null;
    }
    if (!wasBusy) await delay(WAIT_MS);
  }
}

/** List what is behind the open range of one root, and cut it into ranges. */
async function listBehind(parts: ListingParts, scan: JoinedScan, open: OpenRange, held: HeldDuty): Promise<void> {
  const { store, tree, patiently, shouldStop } = parts;
  const { root, key: lower } = bucketRow(open.range.path);
  let now = open;
  let keys = 0;
  let last = lower;
  /** End the open range with a key, and begin the next one behind it. */
  const end = async (upTo: PathBytes | null, isLast: boolean) => {
    const number = now.number + 1;
    const next = isLast ? null : rangeOf(root, last, number);
    await patiently(() => store.endRange(scan, now, held.lease, { upTo, next }));
    if (next === null) return;
    now = { range: next, number };
    keys = 0;
  };
  /** A range that an earlier run has examined ends no earlier than it did then: its objects are in the inventory of its shard. */
  const isLongEnough = () => now.range.upTo === null || last >= now.range.upTo;
  const endNow = () => (isLongEnough() ? last : now.range.upTo);
  try {
    for await (const { objects, isLast } of tree.objects(open.range.path, null)) {
      if (shouldStop() || held.isLost()) return;
      keys += objects.length;
      last = objects.at(-1)?.key ?? last;
      if (isLast) return await end(endNow(), true);
      if (keys >= tree.limits.rangeKeys && isLongEnough()) await end(last, false);
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // Another process lists it now, or this one stops.
    if (error.code === 'LEASE_LOST' || error.code === 'SHUTTING_DOWN') return;
    if (!FAULTS.has(error.code)) throw error;
    if (keys > 0 && isLongEnough()) await end(last, false);
    // What is behind is one line of the report, which says that it could not be read.
    await end(null, true);
  }
}
