/**
 * A segment: an index that is built once, with two columns beside it, and the marks of entries removed since.
 * It is immutable; a removal makes a new segment around the same index.
 */

import { collectGarbage } from '../core/garbage.js';
import { LIST_KEY_MAX } from '../core/limits.js';

/** Columns beside an index, in the order of its entries; on shared memory, so that any thread may read them. */
export interface SegmentColumns {
  /** Key of each entry in the store, ascending. */
  readonly keys: Uint32Array;
  /** Key of each entry's list. */
  readonly listKeys: Uint16Array;
}

export interface Segment<I> extends SegmentColumns {
  /** Unique in its process: other threads identify an opened segment by it. */
  readonly id: number;
  readonly index: I;
  /** One bit an entry, 1 where removed; null where none is. */
  readonly removed: Uint32Array | null;
  readonly removedCount: number;
}

let segmentsMade = 0;

export function newSegment<I>(index: I, { keys, listKeys }: SegmentColumns): Segment<I> {
  segmentsMade++;
  return { id: segmentsMade, index, keys, listKeys, removed: null, removedCount: 0 };
}

export function isRemoved({ removed }: { readonly removed: Uint32Array | null }, entryIndex: number): boolean {
  return removed !== null && ((removed[entryIndex >>> 5]! >>> (entryIndex & 31)) & 1) === 1;
}

const countsOf = new WeakMap<Segment<unknown>, ReadonlyMap<number, number>>();

/**
 * Return the number of live entries of each list that has one, by its key. Counted at the first call, which takes 10 ms a million
 * entries; a segment that is made of counted ones is counted with them.
 */
export function liveCounts(segment: Segment<unknown>): ReadonlyMap<number, number> {
  const known = countsOf.get(segment);
  if (known) return known;
  const perKey = new Uint32Array(LIST_KEY_MAX + 1);
  for (let at = 0; at < segment.listKeys.length; at++) if (!isRemoved(segment, at)) perKey[segment.listKeys[at]!]!++;
  const live = new Map<number, number>();
  for (const [listKey, count] of perKey.entries()) if (count > 0) live.set(listKey, count);
  countsOf.set(segment, live);
  return live;
}

/** Return the position of `key` in ascending `keys`, or -1. */
export function positionOf(keys: Uint32Array, key: number): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return keys[low] === key ? low : -1;
}

/** Return the segment without the entries of these keys; the same object where it has none of them. */
export function withoutKeys<I>(segment: Segment<I>, keys: Iterable<number>): Segment<I> {
  let removed: Uint32Array | null = null;
  let { removedCount } = segment;
  const known = countsOf.get(segment);
  const live = known && new Map(known);
  for (const key of keys) {
    const at = positionOf(segment.keys, key);
    if (at < 0) continue;
    removed ??= segment.removed?.slice() ?? new Uint32Array(Math.ceil(segment.keys.length / 32));
    const bit = 1 << (at & 31);
    if ((removed[at >>> 5]! & bit) !== 0) continue;
    removed[at >>> 5] = removed[at >>> 5]! | bit;
    removedCount++;
    if (live) addTo(live, segment.listKeys[at]!, -1);
  }
  if (removed === null) return segment;
  const rest = { ...segment, removed, removedCount };
  if (live) countsOf.set(rest, live);
  return rest;
}

/** Note the counts of a segment that has the live entries of `parts`. */
export function countMerged(segment: Segment<unknown>, parts: readonly Segment<unknown>[]): void {
  const live = new Map<number, number>();
  for (const part of parts) for (const [listKey, count] of liveCounts(part)) addTo(live, listKey, count);
  countsOf.set(segment, live);
}

function addTo(counts: Map<number, number>, listKey: number, more: number): void {
  const count = (counts.get(listKey) ?? 0) + more;
  if (count === 0) counts.delete(listKey);
  else counts.set(listKey, count);
}

/** Yield runs of live entries, as [from, to), for a merge to copy. */
export function* remainingRuns(entryCount: number, removed: Uint32Array | null): Generator<readonly [number, number]> {
  let from = 0;
  for (let at = 0; removed !== null && at < entryCount; at++) {
    if (removed[at >>> 5] === 0) {
      at |= 31;
      continue;
    }
    if (!isRemoved({ removed }, at)) continue;
    if (at > from) yield [from, at];
    from = at + 1;
  }
  if (entryCount > from) yield [from, entryCount];
}

/** Return the columns of the live entries of several segments, end to end. */
export function mergeColumns(
  parts: readonly (SegmentColumns & { readonly removed: Uint32Array | null })[],
): SegmentColumns {
  const runs = parts.flatMap(({ keys, listKeys, removed }) =>
    [...remainingRuns(keys.length, removed)].map((run) => ({ keys, listKeys, run })),
  );
  const columns = emptyColumns(runs.reduce((sum, { run: [from, to] }) => sum + to - from, 0));
  let at = 0;
  for (const { keys, listKeys, run } of runs) {
    columns.keys.set(keys.subarray(...run), at);
    columns.listKeys.set(listKeys.subarray(...run), at);
    at += run[1] - run[0];
  }
  return columns;
}

export function emptyColumns(entryCount: number): SegmentColumns {
  return {
    keys: new Uint32Array(new SharedArrayBuffer(entryCount * 4)),
    listKeys: new Uint16Array(new SharedArrayBuffer(entryCount * 2)),
  };
}

/** Bytes dropped before the thread collects garbage. */
const DROPPED_BYTES_MAX = 268_435_456;
let droppedBytes = 0;

/** Record that this thread dropped an index of so many bytes. */
export function noteDropped(bytes: number): void {
  droppedBytes += bytes;
  if (droppedBytes < DROPPED_BYTES_MAX) return;
  droppedBytes = 0;
  collectGarbage();
}
