/**
 * An index that changes while it is searched: sealed segments, and one small open segment that is rebuilt with every batch
 * of additions. Removed entries are marked; a background merge folds open entries and marks into a sealed segment. Searches
 * never wait: they keep the list of segments that they began with.
 */
import { Breath } from '../core/breath.js';
import { AppError } from '../core/errors.js';
import { ENTRY_KEY_MAX, LIST_KEY_MAX } from '../core/limits.js';
import {
  countMerged,
  emptyColumns,
  isRemoved,
  mergeColumns,
  newSegment,
  noteDropped,
  positionOf,
  type Segment,
  type SegmentColumns,
  withoutKeys,
} from './segment.js';

/** Any index that reports its memory. */
interface Measurable {
  readonly memoryBytes: number;
}

/** Maker of one kind of index; `build` and `merge` may work in other threads. */
export interface SegmentMaker<I extends Measurable> {
  readonly valueBytes: number;
  /** Maximum entries of one segment. */
  readonly entriesMax: number;
  /** Shape: N × `valueBytes`, on shared memory. */
  build(values: Uint8Array): Promise<I>;
  /** Merge the live entries of the segments into one index; null for a kind that is never merged. */
  readonly merge: ((segments: readonly Segment<I>[]) => Promise<I>) | null;
}

/** Below this an open segment is rebuilt in a few milliseconds. */
export const OPEN_ENTRIES_MIN = 65_536;
/**
 * An open segment larger than this share of the last sealed one is merged. A search pays for every segment, so a small
 * share is worth rebuilding each entry some thirty times, beside the queries.
 */
const OPEN_SHARE = 1 / 32;
/** A sealed segment with more than this share of removed entries is rebuilt without them. */
const REMOVED_SHARE = 1 / 4;

/** Added entries that are not sealed yet. */
class OpenRows {
  values: Uint8Array;
  columns: SegmentColumns;
  count = 0;

  constructor(
    readonly valueBytes: number,
    capacity: number,
  ) {
    this.values = new Uint8Array(new SharedArrayBuffer(capacity * valueBytes));
    this.columns = emptyColumns(capacity);
  }

  add(key: number, listKey: number, value: Uint8Array): void {
    if (this.count === this.columns.keys.length) this.#grow(Math.max(1_024, this.count * 2));
    this.values.set(value, this.count * this.valueBytes);
    this.columns.keys[this.count] = key;
    this.columns.listKeys[this.count] = listKey;
    this.count++;
  }

  addMany({ keys, listKeys }: SegmentColumns, values: Uint8Array): void {
    const needed = this.count + keys.length;
    const areShared = [keys, listKeys, values].every(({ buffer }) => buffer instanceof SharedArrayBuffer);
    if (this.count === 0 && areShared) {
      // Never written: the next addition finds them full, and copies them.
      this.values = values;
      this.columns = { keys, listKeys };
      this.count = needed;
      return;
    }
    if (needed > this.columns.keys.length) this.#grow(needed);
    this.values.set(values, this.count * this.valueBytes);
    this.columns.keys.set(keys, this.count);
    this.columns.listKeys.set(listKeys, this.count);
    this.count = needed;
  }

  /** Drop the first `count` rows. */
  dropFirst(count: number): void {
    const rest = new OpenRows(this.valueBytes, this.count - count);
    rest.values.set(this.usedValues().subarray(count * this.valueBytes));
    rest.columns.keys.set(this.columns.keys.subarray(count, this.count));
    rest.columns.listKeys.set(this.columns.listKeys.subarray(count, this.count));
    this.values = rest.values;
    this.columns = rest.columns;
    this.count -= count;
  }

  usedKeys(): Uint32Array {
    return this.columns.keys.subarray(0, this.count);
  }

  usedValues(): Uint8Array {
    return this.values.subarray(0, this.count * this.valueBytes);
  }

  /** Return copies: later additions must not be visible. */
  usedColumns(): SegmentColumns {
    const columns = emptyColumns(this.count);
    columns.keys.set(this.columns.keys.subarray(0, this.count));
    columns.listKeys.set(this.columns.listKeys.subarray(0, this.count));
    return columns;
  }

  #grow(capacity: number): void {
    const { values, columns } = this;
    this.values = new Uint8Array(new SharedArrayBuffer(capacity * this.valueBytes));
    this.columns = emptyColumns(capacity);
    this.values.set(values);
    this.columns.keys.set(columns.keys);
    this.columns.listKeys.set(columns.listKeys);
  }
}

