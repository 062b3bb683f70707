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
import { deviceOf } from '../bucket/object-identity.js';
import type { Throttle } from '../throttle.js';
import { markOfRoot, rangeOf } from './shard-of.js';

/** Pause where other processes list all buckets that are left. */
const WAIT_MS = 1_000;
/** Tries, of all processes, before what is behind a key counts as unreadable: with the pauses between them some three minutes. */
const TRIES_MAX = 6;
/** The first pause between them, in first pauses of the client, which repeats each request by itself: five seconds. */
const PAUSES = 25;
const FAULTS: ReadonlySet<ErrorCode> = new Set(FILE_FAULTS);

interface ListingParts {
  readonly store: JoinedScanStore;
  readonly duties: DutyStore;
  readonly tree: BucketTree;
  readonly throttle: Throttle;
  /** Do it again where the store does not answer, for a while. Errors of `act`. */
  patiently<T>(act: () => Promise<T>): Promise<T>;
  shouldStop(): boolean;
}

interface Listed {
  /** The range behind; null: there is none, or this process lists no more now. */
  readonly next: OpenRange | null;
  /** Time to wait before another try. */
  readonly pauseMs: number;
}

const DONE: Listed = { next: null, pauseMs: 0 };

/**
 * List until the end of every bucket is known, or until it is to stop.
 * Errors  STORE_FAILED; FILE_STALLED: this process does not reach the bucket any more.
 */
export async function listRanges(parts: ListingParts, scan: JoinedScan): Promise<void> {
  const { store, duties, patiently, shouldStop } = parts;
  while (!shouldStop()) {
    const open = await patiently(() => store.openRanges(scan));
    if (open.length === 0) return;
    const roots = open.map(({ range }) => bucketRow(range.path).root);
    let tried: number | null = null;
    // In another order than the other processes.
    const from = Math.floor(Math.random() * roots.length);
    for (const root of [...roots.slice(from), ...roots.slice(0, from)]) {
      if (shouldStop()) return;
      const duty = listingDuty(scan.name, markOfRoot(root));
      const held = await patiently(() => withDuty(duties, duty, (own) => listRoot(parts, scan, root, own)));
      if (held !== null) tried = Math.max(tried ?? 0, held.result);
    }
    const pauseMs = tried ?? WAIT_MS;
    // Meanwhile another process may try.
    for (const untilMs = performance.now() + pauseMs; performance.now() < untilMs && !shouldStop(); )
      await delay(Math.min(WAIT_MS, pauseMs));
  }
}

/** List the keys of a root behind its last range. Result: the time to wait before another try. Errors as `listRanges`. */
async function listRoot(parts: ListingParts, scan: JoinedScan, root: PathBytes, held: HeldDuty): Promise<number> {
  const { store, patiently } = parts;
  try {
    // The holder before this one may have ended the range that was open.
    const open = await patiently(() => store.openRanges(scan));
    let now = open.find(({ range }) => bucketRow(range.path).root === root) ?? null;
    let pauseMs = 0;
    while (now !== null) ({ next: now, pauseMs } = await listRange(parts, scan, now, held));
    return pauseMs;
  } catch (error) {
    // Another process lists it now, or this one stops.
    if (error instanceof AppError && (error.code === 'LEASE_LOST' || error.code === 'SHUTTING_DOWN')) return 0;
    throw error;
  }
}

/** List the keys of an open range, and end it. Errors LEASE_LOST, SHUTTING_DOWN; as `listRanges`. */
async function listRange(parts: ListingParts, scan: JoinedScan, now: OpenRange, held: HeldDuty): Promise<Listed> {
  const { store, tree, throttle, patiently, shouldStop } = parts;
  const { bucket, root, key: lower } = bucketRow(now.range.path);
  let keys = 0;
  let last = lower;
  const end = async (upTo: PathBytes | null, isLast: boolean): Promise<Listed> => {
    const number = now.number + 1;
    const next = isLast ? null : { range: rangeOf(root, last, number), number };
    await patiently(() => store.endRange(scan, now, held.lease, { upTo, next: next?.range ?? null }));
    return { next, pauseMs: 0 };
  };
  /** A range that an earlier run has examined ends no earlier than it did then: its objects are in the inventory of its shard. */
  const isLongEnough = () => now.range.upTo === null || last >= now.range.upTo;
  try {
    // Begun again for each range: a client remembers what it has listed, to notice circles.
    for await (const { objects, isLast } of tree.objects(now.range.path, null)) {
      // A scan that pauses asks for nothing.
      await throttle.take(0, 0);
      if (shouldStop() || held.isLost()) return DONE;
      keys += objects.length;
      last = objects.at(-1)?.key ?? last;
      if (isLast) return await end(isLongEnough() ? last : now.range.upTo, true);
      if (keys >= tree.limits.rangeKeys && isLongEnough()) return await end(last, false);
    }
    throw new AppError('FILE_UNREADABLE', { why: 'a list without an end' });
  } catch (error) {
    if (!(error instanceof AppError) || !FAULTS.has(error.code)) throw error;
    if (shouldStop() || held.isLost()) return DONE;
    // It may be this machine alone that does not reach it.
    if (tree.isDead(deviceOf(bucket))) throw error;
  }
  if (keys > 0 && isLongEnough()) return end(last, false);
  const tries = await patiently(() => store.failRange(scan, now, held.lease));
  // What is behind is one line of the report, which says that it could not be read.
  if (tries >= TRIES_MAX) return end(null, true);
  return { next: null, pauseMs: tree.limits.firstPauseMs * PAUSES * 2 ** (tries - 1) };
}