/** Entries that are looked at, or removed, without a pause: a few milliseconds. */
const KEYS_PER_STEP = 8_192;

async function inSteps(keys: readonly number[], act: (keys: readonly number[]) => void): Promise<void> {
  const breath = new Breath();
  for (let at = 0; at < keys.length; at += KEYS_PER_STEP) {
    act(keys.slice(at, at + KEYS_PER_STEP));
    if (breath.isDue) await breath.take();
  }
}

/** A segmented index with one writer: the caller awaits each call before the next. Keys of added entries ascend. */
export class Segmented<I extends Measurable> {
  readonly #maker: SegmentMaker<I>;
  readonly #onError: (error: unknown) => void;
  readonly #openEntriesMin: number;
  readonly #rows: OpenRows;
  /** Keys of removed open rows; a rebuilt open segment is marked by them. */
  #removedRows = new Set<number>();
  #lastKey = 0;
  #sealed: Segment<I>[] = [];
  #open: Segment<I> | null = null;
  #merge: { readonly done: Promise<void>; finish: (() => Promise<number>) | null; readonly removed: number[] } | null =
    null;
  #segments: readonly Segment<I>[] = [];

  /**
   * `onError` receives errors of failed merges: their parts stay in use, and a later `settle` retries.
   * `openEntriesMin`: an open segment of no more entries is never merged.
   */
  constructor(
    maker: SegmentMaker<I>,
    expectedCount: number,
    onError: (error: unknown) => void,
    openEntriesMin = OPEN_ENTRIES_MIN,
  ) {
    this.#maker = maker;
    this.#onError = onError;
    this.#openEntriesMin = openEntriesMin;
    this.#rows = new OpenRows(maker.valueBytes, Math.min(expectedCount, maker.entriesMax));
  }

  /** In order of keys, the open one last. Replaced by every change, never changed itself. */
  get segments(): readonly Segment<I>[] {
    return this.#segments;
  }

  /** Live entries: removed ones are not counted. */
  get entryCount(): number {
    return this.#segments.reduce((sum, { keys, removedCount }) => sum + keys.length - removedCount, 0);
  }

  /**
   * Add an entry; it is searchable after the next `settle`, which is due where `isFull`. A repeated entry is skipped: a
   * caller that failed halfway may restart. Errors INDEX_FULL: a key has more bits than the index holds, and would become another.
   */
  add(key: number, listKey: number, value: Uint8Array): void {
    if (key <= this.#lastKey) return;
    if (key > ENTRY_KEY_MAX || listKey > LIST_KEY_MAX)
      throw new AppError('INDEX_FULL', {
        entryKey: key,
        entryKeyMax: ENTRY_KEY_MAX,
        listKey,
        listKeyMax: LIST_KEY_MAX,
      });
    this.#lastKey = key;
    this.#rows.add(key, listKey, value);
  }

  /**
   * Add many entries, after a `settle` where they would not fit. Those on shared memory may be kept as they are, and must not change.
   * Shape: `values` N × `valueBytes`.
   */
  async addMany({ keys, listKeys }: SegmentColumns, values: Uint8Array): Promise<void> {
    if (this.#rows.count + keys.length > this.#maker.entriesMax) await this.settle();
    this.#rows.addMany({ keys, listKeys }, values);
    this.#lastKey = keys.at(-1) ?? this.#lastKey;
  }

  get isFull(): boolean {
    return this.#rows.count >= this.#maker.entriesMax;
  }

  /** Remove settled entries; other keys are ignored. In steps, between which others run. */
  async remove(keys: readonly number[]): Promise<void> {
    await inSteps(keys, (some) => this.#remove(some));
  }

  #remove(keys: readonly number[]): void {
    if (keys.length === 0) return;
    this.#sealed = this.#sealed.map((segment) => withoutKeys(segment, keys));
    if (this.#open) {
      this.#open = withoutKeys(this.#open, keys);
      for (const key of keys) if (positionOf(this.#open.keys, key) >= 0) this.#removedRows.add(key);
    }
    if (this.#merge) for (const key of keys) this.#merge.removed.push(key);
    this.#publish();
  }

  /** Remove the entries of all other lists, so that a merge frees their memory: in steps, between which others run. */
  async keepLists(kept: ReadonlySet<number>): Promise<void> {
    let keys: number[] = [];
    const breath = new Breath();
    for (const segment of this.#segments) {
      for (let at = 0; at < segment.keys.length; at++) {
        if (!kept.has(segment.listKeys[at]!) && !isRemoved(segment, at)) keys.push(segment.keys[at]!);
        if (keys.length >= KEYS_PER_STEP) {
          this.#remove(keys);
          keys = [];
        }
        if (at % KEYS_PER_STEP === 0 && breath.isDue) await breath.take();
      }
    }
    this.#remove(keys);
  }

  /** Make all additions searchable. Apply a finished merge, and start one where it is due. */
  async settle(): Promise<void> {
    // Nothing is sealed while a merge runs, and one more entry would not fit.
    if (this.isFull) await this.#merge?.done;
    const droppedBytes = await this.#merge?.finish?.();
    if (!this.#isOpenCurrent()) await this.#buildOpen();
    this.#sealWhereDue();
    this.#publish();
    // Only now nothing here refers to the merged parts.
    if (droppedBytes !== undefined) noteDropped(droppedBytes);
  }

  /** Wait for running and due merges, and apply them. Errors: those of the maker. */
  async merged(): Promise<void> {
    await this.settle();
    while (this.#merge) {
      await this.#merge.done;
      await this.settle();
    }
  }

  /** False after additions, and after a merge that took the first rows. Keys ascend, so first key and count show it. */
  #isOpenCurrent(): boolean {
    const rows = this.#rows.usedKeys();
    return (this.#open?.keys.length ?? 0) === rows.length && this.#open?.keys[0] === rows[0];
  }

  #publish(): void {
    this.#segments = this.#open ? [...this.#sealed, this.#open] : this.#sealed;
  }

  async #buildOpen(): Promise<void> {
    if (this.#rows.count === 0) {
      this.#open = null;
      return;
    }
    if (this.#open) noteDropped(this.#open.index.memoryBytes);
    const columns = this.#rows.usedColumns();
    const index = await this.#maker.build(this.#rows.usedValues());
    this.#open = withoutKeys(newSegment(index, columns), this.#removedRows);
  }

  #sealWhereDue(): void {
    if (this.#merge) return;
    const last = this.#sealed.at(-1);
    // A kind that is never merged is built once; later additions stay beside it.
    if (this.#open && !last && !this.#maker.merge) {
      this.#promoteOpen(this.#open);
      return;
    }
    const openCount = this.#open?.keys.length ?? 0;
    const isCrowded = openCount > Math.max(this.#openEntriesMin, (last?.keys.length ?? 0) * OPEN_SHARE);
    if (this.#open && isCrowded) {
      const fits = last !== undefined && last.keys.length + openCount <= this.#maker.entriesMax;
      if (fits && this.#maker.merge) this.#startMerge([last, this.#open]);
      else if (!fits || this.#maker.merge) this.#promoteOpen(this.#open);
      return;
    }
    const worn = this.#sealed.find(({ keys, removedCount }) => removedCount > keys.length * REMOVED_SHARE);
    if (worn && this.#maker.merge) this.#startMerge([worn]);
  }

  /** Seal the open segment. */
  #promoteOpen(open: Segment<I>): void {
    this.#sealed = [...this.#sealed, open];
    this.#forgetRows(open.keys.length);
    this.#open = null;
  }

  #forgetRows(count: number): void {
    this.#rows.dropFirst(count);
    this.#removedRows = new Set([...this.#removedRows].filter((key) => positionOf(this.#rows.usedKeys(), key) >= 0));
  }

  /** Start a merge. `parts`: one sealed segment, and the open one if any. */
  #startMerge(parts: readonly Segment<I>[]): void {
    const merge = this.#maker.merge!;
    const removed: number[] = [];
    const [first, open] = parts;
    const done = merge(parts).then(
      (index) => {
        if (this.#merge) {
          this.#merge.finish = async () => {
            let segment = newSegment(index, mergeColumns(parts));
            countMerged(segment, parts);
            await inSteps(removed, (keys) => {
              segment = withoutKeys(segment, keys);
            });
            this.#sealed = this.#sealed.map((sealed) => (sealed.keys === first!.keys ? segment : sealed));
            if (open) this.#forgetRows(open.keys.length);
            this.#merge = null;
            return parts.reduce((bytes, part) => bytes + part.index.memoryBytes, 0);
          };
        }
      },
      (error: unknown) => {
        // The parts stay in use; the next settle retries.
        this.#merge = null;
        this.#onError(error);
      },
    );
    this.#merge = { done, finish: null, removed };
  }
}
